// From the ids a profile uses to positions in its tables. Owns three ways of looking up: ids 1…n
// in order (almost every producer), a direct table for small ids, and a hash table. Ids are
// compared as 64-bit numbers before anything is cut off.
import { FIRST_KEY, KEYS_SCRATCH, addWord, hashOf, keysOf } from './hash';
import { NONE } from './layout';
import { Vec, ensure } from './memory';
import { tableIds } from './scratch';
import { ID_TWICE, ID_ZERO, KIND_MAPPING, OK, OUT_OF_MEMORY, fail } from './status';

const IN_ORDER: u32 = 0;
const DIRECT: u32 = 1;
const HASHED: u32 = 2;

@unmanaged
export class IdMap {
  kind: u32 = 0;
  /** In order: how many. Direct: the largest id. Hashed: slots minus one. */
  limit: u32 = 0;
  pointer: usize = 0;
}

export const functionIdMap = changetype<IdMap>(memory.data(12, 4));
export const mappingIdMap = changetype<IdMap>(memory.data(12, 4));
export const locationIdMap = changetype<IdMap>(memory.data(12, 4));

/** True when every id is its position plus one. */
@inline export function isInOrder(map: IdMap): bool {
  return map.kind == IN_ORDER;
}

/**
 * Takes the ids in `tableIds`; refuses what comes twice, and 0 but for mappings, where it means
 * that nothing refers to the entry. `kind` names the table; `isWhole` is false when ids are to be
 * unmapped.
 */
export function mapIds(map: IdMap, table: Vec, kind: u32, isWhole: bool): i32 {
  const ids = tableIds.pointer;
  const count = tableIds.length;
  let isOrdered = isWhole;
  let largest: u64 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const id = load<u64>(ids + (<usize>i << 3));
    if (!id && kind != KIND_MAPPING) return fail(ID_ZERO, kind, i);
    if (id != <u64>i + 1) isOrdered = false;
    if (id > largest) largest = id;
  }
  map.limit = count;
  map.kind = IN_ORDER;
  if (isOrdered) return OK;
  // Up to eight times sparser than the hash table's slots, a direct table is smaller and faster.
  if (largest <= (<u64>count << 3) + 1024) return mapDirectly(map, table, kind, <u32>largest);
  return mapHashed(map, table, kind);
}

function mapDirectly(map: IdMap, table: Vec, kind: u32, largest: u32): i32 {
  const bytes = (<usize>largest + 1) << 2;
  if (!ensure(table, bytes)) return fail(OUT_OF_MEMORY);
  memory.fill(table.pointer, 0xff, bytes);
  map.kind = DIRECT;
  map.limit = largest;
  map.pointer = table.pointer;
  for (let i: u32 = 0; i < tableIds.length; i++) {
    const id = load<u64>(tableIds.pointer + (<usize>i << 3));
    if (!id) continue;
    const at = table.pointer + (<usize>id << 2);
    if (load<u32>(at) != NONE) return fail(ID_TWICE, id, kind);
    store<u32>(at, i);
  }
  return OK;
}

@inline function slotOf(id: u64, mask: u32): u32 {
  const keys = keysOf(KEYS_SCRATCH);
  return hashOf(addWord(load<u64>(keys), id, keys + FIRST_KEY)) & mask;
}

function mapHashed(map: IdMap, table: Vec, kind: u32): i32 {
  let slots: u32 = 16;
  while (slots < tableIds.length << 1) slots <<= 1;
  if (!ensure(table, <u64>slots << 4)) return fail(OUT_OF_MEMORY);
  memory.fill(table.pointer, 0, <usize>slots << 4);
  map.kind = HASHED;
  map.limit = slots - 1;
  map.pointer = table.pointer;
  for (let i: u32 = 0; i < tableIds.length; i++) {
    const id = load<u64>(tableIds.pointer + (<usize>i << 3));
    if (!id) continue;
    let k = slotOf(id, map.limit);
    while (true) {
      const at = table.pointer + (<usize>k << 4);
      const found = load<u64>(at);
      if (found == id) return fail(ID_TWICE, id, kind);
      if (!found) {
        store<u64>(at, id);
        store<u32>(at, i, 8);
        break;
      }
      k = (k + 1) & map.limit;
    }
  }
  return OK;
}

/** The position of an id, NONE when there is none. */
@inline export function positionOf(map: IdMap, id: u64): u32 {
  if (map.kind == IN_ORDER) return id - 1 < <u64>map.limit ? <u32>id - 1 : NONE;
  return lookUp(map, id);
}

function lookUp(map: IdMap, id: u64): u32 {
  const at = entryOf(map, id);
  return at ? load<u32>(at) : NONE;
}

/** Takes back an id of a map that was made of a table that is not whole. */
export function unmapId(map: IdMap, id: u64): void {
  const at = entryOf(map, id);
  if (at) store<u32>(at, NONE);
}

/** Where the position of an id is kept; 0: nowhere. */
function entryOf(map: IdMap, id: u64): usize {
  if (map.kind == DIRECT) return id <= <u64>map.limit ? map.pointer + (<usize>id << 2) : 0;
  if (!id) return 0;
  let k = slotOf(id, map.limit);
  while (true) {
    const at = map.pointer + (<usize>k << 4);
    const found = load<u64>(at);
    if (!found) return 0;
    if (found == id) return at + 8;
    k = (k + 1) & map.limit;
  }
}
