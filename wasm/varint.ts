// Varints and fields of the protobuf wire. Owns reading them; what they mean is in `pprof*.ts`.
// Reads may pass the end of a message by up to 20 bytes (zero guard bytes and allocation slack
// allow it): the caller compares the address afterwards, once per field.
// https://protobuf.dev/programming-guides/encoding/
import { inputPointer } from './input';
import { TRUNCATED, WIRE_TYPE, fail } from './status';

/** Value of the last `readVarint`. A second result would be dearer than this global. */
export let varintValue: u64 = 0;
/** Address of the first varint that was longer than 10 bytes or 64 bits; 0 when there was none. */
export let longVarintAt: usize = 0;

/** High bit of every byte: a varint goes on while it is set. */
export const CONTINUE: u64 = 0x8080808080808080;

/** Forgets that there was a varint that is too long. */
export function clearVarints(): void {
  longVarintAt = 0;
}

function readLongVarint(p: usize): usize {
  let value: u64 = load<u8>(p) & 0x7f;
  for (let i: usize = 1; i < 10; i++) {
    const byte = <u64>load<u8>(p + i);
    value |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      // The tenth byte has room for one bit.
      if (i == 9 && byte > 1) break;
      varintValue = value;
      return p + i + 1;
    }
  }
  // Noted and skipped rather than refused here: the hot loops stay free of one more branch, and
  // the scan refuses the profile as soon as the phase ends.
  if (!longVarintAt) longVarintAt = p;
  varintValue = 0;
  return p + 10;
}

/** Reads a varint into `varintValue`; answers the address behind it, always past `p`. */
@inline export function readVarint(p: usize): usize {
  const w = <u32>load<u16>(p);
  if (!(w & 0x80)) {
    varintValue = <u64>(w & 0x7f);
    return p + 1;
  }
  if (!(w & 0x8000)) {
    varintValue = <u64>((w & 0x7f) | ((w >> 1) & 0x3f80));
    return p + 2;
  }
  return readLongVarint(p);
}

/** The value of a varint that takes the low `bits` (8, 16 … 64) of `w`. */
@inline export function packVarint(w: u64, bits: u64): u64 {
  let x = ((w << (64 - bits)) >> (64 - bits)) & 0x7f7f7f7f7f7f7f7f;
  x = (x & 0x007f007f007f007f) | ((x & 0x7f007f007f007f00) >> 1);
  x = (x & 0x00003fff00003fff) | ((x & 0x3fff00003fff0000) >> 2);
  return (x & 0x000000000fffffff) | ((x & 0x0fffffff00000000) >> 4);
}

/** Refuses: a field runs past the end of its message. */
export function truncated(end: usize): i32 {
  return fail(TRUNCATED, <u64>(end - inputPointer()));
}

/** Refuses a tag: field 0 or too large, a group, or a wire type that does not exist. */
export function badTag(tag: u64, p: usize): i32 {
  return fail(WIRE_TYPE, tag, <u64>(p - inputPointer()));
}

/** Skips the value of a field whose tag was read; 0 when it is refused, with `problem` set. */
export function skipField(p: usize, tag: u64, end: usize): usize {
  if (p > end) {
    truncated(end);
    return 0;
  }
  if (tag < 8 || tag > 0xffffffff) {
    badTag(tag, p);
    return 0;
  }
  const wire = <u32>tag & 7;
  if (wire == 0) p = readVarint(p);
  else if (wire == 1) p += 8;
  else if (wire == 5) p += 4;
  else if (wire == 2) {
    p = readVarint(p);
    if (p > end || varintValue > <u64>(end - p)) p = end + 1;
    else p += <usize>varintValue;
  } else {
    badTag(tag, p);
    return 0;
  }
  if (p <= end) return p;
  truncated(end);
  return 0;
}

/**
 * Reads the length of a length-delimited field; answers the address behind it, and the end of the
 * field's bytes in `fieldEnd`; 0 when it runs past `end`, with `problem` set.
 */
export function openField(p: usize, end: usize): usize {
  p = readVarint(p);
  if (p > end || varintValue > <u64>(end - p)) {
    truncated(end);
    return 0;
  }
  fieldEnd = p + <usize>varintValue;
  return p;
}
export let fieldEnd: usize = 0;
