// The allocator of the guarded build (`build.mjs --guarded`), which only tests run: red zones
// before and behind each block, whose size is exactly what was asked for, and patterns in fresh and
// freed ones. A byte that was written out of bounds, or after its release, traps at the next
// allocation, release or `checkGuards`. Reads out of bounds are not seen, but find a pattern.
import { giveBlock, takeBlock } from './allocator';

/** Before a block: next and previous block u32 · bytes u32 · pad · pattern. */
const FRONT: usize = 64;
const FRONT_PATTERN: usize = 16;
const NEXT: usize = 0;
const PREVIOUS: usize = 4;
const BYTES: usize = 8;
/** Behind it, at least as much; no multiple of a page, so that wrong strides meet it. */
const BACK: usize = 80;
const GUARD: u8 = 0xb9;
const GUARD_WORD: u64 = 0xb9b9b9b9b9b9b9b9;
/** Neither is zero, small, or valid as an address: what uses one soon shows. */
const FRESH: u8 = 0xf7;
const FREED: u8 = 0xfb;
const FREED_WORD: u64 = 0xfbfbfbfbfbfbfbfb;

/** First live block. In static data, so that a reset empties the list; in no other build. */
@lazy const FIRST: usize = memory.data(16, 16);

@inline function rawBytes(bytes: usize): usize {
  return FRONT + ((bytes + 15) & ~15) + BACK;
}

/** What the allocator makes of a size: all of it is filled. */
@inline function classBytes(bytes: usize): usize {
  return <usize>1 << (32 - clz<u32>(<u32>bytes - 1));
}

/** Like `takeBlock`, with guards. */
export function takeGuarded(bytes: usize): usize {
  checkGuards();
  if (bytes > 0x3fffffff) return 0;
  const size = rawBytes(bytes);
  const raw = takeBlock(size);
  if (!raw) return 0;
  const word = load<u64>(raw, 8);
  // A new block is zero, a freed one has its pattern behind the link of the free list.
  if (word != 0) checkFreed(raw, classBytes(size));
  memory.fill(raw, GUARD, FRONT);
  memory.fill(raw + FRONT, FRESH, bytes);
  memory.fill(raw + FRONT + bytes, GUARD, size - FRONT - bytes);
  const first = load<u32>(FIRST);
  store<u32>(raw, first, NEXT);
  store<u32>(raw, 0, PREVIOUS);
  store<u32>(raw, bytes, BYTES);
  if (first) store<u32>(first, raw, PREVIOUS);
  store<u32>(FIRST, raw);
  return raw + FRONT;
}

/** Like `giveBlock`; traps when it is not what was taken. */
export function giveGuarded(at: usize, bytes: usize): void {
  checkGuards();
  const raw = at - FRONT;
  let found = <usize>load<u32>(FIRST);
  while (found && found != raw) found = load<u32>(found, NEXT);
  if (!found || load<u32>(raw, BYTES) != <u32>bytes) unreachable();
  const next = <usize>load<u32>(raw, NEXT);
  const previous = <usize>load<u32>(raw, PREVIOUS);
  if (next) store<u32>(next, previous, PREVIOUS);
  store<u32>(previous ? previous : FIRST, next, NEXT);
  const size = rawBytes(bytes);
  memory.fill(raw, FREED, classBytes(size));
  giveBlock(raw, size);
}

function checkFreed(raw: usize, bytes: usize): void {
  // The free list's link is in the first word.
  for (let at = raw + 8; at < raw + bytes; at += 8) {
    if (load<u64>(at) != FREED_WORD) unreachable();
  }
}

/** Traps when a byte around a live block has changed. */
export function checkGuards(): void {
  for (let raw = <usize>load<u32>(FIRST); raw; raw = load<u32>(raw, NEXT)) {
    for (let at = raw + FRONT_PATTERN; at < raw + FRONT; at += 8) {
      if (load<u64>(at) != GUARD_WORD) unreachable();
    }
    const end = raw + FRONT + <usize>load<u32>(raw, BYTES);
    const stop = raw + rawBytes(load<u32>(raw, BYTES));
    let at = end;
    for (; at & 7; at++) if (load<u8>(at) != GUARD) unreachable();
    for (; at < stop; at += 8) if (load<u64>(at) != GUARD_WORD) unreachable();
  }
}
