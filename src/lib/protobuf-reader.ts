// Protobuf's wire format, read field by field without decoding into objects. Owns varints, bounds
// and skipping; groups, which no current message has, are refused. Nothing is allocated per field.
// https://protobuf.dev/programming-guides/encoding/
import { Failure } from '../errors.ts';

export const wireVarint = 0;
export const wireBytes = 2;
export const wireFixed64 = 1;
const wireFixed32 = 5;
const varintBytesMax = 10;

/** A cursor over the fields of one message; what it shows is of the field `next` went to. */
export class ProtobufReader {
  readonly bytes: Uint8Array;
  readonly #end: number;
  #at: number;
  #low = 0;
  #high = 0;
  field = 0;
  wire = 0;
  /** Where the field's tag begins. */
  fieldStart = 0;
  /** Its value, without tag and length; the next field begins where it ends. */
  start = 0;
  end = 0;

  constructor(bytes: Uint8Array, start = 0, end = bytes.byteLength) {
    this.bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  /** Goes to the next field; false at the end. Throws `invalid` for what is no message. */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    this.fieldStart = this.#at;
    this.varint();
    const tag = this.low;
    this.wire = tag & 7;
    this.field = tag >>> 3;
    if (this.field === 0 || this.#high !== 0) throw this.#broken('field number is out of range');
    if (this.wire === wireVarint) this.#skipVarint();
    else if (this.wire === wireBytes) this.#skip(this.length());
    else if (this.wire === wireFixed64) this.#skip(8);
    else if (this.wire === wireFixed32) this.#skip(4);
    else throw this.#broken(`wire type ${this.wire} is not supported`);
    return true;
  }

  /** Low 32 bits of the last varint, at least 0. */
  get low(): number {
    return this.#low;
  }

  /** All 64 bits of the last varint, signed. */
  get int64(): bigint {
    return BigInt.asIntN(64, (BigInt(this.#high) << 32n) | BigInt(this.#low));
  }

  /** The last varint where it counts things; more than 2^31 - 1 becomes that. */
  get index(): number {
    return this.#high === 0 && this.#low < 0x7fff_ffff ? this.#low : 0x7fff_ffff;
  }

  /** Bytes that were not read yet. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** Reads a bare varint, for formats that have no tags. */
  varint(): void {
    let low = 0;
    let high = 0;
    for (let i = 0; i < varintBytesMax; i++) {
      if (this.#at >= this.#end) throw this.#broken('a number is cut short');
      const byte = this.bytes[this.#at++] as number;
      const bits = byte & 0x7f;
      if (i < 4) low |= bits << (7 * i);
      else if (i === 4) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else high |= bits << (7 * i - 32);
      if (byte < 0x80) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw this.#broken(`a number has more than ${varintBytesMax} bytes`);
  }

  /** Reads a bare varint that says how many bytes follow; they are there. */
  length(): number {
    this.varint();
    const left = this.#end - this.#at;
    if (this.#high !== 0 || this.#low > left) {
      throw this.#broken(`${BigInt.asUintN(64, this.int64)} bytes are announced, ${left} are left`);
    }
    return this.#low;
  }

  /** The next `count` bytes, as a view. They are there when `length` told the count. */
  take(count: number): Uint8Array {
    this.#skip(count);
    return this.bytes.subarray(this.#at - count, this.#at);
  }

  #skipVarint(): void {
    this.start = this.#at;
    this.varint();
    this.end = this.#at;
  }

  #skip(count: number): void {
    if (count > this.#end - this.#at) throw this.#broken('a field is cut short');
    this.start = this.#at;
    this.#at += count;
    this.end = this.#at;
  }

  #broken(what: string): Failure {
    return new Failure('invalid', `${what} at byte ${this.#at}`, { reason: 'malformed_profile' });
  }
}
