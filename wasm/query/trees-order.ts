// Puts merged trees in order: totals, and nodes depth first with siblings in falling order of their
// names, which is how encodings visit them. Linear passes without recursion or stack, so that a
// tree may be as deep as it likes, and each can stop anywhere. Order depends on content alone.
import { Vec, dropVec, ensure } from '../memory';
import { OUT_OF_MEMORY } from '../status';
import { labelOf, parentOf } from '../tree';
import {
  BY_RANK, DEPTH_MAX, NEXT, NODES, OTHER_RANK, PHASE_COUNT, PHASE_ENTER, PHASE_FILL, PHASE_LIST,
  PHASE_NAMES, PHASE_NODES, PHASE_OFFSETS, PHASE_OPEN, PHASE_PLACE, PHASE_RANK, PHASE_READY,
  PHASE_SORT, PHASE_TOTALS, PLACES, RANKED, RANKS, SELF, SIZES, SORT_ITEMS, SORT_RANGES, TAKEN,
  TOTALS, TOTAL_RANK, columnOf, isAdding, phaseOf, setPhase, sidesOf, treeOf,
} from './trees-state';
import { addNames, addNodes, enterLookup } from './trees-add';
import { NAME_OTHER, NAME_TOTAL, nameCount } from './trees-names';
import { ITEM_NAME, ITEM_SIZE, sortNames, startSort } from './trees-sort';

/** Ordered node: rank of the name, depth, nodes from it on down (u32) · pad · totals, selfs i64. */
export const NODE_RANK: usize = 0;
export const NODE_DEPTH: usize = 4;
export const NODE_COUNT: usize = 8;
export const NODE_TOTAL: usize = 16;

/** Bytes of an ordered node. */
@inline export function nodeSize(sides: u32): usize {
  return NODE_TOTAL + (<usize>sides << 4);
}

/** Goes on for about `budget` look-ups of the part that was added last; 0 when all of it is in. */
export function treesStepPart(trees: usize, budget: i32): i32 {
  while (isAdding(trees) && budget > 0) budget = run(trees, phaseOf(trees), budget - 1);
  return isAdding(trees) ? 1 : 0;
}

/**
 * Goes on for about `budget` look-ups: the part, then the order. Answers 1 while work is left, 0
 * when questions can be answered, or OUT_OF_MEMORY, after which it may be called again.
 */
export function treesStep(trees: usize, budget: i32): i32 {
  while (budget > 0) {
    const phase = phaseOf(trees);
    if (phase == PHASE_READY) return 0;
    if (phase == PHASE_OPEN && !startOrder(trees)) {
      dropWork(trees);
      return OUT_OF_MEMORY;
    }
    budget = run(trees, phase, budget - 1);
  }
  return phaseOf(trees) == PHASE_READY ? 0 : 1;
}

function run(trees: usize, phase: u32, budget: i32): i32 {
  switch (phase) {
    case PHASE_ENTER: return enterLookup(trees, budget);
    case PHASE_NAMES: return addNames(trees, budget);
    case PHASE_NODES: return addNodes(trees, budget);
    case PHASE_SORT: {
      const left = sortNames(trees, budget);
      if (!columnOf(trees, SORT_RANGES).length) setPhase(trees, PHASE_RANK);
      return left;
    }
    case PHASE_RANK: {
      rankNames(trees);
      setPhase(trees, PHASE_FILL);
      return budget - <i32>(nameCount(trees) >>> 3);
    }
    case PHASE_FILL: case PHASE_TOTALS: case PHASE_COUNT: case PHASE_LIST: case PHASE_OFFSETS:
    case PHASE_PLACE:
      return runPass(trees, phase, budget);
    default: return budget;
  }
}

/** A slice of a pass over all nodes, two of which take about as long as a look-up. */
function runPass(trees: usize, phase: u32, budget: i32): i32 {
  const count = treeOf(trees).length;
  const from = load<u32>(trees, NEXT);
  const to = min(count, from + (<u32>max(budget, 256) << 1));
  if (phase == PHASE_FILL) fill(trees, from, to);
  else if (phase == PHASE_TOTALS) addUp(trees, from, to);
  else if (phase == PHASE_COUNT) countRanks(trees, from, to);
  else if (phase == PHASE_LIST) listByRank(trees, from, to);
  else if (phase == PHASE_OFFSETS) takeOffsets(trees, from, to);
  else place(trees, from, to);
  store<u32>(trees, to, NEXT);
  if (to == count) finishPass(trees, phase);
  return budget - <i32>((to - from) >>> 1);
}

function finishPass(trees: usize, phase: u32): void {
  if (phase == PHASE_COUNT) sumPlaces(trees);
  if (phase == PHASE_PLACE) dropWork(trees);
  setPhase(trees, phase + 1);
}

/** Takes all memory that the order needs; false without. */
function startOrder(trees: usize): bool {
  const nodes = <u64>treeOf(trees).length;
  const names = <u64>nameCount(trees);
  const sides = sidesOf(trees);
  const totals = nodes * sides << 3;
  if (
    !ensure(columnOf(trees, RANKS), names << 2) || !ensure(columnOf(trees, RANKED), names << 2) ||
    !ensure(columnOf(trees, PLACES), max(names, nodes) << 2) ||
    !ensure(columnOf(trees, SIZES), nodes << 2) || !ensure(columnOf(trees, TAKEN), nodes << 2) ||
    !ensure(columnOf(trees, BY_RANK), nodes << 2) || !ensure(columnOf(trees, TOTALS), totals) ||
    !ensure(columnOf(trees, NODES), nodes * nodeSize(sides)) || !startSort(trees)
  ) return false;
  memory.fill(columnOf(trees, PLACES).pointer, 0, <usize>names << 2);
  store<u32>(trees, 0, DEPTH_MAX);
  setPhase(trees, PHASE_SORT);
  return true;
}

/** Gives back what only ordering needs. */
function dropWork(trees: usize): void {
  dropVec(columnOf(trees, SORT_ITEMS));
  dropVec(columnOf(trees, SORT_RANGES));
  dropVec(columnOf(trees, RANKS));
  dropVec(columnOf(trees, SIZES));
  dropVec(columnOf(trees, TAKEN));
  dropVec(columnOf(trees, PLACES));
  dropVec(columnOf(trees, TOTALS));
  dropVec(columnOf(trees, BY_RANK));
}

@inline function at32(column: Vec, index: u32): usize {
  return column.pointer + (<usize>index << 2);
}

function rankNames(trees: usize): void {
  const ranks = columnOf(trees, RANKS);
  const ranked = columnOf(trees, RANKED);
  let item = columnOf(trees, SORT_ITEMS).pointer;
  for (let rank: u32 = 0; rank < nameCount(trees); rank++) {
    const name = load<u32>(item, ITEM_NAME);
    store<u32>(at32(ranks, name), rank);
    store<u32>(at32(ranked, rank), name);
    item += ITEM_SIZE;
  }
  store<u32>(trees, load<u32>(at32(ranks, NAME_OTHER)), OTHER_RANK);
  store<u32>(trees, load<u32>(at32(ranks, NAME_TOTAL)), TOTAL_RANK);
}

/** What sizes, places among siblings and totals begin with. */
function fill(trees: usize, from: u32, to: u32): void {
  const sizes = columnOf(trees, SIZES);
  for (let node = from; node < to; node++) store<u32>(at32(sizes, node), 1);
  memory.fill(at32(columnOf(trees, TAKEN), from), 0, <usize>(to - from) << 2);
  const bytes = <usize>sidesOf(trees) << 3;
  memory.copy(
    columnOf(trees, TOTALS).pointer + <usize>from * bytes,
    columnOf(trees, SELF).pointer + <usize>from * bytes,
    <usize>(to - from) * bytes,
  );
}

/** Adds sizes and totals to the parents', from the last node on: a parent's number is smaller. */
function addUp(trees: usize, from: u32, to: u32): void {
  const tree = treeOf(trees);
  const sizes = columnOf(trees, SIZES);
  const totals = columnOf(trees, TOTALS).pointer;
  const sides = sidesOf(trees);
  const last = tree.length - 1;
  for (let i = from; i < to; i++) {
    const node = last - i;
    if (!node) break;
    const parent = parentOf(tree, node);
    const size = at32(sizes, parent);
    store<u32>(size, load<u32>(size) + load<u32>(at32(sizes, node)));
    for (let side: u32 = 0; side < sides; side++) {
      const total = totals + (<usize>(parent * sides + side) << 3);
      const own = load<i64>(totals + (<usize>(node * sides + side) << 3));
      store<i64>(total, load<i64>(total) + own);
    }
  }
}

@inline function rankOf(trees: usize, node: u32): u32 {
  return load<u32>(at32(columnOf(trees, RANKS), labelOf(treeOf(trees), node)));
}

function countRanks(trees: usize, from: u32, to: u32): void {
  const places = columnOf(trees, PLACES);
  for (let node = max<u32>(from, 1); node < to; node++) {
    const place = at32(places, rankOf(trees, node));
    store<u32>(place, load<u32>(place) + 1);
  }
}

/** From how many to where the first one goes; the largest rank comes first. */
function sumPlaces(trees: usize): void {
  const places = columnOf(trees, PLACES);
  let first: u32 = 0;
  for (let rank = <i32>nameCount(trees) - 1; rank >= 0; rank--) {
    const place = at32(places, rank);
    const count = load<u32>(place);
    store<u32>(place, first);
    first += count;
  }
}

function listByRank(trees: usize, from: u32, to: u32): void {
  const places = columnOf(trees, PLACES);
  const list = columnOf(trees, BY_RANK);
  for (let node = max<u32>(from, 1); node < to; node++) {
    const place = at32(places, rankOf(trees, node));
    const index = load<u32>(place);
    store<u32>(place, index + 1);
    store<u32>(at32(list, index), node);
  }
}

/** Each node takes its place among its siblings, which come in falling order; the root has none. */
function takeOffsets(trees: usize, from: u32, to: u32): void {
  const tree = treeOf(trees);
  const list = columnOf(trees, BY_RANK);
  const sizes = columnOf(trees, SIZES);
  const taken = columnOf(trees, TAKEN);
  const places = columnOf(trees, PLACES);
  for (let i = from; i < min(to, tree.length - 1); i++) {
    const node = load<u32>(at32(list, i));
    const before = at32(taken, parentOf(tree, node));
    const offset = load<u32>(before);
    store<u32>(before, offset + load<u32>(at32(sizes, node)));
    // The places of the ranks are not needed any more.
    store<u32>(at32(places, node), offset);
  }
}

/** Writes the ordered nodes: a parent's place is known before its children's. */
function place(trees: usize, from: u32, to: u32): void {
  const tree = treeOf(trees);
  const places = columnOf(trees, PLACES);
  const sizes = columnOf(trees, SIZES);
  const sides = sidesOf(trees);
  const size = nodeSize(sides);
  const nodes = columnOf(trees, NODES).pointer;
  const totals = columnOf(trees, TOTALS).pointer;
  const self = columnOf(trees, SELF).pointer;
  const values = <usize>sides << 3;
  for (let node = from; node < to; node++) {
    let index: u32 = 0;
    let depth: u32 = 0;
    let rank: u32 = 0;
    if (node) {
      const parent = load<u32>(at32(places, parentOf(tree, node)));
      index = parent + 1 + load<u32>(at32(places, node));
      depth = load<u32>(nodes + <usize>parent * size, NODE_DEPTH) + 1;
      rank = rankOf(trees, node);
      if (depth > load<u32>(trees, DEPTH_MAX)) store<u32>(trees, depth, DEPTH_MAX);
    }
    store<u32>(at32(places, node), index);
    const at = nodes + <usize>index * size;
    store<u32>(at, rank, NODE_RANK);
    store<u32>(at, depth, NODE_DEPTH);
    store<u32>(at, load<u32>(at32(sizes, node)), NODE_COUNT);
    const from = <usize>node * values;
    for (let offset: usize = 0; offset < values; offset += 8) {
      store<i64>(at + offset, load<i64>(totals + from + offset), NODE_TOTAL);
      store<i64>(at + values + offset, load<i64>(self + from + offset), NODE_TOTAL);
    }
  }
}
