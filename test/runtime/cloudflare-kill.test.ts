// Kill −9 of workerd under load: clients repeat every push until it is answered 200, and each
// profile is found exactly once in the blocks, also of tenants that are spread over several
// objects, over another number after each kill. `PHLOX_TEST_KILLS` sets the rounds,
// `PHLOX_TEST_SEED` repeats the moments of a run.
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { createRandom } from '../fixtures/random.ts';
import { openLimitsText } from '../support/open-limits.ts';
import { loadSeries, loadTenants, PushLoad } from '../support/push-load.ts';
import { storedTimes } from '../support/stored-profiles.ts';
import { builtWorker, limitedBy, startWorker, type Worker } from '../support/workerd.ts';

const rounds = Number(process.env['PHLOX_TEST_KILLS'] ?? 3);
const seed = Number(process.env['PHLOX_TEST_SEED'] ?? Date.now() % 2 ** 31);

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

let load: PushLoad | undefined;
let worker: Worker | undefined;

afterEach(async () => {
  await load?.abandon();
  await worker?.stop();
});

function flush(url: string, tenant: string): Promise<Response> {
  return fetch(`${url}/flush`, { method: 'POST', headers: { 'x-scope-orgid': tenant } });
}

/** Of each round's start: how many objects the tenants are spread over. */
const spreadings = [{ shards: [1] }, { shards: [1, 3, 2] }];

it.each(spreadings)(
  `stores every acknowledged profile once over ${rounds} kills, $shards objects (seed ${seed})`,
  async ({ shards }) => {
    await using folder = await builtWorker();
    const { bundle } = folder;
    const start = (round: number) => {
      const spread = { shards: shards[round % shards.length], shardBy: 'service' };
      const { defaults } = JSON.parse(openLimitsText);
      const variables = limitedBy({ defaults: { ...defaults, ...spread } });
      return startWorker({ bundle, folder: join(folder.path, 'stores'), variables });
    };
    const random = createRandom(seed);
    load = new PushLoad(random);
    load.start();
    let killedInFlush = 0;
    for (let round = 0; round < rounds; round++) {
      worker = await start(round);
      const { url } = worker;
      load.url = url;
      await sleep(200 + random.below(800));
      let isFlushing = false;
      if (round % 3 !== 0) {
        isFlushing = true;
        const flushes = loadTenants.map((tenant) => flush(url, tenant));
        const ended = () => {
          isFlushing = false;
        };
        Promise.all(flushes).then(ended, ended);
        await sleep(random.below(250));
      }
      if (isFlushing) killedInFlush++;
      load.url = undefined;
      await worker.kill();
    }
    worker = await start(rounds);
    load.url = worker.url;
    await load.end();
    for (const tenant of loadTenants) expect((await flush(worker.url, tenant)).status).toBe(204);
    const copy = join(folder.path, 'copy');
    await worker.copyBucket(copy);
    for (const tenant of loadTenants) {
      expect(load.acknowledged(tenant).size).toBeGreaterThan(rounds);
      const stored = await storedTimes(join(copy, tenant, 'phlaredb'), loadSeries);
      expect(load.problems(tenant, stored)).toEqual([]);
    }
    const { acknowledgedCount, retryCount } = load;
    const figures = { rounds, seed, shards, acknowledgedCount, retryCount, killedInFlush };
    console.info(JSON.stringify(figures));
  },
  60_000 + rounds * 20_000,
);
