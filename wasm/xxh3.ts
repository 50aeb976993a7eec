// XXH3-128 with seed 0 over one contiguous range, and its border: the content key of a scanned
// profile and, for the host's own bytes, a buffer to hash. Owns the long form (over 240 bytes);
// the shorter ones are in `xxh3-short.ts`.
// Specification: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
import { allocate, release } from './memory';
import { OUT_OF_MEMORY, fail } from './status';
import {
  PRIME32_1, PRIME32_2, PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME64_5, SECRET,
  avalanche, hashHigh, hashLow, hashShort, multiplyFold, setHash,
} from './xxh3-short';

const SHORT_MAX: u32 = 240;
const STRIPE: u32 = 64;
/** A block is as many stripes as the secret has 8-byte steps: (192 - 64) / 8. */
const BLOCK: u32 = 1024;
const SECRET_SCRAMBLE: usize = 128;
const SECRET_LAST: usize = 121;
const SECRET_LOW: usize = 11;
const SECRET_HIGH: usize = 117;

/** Eight 64-bit lanes, and what they start as. */
const LANES: usize = memory.data(64, 16);
const LANES_START: usize = memory.data<u64>([
  PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3, PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1,
], 16);
const RESULT: usize = memory.data(16, 16);

/** One pair of lanes: adds the neighbour's word and the product of the keyed halves. */
@inline function mixPair(lane: v128, data: v128, secret: v128): v128 {
  const keyed = v128.xor(data, secret);
  const low = v128.shuffle<u32>(keyed, keyed, 0, 2, 0, 2);
  const high = v128.shuffle<u32>(keyed, keyed, 1, 3, 1, 3);
  const product = i64x2.extmul_low_i32x4_u(low, high);
  const swapped = v128.shuffle<u64>(data, data, 1, 0);
  return i64x2.add(lane, i64x2.add(product, swapped));
}

/** Adds `count` stripes; the secret moves by 8 bytes a stripe. */
function addStripes(at: usize, count: u32, secret: usize): void {
  const end = at + count * STRIPE;
  for (; at < end; at += STRIPE, secret += 8) {
    for (let i: usize = 0; i < STRIPE; i += 16) {
      const lane = v128.load(LANES + i);
      v128.store(LANES + i, mixPair(lane, v128.load(at + i), v128.load(secret + i)));
    }
  }
}

function scramble(): void {
  const prime = i64x2.splat(<i64>PRIME32_1);
  for (let i: usize = 0; i < 64; i += 16) {
    let lane = v128.load(LANES + i);
    lane = v128.xor(lane, i64x2.shr_u(lane, 47));
    lane = v128.xor(lane, v128.load(SECRET + SECRET_SCRAMBLE + i));
    v128.store(LANES + i, i64x2.mul(lane, prime));
  }
}

function mergeLanes(secret: usize, start: u64): u64 {
  let sum = start;
  for (let i: usize = 0; i < 64; i += 16) {
    sum += multiplyFold(
      load<u64>(LANES + i) ^ load<u64>(secret + i),
      load<u64>(LANES + i, 8) ^ load<u64>(secret + i, 8),
    );
  }
  return avalanche(sum);
}

function hashLong(at: usize, length: u32): void {
  memory.copy(LANES, LANES_START, 64);
  const blocks = (length - 1) / BLOCK;
  for (let i: u32 = 0; i < blocks; i++) {
    addStripes(at + i * BLOCK, BLOCK / STRIPE, SECRET);
    scramble();
  }
  const done = blocks * BLOCK;
  addStripes(at + done, (length - 1 - done) / STRIPE, SECRET);
  // The last stripe ends with the input and may overlap the one before it.
  addStripes(at + length - STRIPE, 1, SECRET + SECRET_LAST);
  setHash(
    mergeLanes(SECRET + SECRET_LOW, <u64>length * PRIME64_1),
    mergeLanes(SECRET + SECRET_HIGH, ~(<u64>length * PRIME64_2)),
  );
}

/** Hashes `length` bytes at `at`; answers where the 16 bytes of the canonical form are. */
export function hash128At(at: usize, length: u32): usize {
  if (length <= SHORT_MAX) hashShort(at, length);
  else hashLong(at, length);
  store<u64>(RESULT, bswap<u64>(hashHigh), 0);
  store<u64>(RESULT, bswap<u64>(hashLow), 8);
  return RESULT;
}

/** Address of a buffer of `length` bytes for the host to fill and hash, or a status. */
export function hashBuffer(length: u32): i32 {
  const at = allocate(length);
  return at ? <i32>at : fail(OUT_OF_MEMORY);
}

/** Gives back what `hashBuffer(length)` gave. */
export function hashBufferRelease(at: usize, length: u32): void {
  release(at, length);
}
