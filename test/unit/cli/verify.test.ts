// `phlox verify`: whole blocks pass, every kind of damage is named, and nothing is written.
import { describe, expect, it } from 'vitest';
import { metaFile } from '../../../src/block/files.ts';
import type { BlockMeta, FileEntry } from '../../../src/block/meta.ts';
import type { Bucket } from '../../../src/bucket/bucket.ts';
import { MemoryBucket } from '../../../src/bucket/memory.ts';
import { verify } from '../../../src/cli/verify.ts';
import { Failure } from '../../../src/errors.ts';
import { bytesOf, patterned } from '../../support/bytes.ts';
import { faulty } from '../../support/faulty-bucket.ts';
import {
  bucketPrefix,
  checksumOf,
  goldenFile,
  goldenMeta,
  goldenUlid,
  putGolden,
  ulidOf,
} from './blocks.ts';
import { expectPlain, linesOutput } from './lines.ts';

const prefix = bucketPrefix('anonymous', goldenUlid);
const name = `anonymous ${goldenUlid}`;
const goldenBytes = '17.7KiB';

async function verified(bucket: Bucket) {
  const output = linesOutput();
  const isWhole = await verify(bucket, output);
  return { isWhole, lines: output.lines };
}

/** Changes the entry of one table in the meta. */
function withFile(meta: BlockMeta, file: string, changes: Partial<FileEntry>): BlockMeta {
  const files = meta.files.map((each) => (each.name === file ? { ...each, ...changes } : each));
  return { ...meta, files };
}

async function flipped(file: string, at: number): Promise<Uint8Array> {
  const bytes = await goldenFile(file);
  bytes[at] = (bytes[at] as number) ^ 1;
  return bytes;
}

describe('verify', () => {
  it('finds every block whole in each of our layouts', async () => {
    const layouts: Record<string, string[]> = {
      bucket: [bucketPrefix('a', ulidOf(1)), bucketPrefix('tenants', ulidOf(2))],
      'data folder': [`tenants/a/local/${ulidOf(1)}/`, `tenants/b/local/${ulidOf(2)}/`],
      'tenant of a data folder': [`local/${ulidOf(1)}/`, `local/${ulidOf(2)}/`],
      'tenant of a bucket': [`phlaredb/${ulidOf(1)}/`, `phlaredb/${ulidOf(2)}/`],
      blocks: [`${ulidOf(1)}/`, `${ulidOf(2)}/`],
    };
    for (const [layout, [first = '', second = '']] of Object.entries(layouts)) {
      const bucket = new MemoryBucket();
      const tenantOf = (at: string) => /(\w+)\/(?:phlaredb|local)\/0/.exec(at)?.[1] ?? 'a';
      await putGolden(bucket, first, { ulid: ulidOf(1), tenant: tenantOf(first) });
      await putGolden(bucket, second, { ulid: ulidOf(2), tenant: tenantOf(second) });
      await bucket.put('wal/7', bytesOf('no block'));
      const found = await verified(bucket);
      expect([layout, found.lines]).toEqual([layout, ['2 blocks, 35.5KiB read: all whole']]);
      expect(found.isWhole).toBe(true);
    }
  });

  it('finds one block whole, and nothing in an empty bucket', async () => {
    const bucket = new MemoryBucket();
    expect(await verified(bucket)).toEqual({
      isWhole: true,
      lines: ['0 blocks, 0B read: nothing to verify'],
    });
    await putGolden(bucket, '');
    const lines = [`1 block, ${goldenBytes} read: all whole`];
    expect(await verified(bucket)).toEqual({ isWhole: true, lines });
  });

  it.each<[what: string, damage: (bucket: Bucket) => Promise<unknown>, problem: string]>([
    [
      'a changed byte',
      async (b) => b.put(`${prefix}samples.parquet`, await flipped('samples.parquet', 1_000)),
      'samples.parquet checksum is not that of meta.json',
    ],
    [
      'a missing table',
      (b) => b.delete(`${prefix}mappings.parquet`),
      'mappings.parquet is missing',
    ],
    [
      'a table cut short',
      async (b) =>
        b.put(`${prefix}totals.parquet`, (await goldenFile('totals.parquet')).subarray(1)),
      'totals.parquet is 1629 bytes, meta.json says 1630',
    ],
    [
      'other rows than said',
      async (b) =>
        putGolden(b, prefix, withFile(await goldenMeta(), 'mappings.parquet', { rows: 3 })),
      'mappings.parquet has 2 rows, meta.json says 3',
    ],
    [
      'another footer than said',
      async (b) =>
        putGolden(
          b,
          prefix,
          withFile(await goldenMeta(), 'mappings.parquet', { footerBytes: 2_000 }),
        ),
      'mappings.parquet footer is 1956 bytes, meta.json says 2000',
    ],
    [
      'a footer said to be longer than the file',
      async (b) =>
        putGolden(
          b,
          prefix,
          withFile(await goldenMeta(), 'mappings.parquet', { footerBytes: 2_662 }),
        ),
      'mappings.parquet footer is said to be 2662 bytes, limit 2661',
    ],
    [
      'what is no Parquet though its checksum is right',
      async (b) => {
        const bytes = patterned(2_661);
        const meta = await goldenMeta();
        const checksum = await checksumOf(bytes);
        await putGolden(b, prefix, withFile(meta, 'mappings.parquet', { checksum }));
        await b.put(`${prefix}mappings.parquet`, bytes);
      },
      'mappings.parquet parquet file ends in ',
    ],
    [
      'a meta.json that is no json',
      (b) => b.put(prefix + metaFile, bytesOf('{')),
      'meta.json is not json: ',
    ],
    [
      'a meta.json of another version',
      (b) => b.put(prefix + metaFile, bytesOf('{"version":9}')),
      'meta.json has version 9, supported 1',
    ],
    [
      'the meta.json of another block',
      (b) => putGolden(b, prefix, { ulid: ulidOf(7) }),
      `meta.json is that of ${ulidOf(7)}`,
    ],
    [
      'the meta.json of another tenant',
      (b) => putGolden(b, prefix, { tenant: 'other' }),
      'meta.json is that of tenant other',
    ],
  ])('names %s, and goes on with the other blocks', async (_what, damage, problem) => {
    const bucket = new MemoryBucket();
    await putGolden(bucket, prefix);
    await putGolden(bucket, bucketPrefix('z', ulidOf(9)), { tenant: 'z', ulid: ulidOf(9) });
    await damage(bucket);
    const { isWhole, lines } = await verified(bucket);
    expect(isWhole).toBe(false);
    expect(lines).toEqual([
      expect.stringContaining(`${name} ${problem}`),
      expect.stringMatching(/^2 blocks, .* read: 1 damaged$/),
    ]);
    expectPlain(lines, 160);
  });

  it('takes a folder without meta.json, quarantine and foreign keys for no block', async () => {
    const bucket = new MemoryBucket();
    await putGolden(bucket, `tenants/a/quarantine/${ulidOf(1)}/`);
    await bucket.put(`tenants/a/local/${ulidOf(2)}/samples.parquet`, bytesOf('unfinished'));
    await bucket.put('tenants/a/shipper.json', bytesOf('{}'));
    expect((await verified(bucket)).lines).toEqual(['0 blocks, 0B read: nothing to verify']);
  });

  it('shows names that could steer a terminal as escapes', async () => {
    const bucket = new MemoryBucket();
    await putGolden(bucket, `${ulidOf(1)}/`, { ulid: ulidOf(1), tenant: 'a\u001b[2Jb\nc' });
    await bucket.delete(`${ulidOf(1)}/series.parquet`);
    const { lines } = await verified(bucket);
    expect(lines[0]).toBe(`a\\x1b[2Jb\\x0ac ${ulidOf(1)} series.parquet is missing`);
  });
});

describe('verify of large tables', () => {
  const mib = 1024 * 1024;

  /** The golden block with a table of 9 MiB: noise, and then a true file with its footer. */
  async function putLarge(bucket: Bucket) {
    const end = await goldenFile('samples.parquet');
    const bytes = new Uint8Array(9 * mib + end.length);
    bytes.set(patterned(9 * mib));
    bytes.set(end, 9 * mib);
    const entry = { bytes: bytes.length, checksum: await checksumOf(bytes) };
    await putGolden(bucket, prefix, withFile(await goldenMeta(), 'samples.parquet', entry));
    await bucket.put(`${prefix}samples.parquet`, bytes);
    return bytes;
  }

  it('reads them once, in pieces of at most 4 MiB', async () => {
    const inner = new MemoryBucket();
    const bytes = await putLarge(inner);
    const ranges: { offset: number; length: number }[] = [];
    const bucket = faulty(inner).bucket;
    const getRange: Bucket['getRange'] = (key, range) => {
      if (key.endsWith('/samples.parquet')) ranges.push(range as (typeof ranges)[number]);
      return inner.getRange(key, range);
    };
    const { isWhole } = await verified({ ...bucket, getRange });
    expect(isWhole).toBe(true);
    let next = 0;
    for (const { offset, length } of ranges) {
      expect(offset).toBe(next);
      expect(length).toBeLessThanOrEqual(4 * mib);
      next += length;
    }
    expect(next).toBe(bytes.length);
  });

  it('finds a changed byte in every piece', async () => {
    const bucket = new MemoryBucket();
    const bytes = await putLarge(bucket);
    for (const at of [0, 4 * mib - 1, 4 * mib, 8 * mib, bytes.length - 1_525, bytes.length - 1]) {
      const changed = bytes.slice();
      changed[at] = (changed[at] as number) ^ 0x80;
      await bucket.put(`${prefix}samples.parquet`, changed);
      expect([at, (await verified(bucket)).lines[0]]).toEqual([
        at,
        `${name} samples.parquet checksum is not that of meta.json`,
      ]);
    }
  });
});

describe('verify beside others', () => {
  it('only reads, four blocks at a time', async () => {
    const inner = new MemoryBucket();
    for (let n = 0; n < 12; n++) await putGolden(inner, `${ulidOf(n)}/`, { ulid: ulidOf(n) });
    const open = new Set<string>();
    let most = 0;
    const { bucket, calls } = faulty(inner);
    const getRange: Bucket['getRange'] = async (key, range) => {
      open.add(key);
      most = Math.max(most, open.size);
      await new Promise((resolve) => setImmediate(resolve));
      open.delete(key);
      return bucket.getRange(key, range);
    };
    expect((await verified({ ...bucket, getRange })).isWhole).toBe(true);
    expect(most).toBe(4);
    const verbs = new Set(calls.map((call) => call.split(' ')[0]));
    expect([...verbs].sort()).toEqual(['get', 'getRange', 'list']);
  });

  it('calls a block that is deleted while it is read no problem', async () => {
    const inner = new MemoryBucket();
    await putGolden(inner, prefix);
    const getRange: Bucket['getRange'] = async (key, range) => {
      for (const { key: each } of (await inner.list(prefix)).objects) await inner.delete(each);
      return inner.getRange(key, range);
    };
    expect(await verified({ ...faulty(inner).bucket, getRange })).toEqual({
      isWhole: true,
      lines: ['0 blocks, 0B read: nothing to verify'],
    });
  });

  const down = () => new Failure('unavailable', 'the disk is away');

  it('names a block that cannot be read, and reads the others', async () => {
    const inner = new MemoryBucket();
    for (let n = 0; n < 3; n++) await putGolden(inner, `${ulidOf(n)}/`, { ulid: ulidOf(n) });
    const getRange: Bucket['getRange'] = async (key, range) => {
      if (key.startsWith(ulidOf(1))) throw down();
      return inner.getRange(key, range);
    };
    expect(await verified({ ...faulty(inner).bucket, getRange })).toEqual({
      isWhole: false,
      lines: [
        `${ulidOf(1)} is not read: the disk is away`,
        expect.stringMatching(/^3 blocks, 35.5KiB read: 0 damaged, 1 not read$/),
      ],
    });
  });

  it('gives up when more than ten blocks cannot be read', async () => {
    const inner = new MemoryBucket();
    for (let n = 0; n < 20; n++) await putGolden(inner, `${ulidOf(n)}/`, { ulid: ulidOf(n) });
    const getRange: Bucket['getRange'] = () => Promise.reject(down());
    const attempt = verified({ ...faulty(inner).bucket, getRange });
    await expect(attempt).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('over 10 blocks cannot be read'),
    });
  });
});
