// XXH3-128, seed 0, for inputs up to 240 bytes, and the pieces that every length shares: the
// default secret, the primes, the avalanches and the wide multiply. The long form is in `xxh3.ts`.
// Specification: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md

/** The specification's default secret, 192 bytes. */
export const SECRET: usize = memory.data<u8>([
  0xb8, 0xfe, 0x6c, 0x39, 0x23, 0xa4, 0x4b, 0xbe, 0x7c, 0x01, 0x81, 0x2c, 0xf7, 0x21, 0xad, 0x1c,
  0xde, 0xd4, 0x6d, 0xe9, 0x83, 0x90, 0x97, 0xdb, 0x72, 0x40, 0xa4, 0xa4, 0xb7, 0xb3, 0x67, 0x1f,
  0xcb, 0x79, 0xe6, 0x4e, 0xcc, 0xc0, 0xe5, 0x78, 0x82, 0x5a, 0xd0, 0x7d, 0xcc, 0xff, 0x72, 0x21,
  0xb8, 0x08, 0x46, 0x74, 0xf7, 0x43, 0x24, 0x8e, 0xe0, 0x35, 0x90, 0xe6, 0x81, 0x3a, 0x26, 0x4c,
  0x3c, 0x28, 0x52, 0xbb, 0x91, 0xc3, 0x00, 0xcb, 0x88, 0xd0, 0x65, 0x8b, 0x1b, 0x53, 0x2e, 0xa3,
  0x71, 0x64, 0x48, 0x97, 0xa2, 0x0d, 0xf9, 0x4e, 0x38, 0x19, 0xef, 0x46, 0xa9, 0xde, 0xac, 0xd8,
  0xa8, 0xfa, 0x76, 0x3f, 0xe3, 0x9c, 0x34, 0x3f, 0xf9, 0xdc, 0xbb, 0xc7, 0xc7, 0x0b, 0x4f, 0x1d,
  0x8a, 0x51, 0xe0, 0x4b, 0xcd, 0xb4, 0x59, 0x31, 0xc8, 0x9f, 0x7e, 0xc9, 0xd9, 0x78, 0x73, 0x64,
  0xea, 0xc5, 0xac, 0x83, 0x34, 0xd3, 0xeb, 0xc3, 0xc5, 0x81, 0xa0, 0xff, 0xfa, 0x13, 0x63, 0xeb,
  0x17, 0x0d, 0xdd, 0x51, 0xb7, 0xf0, 0xda, 0x49, 0xd3, 0x16, 0x55, 0x26, 0x29, 0xd4, 0x68, 0x9e,
  0x2b, 0x16, 0xbe, 0x58, 0x7d, 0x47, 0xa1, 0xfc, 0x8f, 0xf8, 0xb8, 0xd1, 0x7a, 0xd0, 0x31, 0xce,
  0x45, 0xcb, 0x3a, 0x8f, 0x95, 0x16, 0x04, 0x28, 0xaf, 0xd7, 0xfb, 0xca, 0xbb, 0x4b, 0x40, 0x7e,
], 16);

export const PRIME32_1: u64 = 0x9e3779b1;
export const PRIME32_2: u64 = 0x85ebca77;
export const PRIME32_3: u64 = 0xc2b2ae3d;
export const PRIME64_1: u64 = 0x9e3779b185ebca87;
export const PRIME64_2: u64 = 0xc2b2ae3d27d4eb4f;
export const PRIME64_3: u64 = 0x165667b19e3779f9;
export const PRIME64_4: u64 = 0x85ebca77c2b2ae63;
export const PRIME64_5: u64 = 0x27d4eb2f165667c5;
const PRIME_MX1: u64 = 0x165667919e3779f9;
const PRIME_MX2: u64 = 0x9fb21c651e98df25;

/** Offset of the secret in the second half of the 129-240 form. */
const MIDDLE_SECRET: usize = 3;
/** Offset of the secret for the last 32 bytes of the 129-240 form: 136 - 17 - 16. */
const MIDDLE_SECRET_LAST: usize = 103;

/** The two halves of the result; the border writes them big-endian, high half first. */
export let hashLow: u64 = 0;
export let hashHigh: u64 = 0;

let accLow: u64 = 0;
let accHigh: u64 = 0;

/** Sets the result. */
@inline export function setHash(low: u64, high: u64): void {
  hashLow = low;
  hashHigh = high;
}

/** High 64 bits of the 128-bit product. */
export function multiplyHigh(a: u64, b: u64): u64 {
  const aLow = a & 0xffffffff;
  const aHigh = a >> 32;
  const bLow = b & 0xffffffff;
  const bHigh = b >> 32;
  const low = aLow * bLow;
  const cross = (low >> 32) + ((aHigh * bLow) & 0xffffffff) + aLow * bHigh;
  return ((aHigh * bLow) >> 32) + (cross >> 32) + aHigh * bHigh;
}

/** The halves of the 128-bit product, folded by exclusive or. */
export function multiplyFold(a: u64, b: u64): u64 {
  return (a * b) ^ multiplyHigh(a, b);
}

/** Spreads every bit of a word over all of it. */
export function avalanche(h: u64): u64 {
  h = (h ^ (h >> 37)) * PRIME_MX1;
  return h ^ (h >> 32);
}

function avalanche64(h: u64): u64 {
  h = (h ^ (h >> 33)) * PRIME64_2;
  h = (h ^ (h >> 29)) * PRIME64_3;
  return h ^ (h >> 32);
}

function secretPair(offset: usize): u64 {
  return load<u64>(SECRET + offset) ^ load<u64>(SECRET + offset + 8);
}

function hash1to3(at: usize, length: u32): void {
  const first = <u32>load<u8>(at);
  const middle = <u32>load<u8>(at + (length >>> 1));
  const last = <u32>load<u8>(at + length - 1);
  const low = (first << 16) | (middle << 24) | last | (length << 8);
  const high = rotl<u32>(bswap<u32>(low), 13);
  const flipLow = <u64>(load<u32>(SECRET) ^ load<u32>(SECRET + 4));
  const flipHigh = <u64>(load<u32>(SECRET + 8) ^ load<u32>(SECRET + 12));
  setHash(avalanche64(<u64>low ^ flipLow), avalanche64(<u64>high ^ flipHigh));
}

function hash4to8(at: usize, length: u32): void {
  const words = <u64>load<u32>(at) | (<u64>load<u32>(at + length - 4) << 32);
  const keyed = words ^ secretPair(16);
  const factor = PRIME64_1 + (<u64>length << 2);
  let low = keyed * factor;
  const high = multiplyHigh(keyed, factor) + (low << 1);
  low ^= high >> 3;
  low = (low ^ (low >> 35)) * PRIME_MX2;
  setHash(low ^ (low >> 28), avalanche(high));
}

function hash9to16(at: usize, length: u32): void {
  const first = load<u64>(at);
  const last = load<u64>(at + length - 8);
  const keyed = first ^ last ^ secretPair(32);
  let low = keyed * PRIME64_1 + (<u64>(length - 1) << 54);
  const flipped = last ^ secretPair(48);
  const high =
    multiplyHigh(keyed, PRIME64_1) + flipped + (flipped & 0xffffffff) * (PRIME32_2 - 1);
  low ^= bswap<u64>(high);
  setHash(
    avalanche(low * PRIME64_2),
    avalanche(multiplyHigh(low, PRIME64_2) + high * PRIME64_2),
  );
}

function mix16(at: usize, secret: usize): u64 {
  return multiplyFold(
    load<u64>(at) ^ load<u64>(secret),
    load<u64>(at, 8) ^ load<u64>(secret, 8),
  );
}

function mix32(left: usize, right: usize, secret: usize): void {
  accLow = (accLow + mix16(left, secret)) ^ (load<u64>(right) + load<u64>(right, 8));
  accHigh = (accHigh + mix16(right, secret + 16)) ^ (load<u64>(left) + load<u64>(left, 8));
}

function finishMixed(length: u32): void {
  setHash(
    avalanche(accLow + accHigh),
    0 - avalanche(accLow * PRIME64_1 + accHigh * PRIME64_4 + <u64>length * PRIME64_2),
  );
}

function hash17to128(at: usize, length: u32): void {
  accLow = <u64>length * PRIME64_1;
  accHigh = 0;
  for (let i = <i32>((length - 1) >>> 5); i >= 0; i--) {
    const offset = <usize>i << 4;
    mix32(at + offset, at + length - offset - 16, SECRET + (offset << 1));
  }
  finishMixed(length);
}

function hash129to240(at: usize, length: u32): void {
  accLow = <u64>length * PRIME64_1;
  accHigh = 0;
  for (let i: usize = 0; i < 128; i += 32) mix32(at + i, at + i + 16, SECRET + i);
  accLow = avalanche(accLow);
  accHigh = avalanche(accHigh);
  for (let i: usize = 128; i + 32 <= <usize>length; i += 32) {
    mix32(at + i, at + i + 16, SECRET + MIDDLE_SECRET + i - 128);
  }
  mix32(at + length - 16, at + length - 32, SECRET + MIDDLE_SECRET_LAST);
  finishMixed(length);
}

/** Hashes `length` ≤ 240 bytes into `hashLow` and `hashHigh`. */
export function hashShort(at: usize, length: u32): void {
  if (length > 128) return hash129to240(at, length);
  if (length > 16) return hash17to128(at, length);
  if (length > 8) return hash9to16(at, length);
  if (length > 3) return hash4to8(at, length);
  if (length > 0) return hash1to3(at, length);
  setHash(avalanche64(secretPair(64)), avalanche64(secretPair(80)));
}
