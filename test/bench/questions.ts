// The queries that benches ask: paths and bodies as clients send them, in protobuf.
import { create, toBinary } from '@bufbuild/protobuf';
import {
  SelectMergeProfileRequestSchema,
  SelectMergeStacktracesRequestSchema,
  SelectSeriesRequestSchema,
} from '../../src/gen/querier/v1/querier_pb.ts';

/** Milliseconds since the epoch, both inclusive. */
export interface Span {
  startMs: number;
  endMs: number;
}

export interface Question {
  path: string;
  /** A POST of `application/proto`; undefined: a GET. */
  body?: Uint8Array<ArrayBuffer>;
}

const profileType = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
const labelSelector = '{service_name="bench"}';
const service = '/querier.v1.QuerierService';

const partsOf = ({ startMs, endMs }: Span) => ({
  ...{ profileTypeID: profileType, labelSelector },
  ...{ start: BigInt(startMs), end: BigInt(endMs) },
});

/** Each for one service in a span of time. */
export const questions = {
  'flame graph': (span: Span): Question => {
    const message = create(SelectMergeStacktracesRequestSchema, partsOf(span));
    const body = toBinary(SelectMergeStacktracesRequestSchema, message);
    return { path: `${service}/SelectMergeStacktraces`, body };
  },
  pprof: (span: Span): Question => {
    const message = create(SelectMergeProfileRequestSchema, partsOf(span));
    const body = toBinary(SelectMergeProfileRequestSchema, message);
    return { path: `${service}/SelectMergeProfile`, body };
  },
  render: ({ startMs, endMs }: Span): Question => {
    const query = encodeURIComponent(`${profileType}${labelSelector}`);
    return { path: `/pyroscope/render?query=${query}&from=${startMs}&until=${endMs}` };
  },
  series: (span: Span): Question => {
    const message = create(SelectSeriesRequestSchema, {
      ...partsOf(span),
      groupBy: ['pod'],
      step: 15,
    });
    return { path: `${service}/SelectSeries`, body: toBinary(SelectSeriesRequestSchema, message) };
  },
} as const;

/** What `origin` is asked with. */
export function requestOf(origin: string, { path, body }: Question): Request {
  if (body === undefined) return new Request(origin + path);
  const headers = { 'content-type': 'application/proto' };
  return new Request(origin + path, { method: 'POST', headers, body });
}
