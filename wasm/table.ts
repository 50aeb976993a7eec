// Hash tables from content to id: open addressing, linear probing, at most half full, 8-byte slots
// {hash u32, id + 1 u32} read with one load. Owns slots; the dictionaries compare content, so that
// a hit is never trusted on its hash alone.
import { allocate, release } from './memory';

/**
 * Slots that an insertion may look at. With random keys and half full, the longest run in a table
 * of 2^26 entries stays near 100, so passing this means that somebody found collisions.
 */
export const PROBES_MAX: u32 = 256;

const SLOTS_MIN: u32 = 64;

@unmanaged
export class Table {
  pointer: usize = 0;
  /** Slots minus one; 0 while there is no memory behind it. */
  mask: u32 = 0;
  /** Filled slots. */
  count: u32 = 0;
  /** Times that the keys were drawn anew because an insertion passed PROBES_MAX. */
  redrawn: u32 = 0;
}


let sealWanted: bool = false;

/** True once an insertion passed PROBES_MAX for good: new keys need a new head. */
export function mustSeal(): bool {
  return sealWanted;
}

/** Asks the host to seal the head: a table has become slow. */
export function wantSeal(): void {
  sealWanted = true;
}

/** Bytes of the slots. */
@inline export function tableBytes(t: Table, shift: u32): u64 {
  return t.pointer ? (<u64>t.mask + 1) << shift : 0;
}

/** Slots for `entries` at most half full; 0 when there cannot be so many. */
export function slotsFor(entries: u64): u32 {
  let slots: u64 = SLOTS_MIN;
  while (slots < entries << 1) slots <<= 1;
  return slots > <u64>1 << 30 ? 0 : <u32>slots;
}

/** Room for `extra` more entries, none of which then allocates; false when there is no memory. */
export function reserveSlots(t: Table, extra: u32): bool {
  const slots = slotsFor(<u64>t.count + extra);
  if (t.pointer && slots <= t.mask + 1) return slots != 0;
  return slots != 0 && resize(t, slots);
}

function resize(t: Table, slots: u32): bool {
  const to = allocate(<usize>slots << 3);
  if (!to) return false;
  memory.fill(to, 0, <usize>slots << 3);
  const mask = slots - 1;
  const from = t.pointer;
  if (from) {
    const end = from + ((<usize>t.mask + 1) << 3);
    for (let at = from; at < end; at += 8) {
      const slot = load<u64>(at);
      if (!slot) continue;
      let k = <u32>slot & mask;
      while (load<u64>(to + (<usize>k << 3))) k = (k + 1) & mask;
      store<u64>(to + (<usize>k << 3), slot);
    }
    release(from, (<usize>t.mask + 1) << 3);
  }
  t.pointer = to;
  t.mask = mask;
  return true;
}

/**
 * Adds a slot for an id that is not in the table; answers how many slots it looked at. There must
 * be room.
 */
export function insertSlot(t: Table, hash: u32, id: u32): u32 {
  const mask = t.mask;
  const slots = t.pointer;
  let probes: u32 = 1;
  let k = hash & mask;
  while (load<u64>(slots + (<usize>k << 3))) {
    k = (k + 1) & mask;
    probes++;
  }
  store<u64>(slots + (<usize>k << 3), <u64>hash | (<u64>(id + 1) << 32));
  t.count++;
  return probes;
}

/** Empties the table, at double size when there is memory for it; true when there was. */
export function clearDoubled(t: Table, shift: u32): bool {
  const bytes = (<usize>t.mask + 1) << shift;
  const slots = slotsFor(<u64>t.mask + 1);
  const to = slots ? allocate(<usize>slots << shift) : 0;
  if (!to) return false;
  release(t.pointer, bytes);
  memory.fill(to, 0, <usize>slots << shift);
  t.pointer = to;
  t.mask = slots - 1;
  t.count = 0;
  return true;
}

/** Removes the slots of every id ≥ `from`. */
export function dropSlots(t: Table, from: u32): void {
  if (!t.pointer) return;
  const mask = t.mask;
  const slots = t.pointer;
  for (let i: u32 = 0; i <= mask; i++) {
    // What a removal pulls back into slot `i` is looked at again.
    while (load<u32>(slots + (<usize>i << 3), 4) > from) {
      removeSlot(slots, mask, i);
      t.count--;
    }
  }
}

/** Closes the gap at `hole`: whatever could not sit at its home because of it moves back. */
function removeSlot(slots: usize, mask: u32, hole: u32): void {
  let k = hole;
  while (true) {
    k = (k + 1) & mask;
    const slot = load<u64>(slots + (<usize>k << 3));
    if (!slot) break;
    // Its way from home to `k` must lead over the hole.
    if (((k - <u32>slot) & mask) < ((k - hole) & mask)) continue;
    store<u64>(slots + (<usize>hole << 3), slot);
    hole = k;
  }
  store<u64>(slots + (<usize>hole << 3), 0);
}
