// Random histories of the real app, on memory, on a disk and on S3, with every answer equal to the
// model's: `PHLOX_TEST_QUERY_STEPS` steps from `PHLOX_TEST_QUERY_SEED` on.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FilesystemBucket } from '../../src/bucket/filesystem.ts';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import { prefixed } from '../../src/bucket/prefixed.ts';
import { S3Bucket } from '../../src/bucket/s3.ts';
import { createRandom } from '../fixtures/random.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { createTally, Oracle, stepNames } from '../support/query-oracle.ts';
import { OracleWorld, type WorldOptions } from '../support/query-oracle-world.ts';
import { type S3Server, s3Credentials, startS3Server } from '../support/s3-server.ts';

const stepsByDefault = 3_000;
const stepsInAll = Number(process.env['PHLOX_TEST_QUERY_STEPS'] ?? stepsByDefault);
const firstSeed = Number(process.env['PHLOX_TEST_QUERY_SEED'] ?? 1);
const stepsOfSeed = 150;
/** Of the steps, by storage: memory is the fastest. */
const shares = { memory: 0.6, filesystem: 0.25, s3: 0.15 };

let server: S3Server;
let s3: S3Bucket;
beforeAll(async () => {
  server = await startS3Server('profiles');
  s3 = new S3Bucket({
    bucket: 'profiles',
    endpoint: server.endpoint,
    isPathStyle: true,
    credentials: s3Credentials,
  });
});
afterAll(async () => {
  s3.close();
  await server.close();
});

type Storage = keyof typeof shares;
const storages = Object.keys(shares) as Storage[];

/** What a world of the seed is made of; `folder` is its own. */
function storageOf(storage: Storage, seed: number, folder: string): WorldOptions {
  switch (storage) {
    case 'memory':
      return { seed, remote: new MemoryBucket() };
    case 'filesystem':
      return { seed, folder, remote: new FilesystemBucket(join(folder, 'bucket')) };
    case 's3':
      return { seed, folder, remote: prefixed(s3, `seed-${seed}/`) };
  }
}

const tally = createTally();

async function run(storage: Storage, seed: number): Promise<void> {
  await using folder = await temporaryFolder();
  // Another history on each storage.
  const random = createRandom(seed * storages.length + storages.indexOf(storage));
  const world = new OracleWorld(storageOf(storage, seed, folder.path));
  const oracle = new Oracle(world, random, tally);
  let step = 0;
  try {
    await world.start();
    for (; step < stepsOfSeed; step++) await oracle.step();
    await world.stop();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`seed ${seed} on ${storage}, step ${step}: ${message}`, { cause });
  }
}

describe.each(storages)('on %s', (storage) => {
  const seedCount = Math.ceil((stepsInAll * shares[storage]) / stepsOfSeed);
  const seeds = Array.from({ length: seedCount }, (_, i) => firstSeed + i);
  it.each(seeds)('every answer of seed %d equals the model', (seed) => run(storage, seed), 120_000);
});

describe.skipIf(stepsInAll < stepsByDefault)('in all histories', () => {
  it('questions were about heads, blocks, the bucket, any two of them, and all', () => {
    const places = ['block', 'bucket', 'head', 'block+head', 'block+bucket', 'bucket+head'];
    for (const place of [...places, 'block+bucket+head', 'nothing']) {
      expect(tally.places.get(place), place).toBeGreaterThan(0);
    }
  });

  it('every kind of step happened, and some sums were too large for an answer', () => {
    expect([...tally.steps.keys()].sort()).toEqual([...stepNames].sort());
    expect(tally.refused).toBeGreaterThan(0);
  });
});
