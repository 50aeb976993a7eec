// Stacks for profile-guided optimisation: the innermost locations of each, and leaves that differ
// only in the line of their innermost call as one. Owns the tree of what is left; a leaf that is so
// joined loses its address and that line number.
import { FIRST_KEY, KEYS_SCRATCH, KEYS_STACKS, addWord, hashOf, hashStart } from '../hash';
import {
  LINE_FUNCTION, LINE_NUMBER, LINE_SIZE, LOC_FLAGS, LOC_LINE_COUNT, LOC_LINE_START, LOC_MAPPING,
  LOC_SIZE, NONE,
} from '../layout';
import { Vec, reserve } from '../memory';
import { childOf, dropLookup, labelOf, parentOf, startLookup, treeRoom } from '../tree';
import { keysOf, lines, locations } from './columns';
import {
  AGGREGATE, IS_CUT, KEEP, LEAF_BIT, LEAF_SLOTS, LEAVES, LOCATION_COUNT,
} from './pprof-state';
import {
  ANSWER_SUMS, NEXT_NODE, NODE_SUMS, PATH, addAt, answerTree, columnOf, extendZero, i64At,
  locationTree, setU32, startZero, u32At,
} from './sums-state';

/** Lines of a location that its hash covers; longer ones are only compared. */
const HASHED_LINES: u32 = 16;

/** An empty tree of what is left; false without memory. */
export function startLeaves(sums: usize): bool {
  const tree = answerTree(sums);
  dropLookup(tree);
  tree.length = 0;
  columnOf(sums, ANSWER_SUMS).length = 0;
  store<u32>(sums, 0, NEXT_NODE);
  const count = load<u32>(sums, LOCATION_COUNT);
  let slots: u32 = 64;
  while (slots < count << 1) slots <<= 1;
  return (
    startZero(columnOf(sums, LEAVES), count, 2) &&
    startZero(columnOf(sums, LEAF_SLOTS), slots, 2) &&
    startLookup(tree, locationTree(sums).length >>> 2, keysOf(KEYS_STACKS))
  );
}

/** Goes on for about `budget` look-ups. Answers 1 while work remains, else 0; -1: no memory. */
export function leavesStep(sums: usize, budget: i32): i32 {
  const nodes = locationTree(sums);
  const values = columnOf(sums, NODE_SUMS);
  let node = load<u32>(sums, NEXT_NODE);
  for (; node < nodes.length && budget > 0; node++, budget--) {
    const value = i64At(values, node);
    if (!value) continue;
    const cost = addStack(sums, node, value);
    if (cost < 0) return -1;
    budget -= cost;
  }
  store<u32>(sums, node, NEXT_NODE);
  if (node < nodes.length) return 1;
  dropLookup(answerTree(sums));
  store<u32>(sums, 1, IS_CUT);
  return 0;
}

/** Adds the stack that ends in a node; answers its look-ups, or -1 when there is no memory. */
function addStack(sums: usize, leaf: u32, value: i64): i32 {
  const nodes = locationTree(sums);
  const tree = answerTree(sums);
  const path = columnOf(sums, PATH);
  const keep = load<u32>(sums, KEEP);
  path.length = 0;
  for (let node = leaf; node != NONE && (!keep || path.length < keep);) {
    let label = labelOf(nodes, node);
    if (!path.length && label != NONE && load<u32>(sums, AGGREGATE)) label = leafOf(sums, label);
    if (!reserve(path, 1, 2)) return -1;
    setU32(path, path.length++, label);
    node = parentOf(nodes, node);
  }
  if (!treeRoom(tree, path.length)) return -1;
  let to = NONE;
  for (let i = path.length; i > 0;) {
    i--;
    to = childOf(tree, to, u32At(path, i));
  }
  const sumsOfTree = columnOf(sums, ANSWER_SUMS);
  if (!extendZero(sumsOfTree, tree.length)) return -1;
  addAt(sumsOfTree, to, value);
  return <i32>path.length;
}

/** Label of the leaf that stands for a location; without lines there is nothing to leave out. */
function leafOf(sums: usize, id: u32): u32 {
  const known = columnOf(sums, LEAVES);
  if (!load<u32>(recordOf(id), LOC_LINE_COUNT)) return id;
  if (!u32At(known, id)) setU32(known, id, findLeaf(columnOf(sums, LEAF_SLOTS), id) + 1);
  return (u32At(known, id) - 1) | LEAF_BIT;
}

@inline function recordOf(id: u32): usize {
  return locations().pointer + <usize>id * LOC_SIZE;
}

@inline function linesOf(location: usize): usize {
  return lines().pointer + <usize>load<u32>(location, LOC_LINE_START) * LINE_SIZE;
}

/** The first location that is the same but for its address and its first line number. */
function findLeaf(slots: Vec, id: u32): u32 {
  const mask = slots.length - 1;
  let k = hashOfLeaf(recordOf(id)) & mask;
  while (u32At(slots, k)) {
    const other = u32At(slots, k) - 1;
    if (isSameLeaf(recordOf(other), recordOf(id))) return other;
    k = (k + 1) & mask;
  }
  setU32(slots, k, id + 1);
  return id;
}

function hashOfLeaf(location: usize): u32 {
  const keys = keysOf(KEYS_SCRATCH);
  const count = load<u32>(location, LOC_LINE_COUNT);
  const hashed = min(count, HASHED_LINES);
  let sum = hashStart(keys, count);
  let line = linesOf(location);
  let key = keys + FIRST_KEY;
  for (let i: u32 = 0; i < hashed; i++, line += LINE_SIZE, key += 32) {
    sum = addWord(sum, load<u32>(line, LINE_FUNCTION), key);
    if (i) sum = addWord(sum, load<u64>(line, LINE_NUMBER), key + 16);
  }
  return hashOf(sum);
}

function isSameLeaf(a: usize, b: usize): bool {
  const count = load<u32>(a, LOC_LINE_COUNT);
  if (
    load<u32>(b, LOC_LINE_COUNT) != count ||
    load<u32>(a, LOC_MAPPING) != load<u32>(b, LOC_MAPPING) ||
    load<u32>(a, LOC_FLAGS) != load<u32>(b, LOC_FLAGS)
  ) return false;
  const left = linesOf(a);
  const right = linesOf(b);
  for (let i: u32 = 0; i < count; i++) {
    const at = <usize>i * LINE_SIZE;
    if (load<u32>(left + at, LINE_FUNCTION) != load<u32>(right + at, LINE_FUNCTION)) return false;
    if (i && load<u64>(left + at, LINE_NUMBER) != load<u64>(right + at, LINE_NUMBER)) return false;
  }
  return true;
}
