// Decoding under bounds: small bodies must not become millions of objects.
import { fromBinary } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import { decodeMessage as decodeInSteps } from '../../../src/api/message.ts';
import { Failure } from '../../../src/errors.ts';
import { type PushRequest, PushRequestSchema } from '../../../src/gen/push/v1/push_pb.ts';
import { finish } from '../../../src/lib/steps.ts';
import { Writer } from '../../fixtures/protobuf.ts';

const tooMany = 'request holds more than 131072 objects, the limit';
const decodeMessage = (...args: [typeof PushRequestSchema, Uint8Array, boolean]): PushRequest =>
  finish(decodeInSteps(...args));
const thrownBy = (act: () => unknown): Failure => {
  try {
    act();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

/** `count` empty series, two bytes each. */
function emptySeries(count: number): Uint8Array {
  const bytes = new Uint8Array(count * 2);
  for (let at = 0; at < bytes.byteLength; at += 2) bytes[at] = 0x0a;
  return bytes;
}

/** One series that holds `inner`. */
function seriesOf(inner: Uint8Array): Uint8Array {
  const length = [inner.byteLength & 127, (inner.byteLength >>> 7) & 127, inner.byteLength >>> 14];
  const [low = 0, middle = 0, high = 0] = length;
  return Uint8Array.from([0x0a, low | 128, middle | 128, high, ...inner]);
}

it('refuses more objects than the limit at the top and inside a series', () => {
  const atLimit = decodeMessage(PushRequestSchema, emptySeries(131_072), true);
  expect(atLimit.series).toHaveLength(131_072);
  for (const bytes of [emptySeries(131_073), seriesOf(emptySeries(131_072))]) {
    expect(thrownBy(() => decodeMessage(PushRequestSchema, bytes, true)).message).toBe(tooMany);
  }
});

it('refuses more objects than the limit in json', () => {
  const bytes = new TextEncoder().encode(`{"series":[${'{},'.repeat(65_537)}{}]}`);
  const { message } = thrownBy(() => decodeMessage(PushRequestSchema, bytes, false));
  expect(message).toBe('request holds more than 65536 objects, the limit');
});

it('refuses json over its bound', () => {
  const bytes = new Uint8Array((4 << 20) + 1);
  const { message } = thrownBy(() => decodeMessage(PushRequestSchema, bytes, false));
  expect(message).toBe('json body is 4194305 bytes, limit 4194304');
});

it.each([
  ['a length past the end', Uint8Array.of(0x0a, 0x7f, 1)],
  ['a length past the end inside a series', Uint8Array.of(0x0a, 2, 0x12, 0x7f)],
  ['a wire type that does not exist', Uint8Array.of(0x0f, 0)],
  ['field number zero', Uint8Array.of(0x02, 0)],
  ['groups without an end', new Uint8Array(1000).fill(0x13)],
  ['a varint without an end', new Uint8Array(20).fill(0xff)],
])('refuses %s', (_title, bytes) => {
  const failure = thrownBy(() => decodeMessage(PushRequestSchema, bytes, true));
  expect([failure.kind, failure.message]).toEqual([
    'invalid',
    expect.stringMatching(/^not a push\.v1\.PushRequest: /),
  ]);
});

it('drops unknown fields', () => {
  const bytes = Uint8Array.of(0x7a, 3, 1, 2, 3, 0x0a, 0);
  const message = decodeMessage(PushRequestSchema, bytes, true);
  expect([message.series.length, message.$unknown]).toEqual([1, undefined]);
});

/** Series of labels by the thousand, with a profile between them, and fields nobody knows. */
function largeRequest(): Uint8Array {
  const request = new Writer();
  for (const labelCount of [1, 3_000, 0, 999, 1_001]) {
    const series = new Writer();
    for (let i = 0; i < labelCount; i++) {
      series.message(1, new Writer().string(1, `l${i}`).string(2, 'v'.repeat(i % 7)));
      if (i % 1_500 === 7) series.message(2, new Writer().bytes(1, new Uint8Array(3_000).fill(i)));
      if (i % 900 === 0) series.number(15, 1);
    }
    request.message(1, series).string(9, 'unknown');
  }
  return request.finish();
}

it('decodes in steps what the library decodes at once', () => {
  const bytes = largeRequest();
  const steps = decodeInSteps(PushRequestSchema, bytes, true);
  let count = 0;
  let step = steps.next();
  for (; !step.done; step = steps.next()) count++;
  expect(step.value).toEqual(fromBinary(PushRequestSchema, bytes, { readUnknownFields: false }));
  // Of fields counted, and of fields decoded.
  expect(count).toBeGreaterThan(10);
  expect(step.value.series[1]?.samples[0]?.rawProfile.buffer).toBe(bytes.buffer);
});

it('refuses what ends early wherever that is', () => {
  const bytes = largeRequest();
  const accepted = (length: number) => {
    const cut = bytes.subarray(0, length);
    try {
      fromBinary(PushRequestSchema, cut);
    } catch {
      return expect(() => decodeMessage(PushRequestSchema, cut, true)).toThrow(Failure);
    }
    const atOnce = fromBinary(PushRequestSchema, cut, { readUnknownFields: false });
    return expect(decodeMessage(PushRequestSchema, cut, true)).toEqual(atOnce);
  };
  for (let length = 0; length < bytes.length; length += 509) accepted(length);
});
