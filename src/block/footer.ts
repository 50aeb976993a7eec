// The start of a Parquet footer: how long it is and how many rows it promises. Owns the check that
// a written file is whole, because the encoder drops rows silently when a write inside it fails.
// The footer is Thrift in compact protocol: https://github.com/apache/parquet-format
import { Failure } from '../errors.ts';

/** A file ends in the footer's length (u32, little endian) and these four bytes. */
const magic = 'PAR1';
/** Bytes after the footer: its length and the magic. */
const trailerBytes = 8;

export interface Footer {
  /** Footer with its trailer: what a reader asks for as the suffix of the file. */
  bytes: number;
  rows: number;
}

/**
 * Reads the footer at the end of `tail`, the last bytes of a Parquet file. Throws `corrupt` when
 * there is none, or when it does not lie wholly inside `tail`.
 */
export function readFooter(tail: Uint8Array): Footer {
  const end = tail.length - trailerBytes;
  const text = new TextDecoder().decode(tail.subarray(tail.length - magic.length));
  if (end < 0 || text !== magic) {
    throw new Failure('corrupt', `parquet file ends in ${JSON.stringify(text)}, not ${magic}`);
  }
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  const length = view.getUint32(end, true);
  if (length > end) {
    throw new Failure('corrupt', `parquet footer is ${length} bytes, only ${end} are at hand`);
  }
  return { bytes: length + trailerBytes, rows: rowsOf(tail.subarray(end - length, end)) };
}

/** Field 3 of FileMetaData, after `version` (1) and `schema` (2). */
const rowsField = 3;
/** Ids are 32-bit row numbers. */
const rowsMax = 2n ** 32n;
/** A footer nests lists and structs 7 deep; deeper is damage, and must not exhaust the stack. */
const depthMax = 32;

function rowsOf(footer: Uint8Array): number {
  const reader: Reader = { bytes: footer, at: 0 };
  for (let field = 0; ; ) {
    const head = byte(reader);
    const type = head & 15;
    if (type === thrift.stop) throw new Failure('corrupt', 'parquet footer names no row count');
    field = head >> 4 === 0 ? Number(zigzag(reader)) : field + (head >> 4);
    if (field === rowsField && type === thrift.i64) return checkedRows(zigzag(reader));
    skip(reader, type, 0);
  }
}

function checkedRows(rows: bigint): number {
  if (rows >= 0n && rows <= rowsMax) return Number(rows);
  throw new Failure('corrupt', `parquet footer has ${rows} rows, limit ${rowsMax}`);
}

interface Reader {
  readonly bytes: Uint8Array;
  at: number;
}

/** Types of Thrift's compact protocol. */
const thrift = {
  stop: 0,
  true: 1,
  false: 2,
  byte: 3,
  i16: 4,
  i32: 5,
  i64: 6,
  double: 7,
  binary: 8,
  list: 9,
  set: 10,
  struct: 12,
} as const;

function byte(reader: Reader): number {
  const value = reader.bytes[reader.at++];
  if (value === undefined) throw new Failure('corrupt', 'parquet footer is cut short');
  return value;
}

function varint(reader: Reader): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const next = byte(reader);
    value |= BigInt(next & 127) << shift;
    if (next < 128) return value;
  }
  throw new Failure('corrupt', 'parquet footer has a number of more than 10 bytes');
}

function zigzag(reader: Reader): bigint {
  const value = varint(reader);
  return (value >> 1n) ^ -(value & 1n);
}

function skip(reader: Reader, type: number, depth: number): void {
  if (depth > depthMax) throw new Failure('corrupt', `parquet footer nests over ${depthMax} deep`);
  switch (type) {
    case thrift.true:
    case thrift.false:
      return;
    case thrift.byte:
      reader.at += 1;
      return;
    case thrift.i16:
    case thrift.i32:
    case thrift.i64:
      varint(reader);
      return;
    case thrift.double:
      reader.at += 8;
      return;
    case thrift.binary: {
      const length = Number(varint(reader));
      reader.at += length;
      return;
    }
    case thrift.list:
    case thrift.set:
      skipList(reader, depth + 1);
      return;
    case thrift.struct:
      skipStruct(reader, depth + 1);
      return;
    default:
      throw new Failure('corrupt', `parquet footer has an unknown type ${type}`);
  }
}

function skipList(reader: Reader, depth: number): void {
  const head = byte(reader);
  const count = head >> 4 === 15 ? Number(varint(reader)) : head >> 4;
  const type = head & 15;
  for (let i = 0; i < count; i++) {
    // In a list a boolean takes a byte of its own.
    if (type === thrift.true || type === thrift.false) reader.at += 1;
    else skip(reader, type, depth);
    if (reader.at > reader.bytes.length)
      throw new Failure('corrupt', 'parquet footer is cut short');
  }
}

function skipStruct(reader: Reader, depth: number): void {
  for (;;) {
    const head = byte(reader);
    const type = head & 15;
    if (type === thrift.stop) return;
    if (head >> 4 === 0) zigzag(reader);
    skip(reader, type, depth);
  }
}
