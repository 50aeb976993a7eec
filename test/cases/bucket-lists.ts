// The part of the bucket contract about listings.
import { expect, it } from 'vitest';
import type { ListOptions } from '../../src/bucket/bucket.ts';
import {
  emptyPage,
  expectKind,
  keysOf,
  type OpenBucket,
  pageOf,
  sortedByBytes,
} from '../support/bucket-checks.ts';
import { bytesOf } from '../support/bytes.ts';

/** Prefix, delimiter, pages and positions. */
export function listCases(open: OpenBucket): void {
  const keys = ['a', 'b/1', 'b/2/x', 'b/2/y', 'b/3', 'b-1', 'b.x', 'c/1', 'c0', 'é/1', 'z'];
  const fill = async () => {
    const bucket = await open();
    for (const key of keys) await bucket.put(key, bytesOf(key));
    return bucket;
  };

  it('lists by prefix, whole segments or not', async () => {
    const bucket = await fill();
    expect(await keysOf(bucket, '')).toEqual(sortedByBytes(keys));
    expect(await keysOf(bucket, 'b')).toEqual(['b-1', 'b.x', 'b/1', 'b/2/x', 'b/2/y', 'b/3']);
    expect(await keysOf(bucket, 'b/')).toEqual(['b/1', 'b/2/x', 'b/2/y', 'b/3']);
    expect(await keysOf(bucket, 'b/2')).toEqual(['b/2/x', 'b/2/y']);
    expect(await keysOf(bucket, 'b/2/x')).toEqual(['b/2/x']);
    expect(await bucket.list('nothing')).toEqual(emptyPage);
    expect(await bucket.list('b/2/x/')).toEqual(emptyPage);
  });

  it('groups by delimiter', async () => {
    const bucket = await fill();
    const top = await pageOf(bucket, '', { delimiter: '/' });
    expect(top).toEqual({ keys: ['a', 'b-1', 'b.x', 'c0', 'z'], prefixes: ['b/', 'c/', 'é/'] });
    const b = await pageOf(bucket, 'b/', { delimiter: '/' });
    expect(b).toEqual({ keys: ['b/1', 'b/3'], prefixes: ['b/2/'] });
    const half = await pageOf(bucket, 'b', { delimiter: '/' });
    expect(half).toEqual({ keys: ['b-1', 'b.x'], prefixes: ['b/'] });
    const deep = await pageOf(bucket, 'b/2/', { delimiter: '/' });
    expect(deep).toEqual({ keys: ['b/2/x', 'b/2/y'], prefixes: [] });
  });

  it('pages through objects and prefixes without losing or repeating one', async () => {
    const bucket = await fill();
    for (const delimiter of [undefined, '/'] as const) {
      for (const prefix of ['', 'b', 'b/', 'c']) {
        const options: ListOptions = delimiter === undefined ? {} : { delimiter };
        const whole = await pageOf(bucket, prefix, options);
        for (const pageSize of [1, 2, 3, 1000]) {
          const paged = await pageOf(bucket, prefix, { ...options, pageSize });
          expect({ prefix, pageSize, ...paged }).toEqual({ prefix, pageSize, ...whole });
        }
      }
    }
  });

  it('goes on behind the last key when keys come and go between pages', async () => {
    const bucket = await fill();
    const first = await bucket.list('', { pageSize: 3 });
    expect(first.objects.map(({ key }) => key)).toEqual(['a', 'b-1', 'b.x']);
    await bucket.delete('b.x');
    await bucket.delete('b/1');
    await bucket.put('a0', bytesOf('behind us'));
    await bucket.put('b/2/xx', bytesOf('ahead of us'));
    const rest = await keysOf(bucket, '', { cursor: first.cursor! });
    expect(rest).toEqual(['b/2/x', 'b/2/xx', 'b/2/y', 'b/3', 'c/1', 'c0', 'z', 'é/1']);
  });

  it('refuses page sizes out of bounds', async () => {
    const bucket = await open();
    for (const pageSize of [0, -1, 1001, 1.5, Number.NaN]) {
      await expectKind(bucket.list('', { pageSize }), 'invalid', pageSize);
    }
  });
}

/** More keys than a page can hold. */
export function manyKeysCase(open: OpenBucket): void {
  it('lists more than a thousand keys in pages', { timeout: 120_000 }, async () => {
    const bucket = await open();
    const keys = Array.from({ length: 1_030 }, (_, i) => `many/${i % 7}/${i}`);
    for (let from = 0; from < keys.length; from += 32) {
      const batch = keys.slice(from, from + 32);
      await Promise.all(batch.map((key) => bucket.put(key, bytesOf(key))));
    }
    const first = await bucket.list('many/');
    expect(first.objects).toHaveLength(1000);
    expect(first.cursor).toBeDefined();
    expect(await keysOf(bucket, 'many/')).toEqual(sortedByBytes(keys));
    expect(await keysOf(bucket, '', { pageSize: 400 })).toEqual(sortedByBytes(keys));
    const folders = await pageOf(bucket, 'many/', { delimiter: '/' });
    expect(folders).toEqual({
      keys: [],
      prefixes: Array.from({ length: 7 }, (_, i) => `many/${i}/`),
    });
    for (let from = 0; from < keys.length; from += 32) {
      await Promise.all(keys.slice(from, from + 32).map((key) => bucket.delete(key)));
    }
    expect(await bucket.list('')).toEqual(emptyPage);
  });
}
