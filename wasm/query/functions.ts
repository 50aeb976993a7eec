// The tree of function names over the tree of locations. Inlined calls are nodes below their
// caller; a location without lines is one node named by its address. Owns the answer: only nodes on
// a way to a sum that is not zero, and only their names. Node 0 is the root of all.
import { KEYS_STACKS } from '../hash';
import { LINE_SIZE, LOC_LINE_COUNT, LOC_LINE_START, LOC_SIZE, NONE } from '../layout';
import { Vec } from '../memory';
import { MISUSE, OUT_OF_MEMORY } from '../status';
import { Tree, childOf, dropLookup, labelOf, parentOf, startLookup, treeRoom } from '../tree';
import { keysOf, lines, locations, stringOffsets } from './columns';
import { lineName, stringAddress, stringLength, writeAddressName } from './frame-names';
import { locationStep, startLocations } from './location-tree';
import { nameOf, startNames } from './name-table';
import {
  ANSWER_SUMS, IS_BLOCK, MAP, NAMES, NEXT_NODE, NODE_SUMS, PHASE, PHASE_NONE, STRING_NAMES, TEXT,
  addAt, answerTree, columnOf, extendZero, i64At, locationTree, setU32, startZero, u32At,
} from './sums-state';

/** Numbers apart from those of `pprof.ts`, which shares the record's phase. */
const PHASE_LOCATIONS: u32 = 1;
const PHASE_MARK: u32 = 2;
const PHASE_EXPAND: u32 = 3;
/** The tree is complete until more is added. */
const PHASE_READY: u32 = 4;
const PHASES: u32 = 5;

/**
 * Works on the function tree for about `budget` look-ups; starts over when more was added. Answers
 * 1 while work remains, 0 when the tree is complete, or a status; after one, release.
 */
export function functionsStep(sums: usize, budget: i32): i32 {
  const phase = load<u32>(sums, PHASE);
  if (phase == PHASE_READY) return 0;
  if (phase == PHASE_NONE || phase >= PHASES) return startTree(sums);
  if (phase == PHASE_LOCATIONS) {
    const left = locationStep(sums, budget);
    if (left < 0) return OUT_OF_MEMORY;
    if (!left) store<u32>(sums, PHASE_MARK, PHASE);
    return 1;
  }
  if (phase == PHASE_MARK) {
    const nodes = locationTree(sums);
    if (!markUsed(nodes, columnOf(sums, NODE_SUMS), columnOf(sums, MAP))) return OUT_OF_MEMORY;
    if (!startAnswer(sums)) return OUT_OF_MEMORY;
    store<u32>(sums, 0, NEXT_NODE);
    store<u32>(sums, PHASE_EXPAND, PHASE);
    return 1;
  }
  return phase == PHASE_EXPAND ? expandNodes(sums, budget) : MISUSE;
}

function startTree(sums: usize): i32 {
  const isBlock = load<u32>(sums, IS_BLOCK) != 0;
  if (!isBlock && !startLocations(sums)) return OUT_OF_MEMORY;
  store<u32>(sums, isBlock ? PHASE_MARK : PHASE_LOCATIONS, PHASE);
  return 1;
}

/** Sets `map` to 1 for each node at or below which a sum is not zero, else 0; false: no memory. */
export function markUsed(nodes: Tree, self: Vec, map: Vec): bool {
  if (!startZero(map, nodes.length, 2)) return false;
  for (let node = nodes.length; node > 0;) {
    node--;
    if (!u32At(map, node)) {
      if (!i64At(self, node)) continue;
      setU32(map, node, 1);
    }
    const parent = parentOf(nodes, node);
    if (parent != NONE) setU32(map, parent, 1);
  }
  return true;
}

function startAnswer(sums: usize): bool {
  const tree = answerTree(sums);
  const memo = columnOf(sums, STRING_NAMES);
  dropLookup(tree);
  tree.length = 0;
  columnOf(sums, ANSWER_SUMS).length = 0;
  if (!startZero(memo, stringOffsets().length, 2)) return false;
  if (!startNames(changetype<usize>(columnOf(sums, NAMES)))) return false;
  // Names are shared more than locations; the lookup can grow.
  if (!startLookup(tree, locationTree(sums).length >>> 2, keysOf(KEYS_STACKS))) return false;
  if (!treeRoom(tree, 1) || !extendZero(columnOf(sums, ANSWER_SUMS), 1)) return false;
  childOf(tree, NONE, 0);
  return true;
}

function expandNodes(sums: usize, budget: i32): i32 {
  const nodes = locationTree(sums);
  const map = columnOf(sums, MAP);
  const self = columnOf(sums, NODE_SUMS);
  const tree = answerTree(sums);
  const answer = columnOf(sums, ANSWER_SUMS);
  let node = load<u32>(sums, NEXT_NODE);
  // A node that is not used costs little, but not nothing.
  for (let rest = <i64>budget << 3; node < nodes.length && rest > 0; node++, rest--) {
    if (!u32At(map, node)) continue;
    rest -= 7;
    const parent = parentOf(nodes, node);
    const label = labelOf(nodes, node);
    let to: u32 = parent == NONE ? 0 : u32At(map, parent);
    if (label != NONE) to = addLocation(sums, tree, to, label);
    if (to == NONE || !extendZero(answer, tree.length)) return OUT_OF_MEMORY;
    setU32(map, node, to);
    addAt(answer, to, i64At(self, node));
  }
  store<u32>(sums, node, NEXT_NODE);
  if (node < nodes.length) return 1;
  dropLookup(tree);
  store<u32>(sums, PHASE_READY, PHASE);
  return 0;
}

/** Node of a location's innermost call under `parent`; NONE when there is no memory. */
function addLocation(sums: usize, tree: Tree, parent: u32, id: u32): u32 {
  const location = locations().pointer + <usize>id * LOC_SIZE;
  const count = load<u32>(location, LOC_LINE_COUNT);
  if (!treeRoom(tree, max(count, 1))) return NONE;
  if (!count) {
    const text = columnOf(sums, TEXT);
    if (!writeAddressName(text, location)) return NONE;
    const name = nameOf(changetype<usize>(columnOf(sums, NAMES)), text.pointer, text.length);
    return name == NONE ? NONE : childOf(tree, parent, name);
  }
  const first = lines().pointer + <usize>load<u32>(location, LOC_LINE_START) * LINE_SIZE;
  // Lines lie innermost first: the last one is the outer call.
  for (let line = first + <usize>count * LINE_SIZE; line > first;) {
    line -= LINE_SIZE;
    const name = nameOfString(sums, lineName(line));
    if (name == NONE) return NONE;
    parent = childOf(tree, parent, name);
  }
  return parent;
}

/**
 * The name with the bytes of a string, NONE without memory. A live head may have more strings than
 * at the start.
 */
export function nameOfString(sums: usize, id: u32): u32 {
  const memo = columnOf(sums, STRING_NAMES);
  const known = id < memo.length ? u32At(memo, id) : 0;
  if (known) return known - 1;
  const table = changetype<usize>(columnOf(sums, NAMES));
  const name = nameOf(table, stringAddress(id), stringLength(id));
  if (name != NONE && id < memo.length) setU32(memo, id, name + 1);
  return name;
}
