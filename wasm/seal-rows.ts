// The rows of a seal: reads what the host wrote, lays out the samples and finds the runs of rows
// that share a series. Owns the series records.
import {
  NONE, ROW_SAMPLE_COUNT, ROW_SIZE, ROW_SPAN_START, ROW_TIME,
} from './layout';
import { reserveRecords } from './memory';
import {
  SERIES_ID, SERIES_ROW_COUNT, SERIES_ROW_FROM, SERIES_SAMPLE_COUNT, SERIES_SAMPLE_FROM,
  SERIES_SIZE, SERIES_TIME_MAX, SERIES_TIME_MIN, SERIES_TOTAL_COUNT, SERIES_TOTAL_FROM,
  rowNumbers, rowSeries, sampleStarts, series, u32At,
} from './seal-state';
import { MISUSE, OK, OUT_OF_MEMORY, fail } from './status';
import { rows } from './store';

/** Samples of the largest row. */
export let rowSamplesMax: u32 = 0;
/** Rows of the totals table, once they are laid out. */
export let totalsCount: u32 = 0;
/** True when a row has span ids: the samples table then has their columns. */
export let hasSpans: bool = false;

/** Address of the live row at a position of the final order. */
@inline export function rowAt(position: u32): usize {
  return rows.pointer + <usize>u32At(rowNumbers, position) * ROW_SIZE;
}

/** Address of a series record. */
@inline export function seriesAt(index: u32): usize {
  return series.pointer + <usize>index * SERIES_SIZE;
}

/** Reads the rows that the host wrote. Answers a status: MISUSE for a row that is not there. */
export function readRows(): i32 {
  const count = rowNumbers.length;
  let first: u32 = 0;
  rowSamplesMax = 0;
  hasSpans = false;
  for (let i: u32 = 0; i < count; i++) {
    if (u32At(rowNumbers, i) >= rows.length) return fail(MISUSE);
    const row = rowAt(i);
    const samples = load<u32>(row, ROW_SAMPLE_COUNT);
    if (!extendSeries(i, first, samples, load<i64>(row, ROW_TIME))) return fail(OUT_OF_MEMORY);
    store<u32>(sampleStarts.pointer + (<usize>i << 2), first);
    first += samples;
    rowSamplesMax = max(rowSamplesMax, samples);
    if (load<u32>(row, ROW_SPAN_START) != NONE) hasSpans = true;
  }
  store<u32>(sampleStarts.pointer + (<usize>count << 2), first);
  return OK;
}

/** Counts a row into the last series, or into a new one; false when there is no memory. */
function extendSeries(position: u32, sampleFrom: u32, samples: u32, time: i64): bool {
  const id = u32At(rowSeries, position);
  if (!series.length || load<u32>(seriesAt(series.length - 1), SERIES_ID) != id) {
    if (!reserveRecords(series, 1, SERIES_SIZE)) return false;
    const fresh = seriesAt(series.length++);
    memory.fill(fresh, 0, SERIES_SIZE);
    store<u32>(fresh, id, SERIES_ID);
    store<u32>(fresh, position, SERIES_ROW_FROM);
    store<u32>(fresh, sampleFrom, SERIES_SAMPLE_FROM);
    store<i64>(fresh, time, SERIES_TIME_MIN);
    store<i64>(fresh, time, SERIES_TIME_MAX);
  }
  const record = seriesAt(series.length - 1);
  store<u32>(record, load<u32>(record, SERIES_ROW_COUNT) + 1, SERIES_ROW_COUNT);
  store<u32>(record, load<u32>(record, SERIES_SAMPLE_COUNT) + samples, SERIES_SAMPLE_COUNT);
  store<i64>(record, min(time, load<i64>(record, SERIES_TIME_MIN)), SERIES_TIME_MIN);
  store<i64>(record, max(time, load<i64>(record, SERIES_TIME_MAX)), SERIES_TIME_MAX);
  return true;
}

/** Lays out the totals, whose counts the walk found; answers the largest count of a series. */
export function placeTotals(): u32 {
  let most: u32 = 0;
  totalsCount = 0;
  for (let i: u32 = 0; i < series.length; i++) {
    const record = seriesAt(i);
    const count = load<u32>(record, SERIES_TOTAL_COUNT);
    store<u32>(record, totalsCount, SERIES_TOTAL_FROM);
    totalsCount += count;
    most = max(most, count);
  }
  return most;
}

/** Index of the last of `count` ascending u32, `stride` bytes apart, that is ≤ `value`. */
export function lastAtMost(first: usize, stride: usize, count: u32, value: u32): u32 {
  let low: u32 = 0;
  let high = count;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (load<u32>(first + <usize>middle * stride) <= value) low = middle;
    else high = middle;
  }
  return low;
}
