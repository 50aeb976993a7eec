// Border of a head's rows: adding their samples by stack, and their totals. Owns the loops over the
// head's sample columns, which are read in place; the filters that apply are the call site, spans
// and traces, for the rest is chosen by row.
import {
  NONE, ROW_SAMPLE_COUNT, ROW_SAMPLE_START, ROW_SIZE, ROW_SPAN_START, ROW_TOTAL,
} from '../layout';
import { ensure } from '../memory';
import { MISUSE, OK, OUT_OF_MEMORY, VALUE_SUM } from '../status';
import { extendMask } from './call-site';
import { rows, sampleStacks, sampleValues, spanIds, stacks, traceIds } from './columns';
import { hasId } from './id-set';
import { FILTER_SPANS, FILTER_TRACES } from './sums-filter';
import {
  ADDED, CALL_SITE_COUNT, FILTERS, INPUT, IS_BLOCK, MASK, SPANS, STACK_SUMS, TOTALS, TRACES,
  columnOf, extendZero, forgetAnswer,
} from './sums-state';

@inline function rowAt(numbers: usize, i: u32): usize {
  return rows().pointer + <usize>load<u32>(numbers + (<usize>i << 2)) * ROW_SIZE;
}

/** True when all row numbers of the input are those of rows, and the sums are of a head. */
function isValid(sums: usize, count: u32): bool {
  if (load<u32>(sums, IS_BLOCK)) return false;
  const numbers = columnOf(sums, INPUT).pointer;
  for (let i: u32 = 0; i < count; i++) {
    if (load<u32>(numbers + (<usize>i << 2)) >= rows().length) return false;
  }
  return true;
}

@inline function isFiltered(sums: usize): bool {
  return (load<u32>(sums, CALL_SITE_COUNT) | load<u32>(sums, FILTERS)) != 0;
}

/**
 * Adds the rows whose numbers (u32) are in the input. Answers OK, or with nothing added: MISUSE for
 * a row that is not there, VALUE_SUM when all that was added would pass 2^63-1, OUT_OF_MEMORY.
 */
export function sumsAddRows(sums: usize, count: u32): i32 {
  if (!isValid(sums, count)) return MISUSE;
  // A live head may have more stacks than when the sums began.
  if (!extendZero(columnOf(sums, STACK_SUMS), stacks().length) || !extendMask(sums)) {
    return OUT_OF_MEMORY;
  }
  const added = addedWith(sums, count);
  if (<i64>added < 0) return VALUE_SUM;
  const numbers = columnOf(sums, INPUT).pointer;
  const to = columnOf(sums, STACK_SUMS).pointer;
  if (isFiltered(sums)) {
    for (let i: u32 = 0; i < count; i++) filteredRow(sums, rowAt(numbers, i), to);
  } else {
    for (let i: u32 = 0; i < count; i++) addRow(to, rowAt(numbers, i));
  }
  store<u64>(sums, added, ADDED);
  forgetAnswer(sums);
  return OK;
}

/** Sum of all that will have been added, past 2^63-1 when that is too much. */
function addedWith(sums: usize, count: u32): u64 {
  const numbers = columnOf(sums, INPUT).pointer;
  const isExact = !isFiltered(sums);
  let added = load<u64>(sums, ADDED);
  for (let i: u32 = 0; i < count; i++) {
    const row = rowAt(numbers, i);
    added += isExact ? load<u64>(row, ROW_TOTAL) : <u64>filteredRow(sums, row, 0);
    // Both summands are below 2^63, so an overflow shows in the top bit.
    if (<i64>added < 0) break;
  }
  return added;
}

function addRow(to: usize, row: usize): void {
  const start = <usize>load<u32>(row, ROW_SAMPLE_START);
  let ordinal = sampleStacks().pointer + (start << 2);
  let value = sampleValues().pointer + (start << 3);
  const end = ordinal + (<usize>load<u32>(row, ROW_SAMPLE_COUNT) << 2);
  while (ordinal < end) {
    const sum = to + (<usize>load<u32>(ordinal) << 3);
    store<i64>(sum, load<i64>(sum) + load<i64>(value));
    ordinal += 4;
    value += 8;
  }
}

/** Sum of the samples of a row that pass; they are added by stack unless `to` is 0. */
function filteredRow(sums: usize, row: usize, to: usize): i64 {
  const filters = load<u32>(sums, FILTERS);
  const spanStart = load<u32>(row, ROW_SPAN_START);
  // Without spans there is none that could be wanted.
  if (filters & (FILTER_SPANS | FILTER_TRACES) && spanStart == NONE) return 0;
  const mask = load<u32>(sums, CALL_SITE_COUNT) ? columnOf(sums, MASK).pointer : 0;
  const start = load<u32>(row, ROW_SAMPLE_START);
  const count = load<u32>(row, ROW_SAMPLE_COUNT);
  let total: i64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const ordinal = load<u32>(sampleStacks().pointer + (<usize>(start + i) << 2));
    if (mask && !load<u8>(mask + ordinal)) continue;
    if (filters && !passesSpan(sums, filters, spanStart + i)) continue;
    const value = load<i64>(sampleValues().pointer + (<usize>(start + i) << 3));
    total += value;
    if (to) {
      const sum = to + (<usize>ordinal << 3);
      store<i64>(sum, load<i64>(sum) + value);
    }
  }
  return total;
}

function passesSpan(sums: usize, filters: u32, index: u32): bool {
  if (filters & FILTER_SPANS) {
    const span = load<u64>(spanIds().pointer + (<usize>index << 3));
    if (!hasId(columnOf(sums, SPANS), span, 0)) return false;
  }
  if (!(filters & FILTER_TRACES)) return true;
  const trace = traceIds().pointer + (<usize>index << 4);
  return hasId(columnOf(sums, TRACES), load<u64>(trace), load<u64>(trace, 8));
}

/**
 * Totals (i64) of the rows in the input, of what passes, in the column TOTALS. Answers OK, MISUSE
 * for a row that is not there, or OUT_OF_MEMORY.
 */
export function sumsRowTotals(sums: usize, count: u32): i32 {
  if (!isValid(sums, count)) return MISUSE;
  const totals = columnOf(sums, TOTALS);
  if (!ensure(totals, (<u64>count << 3) + 1) || !extendMask(sums)) return OUT_OF_MEMORY;
  totals.length = count;
  const numbers = columnOf(sums, INPUT).pointer;
  const isPlain = !isFiltered(sums);
  for (let i: u32 = 0; i < count; i++) {
    const row = rowAt(numbers, i);
    const total = isPlain ? load<i64>(row, ROW_TOTAL) : filteredRow(sums, row, 0);
    store<i64>(totals.pointer + (<usize>i << 3), total);
  }
  return OK;
}
