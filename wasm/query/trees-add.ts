// Adding a function tree to merged ones. Owns the part that the host copied in: it is checked, and
// the room for all of it taken, before anything is changed, so that what follows cannot fail and
// may be done in slices. A parent's number stays smaller than its children's.
import { Vec, ensure, reserve } from '../memory';
import { MISUSE, NEGATIVE, OK, OUT_OF_MEMORY, VALUE_SUM } from '../status';
import { childOf, enterNodes, widenLookup } from '../tree';
import {
  ADDED, NEXT, PART, PART_BYTE_COUNT, PART_NAMES, PART_NAME_COUNT, PART_NODES, PART_NODE_COUNT,
  PART_SIDE, PHASE_ENTER, PHASE_NAMES, PHASE_NODES, PHASE_OPEN, SELF, columnOf, isAdding, setPhase,
  sidesOf, treeOf,
} from './trees-state';
import { nameOf, nameRoom } from './trees-names';

/**
 * Where the host writes the next part: self values (i64), parents, names of the nodes (u32),
 * offsets of the names (u32, one more than names) and their bytes, each behind the other; or a
 * status.
 */
export function treesPart(trees: usize, nodes: u32, names: u32, bytes: u32): i32 {
  if (isAdding(trees) || !nodes) return MISUSE;
  const part = columnOf(trees, PART);
  const size = (<u64>nodes << 4) + (<u64>names << 2) + 4 + bytes;
  // Hashing may read a word past the last name.
  if (!ensure(part, size + 8)) return OUT_OF_MEMORY;
  store<u32>(trees, nodes, PART_NODE_COUNT);
  store<u32>(trees, names, PART_NAME_COUNT);
  store<u32>(trees, bytes, PART_BYTE_COUNT);
  return <i32>part.pointer;
}

@inline function partSelf(trees: usize): usize {
  return columnOf(trees, PART).pointer;
}

@inline function partParents(trees: usize): usize {
  return partSelf(trees) + (<usize>load<u32>(trees, PART_NODE_COUNT) << 3);
}

@inline function partLabels(trees: usize): usize {
  return partParents(trees) + (<usize>load<u32>(trees, PART_NODE_COUNT) << 2);
}

@inline function partOffsets(trees: usize): usize {
  return partLabels(trees) + (<usize>load<u32>(trees, PART_NODE_COUNT) << 2);
}

@inline function partBytes(trees: usize): usize {
  return partOffsets(trees) + (<usize>load<u32>(trees, PART_NAME_COUNT) << 2) + 4;
}

/**
 * Begins to add the part to a tree; `treesStep` goes on. Answers OK, or with nothing changed:
 * MISUSE for a part that is no tree, NEGATIVE for a value below 0, VALUE_SUM when all that was
 * added to the trees would pass 2^63-1, OUT_OF_MEMORY.
 */
export function treesAdd(trees: usize, side: u32): i32 {
  const nodes = load<u32>(trees, PART_NODE_COUNT);
  if (isAdding(trees) || !nodes || side >= sidesOf(trees)) return MISUSE;
  if (!isTree(trees, nodes) || !hasNames(trees)) return MISUSE;
  let added = load<u64>(trees, ADDED);
  const self = partSelf(trees);
  for (let at = self; at < self + (<usize>nodes << 3); at += 8) {
    const value = load<u64>(at);
    if (<i64>value < 0) return NEGATIVE;
    added += value;
    // Both summands are below 2^63, so an overflow shows in the top bit.
    if (<i64>added < 0) return VALUE_SUM;
  }
  if (!room(trees, nodes)) return OUT_OF_MEMORY;
  const tree = treeOf(trees);
  const isNew = widenLookup(tree, <u64>tree.length + nodes);
  if (isNew < 0) return OUT_OF_MEMORY;
  store<u64>(trees, added, ADDED);
  store<u32>(trees, side, PART_SIDE);
  setPhase(trees, isNew ? PHASE_ENTER : PHASE_NAMES);
  return OK;
}

function isTree(trees: usize, nodes: u32): bool {
  const parents = partParents(trees);
  const labels = partLabels(trees);
  const names = load<u32>(trees, PART_NAME_COUNT);
  for (let i: u32 = 1; i < nodes; i++) {
    const at = <usize>i << 2;
    if (load<u32>(parents + at) >= i || load<u32>(labels + at) >= names) return false;
  }
  return true;
}

function hasNames(trees: usize): bool {
  const offsets = partOffsets(trees);
  const end = offsets + (<usize>load<u32>(trees, PART_NAME_COUNT) << 2);
  for (let at = offsets; at < end; at += 4) {
    if (load<u32>(at) > load<u32>(at, 4)) return false;
  }
  return load<u32>(end) <= load<u32>(trees, PART_BYTE_COUNT);
}

/** Room for the part as if all of it were new, but for the lookup. */
function room(trees: usize, nodes: u32): bool {
  const names = load<u32>(trees, PART_NAME_COUNT);
  const self = columnOf(trees, SELF);
  const sides = sidesOf(trees);
  return (
    ensure(columnOf(trees, PART_NAMES), <u64>names << 2) &&
    ensure(columnOf(trees, PART_NODES), <u64>nodes << 2) &&
    nameRoom(trees, names, load<u32>(trees, PART_BYTE_COUNT)) &&
    reserve(treeOf(trees), nodes, 3) &&
    reserve(self, nodes * sides, 3)
  );
}

/** Enters nodes into a new lookup while there is budget; answers what is left of that. */
export function enterLookup(trees: usize, budget: i32): i32 {
  const tree = treeOf(trees);
  const next = load<u32>(trees, NEXT);
  const end = min(tree.length, next + <u32>max(budget, 1));
  enterNodes(tree, next, end);
  store<u32>(trees, end, NEXT);
  if (end == tree.length) setPhase(trees, PHASE_NAMES);
  return budget - <i32>(end - next);
}

/** Finds or adds names of the part while there is budget; answers what is left of that. */
export function addNames(trees: usize, budget: i32): i32 {
  const count = load<u32>(trees, PART_NAME_COUNT);
  const map = columnOf(trees, PART_NAMES).pointer;
  const bytes = partBytes(trees);
  const offsets = partOffsets(trees);
  let next = load<u32>(trees, NEXT);
  for (; next < count && budget > 0; next++) {
    const at = offsets + (<usize>next << 2);
    const offset = load<u32>(at);
    const length = load<u32>(at, 4) - offset;
    store<u32>(map + (<usize>next << 2), nameOf(trees, bytes + offset, length));
    budget -= 1 + <i32>(length >>> 6);
  }
  store<u32>(trees, next, NEXT);
  if (next == count) setPhase(trees, PHASE_NODES);
  return budget;
}

/** Finds or adds nodes of the part while there is budget; answers what is left of that. */
export function addNodes(trees: usize, budget: i32): i32 {
  const count = load<u32>(trees, PART_NODE_COUNT);
  const tree = treeOf(trees);
  const names = columnOf(trees, PART_NAMES).pointer;
  const map = columnOf(trees, PART_NODES).pointer;
  const parents = partParents(trees);
  const labels = partLabels(trees);
  const values = partSelf(trees);
  const sides = sidesOf(trees);
  const side = load<u32>(trees, PART_SIDE);
  const self = columnOf(trees, SELF);
  let next = load<u32>(trees, NEXT);
  const end = min(count, next + <u32>max(budget, 1));
  budget -= <i32>(end - next);
  for (; next < end; next++) {
    const at = <usize>next << 2;
    let node: u32 = 0;
    if (next) {
      const parent = load<u32>(map + (<usize>load<u32>(parents + at) << 2));
      node = childOf(tree, parent, load<u32>(names + (<usize>load<u32>(labels + at) << 2)));
    }
    store<u32>(map + at, node);
    addValue(self, node, sides, side, load<i64>(values + (<usize>next << 3)));
  }
  store<u32>(trees, next, NEXT);
  if (next == count) finishPart(trees);
  return budget;
}

@inline function addValue(self: Vec, node: u32, sides: u32, side: u32, value: i64): void {
  const first = node * sides;
  if (first >= self.length) {
    // A new node: numbers are given one after the other, and there is room.
    memory.fill(self.pointer + (<usize>first << 3), 0, <usize>sides << 3);
    self.length = first + sides;
  }
  const at = self.pointer + (<usize>(first + side) << 3);
  store<i64>(at, load<i64>(at) + value);
}

/** The part is in; its room stays for the next one. */
function finishPart(trees: usize): void {
  store<u32>(trees, 0, PART_NODE_COUNT);
  setPhase(trees, PHASE_OPEN);
}
