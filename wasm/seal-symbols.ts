// Final numbers of locations, functions and mappings: given at first use while the tree's nodes
// are walked in id order, so that what no sealed stack uses is left out. Owns the maps between
// live and final ids.
import {
  LINE_FUNCTION, LINE_SIZE, LOC_LINE_COUNT, LOC_LINE_START, LOC_MAPPING, LOC_SIZE, NONE,
} from './layout';
import { Vec, reserve } from './memory';
import { labelOf } from './tree';
import {
  fillVec, functionIds, functionOrder, locationIds, locationOrder, mappingIds, mappingOrder, nodes,
  pushU32,
} from './seal-state';
import { functions, lines, locations, mappings } from './store';

function startIds(ids: Vec, order: Vec, count: u32): bool {
  order.length = 0;
  return fillVec(ids, count, 2, 0xff) && reserve(order, count, 2);
}

/** Room for every live symbol; false when there is no memory. */
export function startSymbols(): bool {
  return (
    startIds(locationIds, locationOrder, locations.length) &&
    startIds(functionIds, functionOrder, functions.length) &&
    startIds(mappingIds, mappingOrder, mappings.length)
  );
}

/** Numbers `live` if it has no number yet; true when it was new. */
function number(ids: Vec, order: Vec, live: u32): bool {
  const at = ids.pointer + (<usize>live << 2);
  if (load<u32>(at) != NONE) return false;
  store<u32>(at, order.length);
  pushU32(order, live);
  return true;
}

function numberLocation(live: u32): u32 {
  if (!number(locationIds, locationOrder, live)) return 0;
  const location = locations.pointer + <usize>live * LOC_SIZE;
  const count = load<u32>(location, LOC_LINE_COUNT);
  let line = lines.pointer + <usize>load<u32>(location, LOC_LINE_START) * LINE_SIZE;
  for (let i: u32 = 0; i < count; i++) {
    number(functionIds, functionOrder, load<u32>(line, LINE_FUNCTION));
    line += LINE_SIZE;
  }
  const mapping = load<u32>(location, LOC_MAPPING);
  if (mapping) number(mappingIds, mappingOrder, mapping - 1);
  return count;
}

/** Numbers what the nodes from `from` on use, for about `budget` steps; answers where it got. */
export function numberNodes(from: u32, budget: i32): u32 {
  let node = from;
  while (node < nodes.length && budget > 0) {
    const location = labelOf(nodes, node++);
    budget--;
    if (location != NONE) budget -= <i32>numberLocation(location);
  }
  return node;
}
