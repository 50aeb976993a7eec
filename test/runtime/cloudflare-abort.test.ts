// Objects in workerd that are ended again and again, as the platform may end them: what was
// acknowledged is found exactly once, and what a push costs an object that was just started does
// not depend on how much waits for a block. `PHLOX_TEST_SEED` repeats the moments of a run.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom, type Random } from '../fixtures/random.ts';
import { loadFixture } from '../support/fixtures.ts';
import { push } from '../support/http-push.ts';
import { loadSeries, loadTenants, PushLoad } from '../support/push-load.ts';
import { profilesFound, startSpread, writersOf } from '../support/spread-load.ts';
import { stamped } from '../support/stamp.ts';
import { storedTimes } from '../support/stored-profiles.ts';
import { type BuiltWorker, builtWorker, startWorker, type Worker } from '../support/workerd.ts';

const rounds = 10 * Number(process.env['PHLOX_TEST_KILLS'] ?? 3);
const spreadRounds = Number(process.env['PHLOX_TEST_KILLS'] ?? 3);
const seed = Number(process.env['PHLOX_TEST_SEED'] ?? Date.now() % 2 ** 31);
const { packed } = loadFixture('rust-cpu');
const baseNs = BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n;

let root: BuiltWorker;
let worker: Worker;

beforeAll(async () => {
  root = await builtWorker();
  worker = await startWorker({
    bundle: root.bundle,
    folder: join(root.path, 'stores'),
    isMortal: true,
  });
}, 180_000);

afterAll(async () => {
  await worker.stop();
  await root[Symbol.asyncDispose]();
});

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function post(path: string, tenant: string): Promise<Response> {
  return fetch(worker.url + path, { method: 'POST', headers: { 'x-scope-orgid': tenant } });
}

it(
  `stores every acknowledged profile once over ${rounds} aborts (PHLOX_TEST_SEED=${seed})`,
  async () => {
    const random = createRandom(seed);
    const load = new PushLoad(random);
    load.url = worker.url;
    load.start();
    let interrupted = 0;
    try {
      for (let round = 0; round < rounds; round++) {
        const tenant = loadTenants[random.below(loadTenants.length)] as string;
        await sleep(random.below(150));
        // Whether it is flushed is seen in the end; here an answer only tells if it was cut off.
        const flushing =
          random.below(2) === 0
            ? post('/flush', tenant).then(({ status }) => status === 204)
            : undefined;
        await sleep(random.below(120));
        await worker.abort(tenant);
        if ((await flushing?.catch(() => false)) === false) interrupted++;
      }
      await load.end();
    } finally {
      await load.abandon();
    }
    for (const tenant of loadTenants) expect((await post('/flush', tenant)).status).toBe(204);
    const copy = join(root.path, 'copy');
    await worker.copyBucket(copy);
    for (const tenant of loadTenants) {
      expect(load.acknowledged(tenant).size).toBeGreaterThan(rounds / 2);
      const stored = await storedTimes(join(copy, tenant, 'phlaredb'), loadSeries);
      expect(load.problems(tenant, stored)).toEqual([]);
    }
    const { acknowledgedCount, retryCount } = load;
    console.info(JSON.stringify({ rounds, seed, acknowledgedCount, retryCount, interrupted }));
  },
  60_000 + rounds * 2_000,
);

it('costs a push no more when more waits for a block', async () => {
  let time = 0n;
  const labels = { __name__: 'cpu', service_name: 'shop' };
  const pushSome = async (tenant: string, count: number) => {
    const profiles = Array.from({ length: count }, () => stamped(packed, baseNs + ++time));
    const options = { headers: { 'x-scope-orgid': tenant } };
    const response = await push(worker.url, [{ labels, profiles }], options);
    expect([response.status, await response.text()]).toEqual([200, expect.any(String)]);
    const toldMs = response.headers.get('x-object-ms');
    expect(toldMs).toMatch(/^\d/);
    return Number(toldMs);
  };
  const times = { few: [] as number[], many: [] as number[] };
  for (let count = 0; count < 75; count++) {
    await Promise.all(Array.from({ length: 4 }, () => pushSome('many', 10)));
  }
  // In turn, so that both have the same of what else the machine does.
  for (let count = 0; count < 30; count++) {
    for (const tenant of ['few', 'many'] as const) {
      await worker.abort(tenant);
      times[tenant].push(await pushSome(tenant, 1));
    }
  }
  const medianOf = (all: number[]) => all.sort((a, b) => a - b)[15] as number;
  const [fewMs, manyMs] = [medianOf(times.few), medianOf(times.many)];
  console.info(JSON.stringify({ fewProfiles: 30, fewMs, manyProfiles: 3_030, manyMs }));
  // Clocks of workerd count whole milliseconds.
  expect(manyMs).toBeLessThan(1.25 * fewMs + 3);
}, 120_000);

/** The objects of a tenant that has had up to four. */
const anyObject = (tenant: string, random: Random) =>
  [tenant, ...[1, 2, 3].map((shard) => `${tenant}/${shard}`)][random.below(4)] as string;

it(`counts profiles once on 1, 4 and 2 objects (PHLOX_TEST_SEED=${seed})`, async () => {
  const random = createRandom(seed);
  const folder = join(root.path, 'spread-stores');
  const load = new PushLoad(random, 150);
  let spread = await startSpread(root.bundle, folder, 1);
  const answers = { whole: 0, again: 0 };
  const ask = async (tenant: string) => {
    const before = load.acknowledged(tenant).size;
    const found = await profilesFound(spread, tenant);
    answers[found === undefined ? 'again' : 'whole']++;
    if (found === undefined) return;
    expect(found).toBeGreaterThanOrEqual(before);
    expect(found).toBeLessThanOrEqual(load.sentCount(tenant));
  };
  load.url = spread.url;
  load.start();
  try {
    for (const shards of [1, 4, 2]) {
      if (shards !== 1) {
        load.url = undefined;
        await spread.stop();
        spread = await startSpread(root.bundle, folder, shards);
        load.url = spread.url;
      }
      for (let round = 0; round < spreadRounds; round++) {
        const tenant = loadTenants[round % 2] as string;
        await sleep(random.below(200));
        const isFlushed = random.below(3) === 0;
        const flushing = isFlushed ? flushSpread(spread, tenant).catch(() => 0) : undefined;
        await Promise.all([
          ask(tenant),
          sleep(random.below(100)).then(() => spread.abort(anyObject(tenant, random))),
        ]);
        await flushing;
      }
    }
    await load.end();
    for (const tenant of loadTenants) {
      await ask(tenant);
      expect(await profilesFound(spread, tenant)).toBe(load.acknowledged(tenant).size);
      expect(await flushSpread(spread, tenant)).toBe(204);
      expect(await profilesFound(spread, tenant)).toBe(load.acknowledged(tenant).size);
    }
    const copy = join(root.path, 'spread-copy');
    await spread.copyBucket(copy);
    for (const tenant of loadTenants) {
      const blocks = join(copy, tenant, 'phlaredb');
      expect(load.problems(tenant, await storedTimes(blocks, loadSeries))).toEqual([]);
      expect((await writersOf(blocks)).size).toBeGreaterThan(2);
    }
  } finally {
    await load.abandon();
    await spread.stop();
  }
  const { acknowledgedCount, retryCount } = load;
  console.info(JSON.stringify({ seed, acknowledgedCount, retryCount, ...answers }));
  expect(answers.whole).toBeGreaterThan(0);
}, 120_000);

async function flushSpread({ url }: Worker, tenant: string): Promise<number> {
  const headers = { 'x-scope-orgid': tenant };
  return (await fetch(`${url}/flush`, { method: 'POST', headers })).status;
}
