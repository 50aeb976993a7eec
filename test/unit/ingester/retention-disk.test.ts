// Retention by free disk: when a disk is low, how much goes, and when pushes are refused instead.
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { diskBounds, diskLevelOf, diskLevels } from '../../../src/ingester/retention-rules.ts';
import { testSettings, testStartMs } from '../../support/memory-platform.ts';
import { countOf, dayMs, hourMs, LocalWorld, minuteMs, tick } from '../../support/retention.ts';

const kb = 1_000;
const gb = 1e9;
const gib = 2 ** 30;
const longAgo = testStartMs - 30 * dayMs;
/** Of a disk of 1 MB: low below 50 kB, full below 5 kB. */
const disk = { retentionDiskFreePercent: 5 };

/** Blocks of 10 kB, an hour apart, and `freeBytes` of 1 MB free. */
async function pressed(freeBytes: number, shipped: number, unshipped = 0): Promise<LocalWorld> {
  const world = new LocalWorld();
  for (let index = 0; index < shipped + unshipped; index++) {
    const isUnshipped = index >= shipped;
    await world.put('a', { createdMs: longAgo + index * hourMs, bytes: 10 * kb, isUnshipped });
  }
  world.disk = { totalBytes: 1_000 * kb, others: 0 };
  world.disk.others = (await world.freeBytes()) - freeBytes;
  return world;
}

describe('the level of a disk', () => {
  const { ease, low, full } = diskLevels;

  it.each([
    ['6 GB of 100 GB', 100 * gb, 6 * gb, ease],
    ['4.9 GB of 100 GB', 100 * gb, 4.9 * gb, low],
    ['0.4 GB of 100 GB', 100 * gb, 0.4 * gb, full],
    ['11 GiB of 1 TB', 1_000 * gb, 11 * gib, ease],
    ['9 GiB of 1 TB', 1_000 * gb, 9 * gib, low],
    ['exactly 10 GiB of 1 TB', 1_000 * gb, 10 * gib, ease],
    ['exactly 1 GiB of 1 TB', 1_000 * gb, gib, low],
    ['just under 1 GiB of 1 TB', 1_000 * gb, gib - 1, full],
    ['8 GiB of a laptop with 512 GB', 512 * gb, 8 * gib, low],
    ['8 GiB of a small machine with 20 GiB', 20 * gib, 8 * gib, ease],
    ['60 MB of a memory disk of 64 MB', 64e6, 60e6, ease],
  ])('is by the smaller of the two bounds: %s', (_name, totalBytes, freeBytes, level) => {
    expect(diskLevelOf({ totalBytes, freeBytes }, testSettings())).toBe(level);
  });

  it.each([[{ retentionDiskFreePercent: 0 }], [{ retentionDiskFreeBytes: 0 }]])(
    'is at ease with a bound of 0: %j',
    (file) => {
      const settings = testSettings(file);
      expect(diskBounds(settings, gb)).toEqual({ lowBytes: 0, floorBytes: 0 });
      expect(diskLevelOf({ totalBytes: gb, freeBytes: 0 }, settings)).toBe(ease);
    },
  );
});

describe('retention by disk', () => {
  it('deletes no more than the disk needs, oldest first', async () => {
    const world = await pressed(25 * kb, 8);
    const oldest = world.listed('a').slice(0, 3);
    const retention = world.retention(disk);
    await tick(retention, world.nowMs);
    expect(world.forgotten).toEqual(oldest.map((ulid) => `a/${ulid}`));
    expect(await world.freeBytes()).toBe(55 * kb);
    expect(retention.diskFailure()).toBeUndefined();
    const { deletedBlocks, diskFreeBytes } = world.metrics.retention;
    expect(await countOf(deletedBlocks, { reason: 'disk' })).toBe(3);
    expect(await countOf(diskFreeBytes)).toBe(55 * kb);
  });

  it('neither empties a laptop that others fill nor refuses its pushes', async () => {
    const world = new LocalWorld();
    for (let index = 0; index < 20; index++) {
      await world.put('a', { createdMs: testStartMs - index * hourMs, bytes: 10 * kb });
    }
    world.disk = { totalBytes: 512 * gb, others: 512 * gb - 8 * gib };
    const file = { retentionDiskFreePercent: 5, retentionLocalAge: '7d' };
    const retention = world.retention(file, { isBucketConfigured: false });
    await tick(retention, world.nowMs);
    expect(world.listed('a')).toHaveLength(20);
    expect(retention.diskFailure()).toBeUndefined();
    expect(world.warnings.join()).toContain('cannot make up for it');
  });

  it('reaches the floor when it cannot reach the bound, so that pushes go on', async () => {
    const world = await pressed(1 * kb, 3);
    const retention = world.retention(disk);
    await tick(retention, world.nowMs);
    expect(world.forgotten).toHaveLength(1);
    expect(await world.freeBytes()).toBe(11 * kb);
    expect(retention.diskFailure()).toBeUndefined();
  });

  it('refuses pushes when nothing may go, until the disk has room', async () => {
    const world = await pressed(1 * kb, 0, 9);
    const retention = world.retention(disk);
    await tick(retention, world.nowMs);
    expect(world.listed('a')).toHaveLength(9);
    expect(retention.diskFailure()).toBe(
      'free disk is 1000 bytes, floor 5000, and no block may be deleted that would help',
    );
    world.disk!.others -= 4 * kb;
    await tick(retention, world.nowMs + 15_000);
    expect(retention.diskFailure()).toBeUndefined();
  });

  it('tries every minute while pushes are refused', async () => {
    const world = await pressed(1 * kb, 0, 9);
    const retention = world.retention(disk);
    await tick(retention, world.nowMs);
    world.unshipped.clear();
    await tick(retention, world.nowMs + 45_000);
    expect(world.forgotten).toEqual([]);
    await tick(retention, world.nowMs + 60_000);
    expect(world.forgotten).toHaveLength(5);
    expect(retention.diskFailure()).toBeUndefined();
  });

  it('watches the disk between passes: one that fills begins a pass', async () => {
    const world = await pressed(60 * kb, 8);
    const retention = world.retention(disk);
    await tick(retention, world.nowMs);
    const nextMs = await tick(retention, world.nowMs + 15_000);
    expect(nextMs).toBe(world.nowMs + 30_000);
    expect(world.forgotten).toEqual([]);
    world.disk!.others += 15 * kb;
    await tick(retention, nextMs);
    expect(world.forgotten).toHaveLength(1);
    // Again low, but at ease in between.
    await tick(retention, nextMs + 15_000);
    world.disk!.others += 15 * kb;
    await tick(retention, nextMs + 30_000);
    expect(world.forgotten).toHaveLength(2);
  });

  it('waits for the next pass when the disk gains nothing by a deletion', async () => {
    const world = await pressed(25 * kb, 8);
    const diskUsage = async () => ({ freeBytes: 25 * kb, totalBytes: 1_000 * kb });
    const retention = world.retention(disk, { diskUsage });
    await tick(retention, world.nowMs);
    expect(world.forgotten).toHaveLength(1);
    expect(world.warnings.join()).toContain('free disk does not grow');
    await tick(retention, world.nowMs + 15_000);
    expect(world.forgotten).toHaveLength(1);
    await tick(retention, world.nowMs + 5 * minuteMs);
    expect(world.forgotten).toHaveLength(2);
  });

  it('waits for the next pass when the tables of a block are pinned', async () => {
    const world = await pressed(25 * kb, 8);
    const forget = (tenant: string, ulid: string) => {
      world.blocks.forget(tenant, ulid);
      world.pinned.add(ulid);
    };
    await tick(world.retention(disk, { blocks: { ...world.blocks, forget } }), world.nowMs);
    expect(world.forgotten).toHaveLength(1);
  });

  it('leaves a disk alone that cannot be measured, and refuses nothing for it', async () => {
    const world = await pressed(1 * kb, 0, 9);
    let answer: () => Promise<undefined> = () =>
      Promise.reject(new Failure('unavailable', 'no such disk'));
    const measured = { freeBytes: 1 * kb, totalBytes: 1_000 * kb };
    let isMeasured = true;
    const diskUsage = async () => (isMeasured ? measured : answer());
    const retention = world.retention(disk, { diskUsage });
    await tick(retention, world.nowMs);
    expect(retention.diskFailure()).toBeDefined();
    isMeasured = false;
    await tick(retention, world.nowMs + minuteMs);
    expect(retention.diskFailure()).toBeUndefined();
    expect(await countOf(world.metrics.retention.failures)).toBeGreaterThan(0);
    expect(world.warnings.join()).toContain('free disk cannot be measured');
    answer = async () => undefined;
    await tick(retention, world.nowMs + 2 * minuteMs);
    expect(await tick(retention, world.nowMs + 3 * minuteMs)).toBe(world.nowMs + 7 * minuteMs);
  });

  it('frees by age before it asks the disk', async () => {
    const world = await pressed(25 * kb, 8);
    const now = longAgo + 7 * dayMs + 4 * hourMs + 1;
    await tick(world.retention({ ...disk, retentionLocalAge: '7d' }), now);
    expect(world.forgotten).toHaveLength(4);
    const { deletedBlocks } = world.metrics.retention;
    expect(await countOf(deletedBlocks, { reason: 'age' })).toBe(4);
  });
});

describe('the room on a disk that tenants share', () => {
  it('runs short between the two bounds, and tells who holds what of it', async () => {
    const world = await pressed(9 * kb, 0, 3);
    await world.put('b', { createdMs: longAgo, bytes: 5 * kb, isUnshipped: true });
    const retention = world.retention(disk);
    expect(retention.diskRoom()).toBeUndefined();
    await tick(retention, world.nowMs);
    const room = retention.diskRoom();
    // Of 45 kB between 50 and 5, 46 are gone: b's block came after the disk was filled.
    expect(room?.usedPart).toBeCloseTo(46 / 45);
    expect(room?.bytesMax).toBe(35 * kb);
    expect(room?.tenantCount).toBe(2);
    expect(['a', 'b', 'c'].map((tenant) => room?.bytesOf(tenant))).toEqual([30 * kb, 5 * kb, 0]);
  });

  it('counts what a pass leaves, not what it deletes', async () => {
    const world = await pressed(25 * kb, 8);
    const retention = world.retention(disk);
    await tick(retention, world.nowMs);
    expect(retention.diskRoom()?.bytesOf('a')).toBe(50 * kb);
    expect(retention.diskRoom()?.usedPart).toBeLessThan(0);
  });

  it('is not told when the rules are off', async () => {
    const world = await pressed(9 * kb, 0, 3);
    const retention = world.retention({ retentionDiskFreePercent: 0 });
    await tick(retention, world.nowMs);
    expect(retention.diskRoom()).toBeUndefined();
  });
});
