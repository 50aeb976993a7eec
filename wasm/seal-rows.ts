// The rows of a seal: reads what the host wrote, lays out the samples and finds the runs of rows
// that share a series. Owns the series records.
import { NONE, ROW_SAMPLE_COUNT, ROW_SIZE, ROW_SPAN_START, ROW_TIME } from './layout';
import { reserveRecords } from './memory';
import {
  SERIES_ID, SERIES_KEPT, SERIES_ROW, SERIES_SAMPLE, SERIES_SIZE, SERIES_TIME_MAX,
  SERIES_TIME_MIN, SERIES_TOTAL, rowNumbers, rowSeries, sampleStarts, series, u32At,
} from './seal-state';
import { MISUSE, OK, OUT_OF_MEMORY, fail } from './status';
import { rows } from './store';

/** Samples of the largest row. */
export let rowSamplesMax: u32 = 0;
/** True when a row has span ids: the samples table then has their columns. */
export let hasSpans: bool = false;

/** Address of the live row at a position of the final order. */
export function rowAt(position: u32): usize {
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
    if (!extendSeries(i, first, load<i64>(row, ROW_TIME))) return fail(OUT_OF_MEMORY);
    store<u32>(sampleStarts.pointer + (<usize>i << 2), first);
    const samples = load<u32>(row, ROW_SAMPLE_COUNT);
    first += samples;
    rowSamplesMax = max(rowSamplesMax, samples);
    if (load<u32>(row, ROW_SPAN_START) != NONE) hasSpans = true;
  }
  store<u32>(sampleStarts.pointer + (<usize>count << 2), first);
  if (!reserveRecords(series, 1, SERIES_SIZE)) return fail(OUT_OF_MEMORY);
  store<u32>(seriesAt(series.length), count, SERIES_ROW);
  store<u32>(seriesAt(series.length), first, SERIES_SAMPLE);
  return OK;
}

/** Counts a row into the last series, or into a new one; false when there is no memory. */
function extendSeries(position: u32, sampleFrom: u32, time: i64): bool {
  const id = u32At(rowSeries, position);
  if (!series.length || load<u32>(seriesAt(series.length - 1), SERIES_ID) != id) {
    if (!reserveRecords(series, 1, SERIES_SIZE)) return false;
    const fresh = seriesAt(series.length);
    store<u32>(fresh, id, SERIES_ID);
    store<u32>(fresh, position, SERIES_ROW);
    store<u32>(fresh, sampleFrom, SERIES_SAMPLE);
    store<u32>(fresh, 0, SERIES_TOTAL);
    store<u32>(fresh, NONE, SERIES_KEPT);
    store<i64>(fresh, time, SERIES_TIME_MIN);
    series.length++;
  }
  store<i64>(seriesAt(series.length - 1), time, SERIES_TIME_MAX);
  return true;
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
