// Border of the sums: a handle's life, and what the host hands over. Each query has sums of its
// own, so that queries of one head may take turns; all of its memory comes from the allocator and
// goes back with `sumsRelease`.
import { allocate, ensure, release } from '../memory';
import { OUT_OF_MEMORY } from '../status';
import { ADDED, INPUT, SIZE, columnOf, dropSums } from './sums-state';

/** The handle of sums of nothing, or a status. */
export function sumsBegin(): i32 {
  const sums = allocate(SIZE);
  if (!sums) return OUT_OF_MEMORY;
  memory.fill(sums, 0, SIZE);
  return <i32>sums;
}

/** Where the host writes `bytes` bytes for the next call, 16-aligned, or a status. */
export function sumsInput(sums: usize, bytes: u32): i32 {
  const input = columnOf(sums, INPUT);
  // Never empty, so that the address is never 0.
  return ensure(input, <u64>bytes + 1) ? <i32>input.pointer : OUT_OF_MEMORY;
}

/** 1 when nothing but zero was added. */
export function sumsIsEmpty(sums: usize): i32 {
  return <i32>!load<u64>(sums, ADDED);
}

/** Gives everything back; the handle is void. */
export function sumsRelease(sums: usize): void {
  dropSums(sums);
  release(sums, SIZE);
}
