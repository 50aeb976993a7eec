// What crosses the border to the head kernel, as plain data. Owns the shapes; `kernel.ts` owns
// the calls.
import type { Label } from '../model/labels.ts';

export interface ValueType {
  type: string;
  unit: string;
}

/** One distinct set of string sample labels; index 0 is always the base group without labels. */
export interface LabelGroup {
  /**
   * As in the profile, without `profile_id`, `span_id`, `trace_id`, numeric labels and empty
   * values; ordered by the names' place in the string table; of a repeated name the first counts.
   */
  labels: Label[];
  /** Samples per sample type whose value is not zero, before equal stacks are merged. */
  sampleCounts: Uint32Array;
}

/** Everything the caller must know about a scanned pprof before it decides. */
export interface ScanFacts {
  sampleTypes: ValueType[];
  periodType: ValueType | undefined;
  period: bigint;
  /** 0n when the profile carries no time. */
  timeNs: bigint;
  durationNs: bigint;
  defaultSampleType: string;
  dropFrames: string;
  keepFrames: string;
  comments: string[];
  groups: LabelGroup[];
  /**
   * Labels that make no groups because the profile has far too many sets of them: those with the
   * most values. What they told apart is one group.
   */
  ignoredLabels: string[];
  /** All samples as sent. */
  sampleCount: number;
  /** Samples left out because a value is negative. */
  negativeSampleCount: number;
  /** Samples left out because a location of theirs, or what it refers to, is not there. */
  danglingSampleCount: number;
  /** Samples kept without their leaf frames, for a stack that is too deep. */
  truncatedStackCount: number;
  /** Strings that are too long, of which the end is kept. */
  truncatedStringCount: number;
  functionCount: number;
  /** True when no function has an id: they were taken to count from 1. */
  isUnnumbered: boolean;
  mappingCount: number;
  locationCount: number;
  stringCount: number;
  /** Locations of the deepest stack as sent. */
  depthMax: number;
  /** String labels of the sample that has the most. */
  sampleLabelsMax: number;
}

/** How to append the profile that was scanned last in the same kernel. */
export interface AppendPlan {
  timeNs: bigint;
  /** 16 bytes. */
  uuid: Uint8Array;
  /**
   * Where each scanned group goes: `groupTargets[g]` is a group index ≤ g that maps to itself.
   * Groups with one target become one row per sample type, their equal stacks merged.
   */
  groupTargets: Uint32Array;
  /** Series id per (group, sample type), row-major; `noSeries` where no row is to be made. */
  series: Uint32Array;
}
export const noSeries = 0xffffffff;

/** A state that `rollback` returns to: counts of everything append-only. */
export interface KernelMark {
  readonly counts: Uint32Array;
  readonly valueSum: bigint;
}

export interface KernelStats {
  strings: number;
  functions: number;
  mappings: number;
  locations: number;
  /** Distinct stacks (dense ordinals). */
  stacks: number;
  rows: number;
  samples: number;
  /** Bytes of live allocations, columns and dictionaries, without scratch. */
  bytesUsed: number;
  /** Size of the linear memory. */
  bytesReserved: number;
}
