// `phlox check-bucket`: a good bucket passes and is left as it was; each thing that a bucket gets
// wrong is shown in its row, and decides only when phlox needs it.
import { describe, expect, it } from 'vitest';
import type { Bucket } from '../../../src/bucket/bucket.ts';
import { FilesystemBucket } from '../../../src/bucket/filesystem.ts';
import { MemoryBucket } from '../../../src/bucket/memory.ts';
import { bucketChecks } from '../../../src/cli/bucket-checks.ts';
import { checkBucket } from '../../../src/cli/check-bucket.ts';
import { Failure } from '../../../src/errors.ts';
import { bytesOf, chunked, patterned } from '../../support/bytes.ts';
import { temporaryFolder } from '../../support/duckdb.ts';
import { faulty } from '../../support/faulty-bucket.ts';
import { expectPlain, linesOutput } from './lines.ts';

async function checked(bucket: Bucket, signal = new AbortController().signal) {
  const output = linesOutput();
  const isGood = await checkBucket(bucket, output, signal);
  expectPlain(output.lines);
  const rows = new Map(
    bucketChecks.map(({ name }) => [
      name,
      output.lines.find((line) => line.startsWith(`${name}  `))?.slice(36),
    ]),
  );
  const failing = bucketChecks.filter(({ name }) => rows.get(name) !== 'ok');
  return { isGood, lines: output.lines, rows, failing: failing.map(({ name }) => name) };
}

/** A bucket in memory, some of whose calls are others. */
function crooked(inner: MemoryBucket, changes: Partial<Bucket>): Bucket {
  return { ...faulty(inner).bucket, ...changes };
}

describe('check-bucket', () => {
  it('passes memory and a disk, and leaves what was there and nothing else', async () => {
    await using folder = await temporaryFolder();
    for (const bucket of [new MemoryBucket(), new FilesystemBucket(folder.path)]) {
      await bucket.put('mine/object', bytesOf('stays'));
      const { isGood, failing, lines } = await checked(bucket);
      expect([isGood, failing]).toEqual([true, []]);
      expect(lines.at(-1)).toBe('all that phlox needs works');
      const { objects } = await bucket.list('');
      expect(objects.map(({ key }) => key)).toEqual(['mine/object']);
    }
  });

  it('keeps every object under one random prefix', async () => {
    const { bucket, calls } = faulty(new MemoryBucket());
    await checked(bucket);
    const prefixes = new Set(calls.map((call) => / (phlox-check-\w{26}\/)/.exec(call)?.[1]));
    expect([...prefixes]).toEqual([expect.stringMatching(/^phlox-check-/)]);
    const again = faulty(new MemoryBucket());
    await checked(again.bucket);
    expect(again.calls[0]).not.toBe(calls[0]);
  });

  it('uploads more than one part', async () => {
    const inner = new MemoryBucket();
    let bytes = 0;
    const putStream: Bucket['putStream'] = async (key, chunks) => {
      bytes = await inner.putStream(key, chunks);
      return bytes;
    };
    await checked(crooked(inner, { putStream }));
    expect(bytes).toBeGreaterThan(8 * 1024 * 1024);
  });

  const wrongs: [
    what: string,
    change: (inner: MemoryBucket) => Partial<Bucket>,
    fails: string[],
  ][] = [
    [
      'ignores ranges',
      (inner) => ({ getRange: (key) => inner.get(key) }),
      ['get range', 'get suffix', 'range past the end', 'multipart upload'],
    ],
    [
      'does not know suffix ranges',
      (inner) => ({
        getRange: (key, range) => ('suffix' in range ? inner.get(key) : inner.getRange(key, range)),
      }),
      ['get suffix'],
    ],
    [
      'refuses a range that starts at the end',
      (inner) => ({
        getRange: async (key, range) => {
          const bytes = await inner.getRange(key, range);
          if (bytes.length === 0) throw new Failure('internal', '416 InvalidRange');
          return bytes;
        },
      }),
      ['range past the end'],
    ],
    [
      'finds what is not there',
      (inner) => ({
        head: async (key) => ({
          ...(await inner.head(key).catch(() => undefined)),
          key,
          bytes: 41,
        }),
      }),
      ['missing object', 'multipart upload'],
    ],
    [
      'has pages that never end',
      (inner) => ({
        list: async (prefix, options) => ({
          ...(await inner.list(prefix, { ...options, pageSize: 1000 })),
          cursor: options?.pageSize === 2 ? 'more' : undefined,
        }),
      }),
      ['list in order, paged'],
    ],
    [
      'lists in no order',
      (inner) => ({
        list: async (prefix, options) => {
          const page = await inner.list(prefix, options);
          return { ...page, objects: page.objects.reverse() };
        },
      }),
      ['list in order, paged', 'list folders'],
    ],
    [
      'does not know folders',
      (inner) => ({
        list: (prefix, { delimiter: _, ...options } = {}) => inner.list(prefix, options),
      }),
      ['list folders'],
    ],
    [
      'keeps the first version',
      (inner) => ({
        put: (key, body, options) =>
          inner.put(key, body, { ...options, onlyIfAbsent: true }).then(() => true),
      }),
      ['overwrite', 'put if absent'],
    ],
    [
      'loses a part of an upload',
      (inner) => ({
        putStream: async (key, chunks) => {
          let bytes = 0;
          for await (const chunk of chunks) bytes += chunk.length;
          await inner.putStream(key, chunked(patterned(bytes), 1 << 20));
          return bytes;
        },
      }),
      ['multipart upload'],
    ],
    [
      'does not take odd names',
      (inner) => ({
        put: async (key, body, options) => {
          if (/[!*'()]/.test(key)) throw new Failure('internal', '403 SignatureDoesNotMatch');
          return inner.put(key, body, options);
        },
      }),
      ["names with !*'()"],
    ],
  ];
  it.each(wrongs)('fails a bucket that %s', async (_what, change, fails) => {
    const inner = new MemoryBucket();
    const { isGood, failing, lines } = await checked(crooked(inner, change(inner)));
    expect(isGood).toBe(false);
    expect(failing).toEqual(fails);
    expect(lines.join(' ')).toContain('phlox does not work with this bucket: it fails at ');
    expect((await inner.list('')).objects).toEqual([]);
  });

  it('passes a bucket without put-if-absent, and says so', async () => {
    const inner = new MemoryBucket();
    const put: Bucket['put'] = async (key, body) => {
      await inner.put(key, body);
      return true;
    };
    const { isGood, failing, rows } = await checked(crooked(inner, { put }));
    expect([isGood, failing]).toEqual([true, ['put if absent']]);
    expect(rows.get('put if absent')).toBe('second put stored: true, expected false');
  });

  it('tries nothing that needs a put where none succeeds, and shows the whole reason', async () => {
    const inner = new MemoryBucket();
    const reason = `s3://x: put of y: 403 AccessDenied, ${'you may not do that '.repeat(6)}here`;
    const put: Bucket['put'] = () => Promise.reject(new Failure('unavailable', reason));
    const { isGood, rows, lines } = await checked(crooked(inner, { put }));
    expect(isGood).toBe(false);
    expect(rows.get('get')).toBe('not tried');
    expect(rows.get('missing object')).toBe('ok');
    expect(rows.get('list')).toBe('ok');
    const shown = lines.map((line) => line.slice(36)).join(' ');
    expect(shown).toContain(reason.slice('s3://x: '.length));
    expect(lines.at(-1)).toBe('phlox does not work with this bucket: it fails at put');
  });

  it('says what it could not remove', async () => {
    const inner = new MemoryBucket();
    const refuse: Bucket['delete'] = () => Promise.reject(new Failure('internal', 'no deletes'));
    const { isGood, failing, lines } = await checked(crooked(inner, { delete: refuse }));
    expect([isGood, failing]).toEqual([false, ['delete']]);
    expect(lines.join(' ')).toMatch(/not all is removed under phlox-check-\w{26}\/: no deletes/);
  });

  it('stops when it is interrupted, and still removes what it stored', async () => {
    const inner = new MemoryBucket();
    const controller = new AbortController();
    const head: Bucket['head'] = async (key, options) => {
      controller.abort(new Failure('unavailable', 'interrupted'));
      options?.signal?.throwIfAborted();
      return inner.head(key);
    };
    const { isGood, rows, lines } = await checked(crooked(inner, { head }), controller.signal);
    expect(isGood).toBe(false);
    expect([rows.get('head'), rows.get('list')]).toEqual(['interrupted', 'not tried']);
    expect(lines.at(-1)).toBe('interrupted: the bucket is not checked');
    expect((await inner.list('')).objects).toEqual([]);
  });
});
