// Runs of bytes: equality and UTF-8. Owns no memory. Strings become valid UTF-8 exactly as the
// WHATWG decoder makes them: each maximal part of an ill-formed sequence is one U+FFFD.
// https://encoding.spec.whatwg.org/#utf-8-decoder

/** True when two runs of `length` bytes are equal. */
export function equalBytes(a: usize, b: usize, length: u32): bool {
  if (length >= 16) {
    const last = a + length - 16;
    const distance = b - a;
    while (a < last) {
      if (v128.any_true(v128.xor(v128.load(a), v128.load(a + distance)))) return false;
      a += 16;
    }
    return !v128.any_true(v128.xor(v128.load(last), v128.load(last + distance)));
  }
  if (length >= 8) {
    return (
      load<u64>(a) == load<u64>(b) && load<u64>(a + length - 8) == load<u64>(b + length - 8)
    );
  }
  if (length >= 4) {
    return (
      load<u32>(a) == load<u32>(b) && load<u32>(a + length - 4) == load<u32>(b + length - 4)
    );
  }
  for (let i: u32 = 0; i < length; i++) {
    if (load<u8>(a + i) != load<u8>(b + i)) return false;
  }
  return true;
}

/** True when no byte of the run has its high bit set. */
export function isAscii(p: usize, length: u32): bool {
  const end = p + length;
  while (p + 16 <= end) {
    if (i8x16.bitmask(v128.load(p))) return false;
    p += 16;
  }
  while (p < end) {
    if (load<u8>(p) & 0x80) return false;
    p++;
  }
  return true;
}

/** Bytes of the well-formed sequence at `p`; 0 when there is none, with its length in `part`. */
function sequenceAt(p: usize, end: usize): u32 {
  const first = <u32>load<u8>(p);
  part = 1;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const size: u32 = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  // The second byte's range keeps out overlong forms, surrogates and what is past U+10FFFF.
  let low: u32 = 0x80;
  let high: u32 = 0xbf;
  if (first == 0xe0) low = 0xa0;
  else if (first == 0xed) high = 0x9f;
  else if (first == 0xf0) low = 0x90;
  else if (first == 0xf4) high = 0x8f;
  for (let i: u32 = 1; i < size; i++) {
    if (p + i >= end) return 0;
    const byte = <u32>load<u8>(p + i);
    if (byte < low || byte > high) return 0;
    part = i + 1;
    low = 0x80;
    high = 0xbf;
  }
  return size;
}
let part: u32 = 0;

/** True when the run is valid UTF-8. */
export function isValidUtf8(p: usize, length: u32): bool {
  if (isAscii(p, length)) return true;
  const end = p + length;
  while (p < end) {
    const size = sequenceAt(p, end);
    if (!size) return false;
    p += size;
  }
  return true;
}

/** Bytes that `repair` would write. */
export function repairedLength(p: usize, length: u32): u32 {
  const end = p + length;
  let bytes: u32 = 0;
  while (p < end) {
    const size = sequenceAt(p, end);
    bytes += size ? size : 3;
    p += size ? size : part;
  }
  return bytes;
}

/** Writes the run to `to` with U+FFFD for what is ill-formed; answers the bytes written. */
export function repair(p: usize, length: u32, to: usize): u32 {
  const end = p + length;
  const start = to;
  while (p < end) {
    const size = sequenceAt(p, end);
    if (size) {
      for (let i: u32 = 0; i < size; i++) store<u8>(to + i, load<u8>(p + i));
      p += size;
      to += size;
    } else {
      store<u16>(to, 0xbfef);
      store<u8>(to, 0xbd, 2);
      p += part;
      to += 3;
    }
  }
  return <u32>(to - start);
}
