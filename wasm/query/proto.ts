// Writing protobuf: varints, fields and messages, forward through memory that has room. Owns no
// memory; all answer the address behind what they wrote.

/** Most bytes of a field that is a number. */
export const FIELD_MAX: u32 = 11;

/** Bytes of a varint. */
@inline export function varintSize(value: u64): u32 {
  return (70 - <u32>clz<u64>(value | 1)) / 7;
}

/** Writes a varint. */
export function putVarint(at: usize, value: u64): usize {
  while (value >= 0x80) {
    store<u8>(at, <u8>value | 0x80);
    value >>= 7;
    at++;
  }
  store<u8>(at, <u8>value);
  return at + 1;
}

/** Writes a number as a field (below 16), unless it is 0, which is what absence means. */
export function putNumber(at: usize, field: u32, value: u64): usize {
  if (!value) return at;
  store<u8>(at, <u8>(field << 3));
  return putVarint(at + 1, value);
}

/** Writes the start of a field with a length (number below 16); its content is to follow. */
@inline export function openField(at: usize, field: u32): usize {
  store<u8>(at, <u8>(field << 3 | 2));
  return at + 2;
}

/** Writes the length of a field whose content began at `start` and ends at `end`. */
export function closeField(start: usize, end: usize): usize {
  const length = end - start;
  const extra = varintSize(length) - 1;
  // One byte was left; longer messages make room for the others.
  if (extra) memory.copy(start + extra, start, length);
  putVarint(start - 1, length);
  return end + extra;
}
