// The record behind a handle of merged function trees: one or two trees over one set of nodes and
// names. Owns its layout. `trees.ts` makes it, parts come in with `trees-add.ts`, `trees-order.ts`
// sorts, and what is answered is cut with `trees-cut.ts`.
import { VEC_SIZE, Vec, vecAt } from '../memory';
import { Tree, treeAt } from '../tree';

/** Columns back to back behind the tree, so that releasing them is a loop. */
export const COLUMNS: usize = 48;
export const COLUMN_COUNT: u32 = 26;

/** Values of the stacks that end in a node, i64 for each tree. */
export const SELF: usize = 0;
/** Distinct names: bytes back to back, one offset (u32) more than names, and slots (u64). */
export const NAME_BYTES: usize = 1;
export const NAME_OFFSETS: usize = 2;
export const NAME_SLOTS: usize = 3;
/** The part that is being added, and from its names and nodes to ours (u32). */
export const PART: usize = 4;
export const PART_NAMES: usize = 5;
export const PART_NODES: usize = 6;
/** Ordering: names to sort and ranges that are not sorted yet; then by node (u32, totals i64). */
export const SORT_ITEMS: usize = 7;
export const SORT_RANGES: usize = 8;
export const RANKS: usize = 9;
export const SIZES: usize = 10;
export const TAKEN: usize = 11;
export const PLACES: usize = 12;
export const TOTALS: usize = 13;
/** Nodes by rank of their name (u32). */
export const BY_RANK: usize = 14;
/** Name by rank (u32): ranks are the bytewise order of the names. */
export const RANKED: usize = 15;
/** The ordered nodes: records of `trees-order.ts`. */
export const NODES: usize = 16;
/** What is left after truncation: records of `trees-cut.ts`. */
export const CUT: usize = 17;
/** Counters by digit, then a record for each depth. */
export const DEPTHS: usize = 18;
/** From rank to one more than the index in the answer (u32). */
export const NAME_INDEX: usize = 19;
/** Names of the answer, by rank (u32). */
export const ANSWER_RANKS: usize = 20;

// ---- the answer, which the host reads: five columns
export const ANSWER: usize = COLUMNS + 21 * VEC_SIZE;
/** i64: levels, or self values and then totals. */
export const VALUES: usize = 21;
/** u32: first node of each level and one more, or parents and then names. */
export const WORDS: usize = 22;
/** Names: one offset (u32) more than names, and bytes. */
export const ANSWER_OFFSETS: usize = 23;
export const ANSWER_BYTES: usize = 24;
/** Tree bytes. */
export const ENCODED: usize = 25;

const AFTER_COLUMNS: usize = ANSWER + 5 * VEC_SIZE;
/** Totals of the answer's trees, and its largest self value: i64. */
export const ANSWER_TOTALS: usize = AFTER_COLUMNS;
export const ANSWER_MAX_SELF: usize = AFTER_COLUMNS + 16;
/** Sum of everything added, to both trees: u64. */
export const ADDED: usize = AFTER_COLUMNS + 24;
/** How many trees. */
export const SIDES: usize = AFTER_COLUMNS + 32;
/** What `treesStep` does next, and where it goes on. */
export const PHASE: usize = AFTER_COLUMNS + 36;
export const NEXT: usize = AFTER_COLUMNS + 40;
/** Of the part: nodes, names, bytes of names, tree. */
export const PART_NODE_COUNT: usize = AFTER_COLUMNS + 44;
export const PART_NAME_COUNT: usize = AFTER_COLUMNS + 48;
export const PART_BYTE_COUNT: usize = AFTER_COLUMNS + 52;
export const PART_SIDE: usize = AFTER_COLUMNS + 56;
/** Ranks of the names that the encodings single out. */
export const OTHER_RANK: usize = AFTER_COLUMNS + 60;
export const TOTAL_RANK: usize = AFTER_COLUMNS + 64;
/** Depth of the deepest ordered node; the root's is 0. */
export const DEPTH_MAX: usize = AFTER_COLUMNS + 68;
/** A copy of the strings' secret keys: the head may draw its own anew. */
export const NAME_KEYS: usize = AFTER_COLUMNS + 72;
export const NAME_KEYS_BYTES: usize = 2048;
export const TREES_SIZE: usize = NAME_KEYS + NAME_KEYS_BYTES;

/** Nothing is under way, and the nodes are not in order. */
export const PHASE_OPEN: u32 = 0;
/** A part is under way: the lookup is filled anew, then names and nodes are added. */
export const PHASE_ENTER: u32 = 1;
export const PHASE_NAMES: u32 = 2;
export const PHASE_NODES: u32 = 3;
/** Names are sorted, then passes over all nodes put these in order. */
export const PHASE_SORT: u32 = 4;
export const PHASE_RANK: u32 = 5;
export const PHASE_FILL: u32 = 6;
export const PHASE_TOTALS: u32 = 7;
export const PHASE_COUNT: u32 = 8;
export const PHASE_LIST: u32 = 9;
export const PHASE_OFFSETS: u32 = 10;
export const PHASE_PLACE: u32 = 11;
/** The nodes are in order: questions can be answered. */
export const PHASE_READY: u32 = 12;

/** Nodes: the label is the name's number. Node 0 is the root. */
@inline export function treeOf(trees: usize): Tree {
  return treeAt(trees);
}

/** A column, by its number above. */
@inline export function columnOf(trees: usize, column: usize): Vec {
  return vecAt(trees + COLUMNS + column * VEC_SIZE);
}

/** How many trees there are: 1 or 2. */
@inline export function sidesOf(trees: usize): u32 {
  return load<u32>(trees, SIDES);
}

/** What is done next. */
@inline export function phaseOf(trees: usize): u32 {
  return load<u32>(trees, PHASE);
}

/** True while a part is under way. */
@inline export function isAdding(trees: usize): bool {
  const phase = phaseOf(trees);
  return phase >= PHASE_ENTER && phase <= PHASE_NODES;
}

/** Goes to a phase, from its start. */
@inline export function setPhase(trees: usize, phase: u32): void {
  store<u32>(trees, phase, PHASE);
  store<u32>(trees, 0, NEXT);
}
