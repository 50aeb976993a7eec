// What the doors may ask of the query engine. Owns the shapes of its calls, so that the API and the
// command line can be tested without a source and the engine without HTTP.
import type { Labels } from '../model/labels.ts';

/** Milliseconds since the epoch, both inclusive. */
export interface MsRange {
  startMs: number;
  endMs: number;
}

/** Whom a call acts for, and who may end it. */
export interface QueryContext {
  /** At least one; answers of several are merged. */
  tenants: readonly string[];
  /** The request's: aborts the query. */
  signal: AbortSignal;
}

export interface LabelRequest {
  /** Selectors, all of which must match (`any` false) or of which one must (`any` true). */
  matchers: readonly string[];
  any: boolean;
  /** Undefined: everything there is. */
  range: MsRange | undefined;
}

export interface SampleSelectors {
  callSite?: readonly string[];
  /** UUIDs in text form, with or without hyphens. */
  profileIds?: readonly string[];
  /** 16 hexadecimal digits each. */
  spanIds?: readonly string[];
  /** 32 hexadecimal digits each. */
  traceIds?: readonly string[];
}

export interface SelectRequest {
  profileType: string;
  /** `{service_name="shop"}`; not empty. */
  selector: string;
  range: MsRange;
}

export interface StacktracesRequest extends SelectRequest {
  /** 0 or undefined: the default; undefined is unlimited for pprof. */
  maxNodes: number | undefined;
  samples: SampleSelectors;
}

export interface PprofRequest extends StacktracesRequest {
  goPgo?: { keepLocations: number; aggregateCallees: boolean };
}

/** Levels of 4 values a node (`dx, total, self, name`), or 7 for a diff. */
export interface FlameGraph {
  /** 0 is `total`. */
  names: string[];
  levels: BigInt64Array[];
  total: bigint;
  maxSelf: bigint;
}

export interface FlameGraphDiff extends FlameGraph {
  leftTicks: bigint;
  rightTicks: bigint;
}

export interface SeriesRequest extends SelectRequest {
  stepMs: number;
  groupBy: readonly string[];
  aggregation: 'sum' | 'average';
  callSite?: readonly string[];
  /** 0: all. */
  limit: number;
}

export interface TimeSeries {
  labels: Labels;
  points: { timestampMs: number; value: number }[];
}

/** A call tree after truncation, for reports: node 0 is the root, parents before children. */
export interface CallTree {
  parents: Uint32Array;
  /** Of each node; the root's is empty. */
  names: string[];
  self: BigInt64Array;
  total: BigInt64Array;
}

export interface ReportRequest extends StacktracesRequest {
  /** Compared with, when given. */
  baseline?: StacktracesRequest;
  /** About how many characters the report may have. */
  budget: number;
}

/**
 * Every call throws `invalid` for what a client can mend, `limit` for a query over a bound (the
 * message names it), and whatever a source throws: a partial answer is never given for a whole.
 */
export interface QueryService {
  /** Five-part ids, sorted. */
  profileTypes(context: QueryContext, range: MsRange | undefined): Promise<string[]>;
  labelNames(context: QueryContext, request: LabelRequest): Promise<string[]>;
  labelValues(context: QueryContext, name: string, request: LabelRequest): Promise<string[]>;
  series(
    context: QueryContext,
    request: LabelRequest & { labelNames: readonly string[] },
  ): Promise<Labels[]>;
  /** Undefined without data. */
  profileStats(context: QueryContext): Promise<MsRange | undefined>;
  flameGraph(context: QueryContext, request: StacktracesRequest): Promise<FlameGraph>;
  /** Both of one moment: a profile pushed meanwhile is in both of them or in none. */
  flameGraphAndSeries(
    context: QueryContext,
    stacks: StacktracesRequest,
    series: SeriesRequest,
  ): Promise<{ graph: FlameGraph; series: TimeSeries[] }>;
  /** Pyroscope's tree bytes; empty without data. */
  tree(context: QueryContext, request: StacktracesRequest): Promise<Uint8Array>;
  callTree(context: QueryContext, request: StacktracesRequest): Promise<CallTree>;
  /** Graphviz text; empty without data. */
  dot(context: QueryContext, request: StacktracesRequest): Promise<string>;
  /** One uncompressed pprof. */
  pprof(context: QueryContext, request: PprofRequest): Promise<Uint8Array>;
  timeSeries(context: QueryContext, request: SeriesRequest): Promise<TimeSeries[]>;
  diff(
    context: QueryContext,
    left: StacktracesRequest,
    right: StacktracesRequest,
  ): Promise<FlameGraphDiff>;
  /** Lines `root;child;leaf value`, most first. */
  folded(context: QueryContext, request: StacktracesRequest): Promise<string>;
  /** Hot spots in Markdown. */
  report(context: QueryContext, request: ReportRequest): Promise<string>;
}
