// The tree of locations over the sums of a head, built stack by stack in slices. It is as a block
// has one: roots have no parent, the empty stack is a node without a location, and parents come
// before their children. Only stacks whose sum is not zero are in it.
import { frameFromRoot, sharedFrames } from '../frames';
import { KEYS_STACKS } from '../hash';
import { NONE, STACK_DEPTH, STACK_SIZE, STACK_START } from '../layout';
import { reserve } from '../memory';
import { childOf, dropLookup, startLookup, treeRoom } from '../tree';
import { frames, keysOf, stacks } from './columns';
import {
  LAST_END, NEXT_STACK, NODE_SUMS, PATH, STACK_SUMS, addAt, columnOf, extendZero, i64At,
  locationTree, setU32, u32At,
} from './sums-state';

/** Starts the tree over; false when there is no memory. */
export function startLocations(sums: usize): bool {
  const tree = locationTree(sums);
  dropLookup(tree);
  tree.length = 0;
  columnOf(sums, PATH).length = 0;
  columnOf(sums, NODE_SUMS).length = 0;
  store<u32>(sums, 0, NEXT_STACK);
  // Real heads have a node for every six frames or more; the lookup can grow.
  return startLookup(tree, frames().length >>> 3, keysOf(KEYS_STACKS));
}

/** Goes on for about `budget` look-ups. Answers stacks left, 0 when complete; -1: no memory. */
export function locationStep(sums: usize, budget: i32): i32 {
  const values = columnOf(sums, STACK_SUMS);
  let next = load<u32>(sums, NEXT_STACK);
  while (next < values.length && budget > 0) {
    const value = i64At(values, next);
    budget--;
    if (value) {
      const cost = addStack(sums, next, value);
      if (cost < 0) return -1;
      budget -= cost;
    }
    next++;
  }
  store<u32>(sums, next, NEXT_STACK);
  if (next == values.length) dropLookup(locationTree(sums));
  return <i32>(values.length - next);
}

/** Adds one stack's value; answers its look-ups, or -1 when there is no memory. */
function addStack(sums: usize, ordinal: u32, value: i64): i32 {
  const stack = stacks().pointer + <usize>ordinal * STACK_SIZE;
  const depth = load<u32>(stack, STACK_DEPTH);
  const tree = locationTree(sums);
  const path = columnOf(sums, PATH);
  if (!treeRoom(tree, depth + 1)) return -1;
  if (depth > path.length && !reserve(path, depth - path.length, 2)) return -1;
  const end = (<usize>load<u32>(stack, STACK_START) + depth) << 2;
  const all = frames().pointer;
  let i = sharedFrames(all, end, <usize>load<u32>(sums, LAST_END), min(depth, path.length));
  const cost = depth - i;
  let node = i ? u32At(path, i - 1) : NONE;
  for (; i < depth; i++) {
    node = childOf(tree, node, frameFromRoot(all, end, i));
    setU32(path, i, node);
  }
  if (!depth) node = childOf(tree, NONE, NONE);
  path.length = depth;
  store<u32>(sums, <u32>end, LAST_END);
  const self = columnOf(sums, NODE_SUMS);
  if (!extendZero(self, tree.length)) return -1;
  addAt(self, node, value);
  return <i32>cost;
}
