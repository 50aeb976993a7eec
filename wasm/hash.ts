// Keyed hashing for every table. Owns the keys: multilinear sums over 32-bit words with random
// 64-bit keys, of which the high half is used. Two different inputs of one length collide with
// probability 2^-32 whatever the sender chooses, because the keys are the head's secret; faster
// hashes of the multiply-and-rotate kind have collisions that work for every seed.
// Lemire, Kaser: Strongly universal string hashing is fast, https://arxiv.org/abs/1202.4961

/** Which table's keys: each can be drawn again by itself. */
export const KEYS_STRINGS: u32 = 0;
export const KEYS_FUNCTIONS: u32 = 1;
export const KEYS_MAPPINGS: u32 = 2;
export const KEYS_LOCATIONS: u32 = 3;
export const KEYS_STACKS: u32 = 4;
/** Tables that live for one profile. */
export const KEYS_SCRATCH: u32 = 5;
const KEY_SETS: u32 = 6;

/** 256 keys a set: one for the start, one for the length, the others for words, used in turn. */
const SET_BYTES: usize = 2048;
/** Address of all sets; the query module reads keys from here. */
export const KEYS: usize = memory.data(6 * 2048, 16);
const GOLDEN: u64 = 0x9e3779b97f4a7c15;
/** An odd constant: multiplying by it loses nothing. */
const FOLD: u64 = 0xc2b2ae3d27d4eb4f;

let state: u64 = 0;

/** Draws one 64-bit number (splitmix64 over the head's seed). */
function draw(): u64 {
  state += GOLDEN;
  let z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/** Draws all keys from a new seed. */
export function seedKeys(low: u32, high: u32): void {
  state = <u64>low | (<u64>high << 32);
  for (let set: u32 = 0; set < KEY_SETS; set++) drawKeys(set);
}

/** Draws one table's keys anew: every hash made with them is void. */
export function drawKeys(set: u32): void {
  const keys = keysOf(set);
  for (let i: usize = 0; i < SET_BYTES; i += 8) store<u64>(keys + i, draw());
}

/** Address of a table's keys. */
@inline export function keysOf(set: u32): usize {
  return KEYS + (<usize>set << 11);
}

/** The sum before any word: `length` sets apart inputs that differ by trailing zeros. */
@inline export function hashStart(keys: usize, length: u32): u64 {
  return load<u64>(keys) + <u64>length * load<u64>(keys, 8);
}

/** Offset of the first word's key, and past the last one's. */
export const FIRST_KEY: usize = 16;
export const KEYS_END: usize = SET_BYTES;

/** Between two passes over the keys: order matters from pass to pass. */
@inline export function fold(sum: u64): u64 {
  return rotl<u64>(sum, 32) * FOLD;
}

/** The part of a sum that tables index and compare by. */
@inline export function hashOf(sum: u64): u32 {
  return <u32>(sum >> 32);
}

/** Adds one 64-bit word as two halves, under the keys at `at` and `at + 8`. */
@inline export function addWord(sum: u64, word: u64, at: usize): u64 {
  return sum + (word & 0xffffffff) * load<u64>(at) + (word >> 32) * load<u64>(at, 8);
}

/** Hash of `length` bytes; may read 7 bytes past them. */
export function hashBytes(p: usize, length: u32, keys: usize): u32 {
  let sum = hashStart(keys, length);
  let key = keys + FIRST_KEY;
  const keyEnd = keys + KEYS_END;
  const end = p + (length & ~7);
  while (p < end) {
    sum = addWord(sum, load<u64>(p), key);
    p += 8;
    key += 16;
    if (key == keyEnd) {
      sum = fold(sum);
      key = keys + FIRST_KEY;
    }
  }
  const tail = length & 7;
  if (tail) sum = addWord(sum, load<u64>(p) & ((<u64>1 << (tail << 3)) - 1), key);
  return hashOf(sum);
}

/** The sum of `count` 32-bit words. */
export function sumWords(p: usize, count: u32, keys: usize): u64 {
  let sum = hashStart(keys, count);
  let key = keys + FIRST_KEY;
  const keyEnd = keys + KEYS_END;
  const end = p + (<usize>count << 2);
  while (p < end) {
    sum += <u64>load<u32>(p) * load<u64>(key);
    p += 4;
    key += 8;
    if (key == keyEnd) {
      sum = fold(sum);
      key = keys + FIRST_KEY;
    }
  }
  return sum;
}
