// The tree of function names over the sums of a merge, built stack by stack in slices. Inlined
// lines are expanded; a location without lines is one node with the empty name. Node 0 is the
// root of all, and parents come before their children.
import { frameFromRoot, sharedFrames } from '../frames';
import { KEYS_STACKS } from '../hash';
import {
  FN_NAME, FN_SIZE, LINE_FUNCTION, LINE_SIZE, LOC_LINE_COUNT, LOC_LINE_START, LOC_SIZE, NONE,
  STACK_DEPTH, STACK_SIZE, STACK_START,
} from '../layout';
import { ensure, reserve } from '../memory';
import { OUT_OF_MEMORY } from '../status';
import { Tree, childOf, dropLookup, parentOf, startLookup, treeRoom } from '../tree';
import { frames, functions, keysOf, lines, locations, stacks } from './columns';
import {
  MERGE_LAST_END, MERGE_NEXT, extendZero, mergePath, mergeSelf, mergeSums, mergeTotal, mergeTree,
} from './merge-state';

/** Starts the tree over; false when there is no memory. */
function startTree(merge: usize): bool {
  const tree = mergeTree(merge);
  dropLookup(tree);
  mergePath(merge).length = 0;
  mergeSelf(merge).length = 0;
  mergeTotal(merge).length = 0;
  store<u32>(merge, 0, MERGE_NEXT);
  // Real heads have a node for every ten frames or more; the lookup can grow.
  if (!startLookup(tree, frames().length >>> 3, keysOf(KEYS_STACKS)) || !treeRoom(tree, 1)) {
    return false;
  }
  childOf(tree, NONE, 0);
  return true;
}

/**
 * Goes on for about `budget` frames, from the start when rows were added since. Answers the stacks
 * left, 0 when the tree is complete, or a status; after one, release the merge.
 */
export function treeStep(merge: usize, budget: i32): i32 {
  if (!mergeTree(merge).length && !startTree(merge)) return OUT_OF_MEMORY;
  const sums = mergeSums(merge);
  let next = load<u32>(merge, MERGE_NEXT);
  while (next < sums.length && budget > 0) {
    const value = load<i64>(sums.pointer + (<usize>next << 3));
    budget--;
    if (value) {
      const cost = addStack(merge, next, value);
      if (cost < 0) return OUT_OF_MEMORY;
      budget -= cost;
    }
    next++;
  }
  store<u32>(merge, next, MERGE_NEXT);
  if (next < sums.length) return <i32>(sums.length - next);
  return finish(merge);
}

/** Adds one stack's value; answers its look-ups, or -1 when there is no memory. */
function addStack(merge: usize, ordinal: u32, value: i64): i32 {
  const stack = stacks().pointer + <usize>ordinal * STACK_SIZE;
  const depth = load<u32>(stack, STACK_DEPTH);
  const tree = mergeTree(merge);
  const path = mergePath(merge);
  const lastDepth = path.length;
  if (depth > lastDepth && !reserve(path, depth - lastDepth, 2)) return -1;
  const end = (<usize>load<u32>(stack, STACK_START) + depth) << 2;
  const lastEnd = <usize>load<u32>(merge, MERGE_LAST_END);
  let i = sharedFrames(frames().pointer, end, lastEnd, min(depth, lastDepth));
  const cost = depth - i;
  let node = i ? load<u32>(path.pointer + (<usize>(i - 1) << 2)) : 0;
  for (; i < depth; i++) {
    node = addLocation(tree, node, frameFromRoot(frames().pointer, end, i));
    if (node == NONE) return -1;
    store<u32>(path.pointer + (<usize>i << 2), node);
  }
  path.length = depth;
  store<u32>(merge, <u32>end, MERGE_LAST_END);
  const self = mergeSelf(merge);
  if (!extendZero(self, tree.length)) return -1;
  const at = self.pointer + (<usize>node << 3);
  store<i64>(at, load<i64>(at) + value);
  return <i32>cost;
}

/** Node of a location's innermost call under `parent`; NONE when there is no memory. */
function addLocation(tree: Tree, parent: u32, id: u32): u32 {
  const location = locations().pointer + <usize>id * LOC_SIZE;
  const count = load<u32>(location, LOC_LINE_COUNT);
  if (!treeRoom(tree, max(count, 1))) return NONE;
  if (!count) return childOf(tree, parent, 0);
  const first = lines().pointer + <usize>load<u32>(location, LOC_LINE_START) * LINE_SIZE;
  // Lines lie innermost first: the last one is the outer call.
  for (let line = first + <usize>count * LINE_SIZE; line > first;) {
    line -= LINE_SIZE;
    const fn = functions().pointer + <usize>load<u32>(line, LINE_FUNCTION) * FN_SIZE;
    parent = childOf(tree, parent, load<u32>(fn, FN_NAME));
  }
  return parent;
}

/** Totals in one pass from the last node up: a parent's id is smaller. */
function finish(merge: usize): i32 {
  const tree = mergeTree(merge);
  const total = mergeTotal(merge);
  dropLookup(tree);
  if (total.length) return 0;
  const bytes = <usize>tree.length << 3;
  // Without any stack the root has no self value yet.
  if (!extendZero(mergeSelf(merge), tree.length) || !ensure(total, bytes)) {
    return OUT_OF_MEMORY;
  }
  total.length = tree.length;
  memory.copy(total.pointer, mergeSelf(merge).pointer, bytes);
  for (let node = tree.length - 1; node > 0; node--) {
    const parent = total.pointer + (<usize>parentOf(tree, node) << 3);
    store<i64>(parent, load<i64>(parent) + load<i64>(total.pointer + (<usize>node << 3)));
  }
  return 0;
}
