// Border of a block's samples: the tree of stacks as the block has it, and batches of samples that
// the host copies in. Owns the loop over a batch; what is wrong with a block is told by BAD_BLOCK
// and its detail, because a block comes from outside.
import { NONE } from '../layout';
import { Vec, reserve } from '../memory';
import { BAD_BLOCK, MISUSE, OK, OUT_OF_MEMORY, VALUE_SUM } from '../status';
import { extendMask } from './call-site';
import { locations } from './columns';
import { hasId } from './id-set';
import {
  FILTER_PROFILES, FILTER_SERIES, FILTER_SPANS, FILTER_TIMES, FILTER_TRACES,
} from './sums-filter';
import {
  ADDED, CALL_SITE_COUNT, DETAIL, FILTERS, INPUT, IS_BLOCK, MASK, NODE_SUMS, PROFILE_MASK,
  SERIES_MASK, SPANS, TIME_FROM, TIME_TO, TOTALS, TRACES, columnOf, forgetAnswer, locationTree,
  startZero,
} from './sums-state';

/**
 * Takes over the nodes in the input, which has all parents (u32, NONE: a root) and then all
 * locations (u32, NONE: the empty stack). Answers a status; BAD_BLOCK: the node in the detail has a
 * parent that does not come before it, a location that is not there, or the empty stack above or
 * below another node.
 */
export function sumsSetNodes(sums: usize, count: u32): i32 {
  const nodes = locationTree(sums);
  if (nodes.length || load<u32>(sums, IS_BLOCK)) return MISUSE;
  if (!reserve(nodes, count, 3) || !startZero(columnOf(sums, NODE_SUMS), count, 3)) {
    return OUT_OF_MEMORY;
  }
  const parents = columnOf(sums, INPUT).pointer;
  const labels = parents + (<usize>count << 2);
  const known = locations().length;
  for (let node: u32 = 0; node < count; node++) {
    const parent = load<u32>(parents + (<usize>node << 2));
    const location = load<u32>(labels + (<usize>node << 2));
    if (!isNode(nodes, node, parent, location, known)) {
      store<u64>(sums, node, DETAIL);
      return BAD_BLOCK;
    }
    store<u64>(nodes.pointer + (<usize>node << 3), <u64>parent | (<u64>location << 32));
  }
  nodes.length = count;
  store<u32>(sums, 1, IS_BLOCK);
  return OK;
}

/** False for what no tree of stacks has: `pprof-stacks.ts` relies on frames from the root on. */
@inline function isNode(nodes: Vec, node: u32, parent: u32, location: u32, known: u32): bool {
  // The empty stack stands alone: a root without a frame, and nothing below it.
  if (parent == NONE) return location < known || location == NONE;
  const isBelow = parent < node && location < known;
  return isBelow && load<u32>(nodes.pointer + (<usize>parent << 3), 4) != NONE;
}

/**
 * Adds the samples in the input: the columns that the filters need, `count` elements each, in this
 * order: trace ids (16 bytes), values (i64), times (i64), span ids (u64), nodes, series, profiles
 * (u32). Answers OK or, with some of it added, VALUE_SUM, or BAD_BLOCK: the sample in the detail
 * has a node that is not there or a negative value.
 */
export function sumsAddBatch(sums: usize, count: u32): i32 {
  const status = addBatch(sums, count, load<u32>(sums, FILTERS), 0, 0, 0);
  forgetAnswer(sums);
  return status;
}

/** Sets the column TOTALS to `count` zeros (i64), for `sumsBatchTotals`. Answers a status. */
export function sumsStartTotals(sums: usize, count: u32): i32 {
  return startZero(columnOf(sums, TOTALS), count + 1, 3) ? OK : OUT_OF_MEMORY;
}

/**
 * Adds the samples in the input, profiles included, by profile to the column TOTALS, whose first
 * entry is profile `first`. Answers as `sumsAddBatch`; BAD_BLOCK also for a profile that has no
 * entry.
 */
export function sumsBatchTotals(sums: usize, count: u32, first: u32): i32 {
  const totals = columnOf(sums, TOTALS);
  const columns = load<u32>(sums, FILTERS) | FILTER_PROFILES;
  return addBatch(sums, count, columns, totals.pointer, first, totals.length - 1);
}

function addBatch(
  sums: usize, count: u32, columns: u32, totals: usize, first: u32, totalCount: u32,
): i32 {
  const nodeCount = locationTree(sums).length;
  if (!load<u32>(sums, IS_BLOCK)) return MISUSE;
  if (!extendMask(sums)) return OUT_OF_MEMORY;
  const filters = load<u32>(sums, FILTERS);
  const traces = columnOf(sums, INPUT).pointer;
  const values = traces + (columns & FILTER_TRACES ? <usize>count << 4 : 0);
  const times = values + (<usize>count << 3);
  const spans = times + (columns & FILTER_TIMES ? <usize>count << 3 : 0);
  const stacks = spans + (columns & FILTER_SPANS ? <usize>count << 3 : 0);
  const series = stacks + (<usize>count << 2);
  const profiles = series + (columns & FILTER_SERIES ? <usize>count << 2 : 0);
  const mask = load<u32>(sums, CALL_SITE_COUNT) ? columnOf(sums, MASK).pointer : 0;
  if (!(filters & ~(FILTER_SERIES | FILTER_TIMES)) && !mask && !totals) {
    return addUsual(sums, filters, count, values, times, stacks, series);
  }
  const seriesMask = columnOf(sums, SERIES_MASK);
  const profileMask = columnOf(sums, PROFILE_MASK);
  const from = load<i64>(sums, TIME_FROM);
  const to = load<i64>(sums, TIME_TO);
  const into = columnOf(sums, NODE_SUMS).pointer;
  let added = totals ? 0 : load<u64>(sums, ADDED);
  for (let i: u32 = 0; i < count; i++) {
    if (filters & FILTER_SERIES) {
      const id = load<u32>(series + (<usize>i << 2));
      if (id >= seriesMask.length || !load<u8>(seriesMask.pointer + id)) continue;
    }
    if (filters & FILTER_TIMES) {
      const time = load<i64>(times + (<usize>i << 3));
      if (time < from || time > to) continue;
    }
    if (filters & FILTER_PROFILES) {
      const id = load<u32>(profiles + (<usize>i << 2));
      if (id >= profileMask.length || !load<u8>(profileMask.pointer + id)) continue;
    }
    if (filters & FILTER_SPANS) {
      if (!hasId(columnOf(sums, SPANS), load<u64>(spans + (<usize>i << 3)), 0)) continue;
    }
    if (filters & FILTER_TRACES) {
      const trace = traces + (<usize>i << 4);
      if (!hasId(columnOf(sums, TRACES), load<u64>(trace), load<u64>(trace, 8))) continue;
    }
    const node = load<u32>(stacks + (<usize>i << 2));
    const value = load<i64>(values + (<usize>i << 3));
    if (node >= nodeCount || value < 0) return badSample(sums, i);
    if (mask && !load<u8>(mask + node)) continue;
    let sum = into + (<usize>node << 3);
    if (totals) {
      const entry = load<u32>(profiles + (<usize>i << 2)) - first;
      if (entry >= totalCount) return badSample(sums, i);
      sum = totals + (<usize>entry << 3);
      if (load<i64>(sum) + value < 0) return VALUE_SUM;
    } else {
      added += <u64>value;
      // Both summands are below 2^63, so an overflow shows in the top bit.
      if (<i64>added < 0) return VALUE_SUM;
    }
    store<i64>(sum, load<i64>(sum) + value);
  }
  if (!totals) store<u64>(sums, added, ADDED);
  return OK;
}

/** `addBatch` for the filters that nearly every query has: without what it does not need. */
function addUsual(
  sums: usize, filters: u32, count: u32, value: usize, time: usize, stack: usize, series: usize,
): i32 {
  const nodeCount = locationTree(sums).length;
  const into = columnOf(sums, NODE_SUMS).pointer;
  const wanted = columnOf(sums, SERIES_MASK).pointer;
  // Without a mask every id is past its end, and the test below is the other way round.
  const seriesCount: u32 = filters & FILTER_SERIES ? columnOf(sums, SERIES_MASK).length : 0;
  const from = filters & FILTER_TIMES ? load<i64>(sums, TIME_FROM) : i64.MIN_VALUE;
  const to = filters & FILTER_TIMES ? load<i64>(sums, TIME_TO) : i64.MAX_VALUE;
  const end = stack + (<usize>count << 2);
  const first = stack;
  let added = load<u64>(sums, ADDED);
  if (filters) {
    for (; stack < end; stack += 4, value += 8, time += 8, series += 4) {
      if (filters & FILTER_SERIES) {
        const id = load<u32>(series);
        if (id >= seriesCount || !load<u8>(wanted + id)) continue;
      }
      // Without times this reads other columns, and lets all pass.
      const at = load<i64>(time);
      if (at < from || at > to) continue;
      const node = load<u32>(stack);
      const one = load<i64>(value);
      if (node >= nodeCount || one < 0) return badSample(sums, <u32>((stack - first) >> 2));
      added += <u64>one;
      if (<i64>added < 0) return VALUE_SUM;
      const sum = into + (<usize>node << 3);
      store<i64>(sum, load<i64>(sum) + one);
    }
  } else {
    for (; stack < end; stack += 4, value += 8) {
      const node = load<u32>(stack);
      const one = load<i64>(value);
      if (node >= nodeCount || one < 0) return badSample(sums, <u32>((stack - first) >> 2));
      added += <u64>one;
      if (<i64>added < 0) return VALUE_SUM;
      const sum = into + (<usize>node << 3);
      store<i64>(sum, load<i64>(sum) + one);
    }
  }
  store<u64>(sums, added, ADDED);
  return OK;
}

function badSample(sums: usize, index: u32): i32 {
  store<u64>(sums, index, DETAIL);
  return BAD_BLOCK;
}
