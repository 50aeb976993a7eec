// The record behind a handle of sums. Owns its layout: two trees, columns, and where work in slices
// goes on. The host reads the columns of a finished answer straight from it.
import { VEC_SIZE, Vec, dropVecs, reserve, vecAt } from '../memory';
import { Tree, dropTree, treeAt } from '../tree';

/** Nodes of locations: parent and location, NONE for a root's parent and the empty stack. */
const LOCATIONS: usize = 0;
/** Nodes of the answer: names under names, or the stacks of a pprof after `keepLocations`. */
const ANSWER: usize = 48;
const COLUMNS: usize = 96;
const COLUMN_COUNT: u32 = 30;

/** Sums by stack ordinal of a head, and by node, i64. */
export const STACK_SUMS: usize = 0;
export const NODE_SUMS: usize = 1;
/** What the host hands over: see the call that asks for it. */
export const INPUT: usize = 2;
/** What the host reads after `sumsRowTotals` and `sumsBatchTotals`, i64. */
export const TOTALS: usize = 3;
/** 1 for each stack ordinal of a head, or node of a block, that begins with the call site. */
export const MASK: usize = 4;
/** Names of the call site: offsets (u32), then bytes. */
export const CALL_SITE: usize = 5;
/** Node after each location of the stack before, root first; or matched names by node, u32. */
export const PATH: usize = 6;
/** A name that is made from an address. */
export const TEXT: usize = 7;
/** What passes: by series, by profile (u8 each); sets of ids of `id-set.ts`. */
export const SERIES_MASK: usize = 8;
export const PROFILE_MASK: usize = 9;
export const SPANS: usize = 10;
export const TRACES: usize = 11;
/** Per node of locations, u32: 1 when it is used, then its node in the answer. */
export const MAP: usize = 12;
/** Values of the stacks that end in a node of the answer, i64. */
export const ANSWER_SUMS: usize = 13;
/** A table of `name-table.ts`: three columns. */
export const NAMES: usize = 14;
/** Per string id its name, u32. */
export const STRING_NAMES: usize = 17;
/** Columns of `pprof-state.ts`. */
export const PPROF: usize = 18;

const DETAIL_AT: usize = 24;
const SCALARS: usize = COLUMNS + 30 * VEC_SIZE;
/** Sum of all values added, u64. */
export const ADDED: usize = SCALARS;
/** Times that pass, i64, both inclusive. */
export const TIME_FROM: usize = SCALARS + 8;
export const TIME_TO: usize = SCALARS + 16;
/** What the last refusal was about, u64. */
export const DETAIL: usize = SCALARS + DETAIL_AT;
/** 1 when the nodes were given by the host, u32. */
export const IS_BLOCK: usize = SCALARS + 32;
/** Names of the call site, u32; 0: every stack counts. */
export const CALL_SITE_COUNT: usize = SCALARS + 36;
/** Filters that are set: `FILTER_*` of `sums-filter.ts`, u32. */
export const FILTERS: usize = SCALARS + 40;
/** Stack ordinal that the tree of locations goes on with, u32. */
export const NEXT_STACK: usize = SCALARS + 44;
/** Where the frames of the stack before end, in bytes from the start of `frames`, u32. */
export const LAST_END: usize = SCALARS + 48;
/** What the answer is doing, and the node it goes on with, u32. */
export const PHASE: usize = SCALARS + 52;
export const NEXT_NODE: usize = SCALARS + 56;
/** Scalars of `pprof-state.ts`. */
export const PPROF_SCALARS: usize = SCALARS + 64;
export const SIZE: usize = PPROF_SCALARS + 120;

/** Phase of an answer that was not begun; the others belong to who builds it. */
export const PHASE_NONE: u32 = 0;

/** The tree of locations. */
@inline export function locationTree(sums: usize): Tree {
  return treeAt(sums + LOCATIONS);
}

/** The tree of the answer. */
@inline export function answerTree(sums: usize): Tree {
  return treeAt(sums + ANSWER);
}

/** A column of the record. */
@inline export function columnOf(sums: usize, index: usize): Vec {
  return vecAt(sums + COLUMNS + index * VEC_SIZE);
}

/** Gives back all that the record holds. */
export function dropSums(sums: usize): void {
  dropTree(locationTree(sums));
  dropTree(answerTree(sums));
  dropVecs(sums + COLUMNS, COLUMN_COUNT);
}

/** Empties the answer, for sums that changed; its memory is used again. */
export function forgetAnswer(sums: usize): void {
  store<u32>(sums, PHASE_NONE, PHASE);
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

/** Makes a column of `count` elements of 2^shift bytes, all zero; false without memory. */
export function startZero(column: Vec, count: u32, shift: u32): bool {
  column.length = 0;
  if (!reserve(column, count, shift)) return false;
  memory.fill(column.pointer, 0, <usize>count << shift);
  column.length = count;
  return true;
}

/** Entry of a u32 column. */
@inline export function u32At(v: Vec, index: u32): u32 {
  return load<u32>(v.pointer + (<usize>index << 2));
}

/** Sets an entry of a u32 column. */
@inline export function setU32(v: Vec, index: u32, value: u32): void {
  store<u32>(v.pointer + (<usize>index << 2), value);
}

/** Entry of an i64 column. */
@inline export function i64At(v: Vec, index: u32): i64 {
  return load<i64>(v.pointer + (<usize>index << 3));
}

/** Adds to an entry of an i64 column. */
@inline export function addAt(v: Vec, index: u32, value: i64): void {
  const at = v.pointer + (<usize>index << 3);
  store<i64>(at, load<i64>(at) + value);
}
