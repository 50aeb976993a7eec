// As much of protobuf as a pprof's outer layer needs: walking over fields and writing a few.
// https://protobuf.dev/programming-guides/encoding/
import { Failure } from '../errors.ts';

export interface Field {
  number: number;
  wire: number;
  /** Where the field begins, with its tag. */
  from: number;
  /** Of a varint, as unsigned 64 bits; 0n for the others. */
  value: bigint;
  /** Of a length-delimited field: where its content is. */
  bodyFrom: number;
  /** Past the field, and past its content. */
  end: number;
}

/** Walks the fields of `bytes` from `from` to `end`. Throws `corrupt` for bytes that end early. */
export function* fieldsOf(bytes: Uint8Array, from = 0, end = bytes.length): Generator<Field> {
  const cursor = { at: from };
  while (cursor.at < end) {
    const start = cursor.at;
    const tag = Number(readVarint(bytes, cursor, end));
    const wire = tag & 7;
    const field: Field = { number: tag >>> 3, wire, from: start, value: 0n, bodyFrom: 0, end: 0 };
    if (wire === 0) field.value = readVarint(bytes, cursor, end);
    else if (wire === 2) {
      const length = Number(readVarint(bytes, cursor, end));
      field.bodyFrom = cursor.at;
      cursor.at += length;
    } else if (wire === 1) cursor.at += 8;
    else if (wire === 5) cursor.at += 4;
    else throw new Failure('corrupt', `pprof has wire type ${wire} at byte ${start}`);
    if (cursor.at > end) throw new Failure('corrupt', `pprof ends inside the field at ${start}`);
    field.end = cursor.at;
    yield field;
  }
}

/** Numbers of a packed field, exact below 2^53. */
export function packedOf(bytes: Uint8Array, from: number, end: number): number[] {
  const values: number[] = [];
  for (let at = from; at < end; ) {
    let value = 0;
    let scale = 1;
    let byte = 0x80;
    for (; byte >= 0x80 && at < end; scale *= 128) {
      byte = bytes[at++] as number;
      value += (byte & 0x7f) * scale;
    }
    values.push(value);
  }
  return values;
}

/** The first number of a packed field, as unsigned 64 bits; 0 when it has none. */
export function firstOf(bytes: Uint8Array, from: number, end: number): bigint {
  return from < end ? readVarint(bytes, { at: from }, end) : 0n;
}

function readVarint(bytes: Uint8Array, cursor: { at: number }, end: number): bigint {
  // The first four groups fit a small integer, and most numbers end there.
  let low = 0;
  for (let shift = 0; shift < 28 && cursor.at < end; shift += 7) {
    const byte = bytes[cursor.at++] as number;
    low |= (byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt(low);
  }
  let value = BigInt(low);
  for (let shift = 28n; shift < 70n && cursor.at < end; shift += 7n) {
    const byte = bytes[cursor.at++] as number;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  throw new Failure('corrupt', `pprof has a number that does not end at byte ${cursor.at}`);
}

/** Collects the bytes of a few fields; zero values are left out, as proto3 has it. */
export class FieldWriter {
  readonly #bytes: number[] = [];

  /** A varint field; negative numbers take ten bytes. */
  number(field: number, value: bigint | number): this {
    if (BigInt(value) === 0n) return this;
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }

  bytes(field: number, content: ArrayLike<number>): this {
    this.#varint(field * 8 + 2);
    this.#varint(content.length);
    for (let i = 0; i < content.length; i++) this.#bytes.push(content[i] as number);
    return this;
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  #varint(value: bigint | number): void {
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest >= 0x80n; rest >>= 7n) this.#bytes.push(Number(rest & 0x7fn) | 0x80);
    this.#bytes.push(Number(rest));
  }
}
