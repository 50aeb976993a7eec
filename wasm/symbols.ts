// The dictionaries of functions, mappings and locations: arrays of records of layout.ts, one id for
// each distinct record. Owns looking up and adding; room must be reserved before.
import { equalBytes } from './bytes';
import {
  FIRST_KEY,
  KEYS_END,
  KEYS_FUNCTIONS,
  KEYS_LOCATIONS,
  KEYS_MAPPINGS,
  addWord,
  fold,
  hashOf,
  hashStart,
  keysOf,
} from './hash';
import {
  FN_FILE,
  FN_NAME,
  FN_SIZE,
  FN_START,
  LINE_FUNCTION,
  LINE_NUMBER,
  LINE_SIZE,
  LOC_ADDRESS,
  LOC_FLAGS,
  LOC_LINE_COUNT,
  LOC_LINE_START,
  LOC_MAPPING,
  LOC_SIZE,
  MAP_FILE,
  MAP_FLAGS,
  MAP_LIMIT,
  MAP_OFFSET,
  MAP_SIZE,
  MAP_START,
} from './layout';
import { Vec, reserveRecords } from './memory';
import { functions, lines, locations, mappings } from './store';
import { Table, insertSlot, isFar, reserveSlots, spread } from './table';

export const functionTable = changetype<Table>(memory.data(16, 4));
export const mappingTable = changetype<Table>(memory.data(16, 4));
export const locationTable = changetype<Table>(memory.data(16, 4));

/** Room for that many more of each; false when there is no memory. */
export function reserveSymbols(fns: u32, maps: u32, locs: u32, lns: u32): bool {
  return (
    reserveRecords(functions, fns, FN_SIZE) &&
    reserveSlots(functionTable, fns, 3) &&
    reserveRecords(mappings, maps, MAP_SIZE) &&
    reserveSlots(mappingTable, maps, 3) &&
    reserveRecords(locations, locs, LOC_SIZE) &&
    reserveSlots(locationTable, locs, 3) &&
    reserveRecords(lines, lns, LINE_SIZE)
  );
}

@inline function functionHash(r: usize): u32 {
  const keys = keysOf(KEYS_FUNCTIONS);
  let sum = hashStart(keys, 0);
  sum = addWord(sum, load<u64>(r, FN_NAME), keys + FIRST_KEY);
  sum = addWord(sum, load<u64>(r, FN_FILE), keys + FIRST_KEY + 16);
  sum = addWord(sum, load<u64>(r, FN_START), keys + FIRST_KEY + 32);
  return hashOf(sum);
}

/** The id of the function record at `r` (padding zero), added when it is not there. */
export function internFunction(r: usize): u32 {
  const hash = functionHash(r);
  const mask = functionTable.mask;
  const slots = functionTable.pointer;
  const records = functions.pointer;
  let k = hash & mask;
  while (true) {
    const slot = load<u64>(slots + (<usize>k << 3));
    if (!slot) break;
    if (<u32>slot == hash) {
      const id = <u32>(slot >> 32) - 1;
      const q = records + <usize>id * FN_SIZE;
      if (
        load<u64>(q) == load<u64>(r) &&
        load<u64>(q, 8) == load<u64>(r, 8) &&
        load<u64>(q, 16) == load<u64>(r, 16)
      ) return id;
    }
    k = (k + 1) & mask;
  }
  return addRecord(functions, functionTable, KEYS_FUNCTIONS, r, FN_SIZE, hash);
}

@inline function mappingHash(r: usize): u32 {
  const keys = keysOf(KEYS_MAPPINGS);
  let sum = hashStart(keys, load<u32>(r, MAP_FLAGS));
  sum = addWord(sum, load<u64>(r, MAP_START), keys + FIRST_KEY);
  sum = addWord(sum, load<u64>(r, MAP_LIMIT), keys + FIRST_KEY + 16);
  sum = addWord(sum, load<u64>(r, MAP_OFFSET), keys + FIRST_KEY + 32);
  sum = addWord(sum, load<u64>(r, MAP_FILE), keys + FIRST_KEY + 48);
  return hashOf(sum);
}

/** The id of the mapping record at `r` (padding zero), added when it is not there. */
export function internMapping(r: usize): u32 {
  const hash = mappingHash(r);
  const mask = mappingTable.mask;
  let k = hash & mask;
  while (true) {
    const slot = load<u64>(mappingTable.pointer + (<usize>k << 3));
    if (!slot) break;
    if (<u32>slot == hash) {
      const id = <u32>(slot >> 32) - 1;
      if (equalBytes(mappings.pointer + <usize>id * MAP_SIZE, r, <u32>MAP_SIZE)) return id;
    }
    k = (k + 1) & mask;
  }
  return addRecord(mappings, mappingTable, KEYS_MAPPINGS, r, MAP_SIZE, hash);
}

@inline function locationHash(r: usize, lineAt: usize): u32 {
  const keys = keysOf(KEYS_LOCATIONS);
  const count = load<u32>(r, LOC_LINE_COUNT);
  const place = <u64>load<u32>(r, LOC_MAPPING) | (<u64>load<u32>(r, LOC_FLAGS) << 32);
  let sum = addWord(hashStart(keys, count), load<u64>(r, LOC_ADDRESS), keys + FIRST_KEY);
  sum = addWord(sum, place, keys + FIRST_KEY + 16);
  let key = keys + FIRST_KEY + 32;
  const end = lineAt + <usize>count * LINE_SIZE;
  for (; lineAt < end; lineAt += LINE_SIZE) {
    sum += <u64>load<u32>(lineAt, LINE_FUNCTION) * load<u64>(key);
    sum = addWord(sum, load<u64>(lineAt, LINE_NUMBER), key + 8);
    key += 24;
    if (key + 24 > keys + KEYS_END) {
      sum = fold(sum);
      key = keys + FIRST_KEY;
    }
  }
  return hashOf(sum);
}

/** The id of the location record at `r` whose lines are at `lineAt`, added when it is not there. */
export function internLocation(r: usize, lineAt: usize): u32 {
  const hash = locationHash(r, lineAt);
  const count = load<u32>(r, LOC_LINE_COUNT);
  const mask = locationTable.mask;
  const slots = locationTable.pointer;
  const records = locations.pointer;
  let k = hash & mask;
  while (true) {
    const slot = load<u64>(slots + (<usize>k << 3));
    if (!slot) break;
    if (<u32>slot == hash) {
      const id = <u32>(slot >> 32) - 1;
      const q = records + <usize>id * LOC_SIZE;
      const at = lines.pointer + <usize>load<u32>(q, LOC_LINE_START) * LINE_SIZE;
      if (
        load<u64>(q, LOC_ADDRESS) == load<u64>(r, LOC_ADDRESS) &&
        load<u32>(q, LOC_MAPPING) == load<u32>(r, LOC_MAPPING) &&
        load<u64>(q, LOC_LINE_COUNT) == load<u64>(r, LOC_LINE_COUNT) &&
        equalLines(at, lineAt, count)
      ) return id;
    }
    k = (k + 1) & mask;
  }
  store<u32>(r, lines.length, LOC_LINE_START);
  const to = lines.pointer + <usize>lines.length * LINE_SIZE;
  memory.copy(to, lineAt, <usize>count * LINE_SIZE);
  lines.length += count;
  return addRecord(locations, locationTable, KEYS_LOCATIONS, r, LOC_SIZE, hash);
}

@inline function equalLines(a: usize, b: usize, count: u32): bool {
  const end = a + <usize>count * LINE_SIZE;
  for (; a < end; a += LINE_SIZE, b += LINE_SIZE) {
    if (v128.any_true(v128.xor(v128.load(a), v128.load(b)))) return false;
  }
  return true;
}

function addRecord(v: Vec, t: Table, keys: u32, r: usize, size: usize, hash: u32): u32 {
  const id = v.length++;
  memory.copy(v.pointer + <usize>id * size, r, size);
  const slot = insertSlot(t, hash, id, 3);
  if (!isFar(t, slot, 3)) return id;
  if (keys == KEYS_FUNCTIONS) spread(t, keys, 3, hashOfFunction);
  else if (keys == KEYS_MAPPINGS) spread(t, keys, 3, hashOfMapping);
  else spread(t, keys, 3, hashOfLocation);
  return id;
}

function hashOfFunction(id: u32): u32 {
  return functionHash(functions.pointer + <usize>id * FN_SIZE);
}

function hashOfMapping(id: u32): u32 {
  return mappingHash(mappings.pointer + <usize>id * MAP_SIZE);
}

function hashOfLocation(id: u32): u32 {
  const r = locations.pointer + <usize>id * LOC_SIZE;
  return locationHash(r, lines.pointer + <usize>load<u32>(r, LOC_LINE_START) * LINE_SIZE);
}
