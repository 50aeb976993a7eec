// Retention of local blocks by age and by bytes: which blocks go, which never, and when it acts.
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { testStartMs } from '../../support/memory-platform.ts';
import {
  countOf,
  dayMs,
  hourMs,
  keysOf,
  LocalWorld,
  minuteMs,
  tick,
  ulidAt,
} from '../../support/retention.ts';

const mib = 2 ** 20;
const week = { retentionLocalAge: '7d' };
const longAgo = testStartMs - 30 * dayMs;
const broken = () => new Failure('unavailable', 'disk is broken');

describe('retention by age', () => {
  it('deletes blocks whose data ended longer ago, and no others', async () => {
    const world = new LocalWorld();
    const edge = testStartMs - 7 * dayMs;
    const old = await world.put('a', { createdMs: edge - 2 * hourMs, maxTime: edge - 1 });
    const atBound = await world.put('a', { createdMs: edge - hourMs, maxTime: edge });
    const other = await world.put('b', { createdMs: longAgo });
    await world.put('b', { createdMs: testStartMs - hourMs });
    await tick(world.retention(week), world.nowMs);
    expect(world.forgotten).toEqual([`b/${other.ulid}`, `a/${old.ulid}`]);
    const keys = await keysOf(world.folder('a').bucket);
    expect(keys).toEqual(
      ['locations.parquet', 'meta.json', 'samples.parquet'].map(
        (name) => `${atBound.ulid}/${name}`,
      ),
    );
    const { deletedBlocks, deletedBytes, failures, localBytes } = world.metrics.retention;
    expect(await countOf(deletedBlocks, { store: 'local', reason: 'age' })).toBe(2);
    expect(await countOf(deletedBytes)).toBe(200);
    expect(await countOf(localBytes)).toBe(200);
    expect(await countOf(failures)).toBe(0);
    expect(world.warnings).toEqual([]);
  });

  it('counts old data from its push, and future data from a day after it', async () => {
    const world = new LocalWorld();
    const pushedMs = testStartMs - 7 * dayMs;
    await world.put('a', { createdMs: pushedMs, maxTime: 1_000 });
    await world.put('b', { createdMs: pushedMs, maxTime: testStartMs + 3_650 * dayMs });
    const retention = world.retention(week);
    await tick(retention, testStartMs);
    expect(world.forgotten).toEqual([]);
    await tick(retention, testStartMs + dayMs);
    expect(world.forgotten).toEqual([`a/${ulidAt(pushedMs)}`]);
    await tick(retention, testStartMs + dayMs + minuteMs * 5);
    expect(world.forgotten).toEqual([`a/${ulidAt(pushedMs)}`, `b/${ulidAt(pushedMs)}`]);
  });

  it('keeps what is not in the bucket, but without a bucket deletes the only copy', async () => {
    const world = new LocalWorld();
    const { ulid } = await world.put('a', { createdMs: longAgo, isUnshipped: true });
    const shipped = await world.put('a', { createdMs: longAgo, index: 1 });
    await tick(world.retention(week), world.nowMs);
    expect(world.listed('a')).toEqual([ulid]);
    expect(world.forgotten).toEqual([`a/${shipped.ulid}`]);
    const unshipped = () => Promise.reject(new Error('nobody knows'));
    const alone = { isBucketConfigured: false, blocks: { ...world.blocks, unshipped } };
    await tick(world.retention(week, alone), world.nowMs);
    expect(world.listed('a')).toEqual([]);
  });

  it('deletes nothing of a tenant whose shipped blocks are unknown, and goes on', async () => {
    const world = new LocalWorld();
    await world.put('a', { createdMs: longAgo });
    const { ulid } = await world.put('b', { createdMs: longAgo });
    const unshipped = async (tenant: string) => {
      if (tenant === 'a') throw broken();
      return [];
    };
    await tick(world.retention(week, { blocks: { ...world.blocks, unshipped } }), world.nowMs);
    expect(world.forgotten).toEqual([`b/${ulid}`]);
    expect(await countOf(world.metrics.retention.failures, { store: 'local' })).toBe(1);
    expect(world.warnings.join()).toContain('tenant=a error="disk is broken"');
  });

  it('deletes no block that was written while it asked which ones are shipped', async () => {
    const world = new LocalWorld();
    const { ulid } = await world.put('a', { createdMs: longAgo });
    let late = '';
    const unshipped = async () => {
      // Asked before the block was there, answered after.
      const answer = [...world.unshipped];
      late = (await world.put('a', { createdMs: longAgo, index: 9, isUnshipped: true })).ulid;
      return answer;
    };
    const retention = world.retention(week, { blocks: { ...world.blocks, unshipped } });
    await tick(retention, world.nowMs);
    expect(world.forgotten).toEqual([`a/${ulid}`]);
    expect(world.listed('a')).toEqual([late]);
  });
});

describe('retention by bytes', () => {
  it('takes the oldest of whoever holds the most until all fit', async () => {
    const world = new LocalWorld();
    const bytes = 0.25 * mib;
    for (let index = 0; index < 6; index++) {
      await world.put('noisy', { createdMs: testStartMs - (6 - index) * hourMs, bytes });
    }
    await world.put('quiet', { createdMs: longAgo, bytes });
    await tick(world.retention({ retentionBytes: mib }), world.nowMs);
    expect(world.forgotten).toEqual(
      [6, 5, 4].map((hours) => `noisy/${ulidAt(testStartMs - hours * hourMs)}`),
    );
    const { deletedBlocks, localBytes } = world.metrics.retention;
    expect(await countOf(deletedBlocks, { reason: 'bytes' })).toBe(3);
    expect(await countOf(localBytes)).toBe(mib);
  });

  it('lets equals take turns, the one with the oldest block first', async () => {
    const world = new LocalWorld();
    for (const [tenant, offset] of [
      ['a', 1],
      ['b', 0],
    ] as const) {
      for (const hours of [8, 6, 4]) {
        const createdMs = testStartMs - hours * hourMs + offset;
        await world.put(tenant, { createdMs, bytes: mib });
      }
    }
    await tick(world.retention({ retentionBytes: 2 * mib }), world.nowMs);
    expect(world.forgotten.map((key) => key.slice(0, 1))).toEqual(['b', 'a', 'b', 'a']);
    expect(world.listed('a')).toEqual([ulidAt(testStartMs - 4 * hourMs + 1)]);
  });

  it('says so when what may go is not enough', async () => {
    const world = new LocalWorld();
    await world.put('a', { createdMs: longAgo, bytes: mib });
    await world.put('a', { createdMs: longAgo, index: 1, bytes: 2 * mib, isUnshipped: true });
    await tick(world.retention({ retentionBytes: mib }), world.nowMs);
    expect(world.listed('a')).toEqual([ulidAt(longAgo, 1)]);
    expect(world.warnings.join()).toContain('none may be deleted" bytes=2097152 limit=1048576');
  });
});

describe('the life of retention', () => {
  it('passes at once and every five minutes, and after a clock that jumps back', async () => {
    const world = new LocalWorld();
    let passes = 0;
    const tenants = async () => {
      passes++;
      return [];
    };
    const retention = world.retention(week, { blocks: { ...world.blocks, tenants } });
    await retention.start();
    expect(await tick(retention, testStartMs)).toBe(testStartMs + 5 * minuteMs);
    expect(passes).toBe(1);
    expect(await tick(retention, testStartMs + 5 * minuteMs - 1)).toBe(testStartMs + 5 * minuteMs);
    expect(passes).toBe(1);
    await tick(retention, testStartMs + 5 * minuteMs);
    expect(passes).toBe(2);
    await tick(retention, testStartMs - 365 * dayMs);
    expect(passes).toBe(3);
  });

  it('does not wait in a tick, and never runs twice at a time', async () => {
    const world = new LocalWorld();
    let release: (tenants: string[]) => void = () => undefined;
    let passes = 0;
    const tenants = () => {
      passes++;
      return new Promise<string[]>((resolve) => {
        release = resolve;
      });
    };
    const retention = world.retention(week, { blocks: { ...world.blocks, tenants } });
    await retention.tick(testStartMs);
    await retention.tick(testStartMs + hourMs);
    await new Promise((resolve) => setImmediate(resolve));
    expect(passes).toBe(1);
    release([]);
    await retention.idle();
    await retention.tick(testStartMs + hourMs);
    await new Promise((resolve) => setImmediate(resolve));
    expect(passes).toBe(2);
    release([]);
    await retention.idle();
  });

  it('never rejects a tick: what fails is logged, counted and tried again', async () => {
    const world = new LocalWorld();
    const { ulid } = await world.put('a', { createdMs: longAgo });
    let isBroken = true;
    const tenants = () => (isBroken ? Promise.reject(broken()) : world.blocks.tenants());
    const retention = world.retention(week, { blocks: { ...world.blocks, tenants } });
    await tick(retention, testStartMs);
    expect(await countOf(world.metrics.retention.failures)).toBe(1);
    isBroken = false;
    await tick(retention, testStartMs + 5 * minuteMs);
    expect(world.forgotten).toEqual([`a/${ulid}`]);
  });

  it('stops between two deletions and begins nothing any more', async () => {
    const world = new LocalWorld();
    for (let index = 0; index < 3; index++) await world.put('a', { createdMs: longAgo, index });
    let stopped: Promise<void> | undefined;
    const forget = (tenant: string, ulid: string) => {
      world.blocks.forget(tenant, ulid);
      stopped = retention.stop();
    };
    const retention = world.retention(week, { blocks: { ...world.blocks, forget } });
    await tick(retention, testStartMs);
    await stopped;
    expect(world.listed('a')).toHaveLength(2);
    expect(await countOf(world.metrics.retention.failures)).toBe(0);
    await tick(retention, testStartMs + hourMs);
    expect(world.listed('a')).toHaveLength(2);
  });
});
