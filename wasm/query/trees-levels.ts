// Flame graphs of merged trees: levels of 4 values a node for one tree, of 7 for two, with left
// edges as gaps from the neighbour on the left. The list of nodes comes last sibling first, so each
// level is written from its right end, and no node waits for another. Wire order and names are
// Pyroscope's.
import { ensure } from '../memory';
import { MISUSE, OK, OUT_OF_MEMORY } from '../status';
import {
  ANSWER_MAX_SELF, ANSWER_TOTALS, CUT, DEPTHS, DEPTH_MAX, PHASE_READY, TOTAL_RANK, VALUES, WORDS,
  columnOf, phaseOf, sidesOf,
} from './trees-state';
import { emptyRank, indexOf, startIndex, writeNames } from './trees-answer';
import {
  BOTH, CUT_DEPTH, CUT_RANK, CUT_TOTAL, cutLast, cutSize, sidesAsked, smallestKept,
} from './trees-cut';

/** By depth: right edge of the next node, from the right, of each tree (i64) · its number (u32). */
const LEVEL_SIZE: usize = 24;
const LEVEL_NEXT: usize = 16;

/** The first tree, of about `most` nodes (0: all), in the answer's values, words and names. */
export function treesFlame(trees: usize, most: u32): i32 {
  if (phaseOf(trees) != PHASE_READY) return MISUSE;
  const smallest = smallestKept(trees, 1, most, 0);
  if (!smallest || !cutLast(trees, smallest, 0, true)) return OUT_OF_MEMORY;
  return encode(trees, 0, load<u32>(trees, TOTAL_RANK));
}

/** The two trees beside each other, as `treesFlame`. */
export function treesDiff(trees: usize, most: u32): i32 {
  if (phaseOf(trees) != PHASE_READY || sidesOf(trees) != 2) return MISUSE;
  const smallest = smallestKept(trees, 0, most, BOTH);
  if (!smallest || !cutLast(trees, smallest, BOTH, false)) return OUT_OF_MEMORY;
  return encode(trees, BOTH, emptyRank(trees));
}

function encode(trees: usize, side: u32, shared: u32): i32 {
  const asked = sidesAsked(side);
  if (!startLevels(trees, asked) || !startIndex(trees, true, shared)) return OUT_OF_MEMORY;
  const cut = columnOf(trees, CUT);
  const size = cutSize(asked);
  const end = cut.pointer + <usize>cut.length * size;
  store<i64>(trees, 0, ANSWER_MAX_SELF);
  store<i64>(trees, 0, ANSWER_TOTALS + 8);
  writeRoot(trees, asked);
  for (let node = cut.pointer + size; node < end; node += size) writeNode(trees, node, asked);
  return writeNames(trees) ? OK : OUT_OF_MEMORY;
}

@inline function levelAt(trees: usize, depth: u32): usize {
  return columnOf(trees, DEPTHS).pointer + <usize>depth * LEVEL_SIZE;
}

/** Values of a node. */
@inline function widthOf(asked: u32): u32 {
  return asked * 3 + 1;
}

/** Counts the nodes of each level, and lets each begin at its end. */
function startLevels(trees: usize, asked: u32): bool {
  const levels = load<u32>(trees, DEPTH_MAX) + 1;
  const words = columnOf(trees, WORDS);
  const values = columnOf(trees, VALUES);
  const cut = columnOf(trees, CUT);
  const count = <u64>cut.length * widthOf(asked);
  // One level more than there can be: every node leaves an edge for children.
  if (
    !ensure(words, (<u64>levels + 1) << 2) || !ensure(values, count << 3) ||
    !ensure(columnOf(trees, DEPTHS), (<u64>levels + 1) * LEVEL_SIZE)
  ) return false;
  memory.fill(words.pointer, 0, (<usize>levels + 1) << 2);
  const end = cut.pointer + <usize>cut.length * cutSize(asked);
  let deepest: u32 = 0;
  for (let node = cut.pointer; node < end; node += cutSize(asked)) {
    const depth = load<u32>(node, CUT_DEPTH);
    deepest = max(deepest, depth);
    const at = words.pointer + (<usize>depth << 2);
    store<u32>(at, load<u32>(at, 4) + 1, 4);
  }
  for (let depth: u32 = 0; depth <= deepest; depth++) {
    const at = words.pointer + (<usize>depth << 2);
    const next = load<u32>(at) + load<u32>(at, 4);
    store<u32>(at, next, 4);
    store<u32>(levelAt(trees, depth), next, LEVEL_NEXT);
  }
  words.length = deepest + 2;
  values.length = <u32>count;
  return true;
}

/** The root has all of both trees, and no value of its own: its children begin at 0. */
function writeRoot(trees: usize, asked: u32): void {
  const root = columnOf(trees, CUT).pointer;
  const values = columnOf(trees, VALUES).pointer;
  memory.fill(values, 0, <usize>widthOf(asked) << 3);
  for (let side: u32 = 0; side < asked; side++) {
    const total = load<i64>(root + (<usize>side << 3), CUT_TOTAL);
    const self = load<i64>(root + (<usize>(side + asked) << 3), CUT_TOTAL);
    store<i64>(values + (<usize>(side * 3 + 1) << 3), total);
    store<i64>(trees + (<usize>side << 3), total, ANSWER_TOTALS);
    store<i64>(levelAt(trees, 1) + (<usize>side << 3), total - self);
  }
}

function writeNode(trees: usize, node: usize, asked: u32): void {
  const depth = load<u32>(node, CUT_DEPTH);
  const level = levelAt(trees, depth);
  const width = widthOf(asked);
  const number = load<u32>(level, LEVEL_NEXT) - 1;
  store<u32>(level, number, LEVEL_NEXT);
  const end = load<u32>(columnOf(trees, WORDS).pointer + (<usize>depth << 2), 4);
  const at = columnOf(trees, VALUES).pointer + (<usize>number * width << 3);
  const neighbour = number + 1 < end ? at + (<usize>width << 3) : 0;
  store<i64>(at + (<usize>(width - 1) << 3), indexOf(trees, load<u32>(node, CUT_RANK)));
  for (let side: u32 = 0; side < asked; side++) {
    const edge = level + (<usize>side << 3);
    const total = load<i64>(node + (<usize>side << 3), CUT_TOTAL);
    const self = load<i64>(node + (<usize>(side + asked) << 3), CUT_TOTAL);
    const right = load<i64>(edge);
    const offset = <usize>(side * 24);
    // The neighbour's left edge becomes the gap between the two.
    if (neighbour) store<i64>(neighbour + offset, load<i64>(neighbour + offset) - right);
    store<i64>(at + offset, right - total);
    store<i64>(at + offset, total, 8);
    store<i64>(at + offset, self, 16);
    store<i64>(edge, right - total);
    store<i64>(edge, right, LEVEL_SIZE);
    if (self > load<i64>(trees, ANSWER_MAX_SELF)) store<i64>(trees, self, ANSWER_MAX_SELF);
  }
}
