// The durable log on this machine's disk: commits a second, start, reading back. Run by itself:
// `node_modules/.bin/bun test/bench/wal.ts [MiB]`; other benches call the functions.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts';
import type { ProfileRecord } from '../../src/wal/wal.ts';
import { createRandom } from '../fixtures/random.ts';
import { segmentLog } from '../support/segment-log.ts';

const mib = 1024 * 1024;
const gib = 1024 * mib;

/** Calls `work` with an empty folder that is gone afterwards. */
export async function inLogFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'phlox-bench-wal-'));
  try {
    return await work(join(folder, 'wal'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Appends and commits a second, of `bodyBytes` each, by so many pushers at once. */
export async function commitsPerSecond(
  folder: string,
  options: { pushers: number; commits: number; bodyBytes: number },
): Promise<number> {
  const { wal } = segmentLog(folder, nodeFileSystem, { bytesMax: 2 * gib });
  await wal.start();
  const record = benchRecord('bench', options.bodyBytes, 1);
  let left = options.commits;
  const push = async () => {
    while (left-- > 0) await wal.commit(wal.append(record));
  };
  // The file for the second segment is made meanwhile: waiting for it would hide its cost.
  const startMs = performance.now();
  await Promise.all(Array.from({ length: options.pushers }, push));
  const seconds = (performance.now() - startMs) / 1_000;
  await wal.close();
  return options.commits / seconds;
}

/** Fills a log with `bytes` of records of so many tenants, as a server leaves it. */
export async function fillLog(
  folder: string,
  options: { bytes: number; bodyBytes: number; tenants: number },
): Promise<void> {
  const { wal } = segmentLog(folder, nodeFileSystem, { bytesMax: 4 * gib });
  await wal.start();
  let last = 0;
  for (let count = 0; count * options.bodyBytes < options.bytes; count++) {
    last = wal.append(benchRecord(`tenant-${count % options.tenants}`, options.bodyBytes, count));
    if (count % 128 === 127) await wal.commit(last);
  }
  await wal.commit(last);
  await wal.close();
}

/** Milliseconds from `start` to the first append, and megabytes a second of reading all back. */
export async function startAndRead(
  folder: string,
  tenants: number,
): Promise<{ startMs: number; readMbPerSecond: number; records: number }> {
  const { wal } = segmentLog(folder, nodeFileSystem, { bytesMax: 4 * gib });
  const began = performance.now();
  await wal.start();
  const startMs = performance.now() - began;
  let [bytes, records] = [0, 0];
  const readBegan = performance.now();
  for (let tenant = 0; tenant < tenants; tenant++) {
    for await (const { body } of wal.read(`tenant-${tenant}`, 0)) {
      bytes += body.length;
      records++;
    }
  }
  const seconds = (performance.now() - readBegan) / 1_000;
  await wal.close();
  return { startMs, readMbPerSecond: bytes / 1e6 / seconds, records };
}

function benchRecord(tenant: string, bodyBytes: number, seed: number): ProfileRecord {
  const { below } = createRandom(seed);
  const labels = ['__name__', 'env', 'namespace', 'pod', 'region', 'service_name', 'zone'];
  return {
    tenant,
    receivedMs: 1_700_000_000_000,
    contentKey: Uint8Array.from({ length: 16 }, () => below(256)),
    labels: labels.map((name) => ({ name, value: `value of ${name} ${below(100)}` })),
    body: new Uint8Array(bodyBytes).fill(below(256)),
  };
}

async function main(): Promise<void> {
  const bytes = Number(process.argv[2] ?? 256) * mib;
  const print = (name: string, value: number, unit: string) =>
    process.stdout.write(`${name.padEnd(44)} ${value.toFixed(0)} ${unit}\n`);
  for (const pushers of [1, 8, 32]) {
    const commits = 500 * Math.ceil(Math.sqrt(pushers));
    const perSecond = await inLogFolder((folder) =>
      commitsPerSecond(folder, { pushers, commits, bodyBytes: 50_000 }),
    );
    print(`append and commit 50 KB, ${pushers} at once`, perSecond, '/s');
  }
  for (const [bodyBytes, tenants] of [
    [50_000, 10],
    [5_000, 100],
  ] as const) {
    await inLogFolder(async (folder) => {
      await fillLog(folder, { bytes, bodyBytes, tenants });
      const { startMs, readMbPerSecond, records } = await startAndRead(folder, tenants);
      print(`start, ${records} records of ${bodyBytes} bytes`, (startMs * gib) / bytes, 'ms/GiB');
      print(`read back, ${tenants} tenants`, readMbPerSecond, 'MB/s');
    });
  }
}

if (process.argv[1]?.endsWith('wal.ts')) await main();
