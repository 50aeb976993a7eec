// The dictionary of strings: bytes back to back, one id for each distinct valid UTF-8 string, 0
// being "". Owns looking up and adding; rooms must be reserved before anything is added.
import { equalBytes, isValidUtf8, repair, repairedLength } from './bytes';
import { KEYS_STRINGS, hashBytes, keysOf } from './hash';
import { NONE } from './layout';
import { ensure, reserve } from './memory';
import { repairedBytes } from './scratch';
import { stringBytes, stringOffsets } from './store';
import { Table, insertSlot, isFar, reserveSlots, spread } from './table';

export const stringTable = changetype<Table>(memory.data(16, 4));

/** Makes the dictionary with its one entry ""; false when there is no memory. */
export function startStrings(): bool {
  if (!reserveStrings(1, 0)) return false;
  store<u32>(stringOffsets.pointer, 0);
  stringOffsets.length = 1;
  addString(0, 0);
  return true;
}

/** Room for `count` more strings of `bytes` together. */
export function reserveStrings(count: u32, bytes: u64): bool {
  return (
    bytes < <u64>1 << 31 &&
    reserve(stringBytes, <u32>bytes, 0) &&
    reserve(stringOffsets, count + 1, 2) &&
    reserveSlots(stringTable, count, 3)
  );
}

/** The id of a run of bytes that is stored as it is; NONE when it is not there. */
export function findString(p: usize, length: u32): u32 {
  const hash = hashBytes(p, length, keysOf(KEYS_STRINGS));
  const mask = stringTable.mask;
  const slots = stringTable.pointer;
  const offsets = stringOffsets.pointer;
  let k = hash & mask;
  while (true) {
    const slot = load<u64>(slots + (<usize>k << 3));
    if (!slot) return NONE;
    if (<u32>slot == hash) {
      const id = <u32>(slot >> 32) - 1;
      const at = offsets + (<usize>id << 2);
      const offset = load<u32>(at);
      if (
        load<u32>(at, 4) - offset == length &&
        equalBytes(stringBytes.pointer + offset, p, length)
      ) return id;
    }
    k = (k + 1) & mask;
  }
}

/** Bytes that storing the run takes; NONE when there is no memory to repair it in. */
export function storedBytes(p: usize, length: u32): u32 {
  if (isValidUtf8(p, length)) return length;
  const bytes = repairedLength(p, length);
  // Room for one string after the other: that of the largest must stay.
  const room: u64 = GUARDED ? max<u64>(bytes + 8, repairedBytes.capacity) : <u64>bytes + 8;
  return ensure(repairedBytes, room) ? bytes : NONE;
}

/** The id of a run of bytes, which is repaired and added when it is not there. */
export function internString(p: usize, length: u32): u32 {
  let id = findString(p, length);
  if (id != NONE) return id;
  if (!isValidUtf8(p, length)) {
    // `storedBytes` has made the room.
    length = repair(p, length, repairedBytes.pointer);
    p = repairedBytes.pointer;
    id = findString(p, length);
    if (id != NONE) return id;
  }
  return addString(p, length);
}

function addString(p: usize, length: u32): u32 {
  const id = stringOffsets.length - 1;
  memory.copy(stringBytes.pointer + stringBytes.length, p, length);
  stringBytes.length += length;
  store<u32>(stringOffsets.pointer + (<usize>stringOffsets.length << 2), stringBytes.length);
  stringOffsets.length++;
  const slot = insertSlot(stringTable, hashOfString(id), id, 3);
  if (isFar(stringTable, slot, 3)) spread(stringTable, KEYS_STRINGS, 3, hashOfString);
  return id;
}

function hashOfString(id: u32): u32 {
  const at = stringOffsets.pointer + (<usize>id << 2);
  const offset = load<u32>(at);
  return hashBytes(stringBytes.pointer + offset, load<u32>(at, 4) - offset, keysOf(KEYS_STRINGS));
}
