// The contract of a bucket, run against every driver and wrapper. Each case gets a bucket of its
// own that is empty; what only one driver promises is in that driver's test.
import { afterAll, describe, expect, it } from 'vitest';
import type { Bucket, ByteRange, ListOptions, ListPage } from '../../src/bucket/bucket.ts';
import { Failure } from '../../src/errors.ts';
import { bytesOf, chunked, patterned, textOf } from '../support/bytes.ts';

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
    stageCases(open, traits);
  });
}

type Open = () => Promise<Bucket>;

function objectCases(open: Open): void {
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

function rangeCases(open: Open): void {
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

function conditionCases(open: Open): void {
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

function streamCases(open: Open): void {
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

function abortCases(open: Open): void {
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

function listCases(open: Open): void {
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

function manyKeysCase(open: Open): void {
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

function stageCases(open: Open, { hidesStagedFiles }: BucketTraits): void {
  const hidden = (names: string[]) => (hidesStagedFiles ? [] : names);

  it('shows a staged folder as a block only once it is committed', async () => {
    const bucket = await open();
    const stage = await bucket.stage('blocks/ONE/');
    expect(await keysOf(bucket, '')).toEqual([]);
    expect(await stage.putStream('a.parquet', chunked(bytesOf('aaa'), 2))).toBe(3);
    expect(await keysOf(bucket, '')).toEqual(hidden(['blocks/ONE/a.parquet']));
    const big = patterned(9 * 1024 * 1024);
    expect(await stage.putStream('b.parquet', chunked(big, 1_000_003))).toBe(big.length);
    const both = ['blocks/ONE/a.parquet', 'blocks/ONE/b.parquet'];
    expect(await keysOf(bucket, '')).toEqual(hidden(both));
    await expectKind(bucket.head('blocks/ONE/meta.json'), 'missing', 'meta.json');
    const meta = bytesOf('{}');
    await stage.commit(meta);
    meta.fill(0);
    await stage.abort();
    expect(await keysOf(bucket, '')).toEqual([...both, 'blocks/ONE/meta.json']);
    expect(textOf(await bucket.get('blocks/ONE/meta.json'))).toBe('{}');
    expect(textOf(await bucket.get('blocks/ONE/a.parquet'))).toBe('aaa');
    expect((await bucket.head('blocks/ONE/b.parquet')).bytes).toBe(big.length);
    const page = await pageOf(bucket, 'blocks/', { delimiter: '/' });
    expect(page).toEqual({ keys: [], prefixes: ['blocks/ONE/'] });
  });

  it('leaves nothing of an aborted stage', async () => {
    const bucket = await open();
    await bucket.put('blocks/OTHER/meta.json', bytesOf('stays'));
    const stage = await bucket.stage('blocks/ONE/');
    await stage.putStream('a.parquet', chunked(bytesOf('aaa'), 2));
    await stage.putStream('b.parquet', chunked(bytesOf('bbb'), 2));
    await stage.abort();
    await stage.abort();
    expect(await keysOf(bucket, '')).toEqual(['blocks/OTHER/meta.json']);
    await expectKind(stage.putStream('c', chunked(bytesOf('c'), 1)), 'internal', 'c');
    await expectKind(stage.commit(bytesOf('{}')), 'internal', 'commit');
    const again = await bucket.stage('blocks/ONE/');
    await again.commit(bytesOf('{}'));
    expect(await keysOf(bucket, 'blocks/ONE/')).toEqual(['blocks/ONE/meta.json']);
  });

  it('stages several folders at once', async () => {
    const bucket = await open();
    const names = ['x/ONE/', 'x/TWO/', 'x/THREE/'];
    const stages = await Promise.all(names.map((prefix) => bucket.stage(prefix)));
    await Promise.all(stages.map((stage) => stage.putStream('t', chunked(bytesOf('t'), 1))));
    await stages[1]!.commit(bytesOf('two'));
    await stages[0]!.abort();
    await stages[2]!.abort();
    expect(await keysOf(bucket, '')).toEqual(['x/TWO/meta.json', 'x/TWO/t']);
  });

  it('takes a staged file again whose source failed or was aborted', async () => {
    const bucket = await open();
    const stage = await bucket.stage('b/');
    const reason = new Error('the source broke');
    await expect(stage.putStream('t', breaking(10, reason))).rejects.toBe(reason);
    const signal = AbortSignal.abort(reason);
    const aborted = stage.putStream('t', chunked(bytesOf('x'), 1), { signal });
    await expect(aborted).rejects.toBe(reason);
    expect(await stage.putStream('t', chunked(bytesOf('good'), 1))).toBe(4);
    await stage.commit(bytesOf('{}'));
    expect(await keysOf(bucket, '')).toEqual(['b/meta.json', 'b/t']);
    expect(textOf(await bucket.get('b/t'))).toBe('good');
  });

  it('refuses names of staged files that would be elsewhere or the commit itself', async () => {
    const bucket = await open();
    const stage = await bucket.stage('b/');
    for (const name of ['meta.json', 'a/b', '', '..', '/a']) {
      await expectKind(stage.putStream(name, chunked(bytesOf('x'), 1)), 'invalid', name);
    }
    await stage.abort();
    expect(await bucket.list('')).toEqual(emptyPage);
  });
}

const emptyPage: ListPage = { objects: [], prefixes: [], cursor: undefined };

async function expectKind(call: Promise<unknown>, kind: string, about: unknown): Promise<void> {
  const outcome = await call.then(
    (value) => `answered ${String(value)}`,
    (error: unknown) => (error instanceof Failure ? error.kind : error),
  );
  expect([about, outcome]).toEqual([about, kind]);
}

/** Everything that is listed, page after page; each page in order and not over its size. */
async function pageOf(bucket: Bucket, prefix: string, options: ListOptions = {}) {
  const keys: string[] = [];
  const prefixes: string[] = [];
  let cursor = options.cursor;
  do {
    const page = await bucket.list(prefix, { ...options, ...(cursor && { cursor }) });
    expect(page.objects.length + page.prefixes.length).toBeLessThanOrEqual(
      options.pageSize ?? 1000,
    );
    for (const { key, bytes } of page.objects) {
      keys.push(key);
      expect(bytes).toBeGreaterThanOrEqual(0);
    }
    prefixes.push(...page.prefixes);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return { keys, prefixes };
}

async function keysOf(bucket: Bucket, prefix: string, options?: ListOptions): Promise<string[]> {
  return (await pageOf(bucket, prefix, options)).keys;
}

function sortedByBytes(keys: readonly string[]): string[] {
  return [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

async function* breaking(goodBytes: number, reason: Error): AsyncGenerator<Uint8Array> {
  yield* chunked(patterned(goodBytes), 1_000_000);
  throw reason;
}
