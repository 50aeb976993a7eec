// The life of merged function trees behind a handle. Owns nothing besides: all memory is in columns
// of the record, and goes back with `treesRelease`.
import { KEYS_STACKS, KEYS_STRINGS } from '../hash';
import { NONE } from '../layout';
import { allocate, dropVecs, release, reserve } from '../memory';
import { OUT_OF_MEMORY } from '../status';
import { childOf, dropTree, startLookup, treeRoom } from '../tree';
import { keysOf } from './columns';
import { startNames } from './trees-names';
import {
  ANSWER, COLUMNS, COLUMN_COUNT, NAME_KEYS, NAME_KEYS_BYTES, SELF, SIDES, TREES_SIZE, columnOf,
  treeOf,
} from './trees-state';

/** The handle of one or two empty trees, or a status. */
export function treesBegin(sides: u32): i32 {
  const trees = allocate(TREES_SIZE);
  if (!trees) return OUT_OF_MEMORY;
  memory.fill(trees, 0, TREES_SIZE);
  store<u32>(trees, sides, SIDES);
  memory.copy(trees + NAME_KEYS, keysOf(KEYS_STRINGS), NAME_KEYS_BYTES);
  const tree = treeOf(trees);
  const self = columnOf(trees, SELF);
  if (
    !startLookup(tree, 0, keysOf(KEYS_STACKS)) || !treeRoom(tree, 1) || !startNames(trees) ||
    !reserve(self, sides, 3)
  ) {
    treesRelease(trees);
    return OUT_OF_MEMORY;
  }
  childOf(tree, NONE, 0);
  memory.fill(self.pointer, 0, <usize>sides << 3);
  self.length = sides;
  return <i32>trees;
}

/** Where the columns of the answer are; see ABI.md. */
export function treesAnswer(trees: usize): usize {
  return trees + ANSWER;
}

/** Gives everything back; the handle is void. */
export function treesRelease(trees: usize): void {
  dropTree(treeOf(trees));
  dropVecs(trees + COLUMNS, COLUMN_COUNT);
  release(trees, TREES_SIZE);
}
