// What an isolate of the Worker holds while tenants push as fast as they can: heap and buffers of
// JavaScript, as V8 counts them after it has collected its garbage, and each memory of WebAssembly.
// The platform ends an isolate at 128 MB; workerd on this machine knows no bound.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadFixture } from '../support/fixtures.ts';
import { push } from '../support/http-push.ts';
import { stamped } from '../support/stamp.ts';
import { blockNames } from '../support/stored-profiles.ts';
import { type BuiltWorker, builtWorker, startWorker, type Worker } from '../support/workerd.ts';

const bytesMax = 100e6;
const fixtures = ['go-cpu', 'go-heap-1', 'rust-cpu', 'jvm-cpu'] as const;
const baseMs = Date.now() - 60_000;
/** A client asked to come again waits this long; Retry-After says five seconds. */
const waitMs = 300;

let root: BuiltWorker;

beforeAll(async () => {
  root = await builtWorker();
}, 180_000);

afterAll(async () => {
  await root[Symbol.asyncDispose]();
});

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Clients that push five profiles at a time until they are ended. */
class Load {
  stored = 0;
  refused = 0;
  readonly #worker: Worker;
  #time = 0n;
  #isOver = false;
  readonly #clients: Promise<void>[] = [];

  constructor(worker: Worker) {
    this.#worker = worker;
  }

  add(tenant: string): void {
    this.#clients.push(this.#client(tenant, this.#clients.length));
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  async #client(tenant: string, seed: number): Promise<void> {
    for (let at = seed; !this.#isOver; at++) {
      const { packed } = loadFixture(fixtures[at % fixtures.length] as (typeof fixtures)[number]);
      const profiles = Array.from({ length: 5 }, () =>
        stamped(packed, BigInt(baseMs) * 1_000_000n + ++this.#time),
      );
      const labels = { __name__: 'process_cpu', service_name: `s${at % 7}`, pod: `p${at % 50}` };
      const headers = { 'x-scope-orgid': tenant };
      const response = await push(this.#worker.url, [{ labels, profiles }], { headers });
      await response.text();
      if (response.status === 200) this.stored += profiles.length;
      else this.refused++;
      if (response.status !== 200) await sleep(waitMs);
    }
  }
}

/** The most that is in use at a time, looked at again and again while `isGoing`. */
async function peak({ heap }: Worker, isGoing: () => boolean) {
  const most = { jsBytes: 0, wasmBytes: 0, bytes: 0 };
  while (isGoing()) {
    const use = await heap?.use();
    if (use === undefined) throw new Error('the worker is not measured');
    most.jsBytes = Math.max(most.jsBytes, use.jsBytes);
    most.wasmBytes = Math.max(most.wasmBytes, use.wasmBytes);
    most.bytes = Math.max(most.bytes, use.jsBytes + use.wasmBytes);
    await sleep(200);
  }
  return most;
}

async function blocksOf(worker: Worker, name: string, tenant: string): Promise<number> {
  const copy = join(root.path, `${name}-copy`);
  await worker.copyBucket(copy);
  return (await blockNames(join(copy, tenant, 'phlaredb'))).length;
}

it('keeps eight tenants of one isolate within the bound', async () => {
  const folder = join(root.path, 'eight');
  const worker = await startWorker({ bundle: root.bundle, folder, isMeasured: true });
  const load = new Load(worker);
  for (let client = 0; client < 32; client++) load.add(`tenant-${client % 8}`);
  // Until heads were written for want of memory, at any speed of this machine.
  const endMs = Date.now() + 40_000;
  const most = await peak(worker, () => load.stored < 1_500 && Date.now() < endMs);
  await load.end();
  const { stored, refused } = load;
  console.info(JSON.stringify({ tenants: 8, stored, refused, ...most }));
  const tenants = Array.from({ length: 8 }, (_, at) => `tenant-${at}`);
  const blocks = await Promise.all(tenants.map((tenant) => blocksOf(worker, 'eight', tenant)));
  await worker.stop();
  // The memory was short: heads became blocks before their hour.
  expect(blocks.some((count) => count > 0)).toBe(true);
  expect(most.wasmBytes).toBeGreaterThan(40e6);
  expect(most.bytes).toBeLessThan(bytesMax);
}, 60_000);

it('keeps a tenant within the bound that fills a head, flushes it and is queried', async () => {
  const folder = join(root.path, 'one');
  const worker = await startWorker({ bundle: root.bundle, folder, isMeasured: true });
  const headers = { 'x-scope-orgid': 'full', 'content-type': 'application/json' };
  const load = new Load(worker);
  for (let client = 0; client < 4; client++) load.add('full');
  let isOver = false;
  const measured = peak(worker, () => !isOver);
  // Some twenty megabytes, of the 24 MiB that a head may have.
  while (load.stored < 500) await sleep(50);
  const [start, end] = [baseMs, baseMs + 60_000];
  const selection = { profileTypeID: 'process_cpu:cpu:nanoseconds:cpu:nanoseconds' };
  const query = async () => {
    const body = JSON.stringify({ ...selection, labelSelector: '{}', start, end });
    const path = '/querier.v1.QuerierService/SelectMergeStacktraces';
    const answer = await fetch(worker.url + path, { method: 'POST', headers, body });
    const bytes = (await answer.arrayBuffer()).byteLength;
    return [answer.status, bytes > 10_000 || bytes];
  };
  expect(await query()).toEqual([200, true]);
  const flushing = fetch(`${worker.url}/flush`, { method: 'POST', headers });
  await query();
  expect((await flushing).status).toBe(204);
  expect(await query()).toEqual([200, true]);
  isOver = true;
  const most = await measured;
  await load.end();
  const { stored, refused } = load;
  console.info(JSON.stringify({ tenants: 1, stored, refused, ...most }));
  expect(await blocksOf(worker, 'one', 'full')).toBeGreaterThan(0);
  await worker.stop();
  expect(most.bytes).toBeLessThan(bytesMax);
}, 60_000);
