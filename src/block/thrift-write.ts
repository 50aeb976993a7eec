// Structs in Thrift's compact protocol, written for the footers of the small files that the decoder
// is given. Owns no meaning, and checks nothing: what is written is ours.
import { wire } from './thrift.ts';

/** A field to write: its number, its type and its value. */
export type ThriftField =
  | readonly [id: number, type: 'i32' | 'i64', value: number]
  | readonly [id: number, type: 'text', value: string]
  | readonly [id: number, type: 'struct', value: readonly ThriftField[]]
  | readonly [id: number, type: 'structs', value: readonly (readonly ThriftField[])[]]
  | readonly [id: number, type: 'texts', value: readonly string[]]
  | readonly [id: number, type: 'i32s', value: readonly number[]];

const utf8 = new TextEncoder();

/** The bytes of a struct; fields ascend by number. */
export function writeStruct(fields: readonly ThriftField[]): Uint8Array {
  const out: number[] = [];
  putStruct(out, fields);
  return Uint8Array.from(out);
}

function putStruct(out: number[], fields: readonly ThriftField[]): void {
  let last = 0;
  for (const field of fields) {
    const [id] = field;
    const head = (type: number) => out.push(((id - last) << 4) | type);
    putField(out, field, head);
    last = id;
  }
  out.push(wire.stop);
}

function putField(out: number[], field: ThriftField, head: (type: number) => void): void {
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
  out: number[],
  type: number,
  values: readonly T[],
  put: (out: number[], value: T) => void,
): void {
  out.push((15 << 4) | type);
  putVarint(out, values.length);
  for (const value of values) put(out, value);
}

function putText(out: number[], text: string): void {
  const bytes = utf8.encode(text);
  putVarint(out, bytes.length);
  out.push(...bytes);
}

function putZigzag(out: number[], value: number): void {
  putVarint(out, value < 0 ? -2 * value - 1 : 2 * value);
}

function putVarint(out: number[], value: number): void {
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  out.push(rest);
}
