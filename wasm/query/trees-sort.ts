// Puts the names of merged trees in bytewise order: a quicksort that looks at seven bytes of each
// name at a time, so that long common beginnings are read once. Owns the stack of ranges that are
// not in order yet, which lets the work be done in slices; the order does not depend on the pivots.
import { Vec, ensure } from '../memory';
import { SORT_ITEMS, SORT_RANGES, columnOf } from './trees-state';
import { nameAddress, nameCount, nameLength } from './trees-names';

/** Item: key u64 · name u32 · pad. */
export const ITEM_SIZE: usize = 16;
export const ITEM_NAME: usize = 8;
/** Range: first item, items, bytes that all have in common, 1 when the keys are those behind. */
const RANGE_SIZE: usize = 16;
const INSERTION_MAX: u32 = 12;
/** Bytes of a name in a key; below them the key has how many are left, at most one more. */
const KEY_BYTES: u32 = 7;

/** Lists all names as one range; false without memory. What follows needs no more. */
export function startSort(trees: usize): bool {
  const count = nameCount(trees);
  const items = columnOf(trees, SORT_ITEMS);
  const ranges = columnOf(trees, SORT_RANGES);
  // Ranges are apart from each other and have two items or more.
  if (!ensure(items, <u64>count << 4) || !ensure(ranges, <u64>(count + 2) << 3)) return false;
  for (let name: u32 = 0; name < count; name++) {
    store<u32>(items.pointer + (<usize>name << 4), name, ITEM_NAME);
  }
  ranges.length = 0;
  pushRange(ranges, 0, count, 0, 0);
  return true;
}

function pushRange(ranges: Vec, first: u32, count: u32, depth: u32, isKeyed: u32): void {
  if (count < 2) return;
  const at = ranges.pointer + <usize>ranges.length * RANGE_SIZE;
  store<u32>(at, first);
  store<u32>(at, count, 4);
  store<u32>(at, depth, 8);
  store<u32>(at, isKeyed, 12);
  ranges.length++;
}

/** Sorts while there is budget; answers what is left of that, above 0 when all is in order. */
export function sortNames(trees: usize, budget: i32): i32 {
  const ranges = columnOf(trees, SORT_RANGES);
  const items = columnOf(trees, SORT_ITEMS).pointer;
  while (ranges.length && budget > 0) {
    ranges.length--;
    const range = ranges.pointer + <usize>ranges.length * RANGE_SIZE;
    const first = load<u32>(range);
    const count = load<u32>(range, 4);
    const depth = load<u32>(range, 8);
    const from = items + (<usize>first << 4);
    if (!load<u32>(range, 12)) {
      loadKeys(trees, from, count, depth);
      budget -= 1 + <i32>(count >>> 1);
    }
    budget -= 1 + <i32>(count >>> 2);
    if (count <= INSERTION_MAX) insertionSort(trees, from, count, depth);
    else split(ranges, items, first, count, depth);
  }
  return budget;
}

function loadKeys(trees: usize, from: usize, count: u32, depth: u32): void {
  for (let at = from; at < from + (<usize>count << 4); at += ITEM_SIZE) {
    const name = load<u32>(at, ITEM_NAME);
    store<u64>(at, keyOf(nameAddress(trees, name) + depth, nameLength(trees, name) - depth));
  }
}

/**
 * Seven bytes, the first one highest, and how many are left, at most 8. Of two names whose bytes
 * agree because one of them ended, that one is smaller. May read 7 bytes past the name.
 */
function keyOf(p: usize, left: u32): u64 {
  const word = bswap<u64>(load<u64>(p));
  if (left >= KEY_BYTES) return (word & ~0xff) | min<u32>(left, KEY_BYTES + 1);
  return left ? (word & (~(<u64>0) << (64 - (left << 3)))) | left : 0;
}

@inline function swap(a: usize, b: usize): void {
  const key = load<u64>(a);
  const name = load<u64>(a, 8);
  store<u64>(a, load<u64>(b));
  store<u64>(a, load<u64>(b, 8), 8);
  store<u64>(b, key);
  store<u64>(b, name, 8);
}

/** Smaller, equal and larger than a pivot; equal ones go on with the bytes that follow. */
function split(ranges: Vec, items: usize, first: u32, count: u32, depth: u32): void {
  const from = items + (<usize>first << 4);
  const end = from + (<usize>count << 4);
  const pivot = pivotOf(from, count);
  let low = from;
  let high = end;
  for (let at = from; at < high;) {
    const key = load<u64>(at);
    if (key < pivot) {
      swap(at, low);
      low += ITEM_SIZE;
      at += ITEM_SIZE;
    } else if (key > pivot) {
      high -= ITEM_SIZE;
      swap(at, high);
    } else {
      at += ITEM_SIZE;
    }
  }
  const smaller = <u32>((low - from) >> 4);
  const equal = <u32>((high - low) >> 4);
  pushRange(ranges, first, smaller, depth, 1);
  pushRange(ranges, first + smaller + equal, count - smaller - equal, depth, 1);
  // Names are distinct: those of one key go on.
  pushRange(ranges, first + smaller, equal, depth + KEY_BYTES, 0);
}

/** The middle one of three keys from places that depend on the keys: no order of names is bad. */
function pivotOf(from: usize, count: u32): u64 {
  const mixed = (load<u64>(from) ^ load<u64>(from + (<usize>(count - 1) << 4)) ^ count) *
    0x9e3779b97f4a7c15;
  const a = load<u64>(from + (<usize>(<u32>(mixed >> 32) % count) << 4));
  const b = load<u64>(from + (<usize>(<u32>(mixed >> 16) % count) << 4));
  const c = load<u64>(from + (<usize>(count >>> 1) << 4));
  return max(min(a, b), min(max(a, b), c));
}

/** True when a name with its key is smaller than item `b`. */
function isSmaller(trees: usize, key: u64, name: u32, b: usize, depth: u32): bool {
  const other = load<u64>(b);
  if (key != other) return key < other;
  const otherName = load<u32>(b, ITEM_NAME);
  const length = nameLength(trees, name);
  const otherLength = nameLength(trees, otherName);
  const p = nameAddress(trees, name);
  const q = nameAddress(trees, otherName);
  for (let i = depth + KEY_BYTES; i < min(length, otherLength); i += KEY_BYTES) {
    const x = keyOf(p + i, length - i);
    const y = keyOf(q + i, otherLength - i);
    if (x != y) return x < y;
  }
  return length < otherLength;
}

function insertionSort(trees: usize, from: usize, count: u32, depth: u32): void {
  const end = from + (<usize>count << 4);
  for (let at = from + ITEM_SIZE; at < end; at += ITEM_SIZE) {
    const key = load<u64>(at);
    const name = load<u32>(at, ITEM_NAME);
    let hole = at;
    while (hole > from && isSmaller(trees, key, name, hole - ITEM_SIZE, depth)) {
      store<u64>(hole, load<u64>(hole - ITEM_SIZE));
      store<u64>(hole, load<u64>(hole - ITEM_SIZE, 8), 8);
      hole -= ITEM_SIZE;
    }
    store<u64>(hole, key);
    store<u32>(hole, name, ITEM_NAME);
  }
}
