// Protobuf's wire format, written field by field into one buffer that grows. Owns varints and
// lengths; which fields a message has is the caller's business.
// https://protobuf.dev/programming-guides/encoding/

const utf8 = new TextEncoder();
const lengthDelimited = 2;
const firstBytes = 256;
const varintBytesMax = 10;
/** Above it a double is no longer every whole number. */
const safeMax = Number.MAX_SAFE_INTEGER;

/** Appends fields in the order of the calls. Zero and empty values are left out, as proto3 does. */
export class ProtobufWriter {
  #bytes = new Uint8Array(firstBytes);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A varint field; a number must be whole and at least 0, a bigint is taken modulo 2^64. */
  number(field: number, value: number | bigint): void {
    if (value === 0 || value === 0n) return;
    this.#reserve(2 * varintBytesMax);
    this.#small(field << 3);
    this.#varint(value);
  }

  /** A field of bytes, written even when it is empty: an element of a repeated field counts. */
  bytes(field: number, value: Uint8Array): void {
    this.#reserve(2 * varintBytesMax + value.byteLength);
    this.#small((field << 3) | lengthDelimited);
    this.#small(value.byteLength);
    this.#bytes.set(value, this.#length);
    this.#length += value.byteLength;
  }

  /** As `bytes`; a lone surrogate becomes U+FFFD. */
  string(field: number, value: string): void {
    this.bytes(field, utf8.encode(value));
  }

  /** A message field, even when it is empty. The other writer may be cleared afterwards. */
  message(field: number, value: ProtobufWriter): void {
    this.bytes(field, value.view());
  }

  /** One packed field of varints; nothing when there are none. */
  packed(field: number, values: ArrayLike<number | bigint>): void {
    if (values.length === 0) return;
    let byteLength = 0;
    for (let i = 0; i < values.length; i++) byteLength += varintBytes(values[i] as number | bigint);
    this.#reserve(2 * varintBytesMax + byteLength);
    this.#small((field << 3) | lengthDelimited);
    this.#small(byteLength);
    for (let i = 0; i < values.length; i++) this.#varint(values[i] as number | bigint);
  }

  /** Bytes that are whole fields already. */
  raw(fields: Uint8Array): void {
    this.#reserve(fields.byteLength);
    this.#bytes.set(fields, this.#length);
    this.#length += fields.byteLength;
  }

  /** What was written, until the next call. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  #varint(value: number | bigint): void {
    if (typeof value === 'number' && value <= 0x7fffffff) {
      this.#small(value);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    while (rest > BigInt(safeMax)) {
      this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    let small = Number(rest);
    while (small > 0x7fffffff) {
      this.#bytes[this.#length++] = (small % 0x80) | 0x80;
      small = Math.floor(small / 0x80);
    }
    this.#small(small);
  }

  #small(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  #reserve(more: number): void {
    const need = this.#length + more;
    if (need <= this.#bytes.byteLength) return;
    const bytes = new Uint8Array(Math.max(need, 2 * this.#bytes.byteLength));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }
}

/** Bytes that a varint takes: 1 to 10. */
export function varintBytes(value: number | bigint): number {
  let rest = typeof value === 'number' ? value : BigInt.asUintN(64, value);
  if (typeof rest === 'bigint') {
    // Eight groups of seven bits are beyond the safe integers, seven are not.
    if (rest > BigInt(safeMax)) return rest >> 63n !== 0n ? 10 : rest >> 56n !== 0n ? 9 : 8;
    rest = Number(rest);
  }
  let count = 1;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) count += 1;
  return count;
}
