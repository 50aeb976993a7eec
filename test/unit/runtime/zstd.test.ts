// unzstd: frames are judged by their headers before the codec sees them, output is counted.
import { beforeAll, describe, expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { isInflatedTooLarge } from '../../../src/lib/inflate.ts';
import { splitZstdFrames } from '../../../src/lib/zstd-frame.ts';
import { unzstd as objectUnzstd } from '../../../src/runtime/object-zstd.ts';
import { createZstd } from '../../../src/runtime/zstd.ts';
import type { Unzstd } from '../../../src/runtime/zstd-inflate.ts';
import { concat, rawZstd, repeatingZstd } from '../../support/zstd-frames.ts';

const fromBase64 = (text: string) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
// `phlox ` a thousand times, compressed by zstd 1.5 from a pipe and from a file of known size.
const piped = fromBase64('KLUv/QRYdQAAMHBobG94IAEAZ5e+FAEzqWY/');
const sized = fromBase64('KLUv/WRwFnUAADBwaGxveCABAGeXvhQBM6lmPw==');
const text = new TextEncoder().encode('phlox '.repeat(1_000));
/** Its block begins with what no literals section can begin with. */
const damaged = sized.map((byte, at) => (at === 10 ? byte ^ 0xff : byte));
const skippable = Uint8Array.of(0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
const window8MiB = 13 << 3;

describe('createZstd', () => {
  it('loads the codec once', async () => {
    expect(await createZstd()).toBe(await createZstd());
  });

  it('refuses a wrong checksum, which the codec of Workers does not know', async () => {
    const unzstd = await createZstd();
    const wrong = concat(piped.subarray(0, -1), Uint8Array.of(0));
    expect(() => unzstd(wrong, 1 << 20)).toThrow('damaged');
    expect(objectUnzstd(wrong, 1 << 20)).toEqual(text);
  });
});

describe.each([
  ['zstd-codec', createZstd],
  ['fzstd', async () => objectUnzstd],
])('unzstd by %s', (_codec, load) => {
  let unzstd: Unzstd;
  beforeAll(async () => {
    unzstd = await load();
  });

  it.each([
    ['with a known size', sized],
    ['without a known size', piped],
  ])('inflates a frame %s, up to exactly the bound', (_title, bytes) => {
    expect(unzstd(bytes, text.byteLength)).toEqual(text);
  });

  it('inflates several frames, skippable ones between them, and empty ones', () => {
    const empty = rawZstd(new Uint8Array(0));
    const whole = concat(skippable, sized, empty, skippable, piped);
    expect(unzstd(whole, 12_000)).toEqual(concat(text, text));
    expect(unzstd(empty, 0)).toEqual(new Uint8Array(0));
  });

  it('inflates many blocks under the largest window', () => {
    const bytes = repeatingZstd(80, 128 << 10, { contentBytes: null, window: window8MiB });
    const zeros = new Uint8Array(80 * (128 << 10));
    expect(Buffer.compare(unzstd(bytes, zeros.byteLength), zeros)).toBe(0);
  });

  it.each<[string, () => Uint8Array, RegExp]>([
    ['no bytes', () => new Uint8Array(0), /ends inside a frame, after 0 bytes/],
    ['other bytes', () => Uint8Array.of(1, 2, 3, 4, 5), /no frame at byte 0/],
    ['garbage after a frame', () => concat(piped, Uint8Array.of(1, 2, 3, 4)), /at byte 27/],
    ['a frame without its checksum', () => piped.subarray(0, -1), /ends inside a frame/],
    ['a skippable frame that is cut', () => skippable.subarray(0, -1), /ends inside a frame/],
    ['a reserved bit', () => concat(sized.subarray(0, 4), Uint8Array.of(0x6c)), /reserved bit/],
    ['a dictionary', () => rawZstd(text, { dictionaryId: 7 }), /dictionary/],
    ['a window over 8 MiB', () => rawZstd(text, { window: window8MiB + 1 }), /window is 9437184/],
    ['a block over its frame', () => rawZstd(text, { contentBytes: 9 }), /block is 6000 bytes/],
    ['a wrong size', () => rawZstd(text, { contentBytes: 6_001 }), /^zstd: /],
    ['too many frames', () => concat(...Array(1_025).fill(skippable)), /more than 1024 frames/],
    ['damaged blocks', () => damaged, /damaged/],
  ])('refuses %s', (_title, make, message) => {
    const act = () => unzstd(make(), 1 << 20);
    expect(act).toThrow(Failure);
    expect(act).toThrow(expect.objectContaining({ kind: 'invalid', reason: undefined }));
    expect(act).toThrow(message);
  });

  it('refuses every cut of a frame', () => {
    for (let bytes = 0; bytes < sized.byteLength; bytes += 1) {
      expect(() => unzstd(sized.subarray(0, bytes), 1 << 20)).toThrow('ends inside a frame');
    }
  });

  it.each<[string, () => Uint8Array]>([
    ['a size in the header', () => rawZstd(text, { contentBytes: 0xffff_ffff })],
    ['plain blocks', () => repeatingZstd(9, 128 << 10, { contentBytes: null, window: 80 })],
    ['several frames', () => concat(...Array(175).fill(sized))],
    ['compressed blocks', () => concat(...Array(175).fill(piped))],
  ])('refuses output over the bound, shown by %s', (_title, make) => {
    try {
      unzstd(make(), 1 << 20);
      expect.unreachable();
    } catch (error) {
      if (!isInflatedTooLarge(error)) throw error;
      expect(error.message).toBe('zstd: inflates to more than 1048576 bytes, the limit');
    }
  });

  it('works on after a refusal', () => {
    for (let round = 0; round < 50; round += 1) expect(() => unzstd(damaged, 1 << 20)).toThrow();
    expect(unzstd(piped, 6_000)).toEqual(text);
  });
});

describe('splitZstdFrames', () => {
  it('cuts frames at block borders, a megabyte of output apart', () => {
    const bytes = repeatingZstd(20, 128 << 10, { contentBytes: null, window: window8MiB });
    const bounds = { bytesMax: 1 << 30, windowBytesMax: 8 << 20 };
    expect(splitZstdFrames(bytes, bounds)).toEqual([
      { contentBytes: undefined, windowBytes: 8 << 20, cuts: [0, 6 + 32, 6 + 64, 6 + 80] },
    ]);
  });
});
