// Thrift's compact protocol, as far as Parquet uses it: structs by field number, read with
// bounds on everything because footers and page headers may be damaged. Owns no meaning: field
// numbers belong to who reads them. `thrift-write.ts` is the way back.
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
import { Failure } from '../errors.ts';

/** What a field holds; integers of all widths are numbers, exact up to 2^53. */
export type ThriftValue = boolean | number | Uint8Array | ThriftValue[] | ThriftStruct;

/** Fields above are skipped: Parquet has none, and numbers of a damaged file may be any. */
const fieldMax = 31;

/** Fields by number. An array, for a footer has some hundred structs of a few fields. */
export class ThriftStruct {
  private readonly values: (ThriftValue | undefined)[] = [];

  get(field: number): ThriftValue | undefined {
    return this.values[field];
  }

  has(field: number): boolean {
    return this.values[field] !== undefined;
  }

  set(field: number, value: ThriftValue): void {
    if (field >= 0 && field <= fieldMax) this.values[field] = value;
  }
}

/** Types on the wire. */
export const wire = {
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

/** Parquet nests lists and structs 7 deep; deeper is damage, and must not exhaust the stack. */
const depthMax = 32;
/** What a double still holds exactly. */
const numberMax = Number.MAX_SAFE_INTEGER;

/** A place in bytes that may be damaged. */
export interface ThriftReader {
  readonly bytes: Uint8Array;
  at: number;
}

/**
 * Reads one struct and moves behind it. Throws `corrupt`, naming `what`, for bytes that are none:
 * cut short, nested too deep, or with an integer past 2^53.
 */
export function readStruct(reader: ThriftReader, what: string): ThriftStruct {
  return new StructReader(reader, what).struct(0);
}

class StructReader {
  readonly #reader: ThriftReader;
  readonly #what: string;

  constructor(reader: ThriftReader, what: string) {
    this.#reader = reader;
    this.#what = what;
  }

  struct(depth: number): ThriftStruct {
    if (depth > depthMax) throw this.#damage(`nests over ${depthMax} deep`);
    const fields = new ThriftStruct();
    for (let field = 0; ; ) {
      const head = this.#byte();
      const type = head & 15;
      if (type === wire.stop) return fields;
      field = head >> 4 === 0 ? this.#zigzag() : field + (head >> 4);
      fields.set(field, this.#value(type, depth + 1));
    }
  }

  #value(type: number, depth: number): ThriftValue {
    switch (type) {
      case wire.true:
        return true;
      case wire.false:
        return false;
      case wire.byte:
        return this.#byte();
      case wire.i16:
      case wire.i32:
      case wire.i64:
        return this.#zigzag();
      case wire.double:
        // Parquet has none of its own; skipped as bytes.
        return this.#take(8);
      case wire.binary:
        return this.#take(this.#varint());
      case wire.list:
      case wire.set:
        return this.#list(depth);
      case wire.struct:
        return this.struct(depth);
      default:
        throw this.#damage(`has an unknown type ${type}`);
    }
  }

  #list(depth: number): ThriftValue[] {
    if (depth > depthMax) throw this.#damage(`nests over ${depthMax} deep`);
    const head = this.#byte();
    const count = head >> 4 === 15 ? this.#varint() : head >> 4;
    const type = head & 15;
    // An item takes a byte at least, so this bounds the list by the bytes at hand.
    const left = this.#reader.bytes.length - this.#reader.at;
    if (count > left) throw this.#damage(`has a list of ${count} in ${left} bytes`);
    const values: ThriftValue[] = [];
    for (let i = 0; i < count; i++) {
      // In a list a boolean takes a byte of its own.
      const isBoolean = type === wire.true || type === wire.false;
      values.push(isBoolean ? this.#byte() === 1 : this.#value(type, depth));
    }
    return values;
  }

  #byte(): number {
    const value = this.#reader.bytes[this.#reader.at++];
    if (value === undefined) throw this.#damage('is cut short');
    return value;
  }

  #take(count: number): Uint8Array {
    const { bytes, at } = this.#reader;
    if (count > bytes.length - at) throw this.#damage('is cut short');
    this.#reader.at += count;
    return bytes.subarray(at, at + count);
  }

  #varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const next = this.#byte();
      value += (next & 127) * scale;
      if (value > numberMax) throw this.#damage(`has a number over ${numberMax}`);
      if (next < 128) return value;
      if (scale > numberMax) throw this.#damage('has a number of more than 8 bytes');
    }
  }

  #zigzag(): number {
    const value = this.#varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  #damage(problem: string): Failure {
    return new Failure('corrupt', `${this.#what} ${problem}`);
  }
}
