// Border of the merge: sums of selected rows by stack. Each query has a merge of its own (a
// handle), so that queries of one head may take turns; all of its memory comes from the allocator
// and goes back with `mergeRelease`. The tree over the sums is in `merge-functions.ts`.
import { ROW_SAMPLE_COUNT, ROW_SAMPLE_START, ROW_SIZE, ROW_TOTAL } from '../layout';
import { allocate, dropVecs, ensure, release } from '../memory';
import { MISUSE, OK, OUT_OF_MEMORY, VALUE_SUM } from '../status';
import { dropTree } from '../tree';
import { rows, sampleStacks, sampleValues, stacks } from './columns';
import {
  MERGE_ADDED, MERGE_COLUMNS, MERGE_COLUMN_COUNT, MERGE_SIZE, extendZero, mergeRowNumbers,
  mergeSums, mergeTree,
} from './merge-state';

/** The handle of a merge without rows, or a status. */
export function mergeBegin(): i32 {
  const merge = allocate(MERGE_SIZE);
  if (!merge) return OUT_OF_MEMORY;
  memory.fill(merge, 0, MERGE_SIZE);
  return <i32>merge;
}

/** Where the host writes `count` row numbers (u32) before `mergeAdd`, or a status. */
export function mergeRows(merge: usize, count: u32): i32 {
  const numbers = mergeRowNumbers(merge);
  if (!ensure(numbers, (<u64>count << 2) + 1)) return OUT_OF_MEMORY;
  return <i32>numbers.pointer;
}

/**
 * Adds the rows in `mergeRows`. Answers OK, or with nothing added: MISUSE for a row that is not
 * there, VALUE_SUM when all that was added would pass 2^63-1, OUT_OF_MEMORY.
 */
export function mergeAdd(merge: usize, count: u32): i32 {
  const numbers = mergeRowNumbers(merge).pointer;
  let added = load<u64>(merge, MERGE_ADDED);
  for (let i: u32 = 0; i < count; i++) {
    const number = load<u32>(numbers + (<usize>i << 2));
    if (number >= rows().length) return MISUSE;
    added += load<u64>(rows().pointer + <usize>number * ROW_SIZE, ROW_TOTAL);
    // Both summands are below 2^63, so an overflow shows in the top bit.
    if (<i64>added < 0) return VALUE_SUM;
  }
  // A live head may have more stacks than when the merge began.
  if (!extendZero(mergeSums(merge), stacks().length)) return OUT_OF_MEMORY;
  store<u64>(merge, added, MERGE_ADDED);
  // A tree of the sums so far is of no use any more.
  mergeTree(merge).length = 0;
  const sums = mergeSums(merge).pointer;
  for (let i: u32 = 0; i < count; i++) addRow(sums, load<u32>(numbers + (<usize>i << 2)));
  return OK;
}

function addRow(sums: usize, number: u32): void {
  const row = rows().pointer + <usize>number * ROW_SIZE;
  const start = <usize>load<u32>(row, ROW_SAMPLE_START);
  let ordinal = sampleStacks().pointer + (start << 2);
  let value = sampleValues().pointer + (start << 3);
  const end = ordinal + (<usize>load<u32>(row, ROW_SAMPLE_COUNT) << 2);
  while (ordinal < end) {
    const sum = sums + (<usize>load<u32>(ordinal) << 3);
    store<i64>(sum, load<i64>(sum) + load<i64>(value));
    ordinal += 4;
    value += 8;
  }
}

/** Gives everything back; the handle is void. */
export function mergeRelease(merge: usize): void {
  dropVecs(merge + MERGE_COLUMNS, MERGE_COLUMN_COUNT);
  dropTree(mergeTree(merge));
  release(merge, MERGE_SIZE);
}
