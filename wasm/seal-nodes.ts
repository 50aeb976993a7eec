// The tree of stacks of a seal: walks a stack root → leaf and numbers what is new. Keeps the path
// of the stack before, because neighbours share most of theirs.
import { frameFromRoot, sharedFrames } from './frames';
import { KEYS_STACKS, keysOf } from './hash';
import { NONE, STACK_DEPTH, STACK_SIZE, STACK_START } from './layout';
import { dropVec, reserve } from './memory';
import {
  childOf, dropLookup, startLookup, treeRoom,
} from './tree';
import { nodes, path, u32At } from './seal-state';
import { frames, stacks } from './store';

/** Where the frames of the stack in `path` end, counted from the start of `frames`. */
let lastEnd: usize = 0;

/** Makes the lookup. Real heads need a node for every six frames; more only grows the table. */
export function startNodes(): bool {
  return startLookup(nodes, frames.length >>> 2, keysOf(KEYS_STACKS));
}

/** Drops the lookup and the path; the nodes stay. */
export function finishNodes(): void {
  dropLookup(nodes);
  dropVec(path);
}

/** Leaf node of a stack, numbered now if it is new; NONE when there is no memory. */
export function leafOf(ordinal: u32): u32 {
  const stack = stacks.pointer + <usize>ordinal * STACK_SIZE;
  const depth = load<u32>(stack, STACK_DEPTH);
  if (!treeRoom(nodes, depth + 1)) return NONE;
  // The empty stack has a node of its own, without location and parent.
  if (!depth) return childOf(nodes, NONE, NONE);
  const lastDepth = path.length;
  if (depth > lastDepth && !reserve(path, depth - lastDepth, 2)) return NONE;
  // Frames lie leaf first, so the root is the last entry.
  const end = (<usize>load<u32>(stack, STACK_START) + depth) << 2;
  let i = sharedFrames(frames.pointer, end, lastEnd, min(depth, lastDepth));
  let node = i ? u32At(path, i - 1) : NONE;
  for (; i < depth; i++) {
    node = childOf(nodes, node, frameFromRoot(frames.pointer, end, i));
    store<u32>(path.pointer + (<usize>i << 2), node);
  }
  path.length = depth;
  lastEnd = end;
  return node;
}
