// Records that are logged again instead of written as a small block: each profile stays there once,
// whatever happens on the way.
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { MemoryWal } from '../../../src/wal/memory.ts';
import type { StoredRecord } from '../../../src/wal/wal.ts';
import { openDatabase } from '../../support/database.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { visibleSets } from '../../support/meter.ts';
import { stamped } from '../../support/stamp.ts';

const { packed } = loadFixture('go-cpu');
const profile = (i: number) => stamped(packed, BigInt(i));
type Database = Awaited<ReturnType<typeof openDatabase>>['database'];

async function sequences(wal: MemoryWal): Promise<number[]> {
  const found: number[] = [];
  for await (const { sequence } of wal.headers('a')) found.push(sequence);
  return found;
}

/** Profiles in blocks after a flush; the fixture has two sample types. */
async function profilesIn(database: Database): Promise<number> {
  await database.flush('api');
  return database.blocks.reduce((sum, { stats }) => sum + stats.numProfiles, 0) / 2;
}

/** What a process finds that starts on the log as it is. */
async function afterRestart(wal: MemoryWal): Promise<number> {
  const loggedUpTo = (await sequences(wal)).at(-1) ?? 0;
  const { database } = await openDatabase({ wal, loggedUpTo });
  return profilesIn(database);
}

function testWal(): MemoryWal {
  return new MemoryWal({ id: '01J00000000000000000000000', bytesMax: 2 ** 28 });
}

describe('a small head', () => {
  it('is logged again with all it has, and its older records are released', async () => {
    const { database, platform, push } = await openDatabase();
    const { wal } = platform;
    for (const i of [1, 2, 3]) await push('shop', profile(i));
    const before: StoredRecord[] = [];
    for await (const record of wal.read('a', 0)) before.push(record);
    expect(await database.relog()).toBe(true);
    expect(await sequences(wal)).toEqual([4, 5, 6]);
    let at = 0;
    for await (const { sequence, ...record } of wal.read('a', 0)) {
      expect({ ...record, sequence: sequence - 3 }).toEqual(before[at]);
      at += 1;
    }
    expect(await visibleSets(database)).toHaveLength(2);
    await push('shop', profile(4));
    expect(await profilesIn(database)).toBe(4);
    expect(database.blocks[0]?.log.lastSequence).toBe(7);
    expect(wal.bytesUsed()).toBe(0);
  });

  it('is found once after a restart, logged again or not', async () => {
    const wal = testWal();
    const { database, push } = await openDatabase({ wal });
    await push('shop', profile(1));
    await database.relog();
    await push('shop', profile(2));
    await database.relog();
    expect(await afterRestart(wal)).toBe(2);
  });

  it('is found once when the log has both, because a crash came before the release', async () => {
    const wal = testWal();
    const { database, push } = await openDatabase({ wal });
    for (const i of [1, 2]) await push('shop', profile(i));
    const release = wal.release.bind(wal);
    wal.release = () => Promise.reject(new Failure('unavailable', 'log: input/output error'));
    await expect(database.relog()).rejects.toThrow('input/output error');
    wal.release = release;
    expect(await sequences(wal)).toEqual([1, 2, 3, 4]);
    expect(await afterRestart(wal)).toBe(2);
    expect(wal.bytesUsed()).toBe(0);
  });

  it('may be logged again after that failed, and is still found once', async () => {
    const wal = testWal();
    const { database, push } = await openDatabase({ wal });
    for (const i of [1, 2]) await push('shop', profile(i));
    const release = wal.release.bind(wal);
    wal.release = () => Promise.reject(new Failure('unavailable', 'log: input/output error'));
    await database.relog().catch(() => undefined);
    wal.release = release;
    expect(await database.relog()).toBe(true);
    expect(await sequences(wal)).toEqual([5, 6, 7, 8]);
    expect(await afterRestart(wal)).toBe(2);
  });

  it('takes pushes meanwhile, which stay in the log as they are', async () => {
    const wal = testWal();
    const { database, push } = await openDatabase({ wal });
    await push('shop', profile(1));
    const read = wal.read.bind(wal);
    wal.read = async function* (tenant, from) {
      yield* read(tenant, from);
      await push('shop', profile(2));
    };
    expect(await database.relog()).toBe(true);
    wal.read = read;
    expect(await sequences(wal)).toEqual([2, 3]);
    expect(await profilesIn(database)).toBe(2);
    expect(wal.bytesUsed()).toBe(0);
  });

  it('goes on as before when the log refuses the copies', async () => {
    const wal = testWal();
    const { database, push } = await openDatabase({ wal });
    await push('shop', profile(1));
    const commit = wal.commit.bind(wal);
    wal.commit = () => Promise.reject(new Failure('unavailable', 'log: no space left on device'));
    await expect(database.relog()).rejects.toThrow('records are not logged again');
    wal.commit = commit;
    expect(await visibleSets(database)).toHaveLength(2);
    await push('shop', profile(2));
    expect(await profilesIn(database)).toBe(2);
  });

  it('is rebuilt with what was logged again when it breaks', async () => {
    let isBroken = false;
    const { database, push } = await openDatabase({
      beforeAppend: () => {
        if (!isBroken) return;
        isBroken = false;
        throw new Failure('internal', 'a bug');
      },
    });
    await push('shop', profile(1));
    await database.relog();
    isBroken = true;
    await push('shop', profile(2));
    expect(await profilesIn(database)).toBe(2);
  });
});

describe('a head that only a flush can take out of the log', () => {
  it('is one of which a record cannot be read any more', async () => {
    const { database, platform, push } = await openDatabase();
    const { wal } = platform;
    for (const i of [1, 2]) await push('shop', profile(i));
    const read = wal.read.bind(wal);
    wal.read = async function* (tenant, from) {
      for await (const record of read(tenant, from)) if (record.sequence !== 1) yield record;
    };
    expect(await database.relog()).toBe(false);
    expect(await sequences(wal)).toEqual([1, 2]);
    wal.read = read;
    expect(await profilesIn(database)).toBe(2);
  });

  it('is one behind another that is not a block yet', async () => {
    const { database, platform, push } = await openDatabase();
    await push('shop', profile(1));
    database.seal('max-block-bytes');
    await push('shop', profile(2));
    expect(await database.relog()).toBe(false);
    expect(await sequences(platform.wal)).toEqual([1, 2]);
    expect(await profilesIn(database)).toBe(2);
  });

  it('is one for which the log has no room, and nothing counts twice then', async () => {
    const wal = testWal();
    const { database, push } = await openDatabase({ wal });
    for (const i of [1, 2]) await push('shop', profile(i));
    const append = wal.append.bind(wal);
    wal.append = (record) => {
      wal.append = () => {
        throw new Failure('unavailable', 'log is full');
      };
      return append(record);
    };
    expect(await database.relog()).toBe(false);
    expect(await sequences(wal)).toEqual([1, 2, 3]);
    expect(await profilesIn(database)).toBe(2);
    expect(wal.bytesUsed()).toBe(0);
  });

  it('is found once after a restart when only a part of it was logged again', async () => {
    const wal = testWal();
    const { database, push } = await openDatabase({ wal });
    for (const i of [1, 2]) await push('shop', profile(i));
    const append = wal.append.bind(wal);
    wal.append = (record) => {
      wal.append = () => {
        throw new Failure('unavailable', 'log is full');
      };
      return append(record);
    };
    await database.relog();
    wal.append = append;
    expect(await afterRestart(wal)).toBe(2);
  });

  it('is none at all, or an empty one', async () => {
    const { database, push } = await openDatabase();
    expect(await database.relog()).toBe(false);
    await push('shop', profile(1));
    await database.flush('api');
    expect(await database.relog()).toBe(false);
  });
});
