// The record behind a merge handle. Owns its layout: columns, the tree, and where the tree's
// building goes on. The host reads the columns of a finished sum or tree straight from it.
import { Vec, reserve, vecAt } from '../memory';
import { Tree, treeAt } from '../tree';

const TREE: usize = 0;
/** Five columns, back to back. */
export const MERGE_COLUMNS: usize = 48;
export const MERGE_COLUMN_COUNT: u32 = 5;
const SUMS: usize = 48;
const ROW_NUMBERS: usize = 60;
const PATH: usize = 72;
const SELF: usize = 84;
const TOTAL: usize = 96;
/** Sum of the totals of all rows added, u64. */
export const MERGE_ADDED: usize = 112;
/** Stack ordinal that the tree goes on with, u32. */
export const MERGE_NEXT: usize = 120;
/** Where the frames of the stack before end, in bytes from the start of `frames`, u32. */
export const MERGE_LAST_END: usize = 124;
export const MERGE_SIZE: usize = 128;

/** Nodes of the function tree: the label is the string id of the name. */
@inline export function mergeTree(merge: usize): Tree {
  return treeAt(merge + TREE);
}

/** Sums by stack ordinal, i64. */
@inline export function mergeSums(merge: usize): Vec {
  return vecAt(merge + SUMS);
}

/** Row numbers from the host, u32. */
@inline export function mergeRowNumbers(merge: usize): Vec {
  return vecAt(merge + ROW_NUMBERS);
}

/** Node after each location of the stack before, root first, u32. */
@inline export function mergePath(merge: usize): Vec {
  return vecAt(merge + PATH);
}

/** Values of the stacks that end in a node, i64. */
@inline export function mergeSelf(merge: usize): Vec {
  return vecAt(merge + SELF);
}

/** Values of the stacks that end in a node or below it, i64. */
@inline export function mergeTotal(merge: usize): Vec {
  return vecAt(merge + TOTAL);
}

/** Makes an i64 column at least `length` long, zero where it is new; false without memory. */
export function extendZero(column: Vec, length: u32): bool {
  if (length <= column.length) return true;
  if (!reserve(column, length - column.length, 3)) return false;
  const from = <usize>column.length << 3;
  memory.fill(column.pointer + from, 0, (<usize>length << 3) - from);
  column.length = length;
  return true;
}
