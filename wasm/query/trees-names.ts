// The names of merged trees: one number for each distinct run of bytes, found under keys that no
// sender knows and compared byte by byte. Owns the lookup; the first two names are those that the
// encodings single out, whether a tree has them or not.
import { equalBytes } from '../bytes';
import { hashBytes } from '../hash';
import { Vec, allocate, release, reserve } from '../memory';
import { NAME_BYTES, NAME_KEYS, NAME_OFFSETS, NAME_SLOTS, columnOf } from './trees-state';

/** The name of what truncation leaves out, and the name of the root in flame graphs. */
export const NAME_OTHER: u32 = 0;
export const NAME_TOTAL: u32 = 1;
const SLOTS_MIN: u32 = 256;
const SLOTS_MAX: u64 = 1 << 27;

/** How many distinct names there are. */
@inline export function nameCount(trees: usize): u32 {
  return columnOf(trees, NAME_OFFSETS).length - 1;
}

/** Length of a name in bytes. */
@inline export function nameLength(trees: usize, name: u32): u32 {
  const at = columnOf(trees, NAME_OFFSETS).pointer + (<usize>name << 2);
  return load<u32>(at, 4) - load<u32>(at);
}

/** Where a name's bytes are. */
@inline export function nameAddress(trees: usize, name: u32): usize {
  const offset = load<u32>(columnOf(trees, NAME_OFFSETS).pointer + (<usize>name << 2));
  return columnOf(trees, NAME_BYTES).pointer + offset;
}

/** An empty table with its two names; false without memory. */
export function startNames(trees: usize): bool {
  if (!nameRoom(trees, 2, 16)) return false;
  const offsets = columnOf(trees, NAME_OFFSETS);
  store<u32>(offsets.pointer, 0);
  offsets.length = 1;
  // "other" and "total", at addresses that are not in the module's data, for there is none.
  const spare = columnOf(trees, NAME_BYTES).pointer + 16;
  store<u64>(spare, 0x72_65_68_74_6f);
  nameOf(trees, spare, 5);
  store<u64>(spare, 0x6c_61_74_6f_74);
  nameOf(trees, spare, 5);
  return true;
}

/** Room for `count` more names of `bytes` together; false without memory. */
export function nameRoom(trees: usize, count: u32, bytes: u32): bool {
  return (
    reserve(columnOf(trees, NAME_BYTES), bytes + 16, 0) &&
    reserve(columnOf(trees, NAME_OFFSETS), count + 1, 2) &&
    slotRoom(trees, count)
  );
}

/** Keeps the table at most half full. */
function slotRoom(trees: usize, extra: u32): bool {
  const slots = columnOf(trees, NAME_SLOTS);
  // Before the first name there is no offset either.
  const count = columnOf(trees, NAME_OFFSETS).length;
  const need = (<u64>count + extra) << 1;
  if (need <= slots.length) return true;
  let size: u64 = SLOTS_MIN;
  while (size < need) size <<= 1;
  const to: usize = size > SLOTS_MAX ? 0 : allocate(<usize>size << 3);
  if (!to) return false;
  memory.fill(to, 0, <usize>size << 3);
  const mask = <u32>size - 1;
  const end = slots.pointer + (<usize>slots.length << 3);
  for (let at = slots.pointer; at < end; at += 8) {
    const slot = load<u64>(at);
    if (slot) store<u64>(freeSlot(to, mask, <u32>slot), slot);
  }
  if (slots.pointer) release(slots.pointer, slots.capacity);
  slots.pointer = to;
  slots.length = <u32>size;
  slots.capacity = <u32>size << 3;
  return true;
}

function freeSlot(slots: usize, mask: u32, hash: u32): usize {
  let k = hash & mask;
  while (load<u64>(slots + (<usize>k << 3))) k = (k + 1) & mask;
  return slots + (<usize>k << 3);
}

/** The number of a name, which is added when it is new: there must be room. */
export function nameOf(trees: usize, p: usize, length: u32): u32 {
  const hash = hashBytes(p, length, trees + NAME_KEYS);
  const slots = columnOf(trees, NAME_SLOTS);
  const mask = slots.length - 1;
  let k = hash & mask;
  while (true) {
    const slot = load<u64>(slots.pointer + (<usize>k << 3));
    if (!slot) break;
    const name = <u32>(slot >> 32) - 1;
    if (
      <u32>slot == hash &&
      nameLength(trees, name) == length &&
      equalBytes(nameAddress(trees, name), p, length)
    ) return name;
    k = (k + 1) & mask;
  }
  const name = nameCount(trees);
  store<u64>(slots.pointer + (<usize>k << 3), <u64>hash | (<u64>(name + 1) << 32));
  append(columnOf(trees, NAME_BYTES), columnOf(trees, NAME_OFFSETS), p, length);
  return name;
}

/** Copies by words, which beats a bulk copy for names; may read and write 7 bytes past the end. */
export function copyName(to: usize, p: usize, length: u32): void {
  for (const end = p + length; p < end; p += 8) {
    store<u64>(to, load<u64>(p));
    to += 8;
  }
}

/** Puts a run behind those that are there already: there must be room, and 7 bytes more. */
export function append(bytes: Vec, offsets: Vec, p: usize, length: u32): void {
  copyName(bytes.pointer + bytes.length, p, length);
  bytes.length += length;
  store<u32>(offsets.pointer + (<usize>offsets.length << 2), bytes.length);
  offsets.length++;
}
