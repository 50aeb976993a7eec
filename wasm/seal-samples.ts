// The `samples` table of a seal. Sorts one row at a time, when it is read, so that a seal needs
// no second copy of the samples. Owns the two sort buffers, which it lends to `seal-totals.ts`.
import { NONE, ROW_SAMPLE_COUNT, ROW_SAMPLE_START, ROW_SPAN_START, ROW_TIME } from './layout';
import { ensure } from './memory';
import { hasSpans, lastAtMost, rowAt, rowSamplesMax } from './seal-rows';
import { setBit, slotBits, slotFor } from './seal-slots';
import {
  LEAF_NODE, LEAF_SIZE, items, rowNumbers, rowSeries, sampleStarts, spare, stackLeaves, u32At,
} from './seal-state';
import { sortByHigh } from './sort';
import { sampleStacks, sampleValues, spanIds, traceIds } from './store';

/** Keys that order samples of one stack: the trace's four words and the span's two halves. */
const SPAN_KEYS: u32 = 6;

/** The row whose samples the buffers hold, NONE: none. */
let sortedRow: u32 = NONE;
/** Where they are: node in the high half, sample of the row in the low half. */
let sorted: usize = 0;

/** Room to sort the largest row, and `itemsMax` items for others; false when there is none. */
export function startSamples(itemsMax: u32): bool {
  sortedRow = NONE;
  const bytes = <u64>max(rowSamplesMax, itemsMax) << 3;
  return ensure(items, bytes) && ensure(spare, bytes);
}

/** The buffers are about to be used for something else. */
export function forgetRow(): void {
  sortedRow = NONE;
}

/** Leaf node of a stack. */
@inline export function leafNode(ordinal: u32): u32 {
  return load<u32>(stackLeaves.pointer + <usize>ordinal * LEAF_SIZE, LEAF_NODE);
}

/** Address of the row's samples in a live column of 2^shift bytes an element. */
@inline function columnAt(column: usize, start: u32, shift: usize): usize {
  return column + (<usize>start << shift);
}

/** Stable sorts, the least important key first: trace and span, where there are any, then node. */
function sortRow(position: u32): void {
  const row = rowAt(position);
  const count = load<u32>(row, ROW_SAMPLE_COUNT);
  const spans = load<u32>(row, ROW_SPAN_START);
  const ordinals = columnAt(sampleStacks.pointer, load<u32>(row, ROW_SAMPLE_START), 2);
  sorted = items.pointer;
  for (let i: u32 = 0; i < count; i++) store<u32>(sorted + (<usize>i << 3), i);
  // Without spans a row's stacks are distinct; with them one stack may have many samples.
  for (let key = spans == NONE ? SPAN_KEYS : 0; key <= SPAN_KEYS; key++) {
    const end = sorted + (<usize>count << 3);
    for (let item = sorted; item < end; item += 8) {
      const sample = load<u32>(item);
      const value = key < SPAN_KEYS
        ? spanKey(spans + sample, key)
        : leafNode(load<u32>(ordinals + (<usize>sample << 2)));
      store<u32>(item, value, 4);
    }
    sorted = sortByHigh(sorted, otherBuffer(), count);
  }
  sortedRow = position;
}

@inline function otherBuffer(): usize {
  return sorted == items.pointer ? spare.pointer : items.pointer;
}

/** Trace bytes compare as big-endian words, the last word being the least important. */
function spanKey(entry: u32, key: u32): u32 {
  if (key < 4) {
    return bswap<u32>(load<u32>(columnAt(traceIds.pointer, entry, 4) + ((3 - <usize>key) << 2)));
  }
  return load<u32>(columnAt(spanIds.pointer, entry, 3) + ((<usize>key - 4) << 2));
}

/** Slots: profile, series, time, node, value; with spans: span, its bitmap, trace, its bitmap. */
export function fillSamples(from: u32, count: u32): bool {
  const profiles = slotFor(0, count, 2);
  const series = slotFor(1, count, 2);
  const times = slotFor(2, count, 3);
  const leaves = slotFor(3, count, 2);
  const values = slotFor(4, count, 3);
  if (!profiles || !series || !times || !leaves || !values) return false;
  if (hasSpans && !startSpans(count)) return false;
  let position = lastAtMost(sampleStarts.pointer, 4, rowNumbers.length, from);
  let done: u32 = 0;
  while (done < count) {
    const row = rowAt(position);
    const first = u32At(sampleStarts, position);
    const end = min(u32At(sampleStarts, position + 1), from + count) - first;
    if (sortedRow != position) sortRow(position);
    const time = load<i64>(row, ROW_TIME);
    const id = u32At(rowSeries, position);
    const live = columnAt(sampleValues.pointer, load<u32>(row, ROW_SAMPLE_START), 3);
    const spans = load<u32>(row, ROW_SPAN_START);
    for (let i = from + done - first; i < end; i++) {
      const item = load<u64>(sorted + (<usize>i << 3));
      const at = <usize>done << 2;
      store<u32>(profiles + at, position);
      store<u32>(series + at, id);
      store<i64>(times + (at << 1), time);
      store<u32>(leaves + at, <u32>(item >> 32));
      store<i64>(values + (at << 1), load<i64>(live + (<usize>(<u32>item) << 3)));
      if (spans != NONE) writeSpan(done, spans + <u32>item);
      done++;
    }
    position++;
  }
  return true;
}

let spanOut: usize = 0;
let spanBits: usize = 0;
let traceOut: usize = 0;
let traceBits: usize = 0;

function startSpans(count: u32): bool {
  spanOut = slotFor(5, count, 3);
  spanBits = slotBits(6, count);
  traceOut = slotFor(7, count, 4);
  traceBits = slotBits(8, count);
  if (!spanOut || !spanBits || !traceOut || !traceBits) return false;
  memory.fill(spanOut, 0, <usize>count << 3);
  memory.fill(traceOut, 0, <usize>count << 4);
  return true;
}

/** All zero stands for "none" in the live columns. */
function writeSpan(index: u32, entry: u32): void {
  const span = load<u64>(columnAt(spanIds.pointer, entry, 3));
  const trace = v128.load(columnAt(traceIds.pointer, entry, 4));
  store<u64>(spanOut + (<usize>index << 3), span);
  v128.store(traceOut + (<usize>index << 4), trace);
  if (span) setBit(spanBits, index);
  if (v128.any_true(trace)) setBit(traceBits, index);
}
