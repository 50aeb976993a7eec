// What the encoding of a pprof keeps in the record of its sums: columns and numbers. Owns their
// places, and which of the record's two trees has the stacks that are encoded.
import { Vec } from '../memory';
import { Tree } from '../tree';
import {
  ANSWER_SUMS, NODE_SUMS, PPROF, PPROF_SCALARS, answerTree, columnOf, locationTree,
} from './sums-state';

/** The encoded bytes. */
export const OUTPUT: usize = PPROF;
/** Per node, i64: its total, and what is left out below it. Only when nodes are bounded. */
export const NODE_TOTALS: usize = PPROF + 1;
export const OTHERS: usize = PPROF + 2;
/** Per node, u32: bytes of the location ids from it up to its root. */
export const PATH_BYTES: usize = PPROF + 3;
/** Per place of a location, u32: its id in the pprof, 0 for none; per id its label. */
export const LOCATION_IDS: usize = PPROF + 4;
export const LOCATION_ORDER: usize = PPROF + 5;
/** The same of functions. */
export const FUNCTION_IDS: usize = PPROF + 6;
export const FUNCTION_ORDER: usize = PPROF + 7;
/** The same of mappings, whose order is that of the kernel: the first one is the program's. */
export const MAPPING_IDS: usize = PPROF + 8;
/** Per location the leaf that stands for it plus one, u32; and the lookup of leaves. */
export const LEAVES: usize = PPROF + 9;
export const LEAF_SLOTS: usize = PPROF + 10;

/** Most nodes, and most locations of a stack, u32; 0: all. */
export const NODES_MAX: usize = PPROF_SCALARS;
export const KEEP: usize = PPROF_SCALARS + 4;
/** 1 when leaves lose their line numbers, u32. */
export const AGGREGATE: usize = PPROF_SCALARS + 8;
/** Locations that there were at the start, u32. */
export const LOCATION_COUNT: usize = PPROF_SCALARS + 12;
/** Id of the location that stands for what is left out, u32; 0: none. */
export const OTHER_LOCATION: usize = PPROF_SCALARS + 16;
/** 1 when the stacks are in the tree of the answer, u32. */
export const IS_CUT: usize = PPROF_SCALARS + 20;
/** What is left out below no node at all, i64. */
export const ROOT_OTHERS: usize = PPROF_SCALARS + 24;
/** The smallest total that is kept, i64; 0: all are. */
export const TOTAL_MIN: usize = PPROF_SCALARS + 32;
/** Numbers of the header, i64: period, time, duration. */
export const HEADER: usize = PPROF_SCALARS + 40;
export const HEADER_BYTES: usize = 24;
/** Its names, u32: type, unit, type and unit of the period. */
export const HEADER_NAMES: usize = PPROF_SCALARS + 64;

/** Bit of a label: a location without the line number of its innermost call. */
export const LEAF_BIT: u32 = 0x80000000;

/** Nodes of the stacks that are encoded. */
@inline export function stackNodes(sums: usize): Tree {
  return load<u32>(sums, IS_CUT) ? answerTree(sums) : locationTree(sums);
}

/** Values of the stacks that end in them, i64. */
@inline export function stackValues(sums: usize): Vec {
  return columnOf(sums, load<u32>(sums, IS_CUT) ? ANSWER_SUMS : NODE_SUMS);
}

/** Where a label is in LOCATION_IDS. */
@inline export function placeOf(sums: usize, label: u32): u32 {
  return label & LEAF_BIT ? load<u32>(sums, LOCATION_COUNT) + (label & ~LEAF_BIT) : label;
}
