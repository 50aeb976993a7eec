// Per-tenant limits and their defaults. Owns the numbers; `label-rules.ts`, the ingester and the
// query engine enforce them. The defaults are Pyroscope's where it has the limit.

import { plainTreatment } from '../model/treatment.ts';

/** What decides which of its objects a profile of a tenant goes to. */
export const shardKeys = ['service', 'series', 'region'] as const;
export type ShardKey = (typeof shardKeys)[number];

export interface Limits {
  /** What a tenant may push, inflated profiles and their labels; 0: any. */
  ingestBytesPerSecond: number;
  /** What it may push at once after a pause, so the largest push there can be. */
  ingestBurstBytes: number;
  /** Of all profiles of one push together, after inflating. */
  pushBytesMax: number;
  /** Of one profile after inflating. */
  profileBytesMax: number;
  /** Samples of one profile. */
  samplesMax: number;
  /** String labels of one sample. */
  sampleLabelsMax: number;
  /** Sets of string labels among the samples of one profile; past it labels are folded. */
  labelGroupsMax: number;
  /** Locations of one stack; leaf frames past it are cut off. */
  stackDepthMax: number;
  /** Of one string of a profile; what is longer keeps its end. */
  symbolBytesMax: number;
  /** Labels of one series, without those the sample type adds. */
  labelNamesMax: number;
  labelNameBytesMax: number;
  labelValueBytesMax: number;
  /** Series of one tenant that were pushed in the last ten minutes; 0: any. */
  seriesMax: number;
  /** Of the labels of these series together, two bytes a character. */
  seriesLabelBytesMax: number;
  /** A profile whose time is further back from now is refused; 0: never. */
  rejectOlderThanMs: number;
  /** A profile whose time is further ahead of now is refused; 0: never. */
  rejectNewerThanMs: number;
  /** From start to end of a query; 0: any. */
  queryLengthMaxMs: number;
  /** How far back from now a query sees; 0: any. */
  queryLookbackMs: number;
  /** Nodes of a flame graph when the request names no number. */
  nodesDefault: number;
  /** Nodes that a request may name; 0: any. */
  nodesMax: number;
  /** Heads and blocks that one query reads at the same time. */
  querySourcesParallelMax: number;
  /** Fetched from disk or bucket by one query; 0: any. */
  queryBytesMax: number;
  /** Time of one query; 0: any. */
  queryTimeMaxMs: number;
  /** Points of one time series, filled or not; 0: any. */
  seriesPointsMax: number;
  /** On Workers: objects that the tenant is spread over, and by what. */
  shards: number;
  shardBy: ShardKey;
}

const mib = 1024 * 1024;
const minuteMs = 60 * 1000;
const hourMs = 60 * minuteMs;

export const defaultLimits: Readonly<Limits> = {
  ingestBytesPerSecond: 4 * mib,
  // Pyroscope's 2 MB would refuse for ever a profile that is within profileBytesMax, and senders
  // such as Alloy put several into a push.
  ingestBurstBytes: 32 * mib,
  pushBytesMax: 256 * mib,
  profileBytesMax: 4 * mib,
  samplesMax: 16_000,
  sampleLabelsMax: 100,
  labelGroupsMax: plainTreatment.labelGroupsMax,
  stackDepthMax: plainTreatment.stackDepthMax,
  symbolBytesMax: plainTreatment.symbolBytesMax,
  labelNamesMax: 30,
  labelNameBytesMax: 1_024,
  labelValueBytesMax: 2_048,
  seriesMax: 5_000,
  // 3 KiB of text for each of seriesMax.
  seriesLabelBytesMax: 32 * mib,
  rejectOlderThanMs: hourMs,
  rejectNewerThanMs: 10 * minuteMs,
  queryLengthMaxMs: 24 * hourMs,
  queryLookbackMs: 7 * 24 * hourMs,
  nodesDefault: 8_192,
  nodesMax: 1_048_576,
  // Reads from a bucket wait for one another's round trips, and each holds a kernel.
  querySourcesParallelMax: 8,
  queryBytesMax: 4 * 1024 * 1024 * 1024,
  queryTimeMaxMs: 2 * minuteMs,
  // Prometheus' bound, which its clients keep to.
  seriesPointsMax: 11_000,
  shards: 1,
  shardBy: 'service',
};

/** Those of queries. */
export const queryLimitNames = [
  'queryLengthMaxMs',
  'queryLookbackMs',
  'nodesDefault',
  'nodesMax',
  'querySourcesParallelMax',
  'queryBytesMax',
  'queryTimeMaxMs',
  'seriesPointsMax',
] as const satisfies readonly (keyof Limits)[];

/** The limits of a tenant. */
export type LimitsOf = (tenant: string) => Readonly<Limits>;
