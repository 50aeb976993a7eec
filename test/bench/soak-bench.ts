// A bucket that is dead for ten minutes: a server takes pushes, flushes and keeps its blocks, its
// memory stays, and when the bucket is back everything is shipped, once. What is lost or doubled
// fails the bench. Owns the server, the bucket and the gate between them.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseBlockMeta } from '../../src/block/meta.ts';
import { S3Bucket } from '../../src/bucket/s3.ts';
import { loadFixture } from '../support/fixtures.ts';
import { s3Credentials, startS3Server } from '../support/s3-server.ts';
import { type Server, startServer } from '../support/servers.ts';
import { createGate } from './gate.ts';
import { createKernel } from './ingest.ts';
import { type BenchOptions, median, type Row, row } from './measure.ts';
import { serverRuntime, servesHere, startHelper, stopHelpers } from './processes.ts';
import type { Job, JobResult } from './push-client.ts';

const mib = 2 ** 20;
const bucketName = 'soak';
const fixture = 'go-cpu';
const load = { kind: 'push', fixture, connections: 8, pauseMs: 200, tenants: 4 } as const;
const sampleMs = 1_000;
const shipMsMax = 180_000;

export async function soakRows({ isSmoke }: BenchOptions): Promise<Row[]> {
  if (!servesHere()) return [];
  const durationMs = isSmoke ? 30_000 : 600_000;
  const folder = mkdtempSync(join(tmpdir(), 'phlox-bench-'));
  const s3 = await startS3Server(bucketName);
  const gate = await createGate(Number(new URL(s3.endpoint).port));
  const query = `endpoint=${encodeURIComponent(gate.url)}&path_style=true&region=us-east-1`;
  try {
    await using server = await startServer(serverRuntime(), {
      dataDir: join(folder, 'data'),
      env: {
        AWS_ACCESS_KEY_ID: s3Credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: s3Credentials.secretAccessKey,
        PHLOX_BUCKET: `s3://${bucketName}?${query}`,
        PHLOX_MULTITENANCY: 'true',
        PHLOX_HEAD_AGE_MAX: '15s',
        PHLOX_SHIP_INTERVAL: '5s',
      },
    });
    const { requests, memory } = await soak(server, durationMs);
    gate.open();
    const bucket = new S3Bucket({
      bucket: bucketName,
      endpoint: s3.endpoint,
      isPathStyle: true,
      credentials: s3Credentials,
    });
    const shippedMs = await shipped(server, bucket, requests * (await rowsOfOne()));
    bucket.close();
    return summary({ durationMs, requests, memory, shippedMs });
  } finally {
    stopHelpers();
    gate.close();
    await s3.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Pushes for that long, and looks at the server's memory once a second. */
async function soak(server: Server, durationMs: number) {
  const job: Job = { ...load, port: Number(new URL(server.url).port), durationMs };
  const client = startHelper('push-client.ts');
  let isOver = false;
  const pushing = client.ask(job).finally(() => {
    isOver = true;
  });
  const memory: number[] = [];
  while (!isOver) {
    await Promise.race([wait(sampleMs), pushing]);
    memory.push(await residentBytes(server.url));
  }
  const { requests } = (await pushing) as JobResult;
  return { requests, memory };
}

async function residentBytes(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const bytes = /^process_resident_memory_bytes (\S+)$/m.exec(text)?.[1];
  if (bytes === undefined) throw new Error('the server does not tell its memory');
  return Number(bytes);
}

/** Rows that one push adds to the profiles table. */
async function rowsOfOne(): Promise<number> {
  const kernel = await createKernel();
  return kernel.scan(loadFixture(fixture).plain).sampleTypes.length;
}

/** Milliseconds until the bucket has `rows` profile rows; then the server must end well. */
async function shipped(server: Server, bucket: S3Bucket, rows: number): Promise<number> {
  const startMs = performance.now();
  const flush = await fetch(`${server.url}/flush`, { method: 'POST' });
  if (!flush.ok) throw new Error(`/flush answered ${flush.status}: ${await flush.text()}`);
  let found = await rowsIn(bucket);
  while (found < rows && performance.now() - startMs < shipMsMax) {
    await wait(sampleMs);
    found = await rowsIn(bucket);
  }
  const ms = performance.now() - startMs;
  if (found !== rows) throw new Error(`the bucket has ${found} profile rows of ${rows}`);
  await server.stop();
  // Not the exit code: to a parent on Deno, whoever was sent a signal died of it.
  const isWell = server.stderr.trimEnd().endsWith('"msg":"stopped"}');
  if (!isWell) throw new Error(`the server did not end well: ${server.stderr.slice(-500)}`);
  return ms;
}

async function rowsIn(bucket: S3Bucket): Promise<number> {
  let rows = 0;
  let cursor: string | undefined;
  do {
    const page = await bucket.list('', cursor === undefined ? {} : { cursor });
    for (const { key } of page.objects) {
      if (!key.endsWith('/meta.json')) continue;
      rows += parseBlockMeta(await bucket.get(key)).stats.numProfiles;
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  return rows;
}

function summary(result: {
  durationMs: number;
  requests: number;
  memory: number[];
  shippedMs: number;
}): Row[] {
  const { durationMs, requests, memory, shippedMs } = result;
  const fifth = Math.floor(memory.length / 5);
  // The first fifth warms compilers and pools.
  const early = median(memory.slice(fifth, 2 * fifth));
  const late = median(memory.slice(-fifth));
  const name = `${durationMs / 1_000} s with a dead bucket`;
  return [
    row(`${name}, memory in the last fifth ÷ second fifth`, late / early, '×', '≤ 1.2'),
    row(`${name}, most memory`, Math.max(...memory) / mib, ' MiB'),
    row(`${name}, pushes, each shipped once afterwards`, requests, ''),
    row(`${name}, shipped after it is back`, shippedMs / 1_000, ' s'),
  ];
}
