// The allocator of a kernel's memory: a bump pointer with power-of-two size classes and free lists.
// Owns every allocation, those of the query module included, which calls this one. Nothing here
// traps: a request that the host's maximum refuses answers 0.

const CLASS_MIN: u32 = 4;
/** The largest block has 2^30 bytes. */
export const CLASS_MAX: u32 = 30;
const FREE: usize = memory.data(32 * 4, 4);
/** Kept mapped past every allocation, so that vector loads may overrun a column's end. */
const SLACK: usize = 64;

let top: usize = 0;
let live: usize = 0;

@inline function classOf(bytes: usize): u32 {
  return bytes <= 16 ? CLASS_MIN : 32 - clz<u32>(<u32>bytes - 1);
}

function growTo(end: usize): bool {
  const have = <usize>memory.size() << 16;
  if (end <= have) return true;
  const need = <u32>((end - have + 0xffff) >>> 16);
  // An eighth more than there is keeps the number of growths small; near the maximum, just enough.
  const eighth = <u32>memory.size() >>> 3;
  if (need < eighth && memory.grow(<i32>eighth) >= 0) return true;
  return memory.grow(<i32>need) >= 0;
}

/** Takes the head of a class's free list; 0 when it is empty. */
@inline function takeFree(c: u32): usize {
  const slot = FREE + (<usize>c << 2);
  const free = <usize>load<u32>(slot);
  if (free) store<u32>(slot, load<u32>(free));
  return free;
}

@inline function putFree(at: usize, c: u32): void {
  const slot = FREE + (<usize>c << 2);
  store<u32>(at, load<u32>(slot));
  store<u32>(slot, <u32>at);
}

/** The last resort: cuts a block out of a larger free one. */
function splitFree(c: u32): usize {
  for (let larger = c + 1; larger <= CLASS_MAX; larger++) {
    const at = takeFree(larger);
    if (!at) continue;
    for (let half = larger - 1; half >= c; half--) putFree(at + (<usize>1 << half), half);
    return at;
  }
  return 0;
}

/** At least `bytes` bytes, 16-aligned, contents undefined; 0 when there is no room. */
export function takeBlock(bytes: usize): usize {
  if (bytes > <usize>1 << CLASS_MAX) return 0;
  const c = classOf(bytes);
  const size = <usize>1 << c;
  let at = takeFree(c);
  if (!at) {
    if (!top) top = (__heap_base + 15) & ~15;
    const end = top + size + SLACK;
    if (end > top && growTo(end)) {
      at = top;
      top += size;
    } else {
      at = splitFree(c);
      if (!at) return 0;
    }
  }
  live += size;
  return at;
}

/** Gives back what `takeBlock(bytes)` gave. */
export function giveBlock(at: usize, bytes: usize): void {
  const c = classOf(bytes);
  putFree(at, c);
  live -= <usize>1 << c;
}

/** Bytes of live allocations, rounded up to their size classes. */
export function bytesLive(): usize {
  return live;
}

/** Forgets every allocation: for memory that the host has zeroed. */
export function startMemory(): void {
  top = 0;
  live = 0;
}

/** No byte at or past this address was ever written: the host zeroes what lies before on reset. */
export function memoryTop(): usize {
  return (top ? top : __heap_base) + SLACK;
}
