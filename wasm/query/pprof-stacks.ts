// The samples of a pprof: numbers the locations of what is kept, root first in the order of the
// nodes, then writes one sample for each distinct stack, and one for what is left out below a node.
import { LOC_MAPPING, LOC_SIZE, NONE } from '../layout';
import { reserve } from '../memory';
import { labelOf, parentOf } from '../tree';
import { locations } from './columns';
import {
  LEAF_BIT, LOCATION_IDS, LOCATION_ORDER, MAPPING_IDS, NODE_TOTALS, OTHERS, OTHER_LOCATION, OUTPUT,
  PATH_BYTES, ROOT_OTHERS, TOTAL_MIN, placeOf, stackNodes, stackValues,
} from './pprof-state';
import { closeField, openField, putVarint, varintSize } from './proto';
import {
  MAP, NEXT_NODE, addAt, columnOf, i64At, setU32, u32At,
} from './sums-state';

/** In MAP: what is left out below no node; a kept node is its number plus 2. */
const LEFT_OUT: u32 = 1;

/** Numbers locations for `budget` nodes. Answers 1 while work remains, else 0; -1: no memory. */
export function numberStep(sums: usize, budget: i32): i32 {
  const nodes = stackNodes(sums);
  const map = columnOf(sums, MAP);
  const least = load<i64>(sums, TOTAL_MIN);
  let node = load<u32>(sums, NEXT_NODE);
  for (; node < nodes.length && budget > 0; node++, budget--) {
    if (!u32At(map, node)) continue;
    const label = labelOf(nodes, node);
    if (label != NONE && least && i64At(columnOf(sums, NODE_TOTALS), node) < least) {
      leaveOut(sums, node);
    } else if (!keep(sums, node, label)) return -1;
  }
  store<u32>(sums, node, NEXT_NODE);
  if (node < nodes.length) return 1;
  if (load<u32>(sums, OTHER_LOCATION)) {
    store<u32>(sums, columnOf(sums, LOCATION_ORDER).length + 1, OTHER_LOCATION);
  }
  numberMappings(sums);
  store<u32>(sums, 0, NEXT_NODE);
  return 0;
}

/** Adds a node's value to what is left out below the nearest node that is kept. */
function leaveOut(sums: usize, node: u32): void {
  const map = columnOf(sums, MAP);
  const parent = parentOf(stackNodes(sums), node);
  const kept = parent == NONE ? LEFT_OUT : u32At(map, parent);
  const value = i64At(stackValues(sums), node);
  setU32(map, node, kept);
  if (!value) return;
  store<u32>(sums, 1, OTHER_LOCATION);
  if (kept == LEFT_OUT) store<i64>(sums, load<i64>(sums, ROOT_OTHERS) + value, ROOT_OTHERS);
  else addAt(columnOf(sums, OTHERS), kept - 2, value);
}

function keep(sums: usize, node: u32, label: u32): bool {
  const bytes = columnOf(sums, PATH_BYTES);
  setU32(columnOf(sums, MAP), node, node + 2);
  if (label == NONE) {
    setU32(bytes, node, 0);
    return true;
  }
  const ids = columnOf(sums, LOCATION_IDS);
  const place = placeOf(sums, label);
  let id = u32At(ids, place);
  if (!id) {
    const order = columnOf(sums, LOCATION_ORDER);
    if (!reserve(order, 1, 2)) return false;
    setU32(order, order.length++, label);
    id = order.length;
    setU32(ids, place, id);
  }
  const parent = parentOf(stackNodes(sums), node);
  const above: u32 = parent == NONE ? 0 : u32At(bytes, parent);
  setU32(bytes, node, above + varintSize(id));
  return true;
}

/** Mappings keep their order, because the first one is taken for the program's. */
function numberMappings(sums: usize): void {
  const ids = columnOf(sums, MAPPING_IDS);
  const order = columnOf(sums, LOCATION_ORDER);
  for (let i: u32 = 0; i < order.length; i++) {
    const id = u32At(order, i) & ~LEAF_BIT;
    const mapping = load<u32>(locations().pointer + <usize>id * LOC_SIZE, LOC_MAPPING);
    if (mapping) setU32(ids, mapping - 1, 1);
  }
  let count: u32 = 0;
  for (let mapping: u32 = 0; mapping < ids.length; mapping++) {
    if (u32At(ids, mapping)) setU32(ids, mapping, ++count);
  }
}

/** Writes samples of about `budget` frames. Answers 1 while work remains, 0; -1: no memory. */
export function samplesStep(sums: usize, budget: i32): i32 {
  const nodes = stackNodes(sums);
  const map = columnOf(sums, MAP);
  const values = stackValues(sums);
  const isCut = load<i64>(sums, TOTAL_MIN) != 0;
  let node = load<u32>(sums, NEXT_NODE);
  for (; node < nodes.length && budget > 0; node++, budget--) {
    if (u32At(map, node) != node + 2) continue;
    const value = i64At(values, node);
    const rest: i64 = isCut ? i64At(columnOf(sums, OTHERS), node) : 0;
    if (value && !putSample(sums, node, value, 0)) return -1;
    if (rest && !putSample(sums, node, rest, load<u32>(sums, OTHER_LOCATION))) return -1;
    if (value | rest) budget -= <i32>(u32At(columnOf(sums, PATH_BYTES), node) >>> 1);
  }
  store<u32>(sums, node, NEXT_NODE);
  if (node < nodes.length) return 1;
  const rest = load<i64>(sums, ROOT_OTHERS);
  if (rest && !putSample(sums, NONE, rest, load<u32>(sums, OTHER_LOCATION))) return -1;
  store<u32>(sums, 0, NEXT_NODE);
  return 0;
}

/** Writes a stack, leaf first, below it `leaf` when there is one; false without memory. */
function putSample(sums: usize, node: u32, value: i64, leaf: u32): bool {
  const output = columnOf(sums, OUTPUT);
  const nodes = stackNodes(sums);
  let bytes: u32 = node == NONE ? 0 : u32At(columnOf(sums, PATH_BYTES), node);
  if (leaf) bytes += varintSize(leaf);
  if (!reserve(output, bytes + 40, 0)) return false;
  const start = openField(output.pointer + output.length, 2);
  let at = start;
  if (bytes) {
    store<u8>(at, 0x0a);
    at = putVarint(at + 1, bytes);
    if (leaf) at = putVarint(at, leaf);
    const ids = columnOf(sums, LOCATION_IDS);
    for (; node != NONE; node = parentOf(nodes, node)) {
      at = putVarint(at, u32At(ids, placeOf(sums, labelOf(nodes, node))));
    }
  }
  const packed = openField(at, 2);
  at = closeField(packed, putVarint(packed, value));
  output.length = <u32>(closeField(start, at) - output.pointer);
  return true;
}
