// What queries of a server cost in requests to its bucket, through the whole app: a process that
// has just started, and the same one when it is asked again. The blocks' tables of samples are
// larger than what is fetched whole.
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { MemoryBucket } from '../../src/bucket/memory.ts';
import { blockMetas, startApp, type TestApp, until } from '../support/app.ts';
import { testStartMs } from '../support/memory-platform.ts';
import { type ObservedBucket, observedBucket } from '../support/observed-bucket.ts';
import { PushedModel, pushedTypes } from '../support/pushed-model.ts';

const blockCount = 4;
const blockMs = 200_000;
const startMs = testStartMs - blockCount * blockMs;
const service = '/querier.v1.QuerierService';
const symbols = ['functions', 'locations', 'stacktraces'];
/** Blocks on the bucket of a server that is gone. */
let remote: MemoryBucket;
let bucket: ObservedBucket;
let test: TestApp;

function modelOf(block: number): PushedModel {
  return new PushedModel(block + 1, {
    ...{ services: 2, pods: 1, profilesPerPod: 15, samplesPerProfile: 900, stacks: 2000 },
    startNs: BigInt(startMs + block * blockMs) * 1_000_000n,
    isSymbolised: true,
  });
}

beforeAll(async () => {
  await using first = await startApp();
  for (let block = 0; block < blockCount; block++) {
    const model = modelOf(block);
    for (const profile of model.profiles) {
      const labels = { __name__: 'cpu', service_name: profile.service, pod: profile.pod };
      await first.push([{ labels, profiles: [model.encode(profile)] }]);
    }
    await first.flush();
  }
  remote = first.platform.remoteBucket as MemoryBucket;
  await until(async () => (await blockMetas(remote)).length === blockCount);
});

beforeEach(async () => {
  bucket = observedBucket(remote);
  test = await startApp({ remoteBucket: bucket });
  bucket.forget();
  return () => test[Symbol.asyncDispose]();
});

async function ask(method: string, body: object): Promise<Record<string, unknown>> {
  const response = await test.app.fetch(
    new Request(`http://127.0.0.1:4040${service}/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  );
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

const all = { start: startMs, end: testStartMs };
const select = { profileTypeID: pushedTypes.samples, labelSelector: '{}' };
/** Of all blocks; each is cut, so that samples are read. */
const cut = { start: startMs + 1, end: testStartMs };

function readsOfBlocks() {
  const folders = [...new Set(bucket.reads.map(({ folder }) => folder))].sort();
  const tables = bucket.reads.filter(({ file }) => file !== 'meta.json');
  return folders.map((folder) => tables.filter((read) => read.folder === folder));
}

const tablesOf = (reads: { file: string }[]) =>
  [...new Set(reads.map(({ file }) => file.replace('.parquet', '')))].sort();

describe('a process that has just started', () => {
  it('lists the bucket once and reads each meta.json once', async () => {
    await ask('SelectMergeStacktraces', { ...select, ...all });
    expect(bucket.lists).toEqual(['anonymous/phlaredb/']);
    const metas = bucket.reads.filter(({ file }) => file === 'meta.json');
    expect(metas.map(({ wave }) => wave)).toEqual(Array(blockCount).fill(1));
  });

  it.each(['SelectMergeStacktraces', 'SelectMergeProfile'])(
    'asks each block at most six times in two waves for %s',
    async (method) => {
      const selector = '{pod="pod-0"}';
      await ask(method, { ...select, ...cut, labelSelector: selector });
      const blocks = readsOfBlocks();
      expect(blocks.length).toBe(blockCount);
      for (const reads of blocks) {
        const mappings = reads.filter(({ file }) => file === 'mappings.parquet').length;
        expect(mappings).toBe(method === 'SelectMergeProfile' ? 1 : 0);
        expect(reads.length - mappings).toBeLessThanOrEqual(6);
        expect(Math.max(...reads.map(({ wave }) => wave))).toBeLessThanOrEqual(3);
      }
    },
  );

  it('fetches no byte of a block twice', async () => {
    await ask('SelectMergeStacktraces', { ...select, ...cut });
    for (const { meta } of await blockMetas(remote)) {
      const reads = bucket.reads.filter(({ folder }) => folder.includes(meta.ulid));
      for (const { name, bytes } of meta.files) {
        const fetched = reads.filter(({ file }) => file === name);
        expect(fetched.reduce((sum, read) => sum + read.bytes, 0)).toBeLessThanOrEqual(bytes);
      }
    }
  });

  it('opens only blocks in the range, and totals where all of a block is wanted', async () => {
    // All of the second block, and a part of the third.
    const range = { start: startMs + blockMs - 1, end: startMs + 2 * blockMs + 50_000 };
    await ask('SelectMergeStacktraces', { ...select, ...range });
    const opened = readsOfBlocks().filter((reads) => reads.length > 0);
    expect(opened.map(tablesOf)).toEqual([
      [...symbols, 'totals'],
      [symbols[0], symbols[1], 'samples', symbols[2]],
    ]);
  });

  it('reads points from profiles alone', async () => {
    const answer = await ask('SelectSeries', { ...select, ...all, step: 15, groupBy: [] });
    expect(answer['series']).toHaveLength(1);
    for (const reads of readsOfBlocks()) {
      expect(tablesOf(reads)).toEqual(['profiles']);
      expect(reads.length).toBeLessThanOrEqual(2);
    }
  });

  it.each([
    ['ProfileTypes', {}, 'profileTypes', 2],
    ['Series', { labelNames: ['service_name', '__profile_type__'] }, 'labelsSet', 4],
    ['LabelValues', { name: 'service_name' }, 'names', 2],
    [
      'LabelValues',
      { name: '__profile_type__', matchers: ['{service_name="service-0"}'] },
      'names',
      2,
    ],
  ] as const)('answers %s %j from meta.json alone', async (method, body, field, count) => {
    const answer = await ask(method, { ...all, ...body });
    expect(answer[field]).toHaveLength(count);
    expect(new Set(bucket.reads.map(({ file }) => file))).toEqual(new Set(['meta.json']));
    expect(bucket.reads.length).toBe(blockCount);
  });

  it('opens no table for a service that no block has', async () => {
    const nobody = { labelSelector: '{service_name="nobody"}' };
    await ask('SelectMergeStacktraces', { ...select, ...all, ...nobody });
    expect(readsOfBlocks().flat()).toEqual([]);
  });
});

describe('a process that was asked before', () => {
  it('asks for data columns alone', async () => {
    await ask('SelectMergeStacktraces', { ...select, ...cut });
    bucket.forget();
    const selector = '{service_name="service-0"}';
    await ask('SelectMergeStacktraces', { ...select, ...cut, labelSelector: selector });
    expect(bucket.lists).toEqual([]);
    for (const reads of readsOfBlocks()) {
      expect(tablesOf(reads)).toEqual(['samples']);
      expect(reads.every(({ isWhole }) => !isWhole)).toBe(true);
      expect(Math.max(...reads.map(({ wave }) => wave))).toBe(1);
    }
  });

  it('asks for nothing when names are what is wanted', async () => {
    await ask('ProfileTypes', all);
    bucket.forget();
    await ask('Series', { ...all, labelNames: ['service_name'] });
    expect([bucket.lists, bucket.reads]).toEqual([[], []]);
  });
});
