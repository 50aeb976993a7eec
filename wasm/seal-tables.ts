// The symbol tables of a seal: `stacktraces`, `locations`, `functions` and `mappings`, rows in
// the order of the final ids.
import {
  FN_FILE, FN_NAME, FN_SIZE, FN_START, FN_SYSTEM, LINE_FUNCTION, LINE_NUMBER, LINE_SIZE,
  LOC_ADDRESS, LOC_FLAGS, LOC_LINE_COUNT, LOC_LINE_START, LOC_MAPPING, LOC_SIZE, MAP_BUILD,
  MAP_FILE, MAP_FLAGS, MAP_LIMIT, MAP_OFFSET, MAP_SIZE, MAP_START, NONE,
} from './layout';
import { labelOf, parentOf } from './tree';
import {
  fillField, fillFlag, fillOffsets, fillText, listTotal, recordAt, takeRecords,
} from './seal-records';
import { fillIds, setBit, slotBits, slotFor } from './seal-slots';
import {
  functionIds, functionOrder, locationIds, locationOrder, mappingIds, mappingOrder, nodes, u32At,
} from './seal-state';
import { functions, lines, locations, mappings } from './store';

/** What a nullable column of final ids is about. */
const PARENT: u32 = 0;
const LOCATION: u32 = 1;
const MAPPING: u32 = 2;

/** The id that a row refers to, NONE: null. */
function referenceOf(what: u32, id: u32, index: u32): u32 {
  if (what == PARENT) return parentOf(nodes, id);
  if (what == LOCATION) {
    const live = labelOf(nodes, id);
    return live == NONE ? NONE : u32At(locationIds, live);
  }
  const mapping = load<u32>(recordAt(index), LOC_MAPPING);
  return mapping ? u32At(mappingIds, mapping - 1) : NONE;
}

/** A nullable column of ids and its bitmap. */
function fillReferences(slot: u32, what: u32, from: u32, count: u32): bool {
  const out = slotFor(slot, count, 2);
  const bits = slotBits(slot + 1, count);
  if (!out || !bits) return false;
  for (let i: u32 = 0; i < count; i++) {
    const id = referenceOf(what, from + i, i);
    store<u32>(out + (<usize>i << 2), id == NONE ? 0 : id);
    if (id != NONE) setBit(bits, i);
  }
  return true;
}

/** Slots: id, parent and its bitmap, location and its bitmap. */
export function fillStacktraces(from: u32, count: u32): bool {
  return (
    fillIds(0, from, count) &&
    fillReferences(1, PARENT, from, count) &&
    fillReferences(3, LOCATION, from, count)
  );
}

/** Slots: id, mapping and its bitmap, address, folded, line offsets, functions, line numbers. */
export function fillLocations(from: u32, count: u32): bool {
  takeRecords(locations.pointer, LOC_SIZE, locationOrder.pointer, from, count);
  return (
    fillIds(0, from, count) &&
    fillReferences(1, MAPPING, from, count) &&
    fillField(3, 3, LOC_ADDRESS) &&
    fillFlag(4, LOC_FLAGS, 0) &&
    fillOffsets(5, LOC_LINE_COUNT) &&
    fillLines(count)
  );
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
