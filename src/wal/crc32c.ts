// CRC-32C (Castagnoli): the checksum of the log. Reflected polynomial 0x82f63b78, initial value and
// final xor 0xffffffff, as in RFC 3720 appendix B.4 and in the SSE4.2 instruction. Sixteen bytes a
// step from sixteen tables ("slicing by 16", after Kounavis and Berry, 2005), half as fast again as
// eight; a runtime's own instruction cannot be reached from here.

const stepWords = 4;

/** Part `n`, of 256 values, tells what a byte does to the sum when `n` bytes follow it. */
const table = makeTable();

/** Words are read as the machine has them: a step by words needs the low byte first. */
const isLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

function makeTable(): Int32Array {
  const made = new Int32Array(4 * stepWords * 256);
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

/** The checksum of `bytes`, as an unsigned number. */
export function crc32c(bytes: Uint8Array): number {
  const end = bytes.length;
  // Words must begin at a multiple of their size.
  const wordsAt = isLittleEndian ? Math.min(end, -bytes.byteOffset & 3) : end;
  const wordCount = ((end - wordsAt) >>> 4) * stepWords;
  let sum = addBytes(-1, bytes, 0, wordsAt);
  if (wordCount > 0) {
    sum = addWords(sum, new Int32Array(bytes.buffer, bytes.byteOffset + wordsAt, wordCount));
  }
  return ~addBytes(sum, bytes, wordsAt + wordCount * 4, end) >>> 0;
}

function addBytes(before: number, bytes: Uint8Array, from: number, to: number): number {
  let sum = before;
  for (let at = from; at < to; at++) {
    sum = (sum >>> 8) ^ (table[(sum ^ (bytes[at] as number)) & 0xff] as number);
  }
  return sum;
}

function addWords(before: number, words: Int32Array): number {
  let sum = before;
  for (let at = 0; at < words.length; at += stepWords) {
    sum =
      wordOf(sum ^ (words[at] as number), 3072) ^
      wordOf(words[at + 1] as number, 2048) ^
      wordOf(words[at + 2] as number, 1024) ^
      wordOf(words[at + 3] as number, 0);
  }
  return sum;
}

/** What a word does to the sum, from the four parts of the table that begin at `part`. */
function wordOf(word: number, part: number): number {
  return (
    (table[part + 768 + (word & 0xff)] as number) ^
    (table[part + 512 + ((word >>> 8) & 0xff)] as number) ^
    (table[part + 256 + ((word >>> 16) & 0xff)] as number) ^
    (table[part + (word >>> 24)] as number)
  );
}
