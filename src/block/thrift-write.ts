// Structs in Thrift's compact protocol, written for the footers of the small files that the decoder
// is given. Owns no meaning, and checks nothing: what is written is ours.
import { wire } from './thrift.ts';

/** A field to write: its number, its type and its value. */
export type ThriftField =
  | readonly [id: number, type: 'i32' | 'i64', value: number]
  | readonly [id: number, type: 'text', value: string]
  | readonly [id: number, type: 'struct', value: readonly ThriftField[]]
  | readonly [id: number, type: 'structs', value: readonly (readonly ThriftField[])[]]
  /** Structs as `writeStruct` made them. */
  | readonly [id: number, type: 'written', value: readonly Uint8Array[]]
  | readonly [id: number, type: 'texts', value: readonly string[]]
  | readonly [id: number, type: 'i32s', value: readonly number[]];

const utf8 = new TextEncoder();

/** Bytes that grow: an array of numbers would be eight times as large, and copied at the end. */
class Output {
  private bytes = new Uint8Array(1024);
  private at = 0;

  push(byte: number): void {
    if (this.at === this.bytes.length) this.reserve(1);
    this.bytes[this.at++] = byte;
  }

  append(bytes: Uint8Array): void {
    if (this.at + bytes.length > this.bytes.length) this.reserve(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  finish(): Uint8Array {
    return this.bytes.slice(0, this.at);
  }

  private reserve(more: number): void {
    const grown = new Uint8Array(2 * this.bytes.length + more);
    grown.set(this.bytes);
    this.bytes = grown;
  }
}

/** The bytes of a struct; fields ascend by number. */
export function writeStruct(fields: readonly ThriftField[]): Uint8Array {
  const out = new Output();
  putStruct(out, fields);
  return out.finish();
}

function putStruct(out: Output, fields: readonly ThriftField[]): void {
  let last = 0;
  for (const field of fields) {
    const [id] = field;
    const head = (type: number) => out.push(((id - last) << 4) | type);
    putField(out, field, head);
    last = id;
  }
  out.push(wire.stop);
}

function putField(out: Output, field: ThriftField, head: (type: number) => void): void {
  const [, type, value] = field;
  switch (type) {
    case 'i32':
    case 'i64':
      head(wire[type]);
      putZigzag(out, value);
      break;
    case 'text':
      head(wire.binary);
      putText(out, value);
      break;
    case 'struct':
      head(wire.struct);
      putStruct(out, value);
      break;
    case 'structs':
      head(wire.list);
      putList(out, wire.struct, value, putStruct);
      break;
    case 'written':
      head(wire.list);
      putList(out, wire.struct, value, (to, bytes) => to.append(bytes));
      break;
    case 'texts':
      head(wire.list);
      putList(out, wire.binary, value, putText);
      break;
    case 'i32s':
      head(wire.list);
      putList(out, wire.i32, value, putZigzag);
      break;
  }
}

function putList<T>(
  out: Output,
  type: number,
  values: readonly T[],
  put: (out: Output, value: T) => void,
): void {
  out.push((15 << 4) | type);
  putVarint(out, values.length);
  for (const value of values) put(out, value);
}

function putText(out: Output, text: string): void {
  const bytes = utf8.encode(text);
  putVarint(out, bytes.length);
  out.append(bytes);
}

function putZigzag(out: Output, value: number): void {
  putVarint(out, value < 0 ? -2 * value - 1 : 2 * value);
}

function putVarint(out: Output, value: number): void {
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  out.push(rest);
}
