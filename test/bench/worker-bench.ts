// The Worker in workerd, at workerd's own socket: pushes one at a time, many at a time and several
// in one, each durable, flushes of full heads included; and what a full head costs in calls of R2.
// Runs where miniflare does, which starts workerd: on Node.
import { join } from 'node:path';
import { loadFixture } from '../support/fixtures.ts';
import { builtWorker, startWorker, type Worker } from '../support/workerd.ts';
import { type BenchOptions, median, type Row, row } from './measure.ts';
import { type Helper, servesHere, startHelper, stopHelpers } from './processes.ts';
import type { Job, JobResult } from './push-client.ts';

const fixture = 'go-cpu';
/** Retry-After says five seconds; a flush takes less. */
const refusedPauseMs = 200;
const million = 1_000_000;
const secondsOfHour = 3_600;

/** Calls of R2 by what they cost: https://developers.cloudflare.com/r2/pricing/ */
const classA = ['put', 'list', 'createMultipartUpload', 'uploadPart', 'complete'];
const classB = ['get', 'head'];

const loads = {
  'one connection': { connections: 1 },
  '32 connections': { connections: 32 },
  'ten profiles a push, 8 connections': { connections: 8, profiles: 10 },
} as const;

export async function workerRows({ isSmoke }: BenchOptions): Promise<Row[]> {
  if (servesHere()) return [];
  await using built = await builtWorker();
  const { bundle, path } = built;
  const worker = await startWorker({ bundle, folder: join(path, 'stores'), isBare: true });
  const client = startHelper('push-client.ts');
  const port = Number(new URL(worker.url).port);
  try {
    const pushes = await pushRows(client, port, isSmoke);
    return [...pushes, ...(await bucketRows(worker, client, port, isSmoke))];
  } finally {
    stopHelpers();
    await worker.stop();
  }
}

async function pushRows(client: Helper, port: number, isSmoke: boolean): Promise<Row[]> {
  const kilobytes = Math.round(loadFixture(fixture).packed.length / 1_000);
  const results = new Map<string, JobResult[]>();
  // The first round warms the compiler and is not counted.
  for (let round = isSmoke ? 0 : -1; round < (isSmoke ? 1 : 5); round++) {
    for (const [name, load] of Object.entries(loads)) {
      const durationMs = isSmoke ? 300 : 3_000;
      const job: Job = {
        port,
        kind: 'push',
        fixture,
        durationMs,
        tenants: 1,
        refusedPauseMs,
        ...load,
      };
      const result = (await client.ask(job)) as JobResult;
      if (round >= 0) results.set(name, [...(results.get(name) ?? []), result]);
    }
  }
  return Object.entries(loads).flatMap(([name, load]) => {
    const all = results.get(name) ?? [];
    const of = (value: (result: JobResult) => number) => median(all.map(value));
    const perSecond = of(({ requests, durationMs }) => (1_000 * requests) / durationMs);
    const title = `workerd, push of ${kilobytes} KB, ${name}`;
    const profiles = 'profiles' in load ? load.profiles : 1;
    const refused = of((one) => (100 * one.refused) / (one.requests + one.refused));
    return [
      row(title, perSecond, '/s'),
      ...(profiles === 1 ? [] : [row(`${title}, profiles`, profiles * perSecond, '/s')]),
      row(`${title}, p50`, median(all.map(({ p50Ms }) => p50Ms)), ' ms'),
      row(`${title}, p99`, median(all.map(({ p99Ms }) => p99Ms)), ' ms'),
      row(`${title}, refused while a head was flushed`, refused, ' %'),
    ];
  });
}

/**
 * Pushes what an hour has at a push a second, then flushes: heads that are full on the way are
 * blocks by then. At any pace a tenant has a block for each full head, and at least one an hour.
 */
async function bucketRows(
  worker: Worker,
  client: Helper,
  port: number,
  isSmoke: boolean,
): Promise<Row[]> {
  const flush = async () => {
    const headers = { 'x-scope-orgid': 'tenant-0' };
    const answer = await fetch(`${worker.url}/flush`, { method: 'POST', headers });
    if (answer.status !== 204) throw new Error(`flush was answered ${answer.status}`);
  };
  await flush();
  await callsOf(worker);
  const before = (await blocksOf(worker)).length;
  const pushes = isSmoke ? 50 : secondsOfHour;
  const load = {
    connections: 2,
    durationMs: 300_000,
    requestsMax: pushes,
    tenants: 1,
    refusedPauseMs,
  };
  const result = (await client.ask({ port, kind: 'push', fixture, ...load })) as JobResult;
  await flush();
  const calls = await callsOf(worker);
  const blocks = (await blocksOf(worker)).length - before;
  const sum = (names: readonly string[]) => names.reduce((all, one) => all + (calls[one] ?? 0), 0);
  const [a, b] = [sum(classA) / blocks, sum(classB) / blocks];
  // The last block is not full.
  const full = Math.floor(result.requests / Math.max(1, blocks - 1));
  const atPace = (perSecond: number) =>
    Math.max(million / (secondsOfHour * perSecond), blocks > 1 ? million / full : 0);
  return [
    row('workerd, pushes that fill a head, at the most', full, ''),
    row('workerd, R2 operations of a block, class A', a, ''),
    row('workerd, R2 operations of a block, class B', b, ''),
    ...[1, 100].flatMap((perSecond) => [
      row(`workerd, R2 class A a million pushes at ${perSecond}/s`, a * atPace(perSecond), ''),
      row(`workerd, R2 class B a million pushes at ${perSecond}/s`, b * atPace(perSecond), ''),
    ]),
  ];
}

async function callsOf({ url }: Worker): Promise<Record<string, number>> {
  return (await (await fetch(`${url}/test/bucket`)).json()) as Record<string, number>;
}

async function blocksOf(worker: Worker): Promise<string[]> {
  return (await worker.bucketKeys()).filter((key) => key.endsWith('/meta.json'));
}
