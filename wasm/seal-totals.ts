// The `totals` table of a seal: per series and stack the sum of the values and how many profiles
// have it. Adds up one series at a time, when it is read. Owns the sums; borrows the sort buffers.
import { NONE, ROW_SAMPLE_COUNT, ROW_SAMPLE_START, ROW_SPAN_START } from './layout';
import { forgetRow, leafNode } from './seal-samples';
import { lastAtMost, rowAt, seriesAt } from './seal-rows';
import { slotFor } from './seal-slots';
import {
  SERIES_ID, SERIES_ROW, SERIES_SIZE, SERIES_TOTAL, fillVec, items, series, spare, sums,
} from './seal-state';
import { sortByHigh } from './sort';
import { sampleStacks, sampleValues, stacks } from './store';

/** A record of `sums`: sum i64, profiles u32, the row that had it last (position + 1) u32. */
const SUM_SHIFT: u32 = 4;
const SUM_VALUE: usize = 0;
const SUM_COUNT: usize = 8;
const SUM_ROW: usize = 12;

/** The series whose totals the sums and the buffers hold, NONE: none. */
let summed: u32 = NONE;
/** Where its items are: node in the high half, ordinal in the low half; and how many. */
let sorted: usize = 0;
let sortedCount: u32 = 0;

/** Room for a sum per stack; false when there is no memory. */
export function startTotals(): bool {
  summed = NONE;
  return fillVec(sums, stacks.length, SUM_SHIFT, 0);
}

@inline function sumAt(ordinal: u32): usize {
  return sums.pointer + (<usize>ordinal << SUM_SHIFT);
}

/** Clears the sums while the buffers still say which: call it before they are used again. */
export function forgetTotals(): void {
  if (summed == NONE) return;
  for (let i: u32 = 0; i < sortedCount; i++) {
    v128.store(sumAt(load<u32>(sorted + (<usize>i << 3))), i64x2.splat(0));
  }
  summed = NONE;
}

function sumSeries(index: u32): void {
  forgetTotals();
  forgetRow();
  const record = seriesAt(index);
  const end = load<u32>(record, SERIES_SIZE + SERIES_ROW);
  sortedCount = 0;
  for (let position = load<u32>(record, SERIES_ROW); position < end; position++) addRow(position);
  sorted = sortByHigh(items.pointer, spare.pointer, sortedCount);
  summed = index;
}

function addRow(position: u32): void {
  const row = rowAt(position);
  const start = <usize>load<u32>(row, ROW_SAMPLE_START);
  const spans = load<u32>(row, ROW_SPAN_START) != NONE;
  const count = load<u32>(row, ROW_SAMPLE_COUNT);
  let ordinalAt = sampleStacks.pointer + (start << 2);
  let valueAt = sampleValues.pointer + (start << 3);
  for (let i: u32 = 0; i < count; i++) {
    const ordinal = load<u32>(ordinalAt);
    const sum = sumAt(ordinal);
    const profiles = load<u32>(sum, SUM_COUNT);
    if (!profiles) {
      const item = (<u64>leafNode(ordinal) << 32) | ordinal;
      store<u64>(items.pointer + (<usize>sortedCount << 3), item);
      sortedCount++;
    }
    store<i64>(sum, load<i64>(sum, SUM_VALUE) + load<i64>(valueAt), SUM_VALUE);
    // A row with spans may have a stack several times, but is one profile.
    if (!spans || load<u32>(sum, SUM_ROW) != position + 1) {
      store<u32>(sum, profiles + 1, SUM_COUNT);
      store<u32>(sum, position + 1, SUM_ROW);
    }
    ordinalAt += 4;
    valueAt += 8;
  }
}

/** Slots: series, node, value, count. */
export function fillTotals(from: u32, count: u32): bool {
  const ids = slotFor(0, count, 2);
  const leaves = slotFor(1, count, 2);
  const values = slotFor(2, count, 3);
  const counts = slotFor(3, count, 2);
  if (!ids || !leaves || !values || !counts) return false;
  let index = lastAtMost(series.pointer + SERIES_TOTAL, SERIES_SIZE, series.length, from);
  let done: u32 = 0;
  while (done < count) {
    const record = seriesAt(index);
    const first = load<u32>(record, SERIES_TOTAL);
    const end = min(load<u32>(record, SERIES_SIZE + SERIES_TOTAL), from + count) - first;
    if (summed != index) sumSeries(index);
    for (let i = from + done - first; i < end; i++) {
      const item = load<u64>(sorted + (<usize>i << 3));
      const sum = sumAt(<u32>item);
      const at = <usize>done << 2;
      store<u32>(ids + at, load<u32>(record, SERIES_ID));
      store<u32>(leaves + at, <u32>(item >> 32));
      store<i64>(values + (at << 1), load<i64>(sum, SUM_VALUE));
      store<u32>(counts + at, load<u32>(sum, SUM_COUNT));
      done++;
    }
    index++;
  }
  return true;
}
