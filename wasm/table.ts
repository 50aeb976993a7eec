// Hash tables from content to id: open addressing, linear probing, at most half full. A slot begins
// with {hash u32, id + 1 u32}, which is zero only when it is empty, and is 1 << `shift` bytes: what
// follows is the dictionary's own. Owns slots; the dictionaries compare content, so that a hit is
// never trusted on its hash alone.
import { drawKeys } from './hash';
import { allocate, release } from './memory';

/**
 * Slots that an insertion may look at. With random keys and half full, the longest run in a table
 * of 2^26 entries stays near 100, so passing this means that somebody found collisions.
 */
const PROBES_MAX: u32 = 256;
const SLOTS_MIN: u64 = 64;
const SLOTS_MAX: u64 = 1 << 27;

@unmanaged
export class Table {
  pointer: usize = 0;
  /** Slots minus one; 0 while there is no memory behind it. */
  mask: u32 = 0;
  /** Filled slots. */
  count: u32 = 0;
  /** 1 once the keys were drawn anew because an insertion passed PROBES_MAX. */
  redrawn: u32 = 0;
}

let sealWanted: bool = false;

/** True once an insertion passed PROBES_MAX for good: the head is to be sealed. */
export function mustSeal(): bool {
  return sealWanted;
}

/** Forgets that the head was to be sealed: for a new one. */
export function startTables(): void {
  sealWanted = false;
}

/** Bytes of the slots. */
export function tableBytes(t: Table, shift: u32): usize {
  return t.pointer ? (<usize>t.mask + 1) << shift : 0;
}

/** Room for `extra` more entries, none of which then allocates; false when there is no memory. */
export function reserveSlots(t: Table, extra: u32, shift: u32): bool {
  const need = (<u64>t.count + extra) << 1;
  if (t.pointer && need <= <u64>t.mask + 1) return true;
  let slots = SLOTS_MIN;
  while (slots < need) slots <<= 1;
  const from = t.pointer;
  const bytes = tableBytes(t, shift);
  if (!takeSlots(t, slots, shift)) return false;
  for (let at = from; at < from + bytes; at += <usize>1 << shift) {
    if (load<u64>(at)) copySlot(at, freeSlot(t, load<u32>(at), shift), shift);
  }
  if (from) release(from, bytes);
  return true;
}

/** Gives the table empty slots, leaving the old ones to the caller. */
function takeSlots(t: Table, slots: u64, shift: u32): bool {
  const to: usize = slots > SLOTS_MAX ? 0 : allocate(<usize>slots << shift);
  if (!to) return false;
  memory.fill(to, 0, <usize>slots << shift);
  t.pointer = to;
  t.mask = <u32>slots - 1;
  return true;
}

@inline function copySlot(from: usize, to: usize, shift: u32): void {
  store<u64>(to, load<u64>(from));
  if (shift == 4) store<u64>(to, load<u64>(from, 8), 8);
}

function freeSlot(t: Table, hash: u32, shift: u32): usize {
  let k = hash & t.mask;
  while (load<u64>(t.pointer + (<usize>k << shift))) k = (k + 1) & t.mask;
  return t.pointer + (<usize>k << shift);
}

/** Adds a slot for an id that is not in the table, and answers it. There must be room. */
export function insertSlot(t: Table, hash: u32, id: u32, shift: u32): usize {
  const slot = freeSlot(t, hash, shift);
  store<u64>(slot, <u64>hash | (<u64>(id + 1) << 32));
  t.count++;
  return slot;
}

/** True when a slot is so far from its home that the table should be spread. */
export function isFar(t: Table, slot: usize, shift: u32): bool {
  return ((<u32>((slot - t.pointer) >> shift) - load<u32>(slot)) & t.mask) >= PROBES_MAX;
}

/**
 * Too many collisions: moves the entries to twice the slots under new keys, once a head. `hashOf`
 * is the hash of an id's content. The second time, or without memory, the head is to be sealed.
 * True when slots have moved.
 */
export function spread(t: Table, keys: u32, shift: u32, hashOf: (id: u32) => u32): bool {
  const from = t.pointer;
  const bytes = tableBytes(t, shift);
  if (t.redrawn || !takeSlots(t, (<u64>t.mask + 1) << 1, shift)) {
    sealWanted = true;
    return false;
  }
  t.redrawn = 1;
  drawKeys(keys);
  for (let at = from; at < from + bytes; at += <usize>1 << shift) {
    const id = load<u32>(at, 4);
    if (!id) continue;
    const hash = hashOf(id - 1);
    const to = freeSlot(t, hash, shift);
    copySlot(at, to, shift);
    store<u32>(to, hash);
    if (isFar(t, to, shift)) sealWanted = true;
  }
  release(from, bytes);
  return true;
}

/** Removes the slots of every id ≥ `from`. */
export function dropSlots(t: Table, from: u32, shift: u32): void {
  if (t.count <= from) return;
  for (let i: u32 = 0; i <= t.mask; i++) {
    // What a removal pulls back into slot `i` is looked at again.
    while (load<u32>(t.pointer + (<usize>i << shift), 4) > from) removeSlot(t, i, shift);
  }
}

/** Closes the gap at `hole`: whatever could not sit at its home because of it moves back. */
function removeSlot(t: Table, hole: u32, shift: u32): void {
  const slots = t.pointer;
  const mask = t.mask;
  let k = hole;
  while (true) {
    k = (k + 1) & mask;
    const at = slots + (<usize>k << shift);
    if (!load<u64>(at)) break;
    // Its way from home to `k` must lead over the hole.
    if (((k - load<u32>(at)) & mask) < ((k - hole) & mask)) continue;
    copySlot(at, slots + (<usize>hole << shift), shift);
    hole = k;
  }
  memory.fill(slots + (<usize>hole << shift), 0, <usize>1 << shift);
  t.count--;
}
