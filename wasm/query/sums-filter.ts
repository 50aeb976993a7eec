// Border of the filters: which samples pass. Owns what the host sets ahead of batches and rows; the
// loops that apply it are in `sums-rows.ts` and `sums-batch.ts`.
import { ensure } from '../memory';
import { OK, OUT_OF_MEMORY } from '../status';
import { makeIdSet } from './id-set';
import {
  FILTERS, INPUT, PROFILE_MASK, SERIES_MASK, SPANS, TIME_FROM, TIME_TO, TRACES, columnOf,
} from './sums-state';

export const FILTER_SERIES: u32 = 1;
export const FILTER_TIMES: u32 = 2;
export const FILTER_PROFILES: u32 = 4;
export const FILTER_SPANS: u32 = 8;
export const FILTER_TRACES: u32 = 16;

/** Lets everything pass. */
export function filterNone(sums: usize): void {
  store<u32>(sums, 0, FILTERS);
}

function note(sums: usize, filter: u32): void {
  store<u32>(sums, load<u32>(sums, FILTERS) | filter, FILTERS);
}

/** Takes over `count` bytes: by series id, or with `ofProfiles` by profile id, 1 passes. */
export function filterMask(sums: usize, ofProfiles: u32, count: u32): i32 {
  const mask = columnOf(sums, ofProfiles ? PROFILE_MASK : SERIES_MASK);
  if (!ensure(mask, <u64>count + 1)) return OUT_OF_MEMORY;
  memory.copy(mask.pointer, columnOf(sums, INPUT).pointer, count);
  mask.length = count;
  note(sums, ofProfiles ? FILTER_PROFILES : FILTER_SERIES);
  return OK;
}

/** Two times (i64) in the input: what lies between passes, both included. */
export function filterTimes(sums: usize): void {
  const input = columnOf(sums, INPUT).pointer;
  store<i64>(sums, load<i64>(input), TIME_FROM);
  store<i64>(sums, load<i64>(input, 8), TIME_TO);
  note(sums, FILTER_TIMES);
}

/** Takes over `count` span ids (u64), or with `ofTraces` trace ids (16 bytes), of the input. */
export function filterIds(sums: usize, ofTraces: u32, count: u32): i32 {
  const set = columnOf(sums, ofTraces ? TRACES : SPANS);
  const ids = columnOf(sums, INPUT).pointer;
  if (!makeIdSet(set, ids, count, ofTraces ? 16 : 8)) return OUT_OF_MEMORY;
  note(sums, ofTraces ? FILTER_TRACES : FILTER_SPANS);
  return OK;
}
