// Rows: one per target group and sample type, with merged samples. Owns the order of samples, the
// merging of equal (stack, span, trace) within a row, and writing the sample columns.
import { FIRST_KEY, KEYS_SCRATCH, addWord, hashOf, keysOf } from './hash';
import {
  NONE,
  PLAN_TIME,
  PLAN_UUID,
  ROW_COMMENT_COUNT,
  ROW_COMMENT_START,
  ROW_DEFAULT_TYPE,
  ROW_DROP,
  ROW_DURATION,
  ROW_KEEP,
  ROW_PERIOD,
  ROW_SAMPLE_COUNT,
  ROW_SAMPLE_START,
  ROW_SERIES,
  ROW_SIZE,
  ROW_SPAN_START,
  ROW_TIME,
  ROW_TOTAL,
  ROW_UUID,
} from './layout';
import { ensure } from './memory';
import { seriesOf, targetOf } from './plan';
import { durationNs, period, sampleTypeCount } from './pprof';
import { hasGroups, hasSpans, keptCount } from './pprof-samples';
import { hashStacks } from './sample-stacks';
import {
  commentStrings,
  frameEnds,
  groupExtents,
  mergeSpace,
  hostSpace,
  rowSpace,
  sampleGroups,
  sampleSpans,
  sampleTraces,
  scannedFrames,
  scannedValues,
  stackHashes,
} from './scratch';
import { SLOT_ORDINAL, SLOT_SEEN, stackKeysAge, stackSlot } from './stacks';
import { rows, sampleStacks, sampleValues, spanIds, traceIds } from './store';

// ---- scratch of one append, all u32
/** Kept samples, stable by target group; only when there are groups. */
let order: usize = 0;
/** Past the end of each group's samples in `order`. */
let groupEnds: usize = 0;
/** Distinct samples of the group at hand: stack ordinal and first sample (u32 each). */
let distinct: usize = 0;
let distinctCount: u32 = 0;

/** Room for ordering and merging; false when there is no memory. */
export function reserveRowSpace(): bool {
  const samples = <u64>keptCount;
  const groups = hasGroups ? <u64>groupExtents.length : 0;
  const bytes = (samples << 3) + (hasGroups ? (samples + groups + 1) << 2 : 0);
  if (!ensure(rowSpace, bytes)) return false;
  distinct = rowSpace.pointer;
  order = hasGroups ? distinct + (<usize>keptCount << 3) : 0;
  groupEnds = order + (<usize>keptCount << 2);
  return !hasSpans || ensure(mergeSpace, <u64>mergeSlots(keptCount) << 2);
}

/** Appends the rows of the plan; false when there is no memory for a stack. */
export function appendRows(comment: u32, type: u32, drop: u32, keep: u32): bool {
  const first = rows.length;
  if (hasGroups) {
    sortSamples();
    let from: u32 = 0;
    for (let group: u32 = 0; group < groupExtents.length; group++) {
      const to = load<u32>(groupEnds + (<usize>group << 2));
      if (to > from && !appendGroup(group, from, to)) return false;
      from = to;
    }
  } else if (!appendGroup(0, 0, keptCount)) return false;
  const plan = hostSpace.pointer;
  for (let i = first; i < rows.length; i++) {
    const r = rows.pointer + <usize>i * ROW_SIZE;
    store<u64>(r, load<u64>(plan, PLAN_TIME), ROW_TIME);
    store<u64>(r, durationNs, ROW_DURATION);
    store<u64>(r, period, ROW_PERIOD);
    v128.store(r, v128.load(plan, PLAN_UUID), ROW_UUID);
    store<u32>(r, type, ROW_DEFAULT_TYPE);
    store<u32>(r, drop, ROW_DROP);
    store<u32>(r, keep, ROW_KEEP);
    store<u32>(r, comment, ROW_COMMENT_START);
    store<u64>(r, commentStrings.length, ROW_COMMENT_COUNT);
  }
  return true;
}

/** Counting sort of the kept samples by target group. */
function sortSamples(): void {
  const groups = groupExtents.length;
  memory.fill(groupEnds, 0, (<usize>groups + 1) << 2);
  for (let i: u32 = 0; i < keptCount; i++) {
    const at = groupEnds + (<usize>targetOfSample(i) << 2);
    store<u32>(at, load<u32>(at, 4) + 1, 4);
  }
  for (let group: u32 = 0; group < groups; group++) {
    const at = groupEnds + (<usize>group << 2);
    store<u32>(at, load<u32>(at) + load<u32>(at, 4), 4);
  }
  // Each group's start moves to its end while its samples are placed.
  for (let i: u32 = 0; i < keptCount; i++) {
    const at = groupEnds + (<usize>targetOfSample(i) << 2);
    const place = load<u32>(at);
    store<u32>(order + (<usize>place << 2), i);
    store<u32>(at, place + 1);
  }
}

@inline function targetOfSample(sample: u32): u32 {
  return targetOf(load<u32>(sampleGroups.pointer + (<usize>sample << 2)));
}

function appendGroup(group: u32, from: u32, to: u32): bool {
  let wanted: u32 = 0;
  for (let type: u32 = 0; type < sampleTypeCount; type++) {
    if (seriesOf(group, type) != NONE) wanted++;
  }
  if (!wanted) return true;
  if (!mergeSamples(group, from, to, wanted != sampleTypeCount)) return false;
  for (let type: u32 = 0; type < sampleTypeCount; type++) {
    const series = seriesOf(group, type);
    if (series != NONE) appendRow(series, type);
  }
  return true;
}

/** Makes the list of distinct (stack, span, trace); values are added up in each one's first. */
function mergeSamples(group: u32, from: u32, to: u32, isPartial: bool): bool {
  const types = sampleTypeCount;
  const values = scannedValues.pointer;
  distinctCount = 0;
  if (hasSpans) memory.fill(mergeSpace.pointer, 0, <usize>mergeSlots(to - from) << 2);
  const age = stackKeysAge;
  let isStale = false;
  for (let k = from; k < to; k++) {
    const sample = order ? load<u32>(order + (<usize>k << 2)) : k;
    if (isPartial && !isWanted(group, sample)) continue;
    if (stackKeysAge != age && !isStale) {
      // The stack table was spread under new keys: the hashes made ahead are void.
      isStale = true;
      hashStacks();
    }
    const end = frameEnds.pointer + (<usize>sample << 2);
    const first = sample ? load<u32>(end - 4) : 0;
    const slot = stackSlot(
      scannedFrames.pointer + (<usize>first << 2),
      load<u32>(end) - first,
      load<u64>(stackHashes.pointer + (<usize>sample << 3)),
    );
    if (!slot) return false;
    const ordinal = load<u32>(slot, SLOT_ORDINAL) - 1;
    const seen = hasSpans ? findMerged(ordinal, sample, to - from) : findSeen(slot, ordinal);
    if (seen == NONE) {
      const at = distinct + (<usize>distinctCount << 3);
      store<u64>(at, <u64>ordinal | (<u64>sample << 32));
      distinctCount++;
      continue;
    }
    const target = load<u32>(distinct + (<usize>seen << 3), 4);
    let into = values + (<usize>(target * types) << 3);
    let at = values + (<usize>(sample * types) << 3);
    const stop = at + (<usize>types << 3);
    for (; at < stop; at += 8, into += 8) store<u64>(into, load<u64>(into) + load<u64>(at));
  }
  return true;
}

/** Where the stack is in the list, else NONE after noting it as the next: a sparse set. */
@inline function findSeen(slot: usize, ordinal: u32): u32 {
  // The slot's word is a guess that the list confirms, so it never needs clearing.
  const seen = load<u32>(slot, SLOT_SEEN);
  if (seen < distinctCount && load<u32>(distinct + (<usize>seen << 3)) == ordinal) return seen;
  store<u32>(slot, distinctCount, SLOT_SEEN);
  return NONE;
}

function mergeSlots(samples: u32): u32 {
  let slots: u32 = 16;
  while (slots < samples << 1) slots <<= 1;
  return slots;
}

/** The same with span and trace as part of the key: a table of places plus one. */
function findMerged(ordinal: u32, sample: u32, samples: u32): u32 {
  const span = load<u64>(sampleSpans.pointer + (<usize>sample << 3));
  const trace = sampleTraces.pointer + (<usize>sample << 4);
  const keys = keysOf(KEYS_SCRATCH);
  let sum = addWord(load<u64>(keys), <u64>ordinal, keys + FIRST_KEY);
  sum = addWord(sum, span, keys + FIRST_KEY + 16);
  sum = addWord(sum, load<u64>(trace), keys + FIRST_KEY + 32);
  sum = addWord(sum, load<u64>(trace, 8), keys + FIRST_KEY + 48);
  const mask = mergeSlots(samples) - 1;
  let k = hashOf(sum) & mask;
  while (true) {
    const at = mergeSpace.pointer + (<usize>k << 2);
    const place = load<u32>(at);
    if (!place) {
      store<u32>(at, distinctCount + 1);
      return NONE;
    }
    const entry = distinct + (<usize>(place - 1) << 3);
    const other = load<u32>(entry, 4);
    const otherTrace = sampleTraces.pointer + (<usize>other << 4);
    if (
      load<u32>(entry) == ordinal &&
      load<u64>(sampleSpans.pointer + (<usize>other << 3)) == span &&
      load<u64>(otherTrace) == load<u64>(trace) &&
      load<u64>(otherTrace, 8) == load<u64>(trace, 8)
    ) return place - 1;
    k = (k + 1) & mask;
  }
}

/** True when a value of the sample goes into a row. */
function isWanted(group: u32, sample: u32): bool {
  const at = scannedValues.pointer + (<usize>(sample * sampleTypeCount) << 3);
  for (let type: u32 = 0; type < sampleTypeCount; type++) {
    if (load<u64>(at + (<usize>type << 3)) && seriesOf(group, type) != NONE) return true;
  }
  return false;
}

/** Writes one type's values that are not zero, and the row when there is one. */
function appendRow(series: u32, type: u32): void {
  const start = sampleStacks.length;
  const toStack = sampleStacks.pointer;
  const toValue = sampleValues.pointer;
  const stride = <usize>sampleTypeCount << 3;
  const values = scannedValues.pointer + (<usize>type << 3);
  const end = distinct + (<usize>distinctCount << 3);
  let total: u64 = 0;
  let length = start;
  for (let at = distinct; at < end; at += 8) {
    const entry = load<u64>(at);
    const value = load<u64>(values + <usize>(entry >> 32) * stride);
    // Written always and kept only when not zero: cheaper than a branch that is hard to guess.
    store<u32>(toStack + (<usize>length << 2), <u32>entry);
    store<u64>(toValue + (<usize>length << 3), value);
    total += value;
    length += <u32>(value != 0);
  }
  if (length == start) return;
  sampleStacks.length = length;
  sampleValues.length = length;
  const r = rows.pointer + <usize>rows.length * ROW_SIZE;
  rows.length++;
  store<u32>(r, series, ROW_SERIES);
  store<u32>(r, start, ROW_SAMPLE_START);
  store<u32>(r, length - start, ROW_SAMPLE_COUNT);
  store<u32>(r, hasSpans ? appendSpans(values, stride) : NONE, ROW_SPAN_START);
  store<u64>(r, total, ROW_TOTAL);
}

/** Writes the spans beside a row's samples; answers the first, NONE when no sample has one. */
function appendSpans(values: usize, stride: usize): u32 {
  const start = spanIds.length;
  let length = start;
  let any: u64 = 0;
  const end = distinct + (<usize>distinctCount << 3);
  for (let at = distinct; at < end; at += 8) {
    const sample = <usize>load<u32>(at, 4);
    if (!load<u64>(values + sample * stride)) continue;
    const span = load<u64>(sampleSpans.pointer + (sample << 3));
    const trace = sampleTraces.pointer + (sample << 4);
    any |= span | load<u64>(trace) | load<u64>(trace, 8);
    store<u64>(spanIds.pointer + (<usize>length << 3), span);
    v128.store(traceIds.pointer + (<usize>length << 4), v128.load(trace));
    length++;
  }
  if (!any) return NONE;
  spanIds.length = length;
  traceIds.length = length;
  return start;
}
