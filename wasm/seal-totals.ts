// The `totals` table of a seal: per series and stack the sum of the values and how many profiles
// have it. Series with many samples for each total are added up ahead, in slices, and their totals
// kept; the others, whose totals would take as much memory as their samples, when they are read.
import { NONE, ROW_SAMPLE_COUNT, ROW_SAMPLE_START, ROW_SPAN_START } from './layout';
import { ensure, reserve } from './memory';
import { lastAtMost, rowAt, seriesAt } from './seal-rows';
import { forgetRow, leafNode } from './seal-samples';
import { slotFor } from './seal-slots';
import {
  SERIES_ID, SERIES_KEPT, SERIES_ROW, SERIES_SAMPLE, SERIES_SIZE, SERIES_TOTAL, fillVec, finished,
  items, series, spare, sums,
} from './seal-state';
import { sortByHigh } from './sort';
import { sampleStacks, sampleValues, stacks } from './store';

/** Totals are kept from so many samples for each on: they take 2 bytes a sample at most. */
const KEEP_RATIO: u64 = 8;

/** A record of `sums`: sum i64, profiles u32, the row that had it last (position + 1) u32. */
const SUM_VALUE: usize = 0;
const SUM_COUNT: usize = 8;
const SUM_ROW: usize = 12;
/** A record of `finished`: sum i64, profiles u32, node u32. */
const TOTAL_NODE: usize = 12;
/** Both are records of 16 bytes. */
const RECORD_SHIFT: u32 = 4;

/** Items of the series at hand: node in the high half, ordinal in the low half. */
let itemCount: u32 = 0;
/** Totals of the series that has the most: so many records are free behind the kept ones. */
let largest: u32 = 0;
/** The series whose totals lie behind the kept ones, NONE: none. */
let loaded: u32 = NONE;
/** Where `keepTotals` goes on. */
let atSeries: u32 = 0;
let atRow: u32 = 0;

/** Room for a sum per stack and the largest series; false when there is no memory. */
export function startTotals(most: u32): bool {
  itemCount = 0;
  largest = most;
  loaded = NONE;
  atSeries = 0;
  atRow = 0;
  finished.length = 0;
  return fillVec(sums, stacks.length, RECORD_SHIFT, 0) && ensure(finished, (<u64>most << 4) + 1);
}

/** Goes on adding up for about `budget` samples; answers the series left. Cannot fail. */
export function keepTotals(budget: i32): u32 {
  while (atSeries < series.length && budget > 0) {
    const record = seriesAt(atSeries);
    const totals = load<u32>(record, SERIES_SIZE + SERIES_TOTAL) - load<u32>(record, SERIES_TOTAL);
    const samples =
      load<u32>(record, SERIES_SIZE + SERIES_SAMPLE) - load<u32>(record, SERIES_SAMPLE);
    const end = load<u32>(record, SERIES_SIZE + SERIES_ROW);
    const isKept = samples > totals * KEEP_RATIO;
    while (isKept && atRow < end && budget > 0) budget -= addRow(atRow++);
    if (isKept && atRow < end) break;
    if (isKept) keepSeries(record);
    atRow = end;
    atSeries++;
    budget--;
  }
  return series.length - atSeries;
}

/** Keeps the totals of the series at hand; short of memory, they are made again when read. */
function keepSeries(record: usize): void {
  const kept = finished.length;
  finishSeries();
  if (reserve(finished, largest, RECORD_SHIFT)) store<u32>(record, kept, SERIES_KEPT);
  else finished.length = kept;
}

@inline function sumAt(ordinal: u32): usize {
  return sums.pointer + (<usize>ordinal << RECORD_SHIFT);
}

/** Adds a row to the series at hand; answers its samples. */
function addRow(position: u32): u32 {
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
      store<u64>(items.pointer + (<usize>itemCount << 3), item);
      itemCount++;
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
  return count;
}

/** Writes the totals of the series at hand behind the others, and clears its sums. */
function finishSeries(): void {
  let item = sortByHigh(items.pointer, spare.pointer, itemCount);
  let out = finished.pointer + (<usize>finished.length << RECORD_SHIFT);
  finished.length += itemCount;
  for (; itemCount; itemCount--) {
    const sum = sumAt(load<u32>(item));
    v128.store(out, v128.load(sum));
    store<u32>(out, load<u32>(item, 4), TOTAL_NODE);
    v128.store(sum, i64x2.splat(0));
    item += 8;
    out += 16;
  }
}

/** First record of a series in `finished`, made now unless it is there. */
function recordsOf(index: u32): u32 {
  const kept = load<u32>(seriesAt(index), SERIES_KEPT);
  if (kept != NONE) return kept;
  const behind = finished.length;
  if (loaded != index) {
    // The samples' sort uses the same buffers.
    forgetRow();
    const end = load<u32>(seriesAt(index), SERIES_SIZE + SERIES_ROW);
    for (let row = load<u32>(seriesAt(index), SERIES_ROW); row < end; row++) addRow(row);
    finishSeries();
    finished.length = behind;
    loaded = index;
  }
  return behind;
}

/** Slots: series, node, value, count. */
export function fillTotals(from: u32, count: u32): bool {
  const ids = slotFor(0, count, 2);
  const leaves = slotFor(1, count, 2);
  const values = slotFor(2, count, 3);
  const counts = slotFor(3, count, 2);
  if (!ids || !leaves || !values || !counts) return false;
  let index = lastAtMost(series.pointer + SERIES_TOTAL, SERIES_SIZE, series.length, from);
  for (let done: u32 = 0; done < count; index++) {
    const record = seriesAt(index);
    const first = load<u32>(record, SERIES_TOTAL);
    const end = min(load<u32>(record, SERIES_SIZE + SERIES_TOTAL), from + count) - from;
    const start = recordsOf(index) + from - first;
    for (; done < end; done++) {
      const total = finished.pointer + (<usize>(start + done) << RECORD_SHIFT);
      const at = <usize>done << 2;
      store<u32>(ids + at, load<u32>(record, SERIES_ID));
      store<u32>(leaves + at, load<u32>(total, TOTAL_NODE));
      store<i64>(values + (at << 1), load<i64>(total, SUM_VALUE));
      store<u32>(counts + at, load<u32>(total, SUM_COUNT));
    }
  }
  return true;
}
