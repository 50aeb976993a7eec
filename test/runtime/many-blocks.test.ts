// Seven days of one tenant as 500 blocks of a bucket, met by a process that has never seen them:
// what it lists, fetches and holds.
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FilesystemBucket } from '../../src/bucket/filesystem.ts';
import { startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { loadFixture } from '../support/fixtures.ts';
import { type Server, startServer } from '../support/servers.ts';
import { stamped } from '../support/stamp.ts';

const blockCount = 500;
const stepMs = 20 * 60_000;
const mib = 1024 * 1024;
/** What the process may hold besides an idle one, whose budget is 120 MiB. */
const memoryMax = 256 * mib;
const rssMax = 120 * mib + memoryMax;
const type = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Server;
let endMs: number;
let total: bigint;

beforeAll(async () => {
  folder = await temporaryFolder();
  endMs = Date.now() - 60_000;
  const { packed } = loadFixture('go-cpu');
  const bucket = new FilesystemBucket(join(folder.path, 'bucket'));
  const app = await startApp({ remoteBucket: bucket });
  for (let i = 0; i < blockCount; i++) {
    const body = stamped(packed, BigInt(endMs - i * stepMs) * 1_000_000n);
    const labels = { __name__: 'process_cpu', service_name: 'shop' };
    expect((await app.push([{ labels, profiles: [body] }])).status).toBe(200);
    expect(await app.flush()).toBe(204);
  }
  // The last sync of a stop ships what is left.
  await app.app.stop();
  const limits = join(folder.path, 'limits.json');
  const open = { rejectOlderThanMs: 0, rejectNewerThanMs: 0, queryLengthMaxMs: 0 };
  await writeFile(limits, JSON.stringify({ defaults: { ...open, queryLookbackMs: 0 } }));
  server = await startServer('bun', {
    dataDir: join(folder.path, 'data'),
    env: {
      PHLOX_BUCKET: `file://${join(folder.path, 'bucket')}`,
      PHLOX_LIMITS: limits,
      PHLOX_MEMORY_MAX: String(memoryMax),
      PHLOX_RETENTION_BUCKET_AGE: 'off',
    },
  });
}, 240_000);

afterAll(async () => {
  await server?.stop();
  await folder?.[Symbol.asyncDispose]();
});

/** Calls of the bucket so far, by operation. */
async function operations(): Promise<{ lists: number; gets: number; ranges: number }> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const count = (name: string) => {
    const metric = `objstore_bucket_operations_total{bucket="remote",operation="${name}"} `;
    const line = text.split('\n').find((one) => one.startsWith(metric));
    return Number(line?.slice(metric.length) ?? 0);
  };
  return { lists: count('iter'), gets: count('get'), ranges: count('get_range') };
}

/** The most memory the process has had. */
function rssPeak(): number {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

/** A method of the querier, in JSON. */
async function ask(method: string, body: object): Promise<Record<string, unknown>> {
  const response = await fetch(`${server.url}/querier.v1.QuerierService/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

/** What all stacks of the last `spanMs` add up to. */
async function totalOf(spanMs: number): Promise<bigint> {
  const range = { start: endMs - spanMs, end: endMs };
  const select = { profileTypeID: type, labelSelector: '{service_name="shop"}', ...range };
  const { flamegraph } = await ask('SelectMergeStacktraces', select);
  return BigInt((flamegraph as { total?: string }).total ?? 0);
}

it('answers from the metas alone which services there are', async () => {
  const before = await operations();
  const { labelsSet } = await ask('Series', {
    labelNames: ['service_name', '__profile_type__'],
    start: endMs - blockCount * stepMs,
    end: endMs,
  });
  expect(labelsSet).toHaveLength(2);
  const after = await operations();
  expect(after.gets - before.gets).toBe(blockCount);
  expect(after.ranges - before.ranges).toBe(0);
}, 60_000);

it('fetches for an hour only what an hour needs', async () => {
  const before = await operations();
  const sum = await totalOf(3_600_000);
  const after = await operations();
  // 0, 20, 40 and 60 minutes ago.
  total = sum / 4n;
  expect(total).toBeGreaterThan(0n);
  const fetched = after.gets - before.gets + (after.ranges - before.ranges);
  expect(fetched).toBeLessThanOrEqual(4 * 6);
}, 60_000);

it('adds up seven days within its memory', async () => {
  expect(await totalOf(blockCount * stepMs)).toBe(total * BigInt(blockCount));
  const peak = rssPeak();
  console.log(`rss of 500 blocks: ${Math.round(peak / mib)} MiB, limit ${rssMax / mib}`);
  expect(peak).toBeLessThanOrEqual(rssMax);
}, 120_000);
