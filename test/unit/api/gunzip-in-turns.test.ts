// Large gzip bodies, which are inflated in turns: the same answers as at once, in small pieces.
import { describe, expect, it } from 'vitest';
import { gunzipInTurns } from '../../../src/api/gunzip-in-turns.ts';
import { Failure } from '../../../src/errors.ts';
import { isInflatedTooLarge } from '../../../src/lib/inflate.ts';
import { gzip } from '../../../src/runtime/gzip.ts';

const zeros = gzip(new Uint8Array(64 << 20)) as Uint8Array<ArrayBuffer>;
const mixed = new Uint8Array(300_000).map((_, index) => (index * index) >> 3);

function turns(onTake: (bytes: number) => void = () => undefined, promisedBytes = 1) {
  const counted = { turns: 0, taken: 0, largest: 0 };
  const giveWay = async () => void counted.turns++;
  const take = (bytes: number) => {
    counted.taken += bytes;
    counted.largest = Math.max(counted.largest, bytes);
    onTake(bytes);
  };
  return { counted, promisedBytes, giveWay, take };
}

describe('inflating in turns', () => {
  it.each([0, 1, mixed.length, 2 ** 31])(
    'does not believe a promise of %i bytes',
    async (bytes) => {
      const packed = gzip(mixed) as Uint8Array<ArrayBuffer>;
      const inflated = await gunzipInTurns(packed, 1 << 20, turns(undefined, bytes));
      expect(Buffer.compare(inflated, mixed)).toBe(0);
    },
  );

  it('answers what was compressed, and tells of all of it', async () => {
    const using = turns();
    const packed = gzip(mixed) as Uint8Array<ArrayBuffer>;
    const inflated = await gunzipInTurns(packed, mixed.length, using);
    expect(Buffer.compare(inflated, mixed)).toBe(0);
    expect(using.counted.taken).toBe(mixed.length);
  });

  it('gives way every few MiB', async () => {
    const using = turns();
    const inflated = await gunzipInTurns(zeros, 64 << 20, using);
    expect(inflated.length).toBe(64 << 20);
    expect(using.counted.turns).toBeGreaterThan(6);
    expect(using.counted.largest).toBeLessThanOrEqual(9 << 20);
  });

  it('stops a bomb at its bound', async () => {
    const using = turns();
    const error = await gunzipInTurns(zeros, 10 << 20, using).catch((thrown: unknown) => thrown);
    expect(isInflatedTooLarge(error)).toBe(true);
    expect(using.counted.taken).toBeLessThanOrEqual(10 << 20);
  });

  it.each<[string, Uint8Array]>([
    ['no bytes', new Uint8Array(0)],
    ['no gzip', Uint8Array.of(1, 2, 3)],
    ['a stream that is cut short', gzip(mixed).slice(0, -9)],
    [
      'a checksum that is wrong',
      gzip(mixed).map((byte, at, all) => (at === all.length - 8 ? ~byte : byte)),
    ],
  ])('refuses %s', async (_, bytes) => {
    const work = gunzipInTurns(new Uint8Array(bytes), 1 << 20, turns());
    await expect(work).rejects.toMatchObject({ kind: 'invalid', message: /^gzip: / });
  });

  it('passes on what a lease says', async () => {
    const full = new Failure('unavailable', 'no room');
    const using = turns(() => {
      throw full;
    });
    await expect(gunzipInTurns(zeros, 64 << 20, using)).rejects.toBe(full);
  });
});
