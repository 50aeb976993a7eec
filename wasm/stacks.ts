// The dictionary of stacks: each distinct one is a flat run of location ids, leaf first, with a
// dense ordinal. Owns hashing, looking up and adding. Slots of 16 bytes: hash u64 (never 0),
// ordinal + 1 u32, and a word in which one append notes where it has put the stack.
import { KEYS_STACKS, drawKeys, keysOf, sumWords } from './hash';
import { STACK_DEPTH, STACK_SIZE, STACK_START } from './layout';
import { allocate, release, reserve } from './memory';
import { frames, stacks } from './store';
import { PROBES_MAX, Table, clearDoubled, slotsFor, wantSeal } from './table';

export const stackTable = changetype<Table>(memory.data(16, 4));

export const SLOT_ORDINAL: usize = 8;
/** Valid only while the append that wrote it can prove it: see `profiles.ts`. */
export const SLOT_SEEN: usize = 12;

/** Counts the times that keys were drawn anew: hashes made before are void. */
export let stackKeysAge: u32 = 0;

/** Makes the table; false when there is no memory. */
export function startStacks(): bool {
  return growSlots(slotsFor(1));
}

function growSlots(slots: u32): bool {
  const to = slots ? allocate(<usize>slots << 4) : 0;
  if (!to) return false;
  memory.fill(to, 0, <usize>slots << 4);
  const mask = slots - 1;
  const from = stackTable.pointer;
  if (from) {
    const end = from + ((<usize>stackTable.mask + 1) << 4);
    for (let at = from; at < end; at += 16) {
      if (load<u64>(at)) v128.store(freeSlot(to, mask, load<u64>(at)), v128.load(at));
    }
    release(from, (<usize>stackTable.mask + 1) << 4);
  }
  stackTable.pointer = to;
  stackTable.mask = mask;
  return true;
}

@inline function freeSlot(slots: usize, mask: u32, hash: u64): usize {
  let k = <u32>(hash >> 32) & mask;
  while (load<u64>(slots + (<usize>k << 4))) k = (k + 1) & mask;
  return slots + (<usize>k << 4);
}

/** Hash of a run of `depth` location ids; its high half is what tables index by. */
export function stackHash(run: usize, depth: u32): u64 {
  const sum = sumWords(run, depth, keysOf(KEYS_STACKS));
  return sum ? sum : 1;
}

/** The slot of a stack, added when it is not there; 0 when there is no memory for that. */
export function stackSlot(run: usize, depth: u32, hash: u64): usize {
  const mask = stackTable.mask;
  const slots = stackTable.pointer;
  let k = <u32>(hash >> 32) & mask;
  while (true) {
    const slot = slots + (<usize>k << 4);
    const found = load<u64>(slot);
    if (!found) return addStack(slot, run, depth, hash);
    if (found == hash) {
      const r = stacks.pointer + (<usize>(load<u32>(slot, SLOT_ORDINAL) - 1) << 3);
      if (
        load<u32>(r, STACK_DEPTH) == depth &&
        equalRuns(frames.pointer + (<usize>load<u32>(r) << 2), run, depth)
      ) return slot;
    }
    k = (k + 1) & mask;
  }
}

/** True when two runs of ids are equal; may read 12 bytes past them. */
@inline function equalRuns(a: usize, b: usize, count: u32): bool {
  const end = a + ((<usize>count & ~3) << 2);
  for (; a < end; a += 16, b += 16) {
    if (v128.any_true(v128.xor(v128.load(a), v128.load(b)))) return false;
  }
  // One bit per id that differs; those past the run do not count.
  const differs = i32x4.bitmask(i32x4.ne(v128.load(a), v128.load(b)));
  return !(differs & ((1 << (count & 3)) - 1));
}

function addStack(slot: usize, run: usize, depth: u32, hash: u64): usize {
  // Most stacks of a profile are known or come twice: room for all of them, reserved ahead, would
  // be many times what a small head holds. So this is the one step of an append that can fail.
  if (!reserve(stacks, 1, 3) || !reserve(frames, depth, 2)) return 0;
  if (stackTable.count << 1 > stackTable.mask) {
    if (!growSlots(slotsFor(<u64>stackTable.count + 1))) return 0;
    slot = freeSlot(stackTable.pointer, stackTable.mask, hash);
  }
  const ordinal = stacks.length++;
  const r = stacks.pointer + <usize>ordinal * STACK_SIZE;
  store<u32>(r, frames.length, STACK_START);
  store<u32>(r, depth, STACK_DEPTH);
  memory.copy(frames.pointer + (<usize>frames.length << 2), run, <usize>depth << 2);
  frames.length += depth;
  store<u64>(slot, hash);
  store<u64>(slot, <u64>(ordinal + 1), SLOT_ORDINAL);
  stackTable.count++;
  const home = <u32>(hash >> 32);
  const distance = (<u32>((slot - stackTable.pointer) >> 4) - home) & stackTable.mask;
  return distance < PROBES_MAX ? slot : spreadStacks(slot, ordinal);
}

/** Too many collisions: spreads the stacks over twice the slots under new keys, once a head. */
function spreadStacks(slot: usize, ordinal: u32): usize {
  const before = stackTable.pointer;
  const count = stackTable.mask + 1;
  const seen = allocate(<usize>stacks.length << 2);
  if (stackTable.redrawn || !seen) {
    if (seen) release(seen, <usize>stacks.length << 2);
    wantSeal();
    return slot;
  }
  // The append that is under way must find its notes again.
  for (let at = before, end = before + (<usize>count << 4); at < end; at += 16) {
    const taken = load<u32>(at, SLOT_ORDINAL);
    if (taken) store<u32>(seen + (<usize>(taken - 1) << 2), load<u32>(at, SLOT_SEEN));
  }
  if (!clearDoubled(stackTable, 4)) {
    release(seen, <usize>stacks.length << 2);
    wantSeal();
    return slot;
  }
  stackTable.redrawn = 1;
  drawKeys(KEYS_STACKS);
  stackKeysAge++;
  let mine: usize = 0;
  for (let i: u32 = 0; i < stacks.length; i++) {
    const r = stacks.pointer + (<usize>i << 3);
    const run = frames.pointer + (<usize>load<u32>(r) << 2);
    const hash = stackHash(run, load<u32>(r, STACK_DEPTH));
    const at = freeSlot(stackTable.pointer, stackTable.mask, hash);
    store<u64>(at, hash);
    store<u32>(at, i + 1, SLOT_ORDINAL);
    store<u32>(at, load<u32>(seen + (<usize>i << 2)), SLOT_SEEN);
    const distance = (<u32>((at - stackTable.pointer) >> 4) - <u32>(hash >> 32)) & stackTable.mask;
    if (distance >= PROBES_MAX) wantSeal();
    if (i == ordinal) mine = at;
  }
  stackTable.count = stacks.length;
  release(seen, <usize>stacks.length << 2);
  return mine;
}

/** Removes the slots of every ordinal ≥ `from`, closing the gaps. */
export function dropStackSlots(from: u32): void {
  if (!stackTable.pointer) return;
  const mask = stackTable.mask;
  const slots = stackTable.pointer;
  for (let i: u32 = 0; i <= mask; i++) {
    while (load<u32>(slots + (<usize>i << 4), SLOT_ORDINAL) > from) {
      removeStackSlot(slots, mask, i);
      stackTable.count--;
    }
  }
}

function removeStackSlot(slots: usize, mask: u32, hole: u32): void {
  let k = hole;
  while (true) {
    k = (k + 1) & mask;
    const at = slots + (<usize>k << 4);
    if (!load<u64>(at)) break;
    if (((k - <u32>(load<u64>(at) >> 32)) & mask) < ((k - hole) & mask)) continue;
    v128.store(slots + (<usize>hole << 4), v128.load(at));
    hole = k;
  }
  v128.store(slots + (<usize>hole << 4), i64x2.splat(0));
}
