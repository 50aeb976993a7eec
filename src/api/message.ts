// Request bytes become messages. Owns the bound on how many objects a body may ask for: an empty
// message is two bytes on the wire and a hundred in memory.
import {
  create,
  type DescMessage,
  fromJsonString,
  type Message,
  type MessageShape,
  mergeFromBinary,
} from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { Failure, messageOf } from '../errors.ts';
import type { Steps } from '../lib/steps.ts';
import { bodyTooLarge, Refusal } from './errors.ts';

// Above a real batch: a thousand series of thirty labels are 92,000 fields, or 34,000 objects.
const objectsMax = 1 << 17;
const jsonObjectsMax = 1 << 16;
// JSON takes several times its size in memory while it is parsed, and cannot be parsed in steps.
const jsonBytesMax = 4 << 20;
/** Less than a millisecond of decoding. */
const fieldsOfStep = 1_000;

const openBrace = 0x7b;
const openBracket = 0x5b;

/**
 * Decodes one message, a large binary one in steps; `bytes` fields are views into `bytes`, unknown
 * fields are dropped. Throws `invalid` for what is not a message of this type or holds too many
 * objects.
 */
export function* decodeMessage<Schema extends DescMessage>(
  schema: Schema,
  bytes: Uint8Array,
  isBinary: boolean,
): Steps<MessageShape<Schema>> {
  try {
    if (!isBinary) return decodeJson(schema, bytes);
    yield* countFields(schema, bytes);
    const message = create(schema);
    yield* mergeInSteps(schema, message, bytes);
    return message;
  } catch (error) {
    if (error instanceof Failure || error instanceof Refusal) throw error;
    const message = `not a ${schema.typeName}: ${messageOf(error)}`;
    throw new Failure('invalid', message, { cause: error });
  }
}

/** Counts fields, those of the messages inside included. */
function* countFields(schema: DescMessage, bytes: Uint8Array): Steps<void> {
  const reader = new BinaryReader(bytes);
  const open = [{ schema, end: bytes.byteLength }];
  let fields = 0;
  for (let inner = open.at(-1); inner !== undefined; inner = open.at(-1)) {
    if (reader.pos >= inner.end) {
      open.pop();
      continue;
    }
    fields += 1;
    if (fields > objectsMax) throw tooManyObjects(objectsMax);
    if (fields % fieldsOfStep === 0) yield;
    const [number, wireType] = reader.tag();
    const message = messageFieldOf(inner.schema, number)?.message;
    if (message === undefined || wireType !== WireType.LengthDelimited) {
      reader.skip(wireType, number);
      continue;
    }
    const byteLength = reader.uint32();
    open.push({ schema: message, end: Math.min(inner.end, reader.pos + byteLength) });
  }
}

/** Fields that follow one another are a message of their own, and messages can be merged. */
function* mergeInSteps(schema: DescMessage, target: Message, bytes: Uint8Array): Steps<void> {
  const reader = new BinaryReader(bytes);
  let from = 0;
  let fields = 0;
  const merge = (end: number) => {
    const part = bytes.subarray(from, end);
    if (part.byteLength > 0) mergeFromBinary(schema, target, part, { readUnknownFields: false });
    from = end;
    fields = 0;
  };
  while (reader.pos < bytes.byteLength) {
    const start = reader.pos;
    const [number, wireType] = reader.tag();
    const field = messageFieldOf(schema, number);
    fields += 1;
    if (field?.fieldKind === 'list' && wireType === WireType.LengthDelimited) {
      const byteLength = reader.uint32();
      const inner = bytes.subarray(reader.pos, reader.pos + byteLength);
      if (inner.byteLength < byteLength) throw new RangeError('premature EOF');
      reader.pos += byteLength;
      if (byteLength > fieldsOfStep) {
        merge(start);
        const element = create(field.message);
        yield* mergeInSteps(field.message, element, inner);
        (target as unknown as Record<string, Message[]>)[field.localName]?.push(element);
        from = reader.pos;
      }
    } else reader.skip(wireType, number);
    if (fields < fieldsOfStep) continue;
    merge(reader.pos);
    yield;
  }
  merge(reader.pos);
}

function messageFieldOf(schema: DescMessage, number: number) {
  const field = schema.fields.find((candidate) => candidate.number === number);
  return field?.message === undefined ? undefined : field;
}

function decodeJson<Schema extends DescMessage>(
  schema: Schema,
  bytes: Uint8Array,
): MessageShape<Schema> {
  if (bytes.byteLength > jsonBytesMax) {
    throw bodyTooLarge(`json body is ${bytes.byteLength} bytes, limit ${jsonBytesMax}`);
  }
  assertObjects(bytes);
  return fromJsonString(schema, new TextDecoder().decode(bytes), { ignoreUnknownFields: true });
}

function assertObjects(bytes: Uint8Array): void {
  let objects = 0;
  for (const opening of [openBrace, openBracket]) {
    for (let at = bytes.indexOf(opening); at >= 0; at = bytes.indexOf(opening, at + 1)) {
      objects += 1;
      if (objects > jsonObjectsMax) throw tooManyObjects(jsonObjectsMax);
    }
  }
}

function tooManyObjects(limit: number): Failure {
  return new Failure('invalid', `request holds more than ${limit} objects, the limit`);
}
