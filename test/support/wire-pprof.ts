// A pprof reader that follows the protobuf standard to the letter, for mutants that well-meaning
// decoders do not understand: fixed-width fields, fields of another wire type, merged messages.
// Plain and slow; trusts its input to be legal, as the kernel has found it.
// https://protobuf.dev/programming-guides/encoding/

interface Field {
  number: number;
  wire: number;
  /** Of a varint. */
  value: bigint;
  /** Of a length-delimited field. */
  bytes: Uint8Array;
}

const none = new Uint8Array(0);

function varintAt(bytes: Uint8Array, at: number): { value: bigint; end: number } {
  let value = 0n;
  for (let i = 0; ; i++) {
    const byte = bytes[at + i];
    if (byte === undefined || i > 9) throw new Error(`no varint at ${at}`);
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return { value: BigInt.asUintN(64, value), end: at + i + 1 };
  }
}

function fieldsOf(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < bytes.length; ) {
    const tag = varintAt(bytes, at);
    const field: Field = {
      number: Number(tag.value >> 3n),
      wire: Number(tag.value & 7n),
      value: 0n,
      bytes: none,
    };
    at = tag.end;
    if (field.wire === 0) {
      const { value, end } = varintAt(bytes, at);
      field.value = value;
      at = end;
    } else if (field.wire === 2) {
      const { value, end } = varintAt(bytes, at);
      at = end + Number(value);
      field.bytes = bytes.subarray(end, at);
    } else {
      at += field.wire === 1 ? 8 : 4;
    }
    fields.push(field);
  }
  return fields;
}

/** The scalars by field number, the last of each; absent ones are 0. */
function scalarsOf(fields: Field[]): (number: number) => bigint {
  const last = new Map<number, bigint>();
  for (const { number, wire, value } of fields) if (wire === 0) last.set(number, value);
  return (number) => last.get(number) ?? 0n;
}

/** A repeated scalar, packed or not. */
function listOf(fields: Field[], number: number): bigint[] {
  const list: bigint[] = [];
  for (const field of fields) {
    if (field.number !== number) continue;
    if (field.wire === 0) list.push(field.value);
    for (let at = 0; field.wire === 2 && at < field.bytes.length; ) {
      const { value, end } = varintAt(field.bytes, at);
      list.push(value);
      at = end;
    }
  }
  return list;
}

/** Each message of a repeated field, by its own fields. */
const messagesOf = (fields: Field[], number: number): Field[][] =>
  fields
    .filter((field) => field.number === number && field.wire === 2)
    .map((field) => fieldsOf(field.bytes));

/** The profile in the shape that `pprof-format` gives it; all numbers are unsigned. */
export function decodeWire(bytes: Uint8Array) {
  const fields = fieldsOf(bytes);
  const scalar = scalarsOf(fields);
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const records = (number: number) => messagesOf(fields, number);
  const scalars = (number: number) => records(number).map(scalarsOf);
  return {
    sampleType: scalars(1).map((get) => ({ type: get(1), unit: get(2) })),
    sample: records(2).map((one) => ({
      locationId: listOf(one, 1),
      value: listOf(one, 2),
      label: messagesOf(one, 3)
        .map(scalarsOf)
        .map((get) => ({ key: get(1), str: get(2) })),
    })),
    mapping: scalars(3).map((get) => ({
      id: get(1),
      memoryStart: get(2),
      memoryLimit: get(3),
      fileOffset: get(4),
      filename: get(5),
      buildId: get(6),
      hasFunctions: get(7) !== 0n,
      hasFilenames: get(8) !== 0n,
      hasLineNumbers: get(9) !== 0n,
      hasInlineFrames: get(10) !== 0n,
    })),
    location: records(4).map((one) => ({
      id: scalarsOf(one)(1),
      mappingId: scalarsOf(one)(2),
      address: scalarsOf(one)(3),
      line: messagesOf(one, 4)
        .map(scalarsOf)
        .map((get) => ({ functionId: get(1), line: get(2) })),
      isFolded: scalarsOf(one)(5) !== 0n,
    })),
    function: scalars(5).map((get) => ({
      id: get(1),
      name: get(2),
      systemName: get(3),
      filename: get(4),
      startLine: get(5),
    })),
    stringTable: {
      strings: fields
        .filter((field) => field.number === 6 && field.wire === 2)
        .map((field) => decoder.decode(field.bytes)),
    },
    dropFrames: scalar(7),
    keepFrames: scalar(8),
    timeNanos: scalar(9),
    durationNanos: scalar(10),
    period: scalar(12),
    comment: listOf(fields, 13),
    defaultSampleType: scalar(14),
  };
}
