// Truncation of merged trees: which nodes are small, and the list of what is left with the sums of
// the rest as nodes named `other`. Owns the two ways to place those: last, where flame graphs fold
// a real `other` in, and in the order of names, where a real one is kept. Frames without any value
// are left out. The list is depth first, the last sibling first, as the nodes are.
import { allocate, ensure, release, reserveRecords } from '../memory';
import {
  CUT, DEPTHS, DEPTH_MAX, NODES, OTHER_RANK, columnOf, sidesOf, treeOf,
} from './trees-state';
import { NODE_COUNT, NODE_DEPTH, NODE_RANK, NODE_TOTAL, nodeSize } from './trees-order';

/** Node of the list: rank of the name, depth, a word for encoders u32 · pad · totals, selfs i64. */
export const CUT_RANK: usize = 0;
export const CUT_DEPTH: usize = 4;
export const CUT_WORD: usize = 8;
export const CUT_TOTAL: usize = 16;

/** For `side`: both trees at once. A node's size is the larger total then. */
export const BOTH: u32 = 2;

/** Digits of a total that are counted at a time. */
const DIGIT_BITS: u32 = 11;
const DIGITS_BYTES: usize = 4 << 11;

/** How many trees a question is about. */
@inline export function sidesAsked(side: u32): u32 {
  return side == BOTH ? 2 : 1;
}

/** Bytes of a node of the list, about so many trees. */
@inline export function cutSize(asked: u32): usize {
  return CUT_TOTAL + (<usize>asked << 4);
}

/** Total of an ordered node: of one tree, or the larger of both. Never below 0. */
@inline function sizeOf(node: usize, side: u32): u64 {
  if (side == BOTH) return max(load<u64>(node, NODE_TOTAL), load<u64>(node, NODE_TOTAL + 8));
  return load<u64>(node + (<usize>side << 3), NODE_TOTAL);
}

/**
 * The `most`-th largest total among the nodes from number `first` on, at least 1; 1 when there are
 * no more than that, or `most` is 0. Answers 0 without memory.
 */
export function smallestKept(trees: usize, first: u32, most: u32, side: u32): u64 {
  const count = treeOf(trees).length - first;
  if (!most || count <= most) return 1;
  const digits = allocate(DIGITS_BYTES);
  if (!digits) return 0;
  const root = columnOf(trees, NODES).pointer;
  // The wanted one lies in `low … low + 2^shift - 1`, and `most` counts from the top of that range.
  // The root has the largest of all totals.
  let low: u64 = 0;
  let shift = 64 - <u32>clz<u64>(sizeOf(root, side));
  while (shift) {
    const bits = min(shift, DIGIT_BITS);
    shift -= bits;
    countDigits(trees, first, side, low, shift, digits, bits);
    let digit = digits + (<usize>4 << bits) - 4;
    while (load<u32>(digit) < most) {
      most -= load<u32>(digit);
      digit -= 4;
    }
    low += <u64>((digit - digits) >> 2) << shift;
  }
  release(digits, DIGITS_BYTES);
  return max<u64>(low, 1);
}

/** Counts the nodes in a range of totals by digit; those below it have nothing larger below. */
function countDigits(
  trees: usize, first: u32, side: u32, low: u64, shift: u32, digits: usize, bits: u32,
): void {
  memory.fill(digits, 0, DIGITS_BYTES);
  const size = nodeSize(sidesOf(trees));
  const nodes = columnOf(trees, NODES).pointer;
  const end = nodes + <usize>treeOf(trees).length * size;
  for (let node = nodes + <usize>first * size; node < end;) {
    const total = sizeOf(node, side);
    if (total < low) {
      node += <usize>load<u32>(node, NODE_COUNT) * size;
      continue;
    }
    const digit = (total - low) >> shift;
    if (digit < <u64>1 << bits) {
      const at = digits + (<usize>digit << 2);
      store<u32>(at, load<u32>(at) + 1);
    }
    node += size;
  }
}

/** The list's next node, without any value; there is room. */
function blank(trees: usize, asked: u32, rank: u32, depth: u32): usize {
  const cut = columnOf(trees, CUT);
  const at = cut.pointer + <usize>cut.length * cutSize(asked);
  store<u32>(at, rank, CUT_RANK);
  store<u32>(at, depth, CUT_DEPTH);
  for (let i = CUT_WORD; i < cutSize(asked); i += 8) store<u64>(at + i, 0);
  return at;
}

/** Puts an ordered node on the list; answers it. */
function keep(trees: usize, node: usize, side: u32): usize {
  const asked = sidesAsked(side);
  const at = blank(trees, asked, load<u32>(node, NODE_RANK), load<u32>(node, NODE_DEPTH));
  const totals = node + (side == BOTH ? 0 : <usize>side << 3);
  const selfs = totals + (<usize>sidesOf(trees) << 3);
  for (let i: usize = 0; i < <usize>asked << 3; i += 8) {
    store<i64>(at + i, load<i64>(totals + i, NODE_TOTAL), CUT_TOTAL);
    store<i64>(at + (<usize>asked << 3) + i, load<i64>(selfs + i, NODE_TOTAL), CUT_TOTAL);
  }
  columnOf(trees, CUT).length++;
  return at;
}

/** Adds an ordered node's totals to sums at an address. */
function addTotals(node: usize, side: u32, sums: usize): void {
  const totals = node + (side == BOTH ? 0 : <usize>side << 3);
  store<i64>(sums, load<i64>(sums) + load<i64>(totals, NODE_TOTAL));
  if (side == BOTH) store<i64>(sums, load<i64>(sums, 8) + load<i64>(totals, NODE_TOTAL + 8), 8);
}

@inline function isZero(sums: usize, asked: u32): bool {
  return !load<u64>(sums) && (asked == 1 || !load<u64>(sums, 8));
}

/** Gives an `other` its sums, as totals and as selfs, and puts it on the list. */
function keepOther(trees: usize, other: usize, asked: u32): void {
  for (let i: usize = 0; i < <usize>asked << 3; i += 8) {
    store<i64>(other + (<usize>asked << 3) + i, load<i64>(other + i, CUT_TOTAL), CUT_TOTAL);
  }
  columnOf(trees, CUT).length++;
}

/**
 * Lists the nodes of `smallest` or more, the rest of each parent as its last child. With `folds`
 * a real `other` is part of the rest. False without memory.
 */
export function cutLast(trees: usize, smallest: u64, side: u32, folds: bool): bool {
  const asked = sidesAsked(side);
  const size = nodeSize(sidesOf(trees));
  const cut = columnOf(trees, CUT);
  const otherRank = folds ? load<u32>(trees, OTHER_RANK) : 0xffffffff;
  const nodes = columnOf(trees, NODES).pointer;
  const end = nodes + <usize>treeOf(trees).length * size;
  cut.length = 0;
  for (let node = nodes; node < end;) {
    const below = node + <usize>load<u32>(node, NODE_COUNT) * size;
    if (
      node > nodes &&
      (sizeOf(node, side) < smallest || load<u32>(node, NODE_RANK) == otherRank)
    ) {
      node = below;
      continue;
    }
    if (!reserveRecords(cut, 2, cutSize(asked))) return false;
    keep(trees, node, side);
    const other = blank(
      trees, asked, load<u32>(trees, OTHER_RANK), load<u32>(node, NODE_DEPTH) + 1,
    );
    node += size;
    for (let child = node; child < below;) {
      if (sizeOf(child, side) < smallest || load<u32>(child, NODE_RANK) == otherRank) {
        addTotals(child, side, other + CUT_TOTAL);
      }
      child += <usize>load<u32>(child, NODE_COUNT) * size;
    }
    if (!isZero(other + CUT_TOTAL, asked)) keepOther(trees, other, asked);
  }
  return true;
}

/** The rest of a level that is not on the list yet, i64. */
@inline function restAt(trees: usize, depth: u32): usize {
  return columnOf(trees, DEPTHS).pointer + (<usize>depth << 3);
}

/** Puts what is left of a level on the list; there is room. */
function flush(trees: usize, depth: u32): void {
  const rest = restAt(trees, depth);
  if (!load<i64>(rest)) return;
  const other = blank(trees, 1, load<u32>(trees, OTHER_RANK), depth);
  store<i64>(other, load<i64>(rest), CUT_TOTAL);
  keepOther(trees, other, 1);
  store<i64>(rest, 0);
}

/** True when a node of one tree is left out: small, and not a real `other` with a value. */
@inline function isSmall(node: usize, smallest: u64, side: u32, otherRank: u32): bool {
  const total = sizeOf(node, side);
  return total < smallest && (!total || load<u32>(node, NODE_RANK) != otherRank);
}

/**
 * Lists the nodes of one tree of `smallest` or more, and those named `other`; the rest of each
 * parent is added to its `other`, or is one in its place. False without memory.
 */
export function cutSorted(trees: usize, smallest: u64, side: u32): bool {
  const size = nodeSize(sidesOf(trees));
  const cut = columnOf(trees, CUT);
  const otherRank = load<u32>(trees, OTHER_RANK);
  const rests = (<u64>load<u32>(trees, DEPTH_MAX) + 3) << 3;
  if (!ensure(columnOf(trees, DEPTHS), rests)) return false;
  memory.fill(columnOf(trees, DEPTHS).pointer, 0, <usize>rests);
  const nodes = columnOf(trees, NODES).pointer;
  const end = nodes + <usize>treeOf(trees).length * size;
  cut.length = 0;
  let last: u32 = 0;
  for (let node = nodes; node < end;) {
    const below = node + <usize>load<u32>(node, NODE_COUNT) * size;
    if (node > nodes && isSmall(node, smallest, side, otherRank)) {
      node = below;
      continue;
    }
    const depth = load<u32>(node, NODE_DEPTH);
    // One for the node, one beside it, and one for each level that is left.
    if (!reserveRecords(cut, max<i32>(last - depth, 0) + 3, cutSize(1))) return false;
    for (let level = last + 1; level > depth; level--) flush(trees, level);
    const rank = load<u32>(node, NODE_RANK);
    if (rank < otherRank) flush(trees, depth);
    const kept = keep(trees, node, side);
    if (node > nodes && rank == otherRank) addRest(kept, restAt(trees, depth));
    last = depth;
    node += size;
    for (let child = node; child < below;) {
      if (isSmall(child, smallest, side, otherRank)) {
        addTotals(child, side, restAt(trees, depth + 1));
      }
      child += <usize>load<u32>(child, NODE_COUNT) * size;
    }
  }
  if (!reserveRecords(cut, last + 1, cutSize(1))) return false;
  for (let level = last + 1; level > 0; level--) flush(trees, level);
  return true;
}

/** A real `other` takes the rest of its level. */
function addRest(kept: usize, rest: usize): void {
  const more = load<i64>(rest);
  store<i64>(kept, load<i64>(kept, CUT_TOTAL) + more, CUT_TOTAL);
  store<i64>(kept, load<i64>(kept, CUT_TOTAL + 8) + more, CUT_TOTAL + 8);
  store<i64>(rest, 0);
}
