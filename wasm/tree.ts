// A growing tree of (parent, label) nodes with ids in order of first use, so that a parent's id
// is always smaller than its children's. Owns the lookup table; the seal's stack tree and a
// query's trees are each one of these. Ids depend on the order of use, never on a hash.
import { Vec, allocate, dropVec, release, reserve } from './memory';

const SLOTS_MIN: u32 = 1024;

/** Nodes are parent u32 and label u32, back to back; the column itself holds them. */
@unmanaged
export class Tree extends Vec {
  /** Open addressing; a slot is node id + 1, 0 when free. The key is the node itself. */
  slots: usize = 0;
  slotCount: u32 = 0;
  /** Secret keys of this lookup: copies, because the head may draw its own anew meanwhile. */
  keyStart: u64 = 0;
  keyParent: u64 = 0;
  keyLabel: u64 = 0;
}

/** A Tree at a fixed place, like `vecAt`. */
@inline export function treeAt(at: usize): Tree {
  return changetype<Tree>(at);
}

/** Where a node (parent | label << 32) hashes to: multilinear, like every hash of `hash.ts`. */
function slotOf(tree: Tree, node: u64): u32 {
  const sum = tree.keyStart + (node & 0xffffffff) * tree.keyParent + (node >> 32) * tree.keyLabel;
  return <u32>(sum >> 32) & (tree.slotCount - 1);
}

function makeSlots(tree: Tree, count: u32): bool {
  const at = allocate(<usize>count << 2);
  if (!at) return false;
  memory.fill(at, 0, <usize>count << 2);
  tree.slots = at;
  tree.slotCount = count;
  return true;
}

/**
 * An empty lookup for about `expected` nodes, less when memory is short; false without any. Three
 * secret keys (u64) are at `keys`.
 */
export function startLookup(tree: Tree, expected: u32, keys: usize): bool {
  tree.keyStart = load<u64>(keys);
  tree.keyParent = load<u64>(keys, 8);
  tree.keyLabel = load<u64>(keys, 16);
  let count = SLOTS_MIN;
  while (count >>> 1 < expected && count < 1 << 28) count <<= 1;
  while (!makeSlots(tree, count)) {
    if (count == SLOTS_MIN) return false;
    count >>>= 1;
  }
  return true;
}

/** Drops the lookup; the nodes stay. */
export function dropLookup(tree: Tree): void {
  if (tree.slots) release(tree.slots, <usize>tree.slotCount << 2);
  tree.slots = 0;
  tree.slotCount = 0;
}

/** Drops nodes and lookup. */
export function dropTree(tree: Tree): void {
  dropLookup(tree);
  dropVec(tree);
}

function growSlots(tree: Tree): bool {
  const old = tree.slots;
  const oldCount = tree.slotCount;
  if (!makeSlots(tree, oldCount << 1)) return false;
  release(old, <usize>oldCount << 2);
  enterNodes(tree, 0, tree.length);
  return true;
}

/** Enters nodes `from … to - 1` into the lookup, where they are not yet. */
export function enterNodes(tree: Tree, from: u32, to: u32): void {
  const slots = tree.slots;
  const mask = tree.slotCount - 1;
  for (let id = from; id < to; id++) {
    let slot = slotOf(tree, load<u64>(tree.pointer + (<usize>id << 3)));
    while (load<u32>(slots + (<usize>slot << 2))) slot = (slot + 1) & mask;
    store<u32>(slots + (<usize>slot << 2), id + 1);
  }
}

/**
 * Makes the lookup wide enough for `count` nodes in all. Answers 0 when it is, -1 without memory,
 * and 1 when it was made anew: all nodes are to be entered then, in slices if need be.
 */
export function widenLookup(tree: Tree, count: u64): i32 {
  let slots = tree.slotCount;
  while (count << 2 > <u64>slots * 3 && slots < 1 << 28) slots <<= 1;
  if (count << 2 > <u64>slots * 3) return -1;
  if (slots == tree.slotCount) return 0;
  const old = tree.slots;
  const oldCount = tree.slotCount;
  if (!makeSlots(tree, slots)) return -1;
  release(old, <usize>oldCount << 2);
  return 1;
}

/** Room for `extra` more nodes: `childOf` cannot fail that often. False: no memory. */
export function treeRoom(tree: Tree, extra: u32): bool {
  if (!reserve(tree, extra, 3)) return false;
  const need = <u64>tree.length + extra;
  while (need << 2 > <u64>tree.slotCount * 3) {
    // Fuller than three quarters is slow but right, and better than giving up.
    if (!growSlots(tree)) return need << 4 <= <u64>tree.slotCount * 15;
  }
  return true;
}

/** The child of `parent` (NONE: a root) with `label`, made when it is new. */
export function childOf(tree: Tree, parent: u32, label: u32): u32 {
  const key = <u64>parent | (<u64>label << 32);
  const slots = tree.slots;
  const mask = tree.slotCount - 1;
  let slot = slotOf(tree, key);
  let id = load<u32>(slots + (<usize>slot << 2));
  while (id) {
    if (load<u64>(tree.pointer + (<usize>(id - 1) << 3)) == key) return id - 1;
    slot = (slot + 1) & mask;
    id = load<u32>(slots + (<usize>slot << 2));
  }
  id = tree.length++;
  store<u64>(tree.pointer + (<usize>id << 3), key);
  store<u32>(slots + (<usize>slot << 2), id + 1);
  return id;
}

/** Parent of a node, NONE for a root. */
@inline export function parentOf(tree: Tree, node: u32): u32 {
  return load<u32>(tree.pointer + (<usize>node << 3));
}

/** Label of a node. */
@inline export function labelOf(tree: Tree, node: u32): u32 {
  return load<u32>(tree.pointer + (<usize>node << 3), 4);
}
