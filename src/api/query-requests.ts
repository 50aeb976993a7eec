// Query messages become the query service's requests. Owns what the wire says that the service need
// not know: 64-bit milliseconds, fields that stand for "none", and what phlox leaves out. Bounds on
// ranges, nodes and selectors are the service's.
import { Failure } from '../errors.ts';
import {
  type AsyncQueryRequest,
  AsyncQueryType,
  type SelectMergeProfileRequest,
  type SelectMergeSpanProfileRequest,
  type SelectMergeStacktracesRequest,
  type SelectSeriesRequest,
} from '../gen/querier/v1/querier_pb.ts';
import {
  ExemplarType,
  type StackTraceSelector,
  TimeSeriesAggregationType,
} from '../gen/types/v1/types_pb.ts';
import type {
  LabelRequest,
  MsRange,
  PprofRequest,
  SampleSelectors,
  SelectRequest,
  SeriesRequest,
  StacktracesRequest,
} from '../query/contract.ts';
import { Refusal } from './errors.ts';

/** The last millisecond whose nanoseconds fit 64 bits; times beyond it are that one. */
const msMax = 9_223_372_036_854n;
const stepSecondsMin = 0.001;
// Far above any count of nodes or series; what is larger is refused by its own bound.
const countMax = 2n ** 53n - 1n;

interface WireRange {
  start: bigint;
  end: bigint;
}

interface WireSelect extends WireRange {
  profileTypeID: string;
  labelSelector: string;
}

/** Throws `invalid` when an end is missing (0) or the range is turned around. */
export function requiredRange({ start, end }: WireRange): MsRange {
  if (start === 0n || end === 0n) {
    throw new Failure('invalid', 'start and end are required, in milliseconds since the epoch');
  }
  if (start > end) throw new Failure('invalid', `start ${start} is after end ${end}`);
  return { startMs: msOf(start), endMs: msOf(end) };
}

/** Undefined when an end is missing: then everything is meant. */
export function optionalRange(range: WireRange): MsRange | undefined {
  return range.start === 0n || range.end === 0n ? undefined : requiredRange(range);
}

/** Of a label call; `any` is whether one matching selector suffices. */
export function labelRequest(
  request: WireRange & { matchers: string[] },
  any: boolean,
): LabelRequest {
  return { matchers: request.matchers, any, range: optionalRange(request) };
}

/** The request, and which selectors it may not combine. Throws `invalid`. */
export function stacktracesRequest(request: SelectMergeStacktracesRequest): StacktracesRequest {
  refuseAsync(request.async);
  if (request.spanSelector.length > 0 && request.traceIdSelector.length > 0) {
    throw new Failure('invalid', 'span_selector and trace_id_selector cannot be combined');
  }
  return {
    ...selectRequest(request),
    maxNodes: countOf('max_nodes', request.maxNodes),
    samples: {
      ...callSite(request.stackTraceSelector),
      ...listed('profileIds', request.profileIdSelector),
      ...listed('spanIds', request.spanSelector),
      ...listed('traceIds', request.traceIdSelector),
    },
  };
}

/** Of a span query: a list without spans selects nothing. */
export function spanRequest(request: SelectMergeSpanProfileRequest): StacktracesRequest {
  return {
    ...selectRequest(request),
    maxNodes: countOf('max_nodes', request.maxNodes),
    samples: { spanIds: request.spanSelector },
  };
}

/** Without `max_nodes`, or with 0, a pprof is whole. */
export function pprofRequest(request: SelectMergeProfileRequest): PprofRequest {
  return withGoPgo(
    {
      ...selectRequest(request),
      maxNodes: countOf('max_nodes', request.maxNodes),
      samples: {
        ...callSite(request.stackTraceSelector),
        ...listed('profileIds', request.profileIdSelector),
        ...listed('traceIds', request.traceIdSelector),
      },
    },
    request.stackTraceSelector,
  );
}

/** Adds what a pprof for Go's compiler leaves out; then the call site does not count. */
export function withGoPgo(
  given: StacktracesRequest,
  selector: StackTraceSelector | undefined,
): PprofRequest {
  const request = { ...given, maxNodes: given.maxNodes || undefined };
  if (selector?.goPgo === undefined) return request;
  const { keepLocations, aggregateCallees } = selector.goPgo;
  const { callSite: _ignored, ...samples } = request.samples;
  return { ...request, samples, goPgo: { keepLocations, aggregateCallees } };
}

/** Throws `invalid` for a step under a millisecond, `unimplemented` for exemplars. */
export function seriesRequest(request: SelectSeriesRequest): SeriesRequest {
  const select = selectRequest(request);
  // Also false for what is no number.
  if (!(request.step >= stepSecondsMin && Number.isFinite(request.step))) {
    throw new Failure('invalid', `step is ${request.step} s, at least ${stepSecondsMin} is needed`);
  }
  if (request.exemplarType > ExemplarType.NONE) {
    throw new Refusal(501, 'unimplemented', 'exemplars are not implemented: ask for points alone');
  }
  const isAverage = request.aggregation === TimeSeriesAggregationType.AVERAGE;
  return {
    ...select,
    stepMs: Math.floor(request.step * 1_000),
    groupBy: request.groupBy,
    aggregation: isAverage ? 'average' : 'sum',
    limit: countOf('limit', request.limit) ?? 0,
    ...callSite(request.stackTraceSelector),
  };
}

function selectRequest(request: WireSelect): SelectRequest {
  const range = requiredRange(request);
  if (request.labelSelector.trim() === '') {
    throw new Failure('invalid', 'label_selector is empty, {} selects everything');
  }
  return { profileType: request.profileTypeID, selector: request.labelSelector, range };
}

/** Undefined when it is not given. Throws `invalid` for a negative one. */
function countOf(name: string, value: bigint | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (value < 0n) throw new Failure('invalid', `${name} is ${value}, 0 or more is needed`);
  return Number(value > countMax ? countMax : value);
}

function msOf(value: bigint): number {
  return Number(value > msMax ? msMax : value < -msMax ? -msMax : value);
}

function callSite(selector: StackTraceSelector | undefined): Pick<SampleSelectors, 'callSite'> {
  const names = selector?.callSite.map(({ name }) => name) ?? [];
  return names.length === 0 ? {} : { callSite: names };
}

/** A list that is empty on the wire was not given. */
function listed<Name extends 'profileIds' | 'spanIds' | 'traceIds'>(
  name: Name,
  ids: string[],
): Partial<Record<Name, string[]>> {
  return ids.length === 0 ? {} : ({ [name]: ids } as Record<Name, string[]>);
}

function refuseAsync(async: AsyncQueryRequest | undefined): void {
  if (async?.type !== AsyncQueryType.FORCE) return;
  const reason = 'the answer of a call without async is the result itself';
  throw new Refusal(501, 'unimplemented', `asynchronous queries are not implemented: ${reason}`);
}
