// Marks and rollbacks: the head's columns are append-only, so a state is a list of lengths, and
// going back is truncating them and taking the slots of dropped ids out of the tables. Owns the
// digest by which tests prove that.
import { MARK_COUNTS, MARK_SUM } from './layout';
import { useUpScan } from './scan';
import { STACK_SHIFT, stackTable } from './stacks';
import { MISUSE, OK, fail } from './status';
import {
  COLUMN_COUNT,
  column,
  elementBytes,
  functions,
  locations,
  mappings,
  setValueSum,
  stacks,
  stringOffsets,
  valueSum,
} from './store';
import { stringTable } from './strings';
import { functionTable, locationTable, mappingTable } from './symbols';
import { dropSlots, tableBytes } from './table';

const MARK: usize = memory.data(64, 8);

/** Where a mark is written and read. */
export function markPointer(): usize {
  return MARK;
}

/** Writes the present state to the mark. */
export function mark(): void {
  store<u64>(MARK, valueSum, MARK_SUM);
  for (let i: u32 = 0; i < COLUMN_COUNT; i++) {
    store<u32>(MARK + (<usize>i << 2), column(i).length, MARK_COUNTS);
  }
}

/** Goes back to the state in the mark, which must be an earlier one of this head. */
export function rollback(): i32 {
  if (load<u64>(MARK, MARK_SUM) > valueSum) return fail(MISUSE);
  for (let i: u32 = 0; i < COLUMN_COUNT; i++) {
    if (load<u32>(MARK + (<usize>i << 2), MARK_COUNTS) > column(i).length) return fail(MISUSE);
  }
  useUpScan();
  for (let i: u32 = 0; i < COLUMN_COUNT; i++) {
    column(i).length = load<u32>(MARK + (<usize>i << 2), MARK_COUNTS);
  }
  setValueSum(load<u64>(MARK, MARK_SUM));
  // Slots keep their hashes, so the dropped content is not needed.
  dropSlots(stringTable, stringOffsets.length - 1, 3);
  dropSlots(functionTable, functions.length, 3);
  dropSlots(mappingTable, mappings.length, 3);
  dropSlots(locationTable, locations.length, 3);
  dropSlots(stackTable, stacks.length, STACK_SHIFT);
  return OK;
}

/** Bytes that the head's columns and tables hold, slack included, scratch not. */
export function headBytes(): u64 {
  let bytes: u64 = 0;
  for (let i: u32 = 0; i < COLUMN_COUNT; i++) bytes += column(i).capacity;
  return (
    bytes +
    tableBytes(stringTable, 3) +
    tableBytes(functionTable, 3) +
    tableBytes(mappingTable, 3) +
    tableBytes(locationTable, 3) +
    tableBytes(stackTable, STACK_SHIFT)
  );
}

/** A number that differs when the content of the head does; the head's seed plays no part. */
export function digest(): u64 {
  let hash = digestWord(0x9e3779b97f4a7c15, valueSum);
  for (let i: u32 = 0; i < COLUMN_COUNT; i++) {
    const v = column(i);
    const bytes = <usize>v.length * elementBytes(i);
    hash = digestWord(hash, bytes);
    let p = v.pointer;
    const end = p + (bytes & ~7);
    for (; p < end; p += 8) hash = digestWord(hash, load<u64>(p));
    const tail = bytes & 7;
    if (tail) hash = digestWord(hash, load<u64>(p) & ((<u64>1 << (tail << 3)) - 1));
  }
  hash = digestWord(hash, stringTable.count);
  hash = digestWord(hash, functionTable.count);
  hash = digestWord(hash, mappingTable.count);
  hash = digestWord(hash, locationTable.count);
  return digestWord(hash, stackTable.count);
}

@inline function digestWord(hash: u64, word: u64): u64 {
  return rotl<u64>((hash ^ word) * 0xbf58476d1ce4e5b9, 31) * 0x94d049bb133111eb;
}
