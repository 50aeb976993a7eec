// The contract of a bucket, run against every driver and wrapper. Each case gets a bucket of its
// own that is empty; what only one driver promises is in that driver's test. Streams, listings and
// stages are in files of their own.
import { afterAll, describe, expect, it } from 'vitest';
import type { Bucket, ByteRange } from '../../src/bucket/bucket.ts';
import {
  emptyPage,
  expectKind,
  keysOf,
  type OpenBucket,
  sortedByBytes,
} from '../support/bucket-checks.ts';
import { bytesOf, chunked, textOf } from '../support/bytes.ts';
import { listCases, manyKeysCase } from './bucket-lists.ts';
import { stageCases } from './bucket-stages.ts';
import { abortCases, streamCases } from './bucket-streams.ts';

export interface BucketCase {
  bucket: Bucket;
  /** Removes what the case left. */
  close?: () => Promise<void>;
}

export interface BucketTraits {
  /** Staged files are invisible until `commit`; otherwise only `meta.json` is. */
  hidesStagedFiles: boolean;
}

/** Kinds of keys that stores, encoders and signatures are known to get wrong. */
const oddKeys = [
  ' lead and trail ',
  'a+b',
  'a%20b',
  'a b',
  'q?x=1&y=2',
  'h#frag',
  'semi;colon:at@',
  'quo"te\'s<and>&amp;',
  'back\\slash',
  'UPPER',
  'upper',
  'Upper',
  'dot.',
  '.hidden/.deep',
  '.tmp-looks-unfinished',
  '~tilde~/~',
  '…/ünïcödé/日本語',
  'emoji/😀',
  'private/\uE000',
  'wide/\uFF5E',
  `long/${'L'.repeat(300)}/${'ö'.repeat(150)}`,
  `deep/${'d/'.repeat(40)}end`,
];

const badKeys = [
  '',
  '/a',
  'a/',
  'a//b',
  '.',
  '..',
  'a/../b',
  'a/./b',
  'a\nb',
  'nul\0',
  'half\uD83D',
  '\uFFFF',
  'x'.repeat(1025),
  'ö'.repeat(513),
];

/** Runs the contract as one `describe`. `makeBucket` answers an empty bucket each time. */
export function bucketContract(
  name: string,
  makeBucket: () => Promise<BucketCase>,
  traits: BucketTraits,
): void {
  describe(`${name} keeps the contract of a bucket`, () => {
    const opened: BucketCase[] = [];
    const open = async () => {
      const made = await makeBucket();
      opened.push(made);
      return made.bucket;
    };
    afterAll(async () => {
      for (const { close } of opened) await close?.();
    });
    objectCases(open);
    rangeCases(open);
    conditionCases(open);
    streamCases(open);
    abortCases(open);
    listCases(open);
    manyKeysCase(open);
    stageCases(open, traits.hidesStagedFiles);
  });
}

function objectCases(open: OpenBucket): void {
  it('gives back what was put', async () => {
    const bucket = await open();
    expect(await bucket.put('a/b.bin', bytesOf('hello'))).toBe(true);
    expect(textOf(await bucket.get('a/b.bin'))).toBe('hello');
    expect(await bucket.head('a/b.bin')).toMatchObject({ key: 'a/b.bin', bytes: 5 });
  });

  it('keeps an empty object', async () => {
    const bucket = await open();
    await bucket.put('empty', new Uint8Array());
    expect(await bucket.get('empty')).toHaveLength(0);
    expect((await bucket.head('empty')).bytes).toBe(0);
    expect((await bucket.list('')).objects).toMatchObject([{ key: 'empty', bytes: 0 }]);
  });

  it('says missing for what is not there, also for the folder of an object', async () => {
    const bucket = await open();
    await bucket.put('folder/object', bytesOf('x'));
    for (const key of ['nothing', 'folder', 'folder/object/below', 'folder/other']) {
      await expectKind(bucket.get(key), 'missing', key);
      await expectKind(bucket.getRange(key, { offset: 0, length: 1 }), 'missing', key);
      await expectKind(bucket.getRange(key, { suffix: 1 }), 'missing', key);
      await expectKind(bucket.head(key), 'missing', key);
    }
  });

  it('replaces an object, also by a shorter one', async () => {
    const bucket = await open();
    await bucket.put('k', bytesOf('a long first text'));
    expect(await bucket.put('k', bytesOf('short'))).toBe(true);
    expect(textOf(await bucket.get('k'))).toBe('short');
    expect((await bucket.list('')).objects).toHaveLength(1);
  });

  it('keeps neither the buffers it got nor those it gave', async () => {
    const bucket = await open();
    const body = bytesOf('original');
    await bucket.put('k', body);
    body.fill(0);
    const first = await bucket.get('k');
    first.fill(0);
    expect(textOf(await bucket.get('k'))).toBe('original');
  });

  it('deletes, and deletes what is not there', async () => {
    const bucket = await open();
    await bucket.put('f/a', bytesOf('1'));
    await bucket.put('f/b', bytesOf('2'));
    await bucket.delete('f/a');
    await bucket.delete('f/a');
    await bucket.delete('f/b/below');
    await bucket.delete('never/was');
    await bucket.delete('f');
    await expectKind(bucket.get('f/a'), 'missing', 'f/a');
    expect(textOf(await bucket.get('f/b'))).toBe('2');
    await bucket.delete('f/b');
    expect(await bucket.list('', { delimiter: '/' })).toEqual(emptyPage);
    await bucket.put('f', bytesOf('an object where a folder was'));
    expect(await keysOf(bucket, '')).toEqual(['f']);
  });

  it('keeps odd keys apart and lists them in the order of their bytes', async () => {
    const bucket = await open();
    for (const key of oddKeys) await bucket.put(key, bytesOf(`of ${key}`));
    for (const key of oddKeys) {
      expect(textOf(await bucket.get(key))).toBe(`of ${key}`);
      expect((await bucket.head(key)).key).toBe(key);
      expect(await keysOf(bucket, key)).toContain(key);
    }
    const expected = sortedByBytes(oddKeys);
    expect(await keysOf(bucket, '')).toEqual(expected);
    expect(await keysOf(bucket, '', { pageSize: 3 })).toEqual(expected);
    for (const key of oddKeys) await bucket.delete(key);
    expect(await bucket.list('')).toEqual(emptyPage);
  });

  it('refuses keys that not every store can keep', async () => {
    const bucket = await open();
    for (const key of badKeys) {
      await expectKind(bucket.put(key, bytesOf('x')), 'invalid', key);
      await expectKind(bucket.putStream(key, chunked(bytesOf('x'), 1)), 'invalid', key);
      await expectKind(bucket.get(key), 'invalid', key);
      await expectKind(bucket.getRange(key, { suffix: 1 }), 'invalid', key);
      await expectKind(bucket.head(key), 'invalid', key);
      await expectKind(bucket.delete(key), 'invalid', key);
    }
    for (const prefix of ['/', 'a//', '../', 'a/../b', 'a\nb', 'x'.repeat(1025)]) {
      await expectKind(bucket.list(prefix), 'invalid', prefix);
    }
    for (const prefix of ['', 'a', '/', 'a//', '../']) {
      await expectKind(bucket.stage(prefix), 'invalid', prefix);
    }
    expect(await bucket.list('')).toEqual(emptyPage);
  });
}

function rangeCases(open: OpenBucket): void {
  it('reads ranges, cut to the object', async () => {
    const bucket = await open();
    await bucket.put('k', bytesOf('0123456789'));
    const expected: [ByteRange, string][] = [
      [{ offset: 0, length: 1 }, '0'],
      [{ offset: 3, length: 4 }, '3456'],
      [{ offset: 9, length: 1 }, '9'],
      [{ offset: 0, length: 10 }, '0123456789'],
      [{ offset: 8, length: 100 }, '89'],
      [{ offset: 10, length: 1 }, ''],
      [{ offset: 1000, length: 5 }, ''],
      [{ suffix: 1 }, '9'],
      [{ suffix: 4 }, '6789'],
      [{ suffix: 10 }, '0123456789'],
      [{ suffix: 11 }, '0123456789'],
      [{ suffix: 1_000_000 }, '0123456789'],
    ];
    for (const [range, text] of expected) {
      expect([range, textOf(await bucket.getRange('k', range))]).toEqual([range, text]);
    }
  });

  it('answers no bytes for any range of an empty object', async () => {
    const bucket = await open();
    await bucket.put('empty', new Uint8Array());
    expect(await bucket.getRange('empty', { offset: 0, length: 1 })).toHaveLength(0);
    expect(await bucket.getRange('empty', { offset: 7, length: 3 })).toHaveLength(0);
    expect(await bucket.getRange('empty', { suffix: 8 })).toHaveLength(0);
  });

  it('refuses ranges that are none', async () => {
    const bucket = await open();
    await bucket.put('k', bytesOf('0123456789'));
    const bad: ByteRange[] = [
      { offset: -1, length: 1 },
      { offset: 0, length: 0 },
      { offset: 0.5, length: 1 },
      { offset: 0, length: Number.NaN },
      { offset: Number.MAX_SAFE_INTEGER, length: 2 },
      { suffix: 0 },
      { suffix: -3 },
      { suffix: 1.5 },
    ];
    for (const range of bad) await expectKind(bucket.getRange('k', range), 'invalid', range);
  });
}

function conditionCases(open: OpenBucket): void {
  it('puts only if absent', async () => {
    const bucket = await open();
    expect(await bucket.put('lock', bytesOf('one'), { onlyIfAbsent: true })).toBe(true);
    expect(await bucket.put('lock', bytesOf('two'), { onlyIfAbsent: true })).toBe(false);
    expect(textOf(await bucket.get('lock'))).toBe('one');
    await bucket.delete('lock');
    expect(await bucket.put('lock', bytesOf('three'), { onlyIfAbsent: true })).toBe(true);
    expect(textOf(await bucket.get('lock'))).toBe('three');
  });

  it('lets exactly one of ten racing writers win', async () => {
    const bucket = await open();
    for (let round = 0; round < 5; round++) {
      const key = `race/${round}`;
      const writers = Array.from({ length: 10 }, (_, i) => `writer ${i}`);
      const won = await Promise.all(
        writers.map((text) => bucket.put(key, bytesOf(text), { onlyIfAbsent: true })),
      );
      const winners = writers.filter((_, i) => won[i]);
      expect(winners).toHaveLength(1);
      expect(textOf(await bucket.get(key))).toBe(winners[0]);
    }
  });

  it('shows readers one whole object while writers replace it', async () => {
    const bucket = await open();
    const bodies = [1, 2, 3].map((fill) => new Uint8Array(200_000).fill(fill));
    await bucket.put('k', bodies[0]!);
    const writing = Promise.all(bodies.map((body) => bucket.put('k', body)));
    for (let i = 0; i < 5; i++) {
      const seen = await bucket.get('k');
      expect(seen).toHaveLength(200_000);
      expect(seen.every((byte) => byte === seen[0])).toBe(true);
    }
    await writing;
  });
}
