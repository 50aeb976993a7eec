// Growable columns (`Vec`) and the door to the allocator, the same in both modules: the head module
// has the allocator, the query module imports it. Nothing here traps: without room the answer is 0
// or false, and the caller answers OUT_OF_MEMORY before it has changed anything.
import { CLASS_MAX, giveBlock, takeBlock } from './allocator';
import { giveGuarded, takeGuarded } from './guards';

@external('head', 'allocate')
declare function takeOfHead(bytes: usize): usize;
@external('head', 'release')
declare function giveToHead(at: usize, bytes: usize): void;

/** At least `bytes` bytes, 16-aligned, contents undefined; 0 when there is no room. */
@inline export function allocate(bytes: usize): usize {
  // Constants of the build: the branches that are not taken are not compiled.
  return QUERY_MODULE ? takeOfHead(bytes) : GUARDED ? takeGuarded(bytes) : takeBlock(bytes);
}

/** Gives back what `allocate(bytes)` gave. */
@inline export function release(at: usize, bytes: usize): void {
  if (QUERY_MODULE) giveToHead(at, bytes);
  else if (GUARDED) giveGuarded(at, bytes);
  else giveBlock(at, bytes);
}

/** A growable column. `length` counts elements; `capacity` is in bytes. */
@unmanaged
export class Vec {
  pointer: usize = 0;
  length: u32 = 0;
  capacity: u32 = 0;
}

export const VEC_SIZE: usize = 12;

/**
 * A Vec at an address. For a module's constants write `changetype<Vec>(memory.data(12, 4))`
 * instead: the compiler folds that into an address, and makes a mutable global of a call.
 */
@inline export function vecAt(at: usize): Vec {
  return changetype<Vec>(at);
}

/** In a guarded build small columns have exactly what was asked for last. */
const EXACT_MAX: u64 = 16384;

@inline function isExact(v: Vec): bool {
  return GUARDED ? <u64>v.capacity <= EXACT_MAX : false;
}

/** Room for `extra` more elements of 2^shift bytes; false when there is no memory. */
export function reserve(v: Vec, extra: u32, shift: u32): bool {
  const need = (<u64>v.length + extra) << shift;
  return !isExact(v) && need <= <u64>v.capacity ? true : grow(v, need, <u64>v.length << shift);
}

/** Room for `extra` more records of `size` bytes; false when there is no memory. */
export function reserveRecords(v: Vec, extra: u32, size: usize): bool {
  const need = (<u64>v.length + extra) * size;
  return !isExact(v) && need <= <u64>v.capacity ? true : grow(v, need, <u64>v.length * size);
}

/** Room for `bytes` in all, whose contents are undefined; false when there is no memory. */
export function ensure(v: Vec, bytes: u64): bool {
  return !isExact(v) && bytes <= <u64>v.capacity ? true : grow(v, bytes, 0);
}

/** Room for `bytes` in all, keeping the first `keep` bytes. */
export function grow(v: Vec, bytes: u64, keep: u64): bool {
  if (bytes > <u64>1 << CLASS_MAX) return false;
  let capacity: u64 = v.capacity ? <u64>v.capacity << 1 : 256;
  while (capacity < bytes) capacity <<= 1;
  if (capacity > <u64>1 << CLASS_MAX) return false;
  if (GUARDED && bytes <= EXACT_MAX) capacity = bytes;
  const at = allocate(<usize>capacity);
  if (!at) return false;
  if (v.pointer) {
    memory.copy(at, v.pointer, <usize>keep);
    release(v.pointer, v.capacity);
  }
  v.pointer = at;
  v.capacity = <u32>capacity;
  return true;
}

/** Gives the column's memory back and empties it. */
export function dropVec(v: Vec): void {
  if (v.pointer) release(v.pointer, v.capacity);
  v.pointer = 0;
  v.length = 0;
  v.capacity = 0;
}

/** Gives back `count` columns that lie back to back. */
export function dropVecs(first: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) dropVec(vecAt(first + <usize>i * VEC_SIZE));
}
