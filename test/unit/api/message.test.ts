// Decoding under bounds: small bodies must not become millions of objects.
import { expect, it } from 'vitest';
import { decodeMessage } from '../../../src/api/message.ts';
import { Failure } from '../../../src/errors.ts';
import { PushRequestSchema } from '../../../src/gen/push/v1/push_pb.ts';

const tooMany = 'request holds more than 131072 objects, the limit';
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
  const bytes = new TextEncoder().encode(`{"series":[${'{},'.repeat(131_073)}{}]}`);
  expect(thrownBy(() => decodeMessage(PushRequestSchema, bytes, false)).message).toBe(tooMany);
});

it('refuses json over its bound', () => {
  const bytes = new Uint8Array((16 << 20) + 1);
  const { message } = thrownBy(() => decodeMessage(PushRequestSchema, bytes, false));
  expect(message).toBe('json body is 16777217 bytes, limit 16777216');
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
