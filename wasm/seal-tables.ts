// The symbol tables of a seal: `stacktraces`, `locations`, `functions` and `mappings`, rows in
// the order of the final ids.
import {
  FN_FILE, FN_NAME, FN_SIZE, FN_START, FN_SYSTEM, LINE_FUNCTION, LINE_NUMBER, LINE_SIZE,
  LOC_ADDRESS, LOC_FLAGS, LOC_LINE_COUNT, LOC_LINE_START, LOC_MAPPING, LOC_SIZE, MAP_BUILD,
  MAP_FILE, MAP_FLAGS, MAP_LIMIT, MAP_OFFSET, MAP_SIZE, MAP_START, NONE,
} from './layout';
import { labelOf, parentOf } from './merge-tree';
import {
  fillField, fillFlag, fillOffsets, fillText, listTotal, recordAt, takeRecords,
} from './seal-records';
import { fillIds, setBit, slotBits, slotFor } from './seal-slots';
import {
  functionIds, functionOrder, locationIds, locationOrder, mappingIds, mappingOrder, nodes, u32At,
} from './seal-state';
import { functions, lines, locations, mappings } from './store';

/** Slots: id, parent and its bitmap, location and its bitmap. */
export function fillStacktraces(from: u32, count: u32): bool {
  const parents = slotFor(1, count, 2);
  const parentBits = slotBits(2, count);
  const places = slotFor(3, count, 2);
  const placeBits = slotBits(4, count);
  if (!parents || !parentBits || !places || !placeBits) return false;
  for (let i: u32 = 0; i < count; i++) {
    const parent = parentOf(nodes, from + i);
    const live = labelOf(nodes, from + i);
    const at = <usize>i << 2;
    store<u32>(parents + at, parent == NONE ? 0 : parent);
    store<u32>(places + at, live == NONE ? 0 : u32At(locationIds, live));
    if (parent != NONE) setBit(parentBits, i);
    if (live != NONE) setBit(placeBits, i);
  }
  return fillIds(0, from, count);
}

/** Slots: id, mapping and its bitmap, address, folded, line offsets, functions, line numbers. */
export function fillLocations(from: u32, count: u32): bool {
  takeRecords(locations.pointer, LOC_SIZE, locationOrder.pointer, from, count);
  return (
    fillIds(0, from, count) &&
    fillOwners(count) &&
    fillField(3, 3, LOC_ADDRESS) &&
    fillFlag(4, LOC_FLAGS, 0) &&
    fillOffsets(5, LOC_LINE_COUNT) &&
    fillLines(count)
  );
}

function fillOwners(count: u32): bool {
  const owners = slotFor(1, count, 2);
  const bits = slotBits(2, count);
  if (!owners || !bits) return false;
  for (let i: u32 = 0; i < count; i++) {
    const mapping = load<u32>(recordAt(i), LOC_MAPPING);
    store<u32>(owners + (<usize>i << 2), mapping ? u32At(mappingIds, mapping - 1) : 0);
    if (mapping) setBit(bits, i);
  }
  return true;
}

/** Innermost first, as in pprof. */
function fillLines(count: u32): bool {
  let ids = slotFor(6, listTotal, 2);
  let numbers = slotFor(7, listTotal, 3);
  if (!ids || !numbers) return false;
  for (let i: u32 = 0; i < count; i++) {
    const location = recordAt(i);
    let line = lines.pointer + <usize>load<u32>(location, LOC_LINE_START) * LINE_SIZE;
    const end = line + <usize>load<u32>(location, LOC_LINE_COUNT) * LINE_SIZE;
    for (; line < end; line += LINE_SIZE) {
      store<u32>(ids, u32At(functionIds, load<u32>(line, LINE_FUNCTION)));
      store<i64>(numbers, load<i64>(line, LINE_NUMBER));
      ids += 4;
      numbers += 8;
    }
  }
  return true;
}

/** Slots: id, name, system name, file name (offsets and bytes each), start line. */
export function fillFunctions(from: u32, count: u32): bool {
  takeRecords(functions.pointer, FN_SIZE, functionOrder.pointer, from, count);
  return (
    fillIds(0, from, count) &&
    fillText(1, FN_NAME) &&
    fillText(3, FN_SYSTEM) &&
    fillText(5, FN_FILE) &&
    fillField(7, 3, FN_START)
  );
}

/** Slots: id, start, limit, offset, file and build id (offsets and bytes each), four flags. */
export function fillMappings(from: u32, count: u32): bool {
  takeRecords(mappings.pointer, MAP_SIZE, mappingOrder.pointer, from, count);
  for (let flag: u32 = 0; flag < 4; flag++) {
    if (!fillFlag(8 + flag, MAP_FLAGS, flag)) return false;
  }
  return (
    fillIds(0, from, count) &&
    fillField(1, 3, MAP_START) &&
    fillField(2, 3, MAP_LIMIT) &&
    fillField(3, 3, MAP_OFFSET) &&
    fillText(4, MAP_FILE) &&
    fillText(6, MAP_BUILD)
  );
}
