// Packed location ids, the bulk of a pprof's bytes. Owns turning them into positions: eight bytes
// at a time through a table of shuffles where ids are 1…n and short, one by one otherwise. An id
// that leads nowhere is noted, and what is written for its stack means nothing then. Lemire, Kurz,
// Rupp: Stream VByte (masked-varint variant), https://arxiv.org/abs/1709.08990
import { isInOrder, locationIdMap, positionOf } from './ids';
import { NONE } from './layout';
import { readVarint, truncated, varintValue } from './varint';

/** By the high bits of 8 bytes: 16 bytes of shuffle, then ids (u8) and bytes (u8) they take. */
const SHUFFLES: usize = memory.data(256 * 16 + 512, 16);
const SIZES: usize = SHUFFLES + 4096;
const ONES: u64 = 0x0101010101010101;

/** Fills the table of shuffles: each 16-bit lane takes the one or two bytes of an id. */
export function startPackedIds(): void {
  for (let mask: u32 = 0; mask < 256; mask++) {
    const shuffle = SHUFFLES + (<usize>mask << 4);
    let bytes: u32 = 0;
    let ids: u32 = 0;
    while (bytes < 8) {
      const isLong = (mask >> bytes) & 1;
      if (isLong && (bytes == 7 || (mask >> (bytes + 1)) & 1)) break;
      store<u8>(shuffle + (ids << 1), bytes);
      // An index past 15 yields 0.
      store<u8>(shuffle + (ids << 1), isLong ? bytes + 1 : 0xff, 1);
      bytes += 1 + isLong;
      ids++;
    }
    // Unused lanes repeat the first id, so that the check for the largest sees nothing new.
    for (let i = ids; i < 8; i++) store<u16>(shuffle + (i << 1), load<u16>(shuffle));
    store<u8>(SIZES + (mask << 1), ids);
    store<u8>(SIZES + (mask << 1), bytes, 1);
  }
}

/** Whether an id since `clearUnknown` was one that no location has. */
export let hasUnknown: bool = false;

/** Forgets that there was an unknown id. */
@inline export function clearUnknown(): void {
  hasUnknown = false;
}

/** Notes that an id is unknown. */
export function noteUnknown(): void {
  hasUnknown = true;
}

/**
 * Writes the positions (u32) of the ids between `p` and `end` to `at`, which has room for one per
 * byte and 8 more; answers the address behind them, 0 when the field is cut short.
 */
export function unpackIds(p: usize, end: usize, at: usize): usize {
  if (!isInOrder(locationIdMap)) return unpackMapped(p, end, at);
  const limit = locationIdMap.limit;
  const first = at;
  let largest = i16x8.splat(0);
  while (p < end) {
    const left = <u64>(end - p);
    let word = load<u64>(p);
    if (left < 8) {
      // What lies behind the field reads as ids 1, which are always there.
      const behind = <u64>-1 << (left << 3);
      word = (word & ~behind) | (ONES & behind);
    }
    const bytes = i64x2.splat(word);
    const mask = <u32>i8x16.bitmask(bytes) & 0xff;
    const size = <u32>load<u16>(SIZES + (<usize>mask << 1));
    if (!(size & 0xff)) {
      p = readVarint(p);
      if (varintValue - 1 >= <u64>limit) hasUnknown = true;
      store<u32>(at, <u32>varintValue - 1);
      at += 4;
      continue;
    }
    const x = i8x16.swizzle(bytes, v128.load(SHUFFLES + (<usize>mask << 4)));
    const low = v128.and(x, i16x8.splat(0x7f));
    const high = i16x8.shr_u(v128.and(x, i16x8.splat(0x7f00)), 1);
    // Positions count from 0; id 0 becomes 0xffff, which no two-byte id reaches.
    const positions = i16x8.sub(v128.or(low, high), i16x8.splat(1));
    largest = i16x8.max_u(largest, positions);
    v128.store(at, i32x4.extend_low_i16x8_u(positions));
    v128.store(at, i32x4.extend_high_i16x8_u(positions), 16);
    const taken = <u64>(size >> 8);
    if (taken < left) {
      at += <usize>(size & 0xff) << 2;
      p += <usize>taken;
    } else {
      // One id for each byte that ends one; the field's last byte must.
      const ends = ~mask & ((1 << <u32>left) - 1);
      if (!(ends >> (<u32>left - 1))) break;
      at += <usize>popcnt<u32>(ends) << 2;
      p = end;
    }
  }
  if (p != end) {
    truncated(end);
    return 0;
  }
  const bound = i16x8.splat(<i16>min<u32>(limit, 0xffff));
  if (v128.any_true(i16x8.ge_u(largest, bound)) && at > first) hasUnknown = true;
  return at;
}

function unpackMapped(p: usize, end: usize, at: usize): usize {
  while (p < end) {
    p = readVarint(p);
    const position = positionOf(locationIdMap, varintValue);
    if (position == NONE) hasUnknown = true;
    store<u32>(at, position);
    at += 4;
  }
  if (p == end) return at;
  truncated(end);
  return 0;
}
