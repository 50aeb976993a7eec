// Fields of a message read as the types that their schema gives them. Owns the check that a field
// is of that type on the wire, and of the range of an index; walking is the reader's.
import { Failure } from '../errors.ts';
import { ProtobufReader, wireBytes, wireFixed64, wireVarint } from './protobuf-reader.ts';

const utf8 = new TextDecoder();

/** In one message: unknown ones are passed over, but not for ever. */
const fieldsMax = 1 << 20;
/** Numbers that one field adds to a list: a list is read at once. */
const listMax = 1 << 18;

/** Every read is of the field `next` went to, and throws `invalid` when it is of another type. */
export class MessageReader extends ProtobufReader {
  #fields = 0;

  override next(): boolean {
    this.#fields += 1;
    if (this.#fields > fieldsMax) {
      throw new Failure('invalid', `a message has more than ${fieldsMax} fields, the limit`);
    }
    return super.next();
  }

  /** Content of a length-delimited field, as a view. */
  content(): Uint8Array {
    this.#expect(wireBytes);
    return this.bytes.subarray(this.start, this.end);
  }

  /** Bytes that are not UTF-8 become U+FFFD: names of native symbols are not always text. */
  text(): string {
    return utf8.decode(this.content());
  }

  message(): MessageReader {
    this.#expect(wireBytes);
    return new MessageReader(this.bytes, this.start, this.end);
  }

  /** An int32 that refers to a row of a table: from 0 to 2^31 - 2. */
  row(): number {
    this.#expect(wireVarint);
    return rowIn(this);
  }

  signed(): bigint {
    this.#expect(wireVarint);
    return this.int64;
  }

  unsigned(): bigint {
    return BigInt.asUintN(64, this.signed());
  }

  fixed64(): bigint {
    this.#expect(wireFixed64);
    const { buffer, byteOffset } = this.bytes;
    return new DataView(buffer, byteOffset + this.start, 8).getBigUint64(0, true);
  }

  /** Calls `each` for what the field adds to a repeated int32 of rows, packed or not. */
  eachRow(each: (row: number) => void): void {
    this.#eachVarint((reader) => each(rowIn(reader)));
  }

  /** The same for a repeated int64. */
  eachSigned(each: (value: bigint) => void): void {
    this.#eachVarint((reader) => each(reader.int64));
  }

  /** How many elements the field adds to a repeated fixed64, packed or not. */
  fixed64Count(): number {
    if (this.wire === wireFixed64) return 1;
    this.#expect(wireBytes);
    const byteLength = this.end - this.start;
    if (byteLength % 8 === 0) return byteLength / 8;
    throw new Failure('invalid', `field ${this.field} packs 64-bit numbers in ${byteLength} bytes`);
  }

  #eachVarint(each: (reader: ProtobufReader) => void): void {
    if (this.wire === wireVarint) {
      each(this);
      return;
    }
    this.#expect(wireBytes);
    const packed = new ProtobufReader(this.bytes, this.start, this.end);
    let count = 0;
    while (packed.left > 0) {
      count += 1;
      if (count > listMax) {
        const message = `field ${this.field} holds more than ${listMax} numbers, the limit`;
        throw new Failure('invalid', message);
      }
      packed.varint();
      each(packed);
    }
  }

  #expect(wire: number): void {
    if (this.wire === wire) return;
    const found = `field ${this.field} has wire type ${this.wire}, not ${wire}`;
    throw new Failure('invalid', `${found}, at byte ${this.fieldStart}`);
  }
}

const rowEnd = 2 ** 31 - 1;

/** Negative numbers are ten bytes on the wire, and too large as well. */
function rowIn(reader: ProtobufReader): number {
  const { index } = reader;
  if (index < rowEnd) return index;
  throw new Failure('invalid', `index ${reader.int64} is not from 0 to ${rowEnd - 1}`);
}
