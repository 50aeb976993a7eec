// The dictionary of stacks: each distinct one is a flat run of location ids, leaf first, with a
// dense ordinal. Owns hashing, looking up and adding. Slots of 16 bytes: high half of the hash u32,
// ordinal + 1 u32, low half u32, and a word in which one append notes where it has put the stack.
import { KEYS_STACKS, keysOf, sumWords } from './hash';
import { STACK_DEPTH, STACK_SIZE, STACK_START } from './layout';
import { reserve } from './memory';
import { frames, stacks } from './store';
import { Table, insertSlot, isFar, reserveSlots, spread } from './table';

export const stackTable = changetype<Table>(memory.data(16, 4));
/** Bytes of a slot are 1 << this. */
export const STACK_SHIFT: u32 = 4;

export const SLOT_ORDINAL: usize = 4;
const SLOT_LOW: usize = 8;
/** Valid only while the append that wrote it can prove it: see `rows.ts`. */
export const SLOT_SEEN: usize = 12;

/** Counts the times that keys were drawn anew: hashes made before are void. */
export let stackKeysAge: u32 = 0;

/** Makes the table; false when there is no memory. */
export function startStacks(): bool {
  return reserveSlots(stackTable, 1, STACK_SHIFT);
}

/** Hash of a run of `depth` location ids; its high half is what tables index by. */
export function stackHash(run: usize, depth: u32): u64 {
  return sumWords(run, depth, keysOf(KEYS_STACKS));
}

/** The slot of a stack, added when it is not there; 0 when there is no memory for that. */
export function stackSlot(run: usize, depth: u32, hash: u64): usize {
  const mask = stackTable.mask;
  const slots = stackTable.pointer;
  const high = <u32>(hash >> 32);
  let k = high & mask;
  while (true) {
    const slot = slots + (<usize>k << STACK_SHIFT);
    const found = load<u64>(slot);
    if (!found) return addStack(run, depth, hash);
    if (<u32>found == high && load<u32>(slot, SLOT_LOW) == <u32>hash) {
      const r = stacks.pointer + (<usize>(<u32>(found >> 32) - 1) << 3);
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

function addStack(run: usize, depth: u32, hash: u64): usize {
  // Most stacks of a profile are known or come twice: room for all of them, reserved ahead, would
  // be many times what a small head holds. So this is the one step of an append that can fail.
  if (
    !reserve(stacks, 1, 3) ||
    !reserve(frames, depth, 2) ||
    !reserveSlots(stackTable, 1, STACK_SHIFT)
  ) return 0;
  const ordinal = stacks.length++;
  const r = stacks.pointer + <usize>ordinal * STACK_SIZE;
  store<u32>(r, frames.length, STACK_START);
  store<u32>(r, depth, STACK_DEPTH);
  memory.copy(frames.pointer + (<usize>frames.length << 2), run, <usize>depth << 2);
  frames.length += depth;
  const slot = insertSlot(stackTable, <u32>(hash >> 32), ordinal, STACK_SHIFT);
  store<u64>(slot, hash & 0xffffffff, SLOT_LOW);
  if (!isFar(stackTable, slot, STACK_SHIFT)) return slot;
  if (!spread(stackTable, KEYS_STACKS, STACK_SHIFT, rehash)) return slot;
  stackKeysAge++;
  storeLowHalves();
  return stackSlot(run, depth, stackHash(run, depth));
}

function hashOfStack(ordinal: u32): u64 {
  const r = stacks.pointer + <usize>ordinal * STACK_SIZE;
  return stackHash(frames.pointer + (<usize>load<u32>(r) << 2), load<u32>(r, STACK_DEPTH));
}

function rehash(ordinal: u32): u32 {
  return <u32>(hashOfStack(ordinal) >> 32);
}

/** After a spread: the slots' own part of the new hashes. */
function storeLowHalves(): void {
  const end = stackTable.pointer + ((<usize>stackTable.mask + 1) << STACK_SHIFT);
  for (let at = stackTable.pointer; at < end; at += <usize>1 << STACK_SHIFT) {
    const taken = load<u32>(at, SLOT_ORDINAL);
    if (taken) store<u32>(at, <u32>hashOfStack(taken - 1), SLOT_LOW);
  }
}
