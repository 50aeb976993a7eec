// The part of the bucket contract about streams and aborted calls.
import { expect, it } from 'vitest';
import {
  breaking,
  emptyPage,
  expectKind,
  keysOf,
  type OpenBucket,
} from '../support/bucket-checks.ts';
import { bytesOf, chunked, patterned, textOf } from '../support/bytes.ts';

/** Streams of any length, from sources that behave badly. */
export function streamCases(open: OpenBucket): void {
  const sizes: [string, number, number][] = [
    ['nothing', 0, 1],
    ['one byte', 1, 1],
    ['a few chunks', 10_000, 999],
    ['20 MiB in odd chunks', 20 * 1024 * 1024, 777_777],
  ];
  for (const [what, bytes, chunkBytes] of sizes) {
    it(`stores a stream of ${what}`, async () => {
      const bucket = await open();
      const body = patterned(bytes);
      expect(await bucket.putStream('s', chunked(body, chunkBytes))).toBe(bytes);
      expect((await bucket.head('s')).bytes).toBe(bytes);
      const stored = await bucket.get('s');
      // Comparing 20 MiB element by element with `toEqual` takes seconds.
      expect(Buffer.compare(stored, body)).toBe(0);
    });
  }

  it('lets the source reuse its buffer, and takes empty chunks', async () => {
    const bucket = await open();
    const reusing = async function* () {
      const buffer = new Uint8Array(1000);
      for (let fill = 1; fill <= 50; fill++) {
        yield buffer.fill(fill);
        yield buffer.subarray(0, 0);
      }
    };
    expect(await bucket.putStream('s', reusing())).toBe(50_000);
    const stored = await bucket.get('s');
    for (let i = 0; i < 50; i++) expect(stored[i * 1000 + 500]).toBe(i + 1);
  });

  for (const [what, goodBytes] of [
    ['at once', 0],
    ['in its first bytes', 10],
    ['after 17 MiB', 17 * 1024 * 1024],
  ] as const) {
    it(`stores nothing of a stream that fails ${what}, and throws what it threw`, async () => {
      const bucket = await open();
      const reason = new Error('the source broke');
      await expect(bucket.putStream('new', breaking(goodBytes, reason))).rejects.toBe(reason);
      await expectKind(bucket.get('new'), 'missing', 'new');
      await bucket.put('old', bytesOf('stays'));
      await expect(bucket.putStream('old', breaking(goodBytes, reason))).rejects.toBe(reason);
      expect(textOf(await bucket.get('old'))).toBe('stays');
      expect(await keysOf(bucket, '')).toEqual(['old']);
    });
  }

  it('throws what the source threw also when it looks like an error of the disk', async () => {
    const bucket = await open();
    const reason = Object.assign(new Error('elsewhere'), { code: 'ENOENT' });
    await expect(bucket.putStream('k', breaking(3, reason))).rejects.toBe(reason);
  });
}

/** Calls whose signal is aborted, before and in the middle. */
export function abortCases(open: OpenBucket): void {
  it('rejects every call whose signal is aborted already', async () => {
    const bucket = await open();
    await bucket.put('k', bytesOf('stays'));
    const reason = new Error('the caller left');
    const signal = AbortSignal.abort(reason);
    const calls: (() => Promise<unknown>)[] = [
      () => bucket.get('k', { signal }),
      () => bucket.getRange('k', { suffix: 1 }, { signal }),
      () => bucket.head('k', { signal }),
      () => bucket.put('k', bytesOf('new'), { signal }),
      () => bucket.put('n', bytesOf('new'), { signal, onlyIfAbsent: true }),
      () => bucket.putStream('k', chunked(bytesOf('new'), 1), { signal }),
      () => bucket.list('', { signal }),
      () => bucket.delete('k', { signal }),
    ];
    for (const call of calls) await expect(call()).rejects.toBe(reason);
    expect(textOf(await bucket.get('k'))).toBe('stays');
    expect(await keysOf(bucket, '')).toEqual(['k']);
  });

  for (const goodBytes of [10, 17 * 1024 * 1024]) {
    it(`stores nothing of a stream aborted after ${goodBytes} bytes, and ends it`, async () => {
      const bucket = await open();
      const controller = new AbortController();
      const reason = new Error('the caller left');
      let isEnded = false;
      const source = async function* () {
        try {
          yield* chunked(patterned(goodBytes), 1_000_000);
          controller.abort(reason);
          yield bytesOf('one more');
          yield bytesOf('and another');
        } finally {
          isEnded = true;
        }
      };
      const put = bucket.putStream('s', source(), { signal: controller.signal });
      await expect(put).rejects.toBe(reason);
      expect(isEnded).toBe(true);
      expect(await bucket.list('')).toEqual(emptyPage);
    });
  }
}
