// Distinct names: one number for each run of bytes, found under secret keys and compared byte by
// byte. Three columns back to back: offsets (u32, one more than names), bytes, and slots of
// {hash u32, name + 1 u32}. Owns the lookup.
import { equalBytes } from '../bytes';
import { KEYS_SCRATCH, hashBytes } from '../hash';
import { NONE } from '../layout';
import { VEC_SIZE, Vec, allocate, release, reserve, vecAt } from '../memory';
import { keysOf } from './columns';

const SLOTS_MIN: u32 = 256;
const SLOTS_MAX: u64 = 1 << 27;

@inline function offsetsOf(table: usize): Vec {
  return vecAt(table);
}

@inline function bytesOf(table: usize): Vec {
  return vecAt(table + VEC_SIZE);
}

@inline function slotsOf(table: usize): Vec {
  return vecAt(table + 2 * VEC_SIZE);
}

/** Makes the table empty; false without memory. */
export function startNames(table: usize): bool {
  const offsets = offsetsOf(table);
  const slots = slotsOf(table);
  offsets.length = 0;
  bytesOf(table).length = 0;
  if (!reserve(offsets, 1, 2)) return false;
  store<u32>(offsets.pointer, 0);
  offsets.length = 1;
  if (slots.length) {
    memory.fill(slots.pointer, 0, <usize>slots.length << 3);
    return true;
  }
  return makeSlots(slots, SLOTS_MIN);
}

function makeSlots(slots: Vec, count: u64): bool {
  const at: usize = count > SLOTS_MAX ? 0 : allocate(<usize>count << 3);
  if (!at) return false;
  memory.fill(at, 0, <usize>count << 3);
  slots.pointer = at;
  slots.length = <u32>count;
  slots.capacity = <u32>count << 3;
  return true;
}

/** Twice the slots: the table is at most half full. */
function growSlots(slots: Vec): bool {
  const from = slots.pointer;
  const count = slots.length;
  if (!makeSlots(slots, <u64>count << 1)) return false;
  const mask = slots.length - 1;
  for (let at = from; at < from + (<usize>count << 3); at += 8) {
    const slot = load<u64>(at);
    if (!slot) continue;
    let k = <u32>slot & mask;
    while (load<u64>(slots.pointer + (<usize>k << 3))) k = (k + 1) & mask;
    store<u64>(slots.pointer + (<usize>k << 3), slot);
  }
  release(from, <usize>count << 3);
  return true;
}

/** The number of a name, added when it is new; NONE without memory. Reads 7 bytes past its end. */
export function nameOf(table: usize, p: usize, length: u32): u32 {
  const hash = hashBytes(p, length, keysOf(KEYS_SCRATCH));
  const offsets = offsetsOf(table);
  const slots = slotsOf(table);
  if (offsets.length << 1 > slots.length && !growSlots(slots)) return NONE;
  const mask = slots.length - 1;
  let k = hash & mask;
  while (true) {
    const slot = load<u64>(slots.pointer + (<usize>k << 3));
    if (!slot) break;
    const name = <u32>(slot >> 32) - 1;
    if (<u32>slot == hash && isName(table, name, p, length)) return name;
    k = (k + 1) & mask;
  }
  if (!reserve(bytesOf(table), length, 0) || !reserve(offsets, 1, 2)) return NONE;
  const name = offsets.length - 1;
  store<u64>(slots.pointer + (<usize>k << 3), <u64>hash | (<u64>(name + 1) << 32));
  const bytes = bytesOf(table);
  memory.copy(bytes.pointer + bytes.length, p, length);
  bytes.length += length;
  store<u32>(offsets.pointer + (<usize>offsets.length << 2), bytes.length);
  offsets.length++;
  return name;
}

@inline function isName(table: usize, name: u32, p: usize, length: u32): bool {
  const at = offsetsOf(table).pointer + (<usize>name << 2);
  const from = load<u32>(at);
  if (load<u32>(at, 4) - from != length) return false;
  return equalBytes(bytesOf(table).pointer + from, p, length);
}
