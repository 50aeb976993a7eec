// `phlox inspect`: what it finds in each layout, as tables of 80 columns and as lines of JSON.
import { describe, expect, it } from 'vitest';
import { metaFile } from '../../../src/block/files.ts';
import type { BlockMeta } from '../../../src/block/meta.ts';
import type { Bucket } from '../../../src/bucket/bucket.ts';
import { MemoryBucket } from '../../../src/bucket/memory.ts';
import { inspect } from '../../../src/cli/inspect.ts';
import { createJsonReport } from '../../../src/cli/inspect-json.ts';
import { createTextReport } from '../../../src/cli/inspect-text.ts';
import { Failure } from '../../../src/errors.ts';
import { bytesOf } from '../../support/bytes.ts';
import { faulty } from '../../support/faulty-bucket.ts';
import { bucketPrefix, goldenMeta, goldenUlid, putGolden, ulidOf } from './blocks.ts';
import { expectPlain, linesOutput } from './lines.ts';

async function shown(bucket: Bucket) {
  const output = linesOutput();
  const isWhole = await inspect(bucket, createTextReport(output, bucket.name));
  return { isWhole, lines: output.lines };
}

async function found(bucket: Bucket) {
  const output = linesOutput();
  const isWhole = await inspect(bucket, createJsonReport(output));
  return { isWhole, objects: output.lines.map((line) => JSON.parse(line)) };
}

/** A `meta.json` whose datasets are these, one profile and one sample each. */
async function metaWith(names: readonly [service: string, type: string][]): Promise<BlockMeta> {
  const meta = await goldenMeta();
  const range = (i: number): [number, number] => [i, 1];
  const rows = ['series', 'profiles', 'samples', 'totals'].map((table) => `${table}.parquet`);
  return {
    ...meta,
    stats: { numSeries: names.length, numProfiles: names.length, numSamples: names.length },
    files: meta.files.map((file) =>
      rows.includes(file.name) ? { ...file, rows: names.length } : file,
    ),
    datasets: names.map(([serviceName, profileType], i) => ({
      serviceName,
      profileType,
      series: range(i),
      profiles: range(i),
      samples: range(i),
      totals: range(i),
      minTime: meta.minTime,
      maxTime: meta.maxTime,
    })),
  };
}

describe('inspect', () => {
  it('shows the blocks of a tenant, their sums and their datasets', async () => {
    const bucket = new MemoryBucket();
    await putGolden(bucket, bucketPrefix('shop', ulidOf(1)), { ulid: ulidOf(1), tenant: 'shop' });
    await putGolden(bucket, bucketPrefix('shop', ulidOf(2)), {
      ulid: ulidOf(2),
      tenant: 'shop',
      maxTime: 1_700_007_200_000,
    });
    expect((await shown(bucket)).lines).toEqual([
      'tenant shop in shop/phlaredb/',
      'block                      from (UTC)        span  sets profiles samples   bytes',
      `${ulidOf(1)} 2023-11-14 22:13   20s     4       12      55 17.7KiB`,
      `${ulidOf(2)} 2023-11-14 22:13    2h     4       12      55 17.7KiB`,
      '2 blocks, 2023-11-14 22:13 to 2023-11-15 00:13, 24 profiles, 110 samples, 328',
      'rows, 35.5KiB',
      '',
      'service             profile type                                profiles samples',
      'service-1           process_cpu:cpu:nanoseconds:cpu:nanoseconds        6      30',
      'service-0           memory:inuse_space:bytes:space:bytes               6      28',
      'service-0           process_cpu:cpu:nanoseconds:cpu:nanoseconds        6      28',
      'service-1           memory:inuse_space:bytes:space:bytes               6      24',
      '',
    ]);
  });

  it('shows a data folder by tenant with what is set aside, and the sum of all', async () => {
    const bucket = new MemoryBucket();
    await putGolden(bucket, `tenants/a/local/${ulidOf(1)}/`, { ulid: ulidOf(1), tenant: 'a' });
    await bucket.put('tenants/a/shipper.json', bytesOf('{}'));
    await bucket.put('tenants/b/quarantine/7.pprof', bytesOf('bad'));
    await bucket.put('tenants/b/quarantine/7.json', bytesOf('{}'));
    await bucket.put(`tenants/b/quarantine/${ulidOf(9)}/meta.json`, bytesOf('{'));
    await bucket.put(`tenants/c/local/${ulidOf(3)}/samples.parquet`, bytesOf('unfinished'));
    await bucket.put('wal/1', bytesOf('log'));
    const { isWhole, lines } = await shown(bucket);
    expect(isWhole).toBe(true);
    expect(lines.filter((line) => line.startsWith('tenant '))).toEqual([
      'tenant a in tenants/a/local/',
      'tenant b in tenants/b/local/',
      'tenant c in tenants/c/local/',
    ]);
    expect(lines).toContain('0 blocks, 1 profile and 1 block in quarantine');
    expect(lines).toContain(`${ulidOf(3)} has no meta.json`);
    expect(lines.slice(-2)).toEqual([
      '3 folders: 1 block, 2023-11-14 22:13 to 2023-11-14 22:13, 12 profiles, 55',
      'samples, 164 rows, 17.7KiB, 1 without meta.json',
    ]);
  });

  it('tells what a data folder has shipped, where to and up to when', async () => {
    const bucket = new MemoryBucket();
    const meta = { tenant: 'a', maxTime: 1_700_000_400_000 };
    await putGolden(bucket, `tenants/a/local/${ulidOf(1)}/`, { ...meta, ulid: ulidOf(1) });
    const later = { tenant: 'a', minTime: 1_700_000_401_000, maxTime: 1_700_007_200_000 };
    const datasets = (await goldenMeta({})).datasets.map((set) => ({ ...set, ...later }));
    const second = { ...later, datasets, ulid: ulidOf(2) };
    await putGolden(bucket, `tenants/a/local/${ulidOf(2)}/`, second);
    const record = { version: 1, bucket: 's3://profiles/', uploaded: [ulidOf(1)] };
    await bucket.put('tenants/a/shipper.json', bytesOf(JSON.stringify(record)));
    const { lines } = await shown(bucket);
    expect(lines).toContain('1 of 2 blocks in s3://profiles/, all up to 2023-11-14 22:20');
    const { objects } = await found(bucket);
    expect(objects.find(({ kind }) => kind === 'folder')).toMatchObject({
      shipped: {
        bucket: 's3://profiles/',
        blocks: 1,
        minTime: 1_700_000_000_000,
        maxSyncTime: 1_700_000_400_000,
      },
    });
  });

  it('shows one block with its tables', async () => {
    const bucket = new MemoryBucket();
    await putGolden(bucket, '');
    const { lines } = await shown(bucket);
    expect(lines.slice(0, 8)).toEqual([
      `block ${goldenUlid} of tenant anonymous`,
      'from 2023-11-14 22:13 to 2023-11-14 22:13 UTC, 20s',
      '4 series, 12 profiles, 55 samples, 17.7KiB',
      'made by ingester, level 1 of 1 block',
      'log 01HZZZZZZZZZZZZZZZZZZZZZZZ up to sequence 12',
      '',
      'table                        rows        bytes     footer xxh64',
      'series.parquet                  4         2553       1570 2bdd6a52d8567107',
    ]);
    expect(lines).toHaveLength(8 + 7 + 1 + 1 + 4);
    expectPlain(lines);
  });

  it('says that there are no blocks', async () => {
    const bucket = new MemoryBucket();
    await bucket.put('photos/2026/cat.jpg', bytesOf('meow'));
    expect(await shown(bucket)).toEqual({ isWhole: true, lines: ['no blocks in memory'] });
  });

  it('fits 80 columns whatever names come, and prints no control character', async () => {
    const bucket = new MemoryBucket();
    const names = Array.from({ length: 30 }, (_, i): [string, string] => [
      `\u001b[31m${'sérvice'.repeat(i + 1)}\u202e`,
      't'.repeat(99),
    ]);
    const tenant = 'a'.repeat(150);
    await putGolden(bucket, bucketPrefix(tenant, ulidOf(1)), {
      ...(await metaWith(names)),
      ulid: ulidOf(1),
      tenant,
    });
    const { lines } = await shown(bucket);
    expectPlain(lines);
    expect(lines).toContain('and 10 more datasets: --json has them all');
  });

  it('goes on after a damaged block, and answers that not all is whole', async () => {
    const bucket = new MemoryBucket();
    await bucket.put(`${ulidOf(1)}/${metaFile}`, bytesOf('{"version":9}'));
    await putGolden(bucket, `${ulidOf(2)}/`, { ulid: ulidOf(2) });
    const { isWhole, lines } = await shown(bucket);
    expect(isWhole).toBe(false);
    expect(lines).toContain(`${ulidOf(1)} damaged: meta.json has version 9, supported 1`);
    expect(lines.join('\n')).toContain(`\n${ulidOf(2)} 2023-11-14`);
    expect(lines.join(' ')).toContain('1 block,');
    expect(lines.join(' ')).toContain('1 damaged');
  });
});

describe('inspect --json', () => {
  it('prints every finding on a line of its own, metas whole', async () => {
    const bucket = new MemoryBucket();
    const at = (n: number) => bucketPrefix('anonymous', ulidOf(n));
    await putGolden(bucket, at(1), { ulid: ulidOf(1) });
    await bucket.put(at(2) + metaFile, bytesOf('{'));
    await bucket.put(`${at(3)}samples.parquet`, bytesOf('unfinished'));
    const { isWhole, objects } = await found(bucket);
    const place = (n: number) => ({ tenant: 'anonymous', folder: at(n) });
    const sums = {
      blocks: 1,
      damaged: 1,
      unfinished: 1,
      profiles: 12,
      samples: 55,
      rows: 164,
      bytes: 18_172,
      minTime: 1_700_000_000_000,
      maxTime: 1_700_000_020_000,
    };
    expect(isWhole).toBe(false);
    expect(objects).toEqual([
      { kind: 'block', ...place(1), meta: await goldenMeta({ ulid: ulidOf(1) }) },
      { kind: 'damaged', ...place(2), problem: expect.stringContaining('not json') },
      { kind: 'unfinished', ...place(3) },
      {
        kind: 'folder',
        tenant: 'anonymous',
        folder: 'anonymous/phlaredb/',
        ...sums,
        profilesInQuarantine: 0,
        blocksInQuarantine: 0,
      },
      { kind: 'total', folders: 1, ...sums },
    ]);
  });

  it('lists over a thousand blocks in order, reading at most four metas at once', async () => {
    const inner = new MemoryBucket();
    const count = 1_050;
    const bytes = new TextEncoder().encode(JSON.stringify(await metaWith([])));
    const text = new TextDecoder().decode(bytes);
    for (let n = 0; n < count; n++) {
      const key = `tenants/anonymous/local/${ulidOf(n)}/${metaFile}`;
      await inner.put(key, bytesOf(text.replaceAll(goldenUlid, ulidOf(n))));
    }
    const { bucket } = faulty(inner);
    let under = 0;
    let most = 0;
    const get: Bucket['get'] = async (key) => {
      most = Math.max(most, ++under);
      await new Promise((resolve) => setImmediate(resolve));
      under -= 1;
      return inner.get(key);
    };
    const { objects } = await found({ ...bucket, get });
    const ulids = objects.filter(({ kind }) => kind === 'block').map(({ meta }) => meta.ulid);
    expect(ulids).toEqual(Array.from({ length: count }, (_, n) => ulidOf(n)));
    expect(most).toBe(4);
  });

  it('ends with the failure of a bucket that cannot be read', async () => {
    const inner = new MemoryBucket();
    for (let n = 0; n < 3; n++) await putGolden(inner, `${ulidOf(n)}/`, { ulid: ulidOf(n) });
    const { bucket, failFrom } = faulty(inner);
    failFrom(3, () => new Failure('unavailable', 'the network is away'));
    await expect(found(bucket)).rejects.toMatchObject({ message: 'the network is away' });
  });
});
