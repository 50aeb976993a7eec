// Output slots: where the columns of a slice are put for the host to view. Owns the buffers; each
// fill of any table overwrites them. Nothing is kept between fills but their memory.
import { VEC_SIZE, ensure, vecAt } from './memory';
import { SLOTS } from './seal-state';
import { stringBytes, stringOffsets } from './store';

/** The 17th slot is not for the host: string ids (u32) on their way to `fillStrings`. */
const IDS_SLOT: u32 = 16;

/** Buffer for `count` elements of 2^shift bytes, contents undefined; 0 when there is no memory. */
export function slotFor(slot: u32, count: u32, shift: u64): usize {
  const v = vecAt(SLOTS + <usize>slot * VEC_SIZE);
  const bytes = <u64>count << shift;
  // Never empty, so that an address of 0 always means that there was no room.
  if (!ensure(v, bytes + 1)) return 0;
  v.length = <u32>bytes;
  return v.pointer;
}

/** A cleared bitmap for `count` rows. */
export function slotBits(slot: u32, count: u32): usize {
  const bytes = (count + 7) >>> 3;
  const at = slotFor(slot, bytes, 0);
  if (at) memory.fill(at, 0, bytes);
  return at;
}

/** Marks a row as present. */
export function setBit(bits: usize, index: u32): void {
  const at = bits + (index >>> 3);
  store<u8>(at, load<u8>(at) | (<u8>1 << <u8>(index & 7)));
}

/** Writes `from, from+1, …` into a slot: the ids of a table's rows. */
export function fillIds(slot: u32, from: u32, count: u32): bool {
  const ids = slotFor(slot, count, 2);
  if (!ids) return false;
  for (let i: u32 = 0; i < count; i++) store<u32>(ids + (<usize>i << 2), from + i);
  return true;
}

/** Room for the ids that `fillStrings` will read; 0 when there is no memory. */
export function stringIdRoom(count: u32): usize {
  return slotFor(IDS_SLOT, count, 2);
}

@inline function startOf(id: u32): u32 {
  return load<u32>(stringOffsets.pointer + (<usize>id << 2));
}

/** Address of a string's bytes. */
export function stringAddress(id: u32): usize {
  return stringBytes.pointer + startOf(id);
}

/** Bytes of a string. */
export function stringLength(id: u32): u32 {
  return startOf(id + 1) - startOf(id);
}

/** Writes the `count` strings named at `ids`: offsets (i32) in `slot`, bytes in the next. */
export function fillStrings(slot: u32, ids: usize, count: u32): bool {
  let bytes: u64 = 0;
  const end = ids + (<usize>count << 2);
  for (let id = ids; id < end; id += 4) bytes += stringLength(load<u32>(id));
  if (bytes > <u64>i32.MAX_VALUE) return false;
  let offset = slotFor(slot, count + 1, 2);
  const text = slotFor(slot + 1, <u32>bytes, 0);
  if (!offset || !text) return false;
  let length: u32 = 0;
  store<u32>(offset, 0);
  for (let id = ids; id < end; id += 4) {
    const more = stringLength(load<u32>(id));
    memory.copy(text + length, stringAddress(load<u32>(id)), more);
    length += more;
    offset += 4;
    store<u32>(offset, length);
  }
  return true;
}
