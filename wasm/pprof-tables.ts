// Functions, mappings and locations of a pprof, decoded into records that hold string and table
// positions of the profile. Owns their checks (ids, string indexes) and which locations are
// dropped: those with a mapping or function that is not there, and those that say nothing.
import {
  functionIdMap,
  locationIdMap,
  mapIds,
  mappingIdMap,
  positionOf,
  unmapId,
} from './ids';
import {
  FN_FILE,
  FN_NAME,
  FN_SIZE,
  FN_START,
  LINE_NUMBER,
  LINE_SIZE,
  LOC_ADDRESS,
  LOC_FLAGS,
  LOC_LINE_COUNT,
  LOC_LINE_START,
  LOC_MAPPING,
  LOC_SIZE,
  MAP_BUILD,
  MAP_FILE,
  MAP_FLAGS,
  MAP_LIMIT,
  MAP_OFFSET,
  MAP_SIZE,
  MAP_START,
  NONE,
} from './layout';
import { Vec, ensure, reserveRecords } from './memory';
import { badString } from './pprof';
import {
  functionExtents,
  functionIdTable,
  locationExtents,
  locationIdTable,
  mappingExtents,
  mappingIdTable,
  scannedFunctions,
  scannedLines,
  scannedLocations,
  scannedMappings,
  stringExtents,
  tableIds,
} from './scratch';
import {
  KIND_FUNCTION,
  KIND_LOCATION,
  KIND_MAPPING,
  OK,
  OUT_OF_MEMORY,
  fail,
  problem,
} from './status';
import {
  fieldEnd,
  openField,
  packVarint,
  readVarint,
  skipField,
  truncated,
  varintValue,
} from './varint';

/** In place of the number of lines: the location is dropped. */
export const DROPPED: u32 = 0xffffffff;
/** Flag of a mapping whose program has the names of all its functions. */
const HAS_FUNCTIONS: u32 = 1;

/** Whether there are functions and none has an id. */
export let isUnnumbered: bool = false;
let droppedCount: u32 = 0;
/** Whether a line of the location at hand has a function that is not there. */
let isLineLost: bool = false;

function makeRoom(records: Vec, size: usize, count: u32): i32 {
  if (!ensure(records, <u64>count * size) || !ensure(tableIds, <u64>count << 3)) {
    return fail(OUT_OF_MEMORY);
  }
  records.length = count;
  tableIds.length = count;
  return OK;
}

/** Decodes the three tables; answers a status. */
export function scanTables(): i32 {
  let status = scanFunctions();
  if (status) return status;
  status = scanMappings();
  return status ? status : scanLocations();
}

function scanFunctions(): i32 {
  const count = functionExtents.length;
  const strings = <u64>stringExtents.length;
  const status = makeRoom(scannedFunctions, FN_SIZE, count);
  if (status) return status;
  let anyId: u64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    let p = <usize>load<u32>(functionExtents.pointer + (<usize>i << 3));
    const end = <usize>load<u32>(functionExtents.pointer + (<usize>i << 3), 4);
    let id: u64 = 0, name: u64 = 0, system: u64 = 0, file: u64 = 0, start: u64 = 0;
    while (p < end) {
      const w = load<u64>(p);
      let tag = w & 0x7f;
      let value = (w >> 8) & 0x7f;
      if (w & 0x80) {
        p = readVarint(p);
        tag = varintValue;
        p = skipField(p, tag, end);
        if (!p) return problem;
        value = varintValue;
      } else if ((tag & 7) || !tag) {
        p = skipField(p + 1, tag, end);
        if (!p) return problem;
      } else {
        const stop = ~(w >> 8) & 0x80808080808080;
        if (stop) {
          const bits = ctz<u64>(stop) + 1;
          value = packVarint(w >> 8, bits);
          p += 1 + <usize>(bits >> 3);
        } else {
          p = readVarint(p + 1);
          value = varintValue;
        }
        if (p > end) return truncated(end);
      }
      if (tag == 16) name = value;
      else if (tag == 8) id = value;
      else if (tag == 24) system = value;
      else if (tag == 32) file = value;
      else if (tag == 40) start = value;
    }
    if (name >= strings) return badString(name);
    if (system >= strings) return badString(system);
    if (file >= strings) return badString(file);
    anyId |= id;
    store<u64>(tableIds.pointer + (<usize>i << 3), id);
    const r = scannedFunctions.pointer + <usize>i * FN_SIZE;
    store<u64>(r, name | (system << 32), FN_NAME);
    store<u64>(r, file, FN_FILE);
    store<u64>(r, start, FN_START);
  }
  isUnnumbered = count != 0 && !anyId;
  if (isUnnumbered) numberIds();
  return mapIds(functionIdMap, functionIdTable, KIND_FUNCTION, true);
}

/** Some .NET producers leave all function ids 0 and mean their order: the host decides. */
function numberIds(): void {
  for (let i: u32 = 0; i < tableIds.length; i++) {
    store<u64>(tableIds.pointer + (<usize>i << 3), <u64>i + 1);
  }
}

function scanMappings(): i32 {
  const count = mappingExtents.length;
  const strings = <u64>stringExtents.length;
  const status = makeRoom(scannedMappings, MAP_SIZE, count);
  if (status) return status;
  for (let i: u32 = 0; i < count; i++) {
    let p = <usize>load<u32>(mappingExtents.pointer + (<usize>i << 3));
    const end = <usize>load<u32>(mappingExtents.pointer + (<usize>i << 3), 4);
    const r = scannedMappings.pointer + <usize>i * MAP_SIZE;
    memory.fill(r, 0, MAP_SIZE);
    let id: u64 = 0, file: u64 = 0, build: u64 = 0;
    while (p < end) {
      p = readVarint(p);
      const tag = varintValue;
      p = skipField(p, tag, end);
      if (!p) return problem;
      const value = varintValue;
      if (tag == 8) id = value;
      else if (tag == 16) store<u64>(r, value, MAP_START);
      else if (tag == 24) store<u64>(r, value, MAP_LIMIT);
      else if (tag == 32) store<u64>(r, value, MAP_OFFSET);
      else if (tag == 40) file = value;
      else if (tag == 48) build = value;
      else if (tag >= 56 && tag <= 80 && !(tag & 7)) {
        const bit = <u32>1 << (<u32>(tag >> 3) - 7);
        const flags = load<u32>(r, MAP_FLAGS);
        store<u32>(r, value ? flags | bit : flags & ~bit, MAP_FLAGS);
      }
    }
    if (file >= strings) return badString(file);
    if (build >= strings) return badString(build);
    store<u32>(r, <u32>file, MAP_FILE);
    store<u32>(r, <u32>build, MAP_BUILD);
    store<u64>(tableIds.pointer + (<usize>i << 3), id);
  }
  return mapIds(mappingIdMap, mappingIdTable, KIND_MAPPING, true);
}

function scanLocations(): i32 {
  const count = locationExtents.length;
  const status = makeRoom(scannedLocations, LOC_SIZE, count);
  if (status) return status;
  scannedLines.length = 0;
  droppedCount = 0;
  isLineLost = false;
  for (let i: u32 = 0; i < count; i++) {
    const status = scanLocation(i);
    if (status) return status;
  }
  const mapped = mapIds(locationIdMap, locationIdTable, KIND_LOCATION, !droppedCount);
  if (!mapped && droppedCount) unmapDropped();
  return mapped;
}

/** A dropped location is one that is not there. */
function unmapDropped(): void {
  for (let i: u32 = 0; i < scannedLocations.length; i++) {
    const r = scannedLocations.pointer + <usize>i * LOC_SIZE;
    if (load<u32>(r, LOC_LINE_COUNT) != DROPPED) continue;
    unmapId(locationIdMap, load<u64>(tableIds.pointer + (<usize>i << 3)));
  }
}

@inline function scanLocation(i: u32): i32 {
  let p = <usize>load<u32>(locationExtents.pointer + (<usize>i << 3));
  const end = <usize>load<u32>(locationExtents.pointer + (<usize>i << 3), 4);
  const firstLine = scannedLines.length;
  let id: u64 = 0, mapping: u64 = 0, address: u64 = 0;
  let flags: u32 = 0;
  while (p < end) {
    const w = load<u64>(p);
    let tag = w & 0x7f;
    const stop = ~(w >> 8) & 0x80808080808080;
    if (!(w & 0x87) && tag && stop) {
      // A number of up to 7 bytes behind a tag of one: nearly all of them.
      const bits = ctz<u64>(stop) + 1;
      const value = packVarint(w >> 8, bits);
      p += 1 + <usize>(bits >> 3);
      if (p > end) return truncated(end);
      if (tag == 8) id = value;
      else if (tag == 16) mapping = value;
      else if (tag == 24) address = value;
      else if (tag == 40) flags = value ? 1 : 0;
      continue;
    }
    p = readVarint(p);
    tag = varintValue;
    if (tag == 34) {
      p = openField(p, end);
      if (!p) return problem;
      p = scanLine(p, fieldEnd);
      if (!p) return problem;
      continue;
    }
    p = skipField(p, tag, end);
    if (!p) return problem;
    if (tag == 8) id = varintValue;
    else if (tag == 16) mapping = varintValue;
    else if (tag == 24) address = varintValue;
    else if (tag == 40) flags = varintValue ? 1 : 0;
  }
  let lineCount = scannedLines.length - firstLine;
  let isDropped = isLineLost || (!lineCount && !address);
  let map: u32 = 0;
  if (mapping) {
    map = positionOf(mappingIdMap, mapping) + 1;
    // NONE + 1 is 0.
    if (!map) isDropped = true;
    else if (lineCount) {
      const m = scannedMappings.pointer + <usize>(map - 1) * MAP_SIZE;
      // The lines say it all; without any the address is all that there is.
      if (load<u32>(m, MAP_FLAGS) & HAS_FUNCTIONS) address = 0;
    }
  }
  if (isDropped) {
    scannedLines.length = firstLine;
    lineCount = DROPPED;
    droppedCount++;
    isLineLost = false;
  }
  store<u64>(tableIds.pointer + (<usize>i << 3), id);
  const r = scannedLocations.pointer + <usize>i * LOC_SIZE;
  store<u64>(r, address, LOC_ADDRESS);
  store<u32>(r, map, LOC_MAPPING);
  store<u32>(r, firstLine, LOC_LINE_START);
  store<u32>(r, lineCount, LOC_LINE_COUNT);
  store<u32>(r, flags, LOC_FLAGS);
  return OK;
}

/** Reads one line; answers `end`, or 0 with `problem` set. */
function scanLine(p: usize, end: usize): usize {
  let id: u64 = 0, number: u64 = 0;
  while (p < end) {
    const w = load<u64>(p);
    let tag = w & 0x7f;
    const stop = ~(w >> 8) & 0x80808080808080;
    if ((w & 0x87) || !tag || !stop) {
      p = readVarint(p);
      tag = varintValue;
      p = skipField(p, tag, end);
      if (!p) return 0;
      if (tag == 8) id = varintValue;
      else if (tag == 16) number = varintValue;
      continue;
    }
    const bits = ctz<u64>(stop) + 1;
    const value = packVarint(w >> 8, bits);
    p += 1 + <usize>(bits >> 3);
    if (p > end) break;
    if (tag == 8) id = value;
    else if (tag == 16) number = value;
  }
  if (p != end) {
    truncated(end);
    return 0;
  }
  const position = positionOf(functionIdMap, id);
  if (position == NONE) {
    isLineLost = true;
    return p;
  }
  if (!reserveRecords(scannedLines, 1, LINE_SIZE)) {
    fail(OUT_OF_MEMORY);
    return 0;
  }
  const r = scannedLines.pointer + <usize>scannedLines.length * LINE_SIZE;
  store<u64>(r, <u64>position);
  store<u64>(r, number, LINE_NUMBER);
  scannedLines.length++;
  return p;
}
