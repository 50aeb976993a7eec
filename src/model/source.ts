// What queries read from: a live head, a sealed head, a block on disk or in a bucket. Owns the
// shapes that pass between sources and the query engine; neither knows the other. A source answers
// from what was acknowledged when it was opened, and never changes afterwards.
import type { Labels } from './labels.ts';
import type { Selector } from './matcher.ts';

/** Nanoseconds since the epoch; both ends inclusive. */
export interface TimeRange {
  startNs: bigint;
  endNs: bigint;
}

/** What a query may spend; one per query, shared by its sources. */
export interface QueryMeter {
  readonly signal: AbortSignal;
  /** Counts bytes about to be fetched. Throws `limit` when the query is over its bound. */
  fetch(bytes: number): void;
  /**
   * Awaited between slices of work of a few milliseconds: lets others run. Throws the signal's
   * reason when the query is aborted or over its time.
   */
  pause(): Promise<void>;
}

/** The meter as one source sees it. */
export interface SourceMeter extends QueryMeter {
  /** Corrects what `Source.memoryOf` said, when more is known. */
  takes(memoryBytes: number): void;
}

/** Label sets are asked for by block, not by profile: whatever overlaps the range counts. */
export interface SeriesQuery extends TimeRange {
  /** All matchers must match. */
  selector: Selector;
  /**
   * Labels that the caller will look at besides those of the matchers; undefined: all. Answered
   * sets may hold more. A source that knows these without opening a file answers without.
   */
  names: readonly string[] | undefined;
}

/** Which samples count. An empty list lets no sample pass; undefined all. */
export interface SampleFilter {
  /** Function names, root first: stacks that begin with these frames, inlined ones included. */
  callSite?: readonly string[];
  /** 16 bytes each: `profiles.uuid`. */
  profileIds?: readonly Uint8Array[];
  spanIds?: readonly bigint[];
  /** 16 bytes each. */
  traceIds?: readonly Uint8Array[];
}

export interface StackQuery extends TimeRange {
  /** All matchers must match; `__profile_type__` of exactly one type is among them. */
  selector: Selector;
  /** Five parts, equal to the matcher's. */
  profileType: string;
  filter: SampleFilter;
  /**
   * `functions`: a tree by function name, for flame graphs. `pprof`: stacks with all their symbols,
   * as one uncompressed pprof with one sample type.
   */
  shape: 'functions' | 'pprof';
}

/** Names back to back in UTF-8; name i is bytes `offsets[i] … offsets[i+1]-1`. */
export interface NameTable {
  offsets: Uint32Array;
  bytes: Uint8Array;
}

/** Nodes in columns; node 0 is the root of all and has no frame, parents come before children. */
export interface FunctionTree {
  /** Parent of each node; the root's is 0. Siblings may share a name. */
  parents: Uint32Array;
  /** Index into `names`; unused for the root. */
  nameIds: Uint32Array;
  /** Sum of the stacks that end in the node. */
  self: BigInt64Array;
  names: NameTable;
}

/** The caller owns what is answered. */
export type StackPart =
  | { shape: 'functions'; tree: FunctionTree }
  | { shape: 'pprof'; profile: Uint8Array };

/**
 * Profiles on a grid of right edges: slot i has those with `startNs + (i-1)·stepNs < t ≤
 * startNs + i·stepNs`, slot 0 also those at `startNs - stepNs`. `slots` is the number of edges up
 * to and including the end of the range; later profiles are left out.
 */
export interface PointGrid {
  startNs: bigint;
  stepNs: bigint;
  slots: number;
}

export interface PointQuery {
  /** As in `StackQuery`. */
  selector: Selector;
  profileType: string;
  grid: PointGrid;
  /** Label names that series are told apart by; names a series lacks are left out. */
  groupBy: readonly string[];
  callSite?: readonly string[];
}

/** Sums of one group in one source. */
export interface PointSeries {
  /** The labels of `groupBy` that the series have, sorted by name. */
  labels: Labels;
  /** Slots with at least one profile, ascending. */
  slots: Uint32Array;
  /** Exact, of any size. */
  sums: bigint[];
  /** Profiles in each slot. */
  counts: Uint32Array;
}

/** A call of a source, before it is made. */
export type SourceCall = { series: SeriesQuery } | { stacks: StackQuery } | { points: PointQuery };

/**
 * Calls may run at the same time. Errors are thrown, never hidden: `missing` when a block was
 * deleted under its reader, `corrupt`, `unavailable`, and what the meter throws.
 */
export interface Source {
  /** For messages: `live head`, `block 01J0GMDEN00000000000000000`. */
  readonly name: string;
  /** First and last profile, widened to whole milliseconds where only these are known. */
  readonly range: TimeRange;
  /**
   * About how many bytes of memory the call takes while it runs, its answer included, besides what
   * is there before and after. Reads nothing.
   */
  memoryOf(call: SourceCall): number;
  /** Distinct label sets that match, in any order. */
  series(query: SeriesQuery, meter: QueryMeter): Promise<Labels[]>;
  /** Undefined when nothing is selected. */
  stacks(query: StackQuery, meter: SourceMeter): Promise<StackPart | undefined>;
  points(query: PointQuery, meter: QueryMeter): Promise<PointSeries[]>;
}

/** What one query reads; pinned until `close`. */
export interface OpenSources {
  sources: readonly Source[];
  close(): void;
}

export interface SourceProvider {
  /**
   * Everything of the tenant that was acknowledged before the call and overlaps the range, each
   * profile in exactly one source. Undefined range: all. A tenant nobody knows has no sources, and
   * asking creates nothing.
   */
  open(tenant: string, range: TimeRange | undefined, meter: QueryMeter): Promise<OpenSources>;
}

/** True when the two share an instant. */
export function rangesOverlap(a: TimeRange, b: TimeRange): boolean {
  return a.startNs <= b.endNs && b.startNs <= a.endNs;
}
