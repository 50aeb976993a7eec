// Seven days of one tenant as 500 blocks of a bucket, met by processes that have never seen them:
// what they list and fetch, and that no mix of queries takes them past their memory.
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FilesystemBucket } from '../../src/bucket/filesystem.ts';
import { startApp } from '../support/app.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { loadFixture } from '../support/fixtures.ts';
import { type Server, serverRuntimes, startServer } from '../support/servers.ts';
import { stamped } from '../support/stamp.ts';

const blockCount = 500;
const stepMs = 20 * 60_000;
const dayMs = 24 * 3_600_000;
const mib = 1024 * 1024;
const memoryMax = 256 * mib;
const type = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
const selector = '{service_name="shop"}';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let endMs: number;

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
  const open = { rejectOlderThanMs: 0, rejectNewerThanMs: 0, queryLengthMaxMs: 0 };
  const limits = { defaults: { ...open, queryLookbackMs: 0 } };
  await writeFile(join(folder.path, 'limits.json'), JSON.stringify(limits));
}, 240_000);

afterAll(async () => {
  await folder?.[Symbol.asyncDispose]();
});

describe.each(serverRuntimes)('a fresh process on %s', (runtime) => {
  let server: Server;
  let idleBytes: number;
  let total: bigint;

  beforeAll(async () => {
    server = await startServer(runtime, {
      dataDir: join(folder.path, `data-${runtime}`),
      env: {
        PHLOX_BUCKET: `file://${join(folder.path, 'bucket')}`,
        PHLOX_LIMITS: join(folder.path, 'limits.json'),
        PHLOX_MEMORY_MAX: String(memoryMax),
        PHLOX_RETENTION_BUCKET_AGE: 'off',
      },
    });
    // What it takes before it has done anything: the runtime, our code, its compiled modules.
    idleBytes = statusOf(server, 'VmRSS');
  }, 60_000);

  afterAll(async () => {
    await server?.stop();
  });

  it('answers from the metas alone which services there are', async () => {
    const before = await operations(server);
    const labelNames = ['service_name', '__profile_type__'];
    const range = { start: endMs - blockCount * stepMs, end: endMs };
    const { labelsSet } = await ask(server, 'Series', { labelNames, ...range });
    expect(labelsSet).toHaveLength(2);
    const after = await operations(server);
    expect(after.gets - before.gets).toBe(blockCount);
    expect(after.ranges - before.ranges).toBe(0);
  }, 60_000);

  it('fetches for an hour only what an hour needs', async () => {
    const before = await operations(server);
    const sum = await totalOf(server, endMs - 3_600_000, endMs);
    const after = await operations(server);
    // 0, 20, 40 and 60 minutes ago.
    total = sum / 4n;
    expect(total).toBeGreaterThan(0n);
    const fetched = after.gets - before.gets + (after.ranges - before.ranges);
    expect(fetched).toBeLessThanOrEqual(4 * 6);
  }, 60_000);

  it('adds up days, the week, and eight pprofs at once within its memory', async () => {
    for (let i = 0; i < 14; i++) {
      const { start, end } = dayOf(i);
      // Both ends count, and a day has 72 steps; the seventh is cut short by the first block.
      const blocks = Math.min(73, blockCount - (i % 7) * 72);
      expect(await totalOf(server, start, end)).toBe(total * BigInt(blocks));
    }
    const week = await totalOf(server, endMs - blockCount * stepMs, endMs);
    expect(week).toBe(total * BigInt(blockCount));
    const pprofs = await Promise.all(Array.from({ length: 8 }, (_, i) => pprofOf(server, i)));
    for (const bytes of pprofs) expect(bytes).toBeGreaterThan(10_000);
    const peak = statusOf(server, 'VmHWM');
    const most = idleBytes + memoryMax;
    const shown = [peak, idleBytes, most].map((bytes) => Math.round(bytes / mib));
    console.log(
      `rss of 500 blocks on ${runtime}: ${shown[0]} MiB, idle ${shown[1]}, max ${shown[2]}`,
    );
    expect(peak).toBeLessThanOrEqual(most);
  }, 120_000);
});

function dayOf(i: number): { start: number; end: number } {
  const end = endMs - (i % 7) * dayMs;
  return { start: end - dayMs, end };
}

/** Calls of the bucket so far, by operation. */
async function operations(server: Server): Promise<{ gets: number; ranges: number }> {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const count = (name: string) => {
    const metric = `objstore_bucket_operations_total{bucket="remote",operation="${name}"} `;
    const line = text.split('\n').find((one) => one.startsWith(metric));
    return Number(line?.slice(metric.length) ?? 0);
  };
  return { gets: count('get'), ranges: count('get_range') };
}

/** Bytes of memory: `VmRSS` now, `VmHWM` the most the process has had. */
function statusOf(server: Server, name: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) * 1024;
}

/** A method of the querier, in JSON. */
async function ask(server: Server, method: string, body: object) {
  const response = await fetch(`${server.url}/querier.v1.QuerierService/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
  return (await response.json()) as Record<string, unknown>;
}

/** What all stacks between the two add up to. */
async function totalOf(server: Server, start: number, end: number): Promise<bigint> {
  const select = { profileTypeID: type, labelSelector: selector, start, end };
  const { flamegraph } = await ask(server, 'SelectMergeStacktraces', select);
  return BigInt((flamegraph as { total?: string }).total ?? 0);
}

/** Bytes of the merged pprof of a day. */
async function pprofOf(server: Server, day: number): Promise<number> {
  const { start, end } = dayOf(day);
  const query = `${type}${selector}`;
  const text = { query, from: `${start}`, until: `${end}`, format: 'pprof' };
  const url = `${server.url}/pyroscope/render?${new URLSearchParams(text)}`;
  const response = await fetch(url);
  expect(response.status).toBe(200);
  return (await response.arrayBuffer()).byteLength;
}
