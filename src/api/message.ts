// Request bytes become messages. Owns the bound on how many objects a body may ask for: an empty
// message is two bytes on the wire and a hundred in memory.
import {
  type DescMessage,
  fromBinary,
  fromJsonString,
  type MessageShape,
} from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { Failure, messageOf } from '../errors.ts';
import { bodyTooLarge } from './errors.ts';

// Above a real batch (a thousand series of thirty labels are 92,000 fields), and read in less than
// a tenth of a second: decoding cannot be interrupted.
const objectsMax = 1 << 17;
// JSON takes several times its size in memory while it is parsed, and 15 ms a megabyte of base64.
const jsonBytesMax = 16 << 20;

const openBrace = 0x7b;
const openBracket = 0x5b;

/**
 * Decodes one message; `bytes` fields are views into `bytes`, unknown fields are dropped. Throws
 * `invalid` for what is not a message of this type or holds too many objects.
 */
export function decodeMessage<Schema extends DescMessage>(
  schema: Schema,
  bytes: Uint8Array,
  isBinary: boolean,
): MessageShape<Schema> {
  if (isBinary)
    return decode(schema, () => {
      countFields(new BinaryReader(bytes), schema, bytes.byteLength, { fields: 0 });
      return fromBinary(schema, bytes, { readUnknownFields: false });
    });
  if (bytes.byteLength > jsonBytesMax) {
    throw bodyTooLarge(`json body is ${bytes.byteLength} bytes, limit ${jsonBytesMax}`);
  }
  assertObjects(bytes);
  return decode(schema, () =>
    fromJsonString(schema, new TextDecoder().decode(bytes), { ignoreUnknownFields: true }),
  );
}

function decode<T>(schema: DescMessage, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Failure) throw error;
    const message = `not a ${schema.typeName}: ${messageOf(error)}`;
    throw new Failure('invalid', message, { cause: error });
  }
}

/** Counts fields, those of the messages inside included; none of our message types is recursive. */
function countFields(
  reader: BinaryReader,
  schema: DescMessage,
  end: number,
  counted: { fields: number },
): void {
  while (reader.pos < end) {
    counted.fields += 1;
    if (counted.fields > objectsMax) throw tooManyObjects();
    const [number, wireType] = reader.tag();
    const field = schema.fields.find((candidate) => candidate.number === number);
    if (field?.message === undefined || wireType !== WireType.LengthDelimited) {
      reader.skip(wireType, number);
      continue;
    }
    const byteLength = reader.uint32();
    countFields(reader, field.message, Math.min(end, reader.pos + byteLength), counted);
  }
}

function assertObjects(bytes: Uint8Array): void {
  let objects = 0;
  for (const opening of [openBrace, openBracket]) {
    for (let at = bytes.indexOf(opening); at >= 0; at = bytes.indexOf(opening, at + 1)) {
      objects += 1;
      if (objects > objectsMax) throw tooManyObjects();
    }
  }
}

function tooManyObjects(): Failure {
  return new Failure('invalid', `request holds more than ${objectsMax} objects, the limit`);
}
