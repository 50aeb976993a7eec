// Names of Go's generic functions: `slices.Sort[go.shape.[]int]` and its likes are one function of
// the source, `slices.Sort`. Owns taking the type parameters off. No other compiler writes the
// mark, so a profile needs not say that it is of Go.
import { inputLength } from './input';
import { FN_NAME, FN_SIZE } from './layout';
import { ensure, reserve } from './memory';
import { scannedFunctions, shortNames, stringExtents, stringIds } from './scratch';

/** `[go.shape.`, little-endian. */
const MARK: u64 = 0x706168732e6f675b;
const MARK_END: u16 = 0x2e65;
const MARK_BYTES: usize = 10;

/** What a shortened name may be read ahead by. */
const SLACK: u64 = 16;

/**
 * Gives functions whose names have type parameters shorter names, as strings behind those of the
 * profile; false when there is no memory. The strings themselves stay: others may be the same.
 */
export function shortenGoNames(): bool {
  const count = stringExtents.length;
  // Strings ascend; most profiles have no mark and are done here.
  const start = load<u32>(stringExtents.pointer);
  const end = load<u32>(stringExtents.pointer + (<usize>count << 3) - 4);
  let mark = findMark(start, end);
  if (!mark) return true;
  // Each string is shortened once, so all of them together have room in what the input takes.
  if (!ensure(shortNames, <u64>inputLength() + SLACK)) return false;
  if (!ensure(stringIds, <u64>count << 2)) return false;
  memory.fill(stringIds.pointer, 0, <usize>count << 2);
  let to = shortNames.pointer;
  for (let i: u32 = 0; mark; ) {
    while (load<u32>(stringExtents.pointer + (<usize>i << 3), 4) <= mark) i++;
    const first = <usize>load<u32>(stringExtents.pointer + (<usize>i << 3));
    const last = <usize>load<u32>(stringExtents.pointer + (<usize>i << 3), 4);
    // Not when it is part of another field, or of what was cut off.
    const next = mark < first ? 0 : shorten(first, last, to);
    if (next) {
      if (!reserve(stringExtents, 1, 3)) return false;
      const added = stringExtents.pointer + (<usize>stringExtents.length << 3);
      store<u64>(added, <u64>to | (<u64>next << 32));
      store<u32>(stringIds.pointer + (<usize>i << 2), stringExtents.length);
      stringExtents.length++;
      to = next;
    }
    mark = findMark(mark < first ? mark + 1 : last, end);
  }
  renameFunctions();
  return true;
}

function renameFunctions(): void {
  const end = scannedFunctions.pointer + <usize>scannedFunctions.length * FN_SIZE;
  for (let r = scannedFunctions.pointer; r < end; r += FN_SIZE) {
    const index = load<u32>(stringIds.pointer + (<usize>load<u32>(r, FN_NAME) << 2));
    if (index) store<u32>(r, index, FN_NAME);
  }
}

@inline function bracketsAt(p: usize): v128 {
  return i8x16.eq(v128.load(p), i8x16.splat(0x5b));
}

/** The first mark from `p` on that ends before `end`; 0: none. Reads 15 bytes ahead. */
function findMark(p: usize, end: usize): usize {
  while (p < end) {
    // Few names have brackets at all.
    while (p + 64 <= end) {
      const first = v128.or(bracketsAt(p), bracketsAt(p + 16));
      const second = v128.or(bracketsAt(p + 32), bracketsAt(p + 48));
      if (v128.any_true(v128.or(first, second))) break;
      p += 64;
    }
    let hits = <u32>i8x16.bitmask(bracketsAt(p));
    for (; hits; hits &= hits - 1) {
      const at = p + ctz<u32>(hits);
      if (at + MARK_BYTES > end) break;
      if (load<u64>(at) == MARK && load<u16>(at, 8) == MARK_END) return at;
    }
    p += 16;
  }
  return 0;
}

/** Writes the name without type parameters to `to`; answers its end, 0 when it has none. */
function shorten(p: usize, end: usize, to: usize): usize {
  let mark = findMark(p, end);
  let isShorter = false;
  while (mark) {
    const close = closeOf(mark, end);
    if (!close) break;
    memory.copy(to, p, mark - p);
    to += mark - p;
    p = close;
    isShorter = true;
    mark = findMark(p, end);
  }
  if (!isShorter) return 0;
  memory.copy(to, p, end - p);
  return to + (end - p);
}

/** Behind the bracket that closes the one at `p`; 0: it is not closed. */
function closeOf(p: usize, end: usize): usize {
  let depth = 0;
  for (; p < end; p++) {
    const c = load<u8>(p);
    if (c == 0x5b) depth++;
    else if (c == 0x5d && !--depth) return p + 1;
  }
  return 0;
}
