// Random histories of the Worker in workerd, of tenants in one object and spread over several, with
// every answer equal to the model's: `PHLOX_TEST_QUERY_STEPS` steps, the first seed is
// `PHLOX_TEST_QUERY_SEED`.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRandom } from '../fixtures/random.ts';
import { createTally, Oracle } from '../support/query-oracle.ts';
import { WorkerWorld } from '../support/query-oracle-worker.ts';
import { type BuiltWorker, builtWorker } from '../support/workerd.ts';

const stepsByDefault = 80;
const stepsInAll = Number(process.env['PHLOX_TEST_QUERY_STEPS'] ?? stepsByDefault);
/** Both kinds of tenants have a history. */
const stepsOfSeed = Math.min(150, Math.ceil(stepsInAll / 2));
const firstSeed = Number(process.env['PHLOX_TEST_QUERY_SEED'] ?? 1);
const seeds = Array.from({ length: Math.ceil(stepsInAll / stepsOfSeed) }, (_, i) => firstSeed + i);

const tally = createTally();
let root: BuiltWorker;
beforeAll(async () => {
  root = await builtWorker();
}, 180_000);
afterAll(() => root[Symbol.asyncDispose]());

it.each(seeds.map((seed, index) => ({ seed, shards: index % 2 === 0 ? 1 : 3 })))(
  'every answer of seed $seed over $shards objects equals the model',
  async ({ seed, shards }) => {
    const folder = join(root.path, `stores-${seed}`);
    const world = new WorkerWorld({
      bundle: root.bundle,
      folder,
      shards,
      noise: createRandom(~seed),
    });
    const oracle = new Oracle(world, createRandom(seed), tally);
    let step = 0;
    try {
      await world.start();
      for (; step < stepsOfSeed; step++) await oracle.step();
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`seed ${seed}, step ${step}: ${message}`, { cause });
    } finally {
      await world.stop();
    }
  },
  300_000,
);

it.skipIf(stepsInAll < 600)('asked about heads, about the bucket, and about both at once', () => {
  for (const places of ['bucket', 'head', 'bucket+head', 'nothing']) {
    expect(tally.places.get(places), places).toBeGreaterThan(0);
  }
});
