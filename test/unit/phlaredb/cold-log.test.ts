// A database that makes no head before somebody needs one, and that plans its blocks: what is found
// in the log at the start of an object, and what a stop in the middle of a flush leaves.
import { describe, expect, it } from 'vitest';
import { parseBlockMeta } from '../../../src/block/meta.ts';
import { MemoryBucket } from '../../../src/bucket/memory.ts';
import { Failure } from '../../../src/errors.ts';
import { MemoryWal } from '../../../src/wal/memory.ts';
import type { FlushPlan, FlushPlans } from '../../../src/wal/wal.ts';
import { openDatabase } from '../../support/database.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { testStartMs } from '../../support/memory-platform.ts';
import { visibleSets } from '../../support/meter.ts';

const { packed } = loadFixture('go-cpu');
const hourMs = 3_600_000;

/** What outlives an object: its log with the plans, and the bucket. */
function world() {
  const wal = new MemoryWal({ id: '01J00000000000000000000000', bytesMax: 2 ** 28 });
  const planned: FlushPlan[] = [];
  let held = 0;
  const plans: FlushPlans = {
    planOf: () => {
      const last = planned.at(-1);
      return last !== undefined && [...wal.newestHeld().values()].length > 0 && last.upTo > held
        ? last
        : undefined;
    },
    plan: async (plan) => {
      planned.push(plan);
    },
  };
  const release = wal.release.bind(wal);
  wal.release = async (tenant, upTo, ulid) => {
    held = Math.max(held, upTo);
    await release(tenant, upTo, ulid);
  };
  return { wal, plans, planned, blocks: new MemoryBucket() };
}

async function opened(parts: ReturnType<typeof world>, headBytesMax?: number) {
  const loggedUpTo = parts.wal.newestHeld().get('a') ?? 0;
  let storedCount = 0;
  const onStored = () => {
    storedCount += 1;
  };
  const test = await openDatabase({
    ...parts,
    loggedUpTo,
    onStored,
    ...(headBytesMax !== undefined && { headBytesMax }),
  });
  return { ...test, storedCount: () => storedCount };
}

/** Name and profiles of each block. */
async function blocksOf(bucket: MemoryBucket) {
  const { objects } = await bucket.list('');
  const metas = objects.filter(({ key }) => key.endsWith('/meta.json'));
  return Promise.all(
    metas.map(async ({ key }) => {
      const { ulid, stats } = parseBlockMeta(await bucket.get(key), key);
      return { ulid, profiles: stats.numProfiles };
    }),
  );
}

describe('a database that finds records in the log', () => {
  it('takes pushes without a head, and makes one when somebody asks', async () => {
    const parts = world();
    const first = await opened(parts);
    for (const service of ['one', 'two']) await first.push(service, packed);

    const { database, push, pool } = await opened(parts);
    await push('three', packed);
    expect(database.isReady).toBe(false);
    expect([database.liveStats().rows, database.bytesUsed(), database.isEmpty]).toEqual([
      0,
      0,
      false,
    ]);
    await database.ready();
    expect(database.liveStats().rows).toBe(6);
    expect(new Set(await visibleSets(database)).size).toBe(6);
    await push('four', packed);
    expect(database.liveStats().rows).toBe(8);
    // The scanner went back.
    expect(pool.bytesReserved()).toBeGreaterThan(0);
  });

  it('knows a profile again that was sent before, without a head', async () => {
    const parts = world();
    const { database, push } = await opened(parts);
    await push('one', packed);
    await push('one', packed);
    await database.flush('api');
    expect((await blocksOf(parts.blocks)).map(({ profiles }) => profiles)).toEqual([2]);
  });

  it('flushes them after the boundary of their age, by one tick', async () => {
    const parts = world();
    await (await opened(parts)).push('one', packed);
    const { database, platform } = await opened(parts);
    const boundaryMs = Math.ceil(testStartMs / hourMs) * hourMs;
    const dueAtMs = database.dueAtMs(testStartMs);
    expect(dueAtMs).toBeGreaterThanOrEqual(boundaryMs);
    expect(dueAtMs).toBeLessThan(boundaryMs + 5 * 60_000);
    expect(await database.tick(testStartMs)).toBe(dueAtMs);
    platform.advance(dueAtMs - testStartMs);
    expect(await database.tick(dueAtMs)).toBe(Number.POSITIVE_INFINITY);
    expect(await blocksOf(parts.blocks)).toHaveLength(1);
    expect(database.isEmpty).toBe(true);
  });

  it('flushes them at once when there are as many as fill a head', async () => {
    const parts = world();
    await (await opened(parts)).push('one', packed);
    const { database } = await opened(parts, packed.length);
    expect(database.dueAtMs(testStartMs)).toBe(testStartMs);
    await database.tick(testStartMs);
    expect(await blocksOf(parts.blocks)).toHaveLength(1);
  });

  it('says nothing is due when there is nothing', async () => {
    const { database } = await opened(world());
    expect(database.dueAtMs(testStartMs)).toBe(Number.POSITIVE_INFINITY);
    expect(await database.tick(testStartMs)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a flush that plans its block', () => {
  it('has the plan stored before anything is in the bucket, and tells of the block', async () => {
    const parts = world();
    const { database, push, storedCount } = await opened(parts);
    let objectsAtPlan = -1;
    const { plan } = parts.plans;
    parts.plans.plan = async (one) => {
      objectsAtPlan = (await parts.blocks.list('')).objects.length;
      await plan(one);
    };
    await push('one', packed);
    await database.flush('api');
    expect(objectsAtPlan).toBe(0);
    expect(await blocksOf(parts.blocks)).toEqual([{ ulid: parts.planned[0]?.ulid, profiles: 2 }]);
    expect([parts.wal.bytesUsed(), storedCount(), database.blocks.length]).toEqual([0, 1, 0]);
  });

  it('makes the same block after a stop before meta.json, of the same records alone', async () => {
    const parts = world();
    const first = await opened(parts);
    for (const service of ['one', 'two']) await first.push(service, packed);
    parts.blocks.stage = async () => {
      throw new Failure('unavailable', 'the bucket is away');
    };
    await expect(first.database.flush('api')).rejects.toThrow('away');
    await first.push('three', packed);
    Reflect.deleteProperty(parts.blocks, 'stage');

    const { database, push } = await opened(parts);
    await push('four', packed);
    expect(database.dueAtMs(testStartMs)).toBe(testStartMs);
    await database.flush('api');
    const [planned] = parts.planned;
    expect(await blocksOf(parts.blocks)).toEqual(
      expect.arrayContaining([{ ulid: planned?.ulid, profiles: 4 }]),
    );
    expect((await blocksOf(parts.blocks)).map(({ profiles }) => profiles)).toEqual([4, 4]);
    expect(parts.wal.bytesUsed()).toBe(0);
  });

  it('releases the records after a stop behind meta.json, and makes no second block', async () => {
    const parts = world();
    const first = await opened(parts);
    await first.push('one', packed);
    const { release } = parts.wal;
    parts.wal.release = async () => {
      throw new Failure('unavailable', 'the object is ended');
    };
    await expect(first.database.flush('api')).rejects.toThrow('ended');
    parts.wal.release = release;

    const second = await opened(parts);
    await second.push('two', packed);
    await second.database.ready();
    expect(second.database.liveStats().rows).toBe(2);
    await second.database.flush('api');
    const third = await opened(parts);
    await third.database.ready();
    expect(third.database.isEmpty).toBe(true);
    expect((await blocksOf(parts.blocks)).map(({ profiles }) => profiles)).toEqual([2, 2]);
  });

  it('is done with when all its records were in the block', async () => {
    const parts = world();
    const first = await opened(parts);
    await first.push('one', packed);
    const { release } = parts.wal;
    parts.wal.release = async () => {
      throw new Failure('unavailable', 'the object is ended');
    };
    await expect(first.database.flush('api')).rejects.toThrow('ended');
    parts.wal.release = release;

    const { database } = await opened(parts);
    await database.tick(testStartMs);
    expect([database.isEmpty, parts.wal.bytesUsed()]).toEqual([true, 0]);
    expect(await blocksOf(parts.blocks)).toHaveLength(1);
  });
});
