// The head's columns: what `append` writes, and `seal` and queries read. Owns the vectors and
// nothing else; all are append-only, so a rollback is a truncation. They lie back to back, so that
// mark, rollback and digest are loops.
import { VEC_SIZE, Vec, vecAt } from './memory';

/** How many columns there are; a mark holds one length each, in this order. */
export const COLUMN_COUNT: u32 = 14;
/** Address of the vectors; the query module reads them from here. */
export const COLUMNS: usize = memory.data(14 * 12, 4);

/** String bytes, valid UTF-8, back to back; `stringOffsets` has one entry more than strings. */
export const stringBytes = changetype<Vec>(COLUMNS);
export const stringOffsets = changetype<Vec>(COLUMNS + 12);
/** Records of layout.ts; `length` counts records. */
export const functions = changetype<Vec>(COLUMNS + 12 * 2);
export const mappings = changetype<Vec>(COLUMNS + 12 * 3);
export const locations = changetype<Vec>(COLUMNS + 12 * 4);
export const lines = changetype<Vec>(COLUMNS + 12 * 5);
/** Distinct stacks, and their location ids (u32), leaf first as in pprof. */
export const stacks = changetype<Vec>(COLUMNS + 12 * 6);
export const frames = changetype<Vec>(COLUMNS + 12 * 7);
/** Sample columns: stack ordinal u32 and value i64; a row's samples are contiguous. */
export const sampleStacks = changetype<Vec>(COLUMNS + 12 * 8);
export const sampleValues = changetype<Vec>(COLUMNS + 12 * 9);
/** Only for rows with spans: span id u64 (0 none), trace id 16 bytes (all zero: none). */
export const spanIds = changetype<Vec>(COLUMNS + 12 * 10);
export const traceIds = changetype<Vec>(COLUMNS + 12 * 11);
export const rows = changetype<Vec>(COLUMNS + 12 * 12);
/** String ids (u32) of the rows' comments. */
export const comments = changetype<Vec>(COLUMNS + 12 * 13);

/** The column with this number, in the order above. */
export function column(index: u32): Vec {
  return vecAt(COLUMNS + <usize>index * VEC_SIZE);
}

/** Where a column's first byte is, for the host: see ABI.md for what the columns hold. */
export function columnAt(index: u32): usize {
  return column(index).pointer;
}

/** Bytes of one element of the column with this number. */
export function elementBytes(index: u32): u32 {
  switch (index) {
    case 0: return 1;
    case 2: return 24;
    case 3: return 40;
    case 4: return 24;
    case 5: return 16;
    case 6: case 9: case 10: return 8;
    case 11: return 16;
    case 12: return 88;
    default: return 4;
  }
}

/**
 * Sum of the totals of all rows, at most 2^63-1. It is less than the truth only in a head of one
 * profile whose sample types together are more; each type alone is checked by the scan.
 */
export let valueSum: u64 = 0;

/** Moves the sum; `append` and `rollback` alone call this. */
export function setValueSum(sum: u64): void {
  valueSum = sum;
}

/** a + b, at most 2^63-1; neither may be more than that. */
@inline export function addSaturating(a: u64, b: u64): u64 {
  return min<u64>(a + b, 0x7fffffffffffffff);
}
