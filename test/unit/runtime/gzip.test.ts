// gunzip: the same answers on every runtime for what is odd, cut, damaged or far too large.
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { isInflatedTooLarge } from '../../../src/lib/inflate.ts';
import { gunzip, gzip } from '../../../src/runtime/gzip.ts';
import { concat } from '../../support/zstd-frames.ts';

const text = new TextEncoder().encode('main;work;'.repeat(5_000));
const packed = gzip(text);
const changed = (bytes: Uint8Array, at: number) => {
  const copy = bytes.slice();
  const index = at < 0 ? copy.byteLength + at : at;
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
};

describe('gunzip', () => {
  it('inflates what gzip made, up to exactly the bound', () => {
    expect(gunzip(packed, text.byteLength)).toEqual(text);
    expect(gunzip(gzip(new Uint8Array(0)), 0)).toEqual(new Uint8Array(0));
  });

  // Around the sizes of the first buffer, and past the largest.
  const kib = 2 ** 10;
  it.each([
    1,
    16 * kib - 1,
    16 * kib,
    16 * kib + 1,
    2 ** 20 - 1,
    2 ** 20,
    2 ** 20 + 1,
    3 * 2 ** 20,
  ])('inflates %i bytes under that bound, and none under one byte less', (bytesMax) => {
    const bytes = new Uint8Array(bytesMax).fill(7);
    const honest = gzip(bytes);
    expect(Buffer.compare(gunzip(honest, bytesMax), bytes)).toBe(0);
    const members = concat(gzip(bytes.subarray(1)), gzip(bytes.subarray(0, 1)));
    expect(Buffer.compare(gunzip(members, bytesMax), bytes)).toBe(0);
    const message = `gzip: inflates to more than ${bytesMax - 1} bytes, the limit`;
    for (const packed of [honest, members]) {
      expect(() => gunzip(packed, bytesMax - 1)).toThrow(message);
    }
  });

  it('answers plain arrays, whose slices are copies', () => {
    const inflated = gunzip(packed, 1 << 20);
    expect(Object.getPrototypeOf(inflated)).toBe(Uint8Array.prototype);
    expect(inflated.slice(0, 1).buffer).not.toBe(inflated.buffer);
  });

  it('inflates more than its first buffer holds', () => {
    const large = new Uint8Array((3 << 20) + 7).map((_, index) => index * 31);
    expect(Buffer.compare(gunzip(gzip(large), 4 << 20), large)).toBe(0);
  });

  it('inflates several members and zero padding', () => {
    const whole = concat(packed, gzip(Uint8Array.of(1, 2)), new Uint8Array(5));
    expect(gunzip(whole, 1 << 20)).toEqual(concat(text, Uint8Array.of(1, 2)));
  });

  it.each<[string, Uint8Array]>([
    ['no bytes', new Uint8Array(0)],
    ['one byte', Uint8Array.of(0x1f)],
    ['other bytes', Uint8Array.of(10, 3, 1, 2, 3)],
    ['half a stream', packed.subarray(0, packed.byteLength >> 1)],
    ['half a trailer', packed.subarray(0, -3)],
    ['a wrong checksum', changed(packed, -6)],
    ['a wrong length', changed(packed, -1)],
    ['damaged data', changed(packed, 20)],
    ['garbage after the end', concat(packed, Uint8Array.of(1, 2, 3))],
    ['half a second member', concat(packed, packed.subarray(0, 9))],
  ])('refuses %s', (_title, bytes) => {
    const act = () => gunzip(bytes, 1 << 20);
    expect(act).toThrow(Failure);
    expect(act).toThrow(expect.objectContaining({ kind: 'invalid', reason: undefined }));
    expect(act).toThrow(/^gzip: /);
  });

  it.each([text.byteLength - 1, 100, 1, 0])('refuses output over %i bytes', (bytesMax) => {
    try {
      gunzip(packed, bytesMax);
      expect.unreachable();
    } catch (error) {
      if (!isInflatedTooLarge(error)) throw error;
      expect(error.message).toBe(`gzip: inflates to more than ${bytesMax} bytes, the limit`);
    }
  });

  it('refuses a bomb whatever its trailer promises', () => {
    const bomb = gzip(new Uint8Array(64 << 20));
    for (const trailer of [0, 1, 0xff]) {
      const lying = bomb.slice();
      lying.fill(trailer, -4);
      expect(() => gunzip(lying, 1 << 20)).toThrow('gzip: inflates to more than 1048576 bytes');
    }
  });
});
