// Columns from records: copies fields of the live records that a slice names into the output
// slots. Owns which records those are, from `takeRecords` to the next; every fill answers false
// when there is no memory.
import { fillStrings, slotFor, stringIdRoom } from './seal-slots';

let records: usize = 0;
let size: usize = 0;
/** Numbers (u32) of the slice's records. */
let numbers: usize = 0;
let count: u32 = 0;

/** The next fills are about records of `recordSize` bytes, `length` of them from entry `from`. */
export function takeRecords(
  first: usize, recordSize: usize, order: usize, from: u32, length: u32,
): void {
  records = first;
  size = recordSize;
  numbers = order + (<usize>from << 2);
  count = length;
}

/** Address of the slice's record with this index. */
export function recordAt(index: u32): usize {
  return records + <usize>load<u32>(numbers + (<usize>index << 2)) * size;
}

/** A field of 2^shift bytes: 4, 8 or 16. */
export function fillField(slot: u32, shift: u32, field: usize): bool {
  const out = slotFor(slot, count, shift);
  if (!out) return false;
  for (let i: u32 = 0; i < count; i++) {
    const from = recordAt(i) + field;
    const to = out + (<usize>i << shift);
    if (shift == 2) store<u32>(to, load<u32>(from));
    else if (shift == 3) store<u64>(to, load<u64>(from));
    else v128.store(to, v128.load(from));
  }
  return true;
}

/** One bit of a u32 field, a byte each. */
export function fillFlag(slot: u32, field: usize, bit: u32): bool {
  const out = slotFor(slot, count, 0);
  if (!out) return false;
  for (let i: u32 = 0; i < count; i++) {
    store<u8>(out + i, <u8>((load<u32>(recordAt(i) + field) >>> bit) & 1));
  }
  return true;
}

/** A field that is a string id: two slots. */
export function fillText(slot: u32, field: usize): bool {
  const ids = stringIdRoom(count);
  if (!ids) return false;
  for (let i: u32 = 0; i < count; i++) {
    store<u32>(ids + (<usize>i << 2), load<u32>(recordAt(i) + field));
  }
  return fillStrings(slot, ids, count);
}

/** Entries of all lists that `fillOffsets` counted last. */
export let listTotal: u32 = 0;

/** Offsets (i32) of lists whose lengths are a u32 field. */
export function fillOffsets(slot: u32, field: usize): bool {
  let out = slotFor(slot, count + 1, 2);
  if (!out) return false;
  listTotal = 0;
  store<u32>(out, 0);
  for (let i: u32 = 0; i < count; i++) {
    listTotal += load<u32>(recordAt(i) + field);
    out += 4;
    store<u32>(out, listTotal);
  }
  return true;
}
