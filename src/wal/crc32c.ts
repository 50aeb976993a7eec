// CRC-32C (Castagnoli): the checksum of the log. Reflected polynomial 0x82f63b78, initial value and
// final xor 0xffffffff, as in RFC 3720 appendix B.4 and in the SSE4.2 instruction. Eight bytes a
// step from eight tables ("slicing by 8", Kounavis and Berry, 2005).

/** Table `n` of 256 tells what a byte does to the sum when `n` bytes follow it. */
const tables = makeTables();

function makeTables(): Uint32Array {
  const made = new Uint32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1;
    made[byte] = sum;
  }
  for (let at = 256; at < made.length; at++) {
    const sum = made[at - 256] as number;
    made[at] = (sum >>> 8) ^ (made[sum & 0xff] as number);
  }
  return made;
}

/** The checksum of `bytes`, as an unsigned number; `before` is that of the bytes before them. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const t = tables;
  const end = bytes.length;
  let sum = ~before;
  let at = 0;
  // The casts cost nothing: indexes stay inside the tables and below `end`.
  for (; at + 8 <= end; at += 8) {
    sum ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    sum =
      (t[1792 + (sum & 0xff)] as number) ^
      (t[1536 + ((sum >>> 8) & 0xff)] as number) ^
      (t[1280 + ((sum >>> 16) & 0xff)] as number) ^
      (t[1024 + (sum >>> 24)] as number) ^
      (t[768 + (bytes[at + 4] as number)] as number) ^
      (t[512 + (bytes[at + 5] as number)] as number) ^
      (t[256 + (bytes[at + 6] as number)] as number) ^
      (t[bytes[at + 7] as number] as number);
  }
  for (; at < end; at++) sum = (sum >>> 8) ^ (t[(sum ^ (bytes[at] as number)) & 0xff] as number);
  return ~sum >>> 0;
}
