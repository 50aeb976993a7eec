// How a local block goes: in which order, with what queries still read, and that whatever goes
// wrong leaves whole blocks and is made good later.
import { describe, expect, it } from 'vitest';
import type { Bucket } from '../../../src/bucket/bucket.ts';
import { Failure } from '../../../src/errors.ts';
import { bytesOf } from '../../support/bytes.ts';
import { faulty } from '../../support/faulty-bucket.ts';
import { testStartMs } from '../../support/memory-platform.ts';
import {
  countOf,
  dayMs,
  keysOf,
  LocalWorld,
  minuteMs,
  tick,
  ulidAt,
} from '../../support/retention.ts';

const week = { retentionLocalAge: '7d' };
const longAgo = testStartMs - 30 * dayMs;
const broken = () => new Failure('unavailable', 'disk is broken');

describe('the deletion of a local block', () => {
  const folders = async (bucket: Bucket) => {
    const keys = await keysOf(bucket);
    return [...new Set(keys.map((key) => key.slice(0, 26)))];
  };

  it('goes meta.json, list, tables', async () => {
    const world = new LocalWorld();
    const { bucket, calls } = faulty(world.newBucket());
    world.folder('a', bucket);
    const { ulid } = await world.put('a', { createdMs: longAgo });
    calls.length = 0;
    const forget = (tenant: string, forgotten: string) => {
      calls.push(`forget ${forgotten}`);
      world.blocks.forget(tenant, forgotten);
    };
    await tick(world.retention(week, { blocks: { ...world.blocks, forget } }), world.nowMs);
    expect(calls).toEqual([
      `delete ${ulid}/meta.json`,
      `forget ${ulid}`,
      `list ${ulid}/`,
      `delete ${ulid}/locations.parquet`,
      `delete ${ulid}/samples.parquet`,
      'list ',
    ]);
  });

  it('leaves a pinned block, and the tables of one that is pinned meanwhile', async () => {
    const world = new LocalWorld();
    const first = await world.put('a', { createdMs: longAgo });
    const second = await world.put('a', { createdMs: longAgo, index: 1 });
    world.pinned.add(first.ulid);
    const folder = (tenant: string): Bucket => ({
      ...faulty(world.blocks.folder(tenant)).bucket,
      delete: async (key, options) => {
        await world.blocks.folder(tenant).delete(key, options);
        world.pinned.add(second.ulid);
      },
    });
    const retention = world.retention(week, { blocks: { ...world.blocks, folder } });
    await tick(retention, world.nowMs);
    expect(world.listed('a')).toEqual([first.ulid]);
    expect(await keysOf(world.folder('a').bucket)).toContain(`${second.ulid}/samples.parquet`);
    world.nowMs += 2 * dayMs;
    await tick(retention, world.nowMs);
    expect(await keysOf(world.folder('a').bucket)).toContain(`${second.ulid}/samples.parquet`);
    world.pinned.clear();
    await tick(retention, world.nowMs + 5 * minuteMs);
    expect(await keysOf(world.folder('a').bucket)).toEqual([]);
    expect(await countOf(world.metrics.retention.deletedBlocks, { reason: 'age' })).toBe(2);
    expect(await countOf(world.metrics.retention.deletedBlocks, { reason: 'leftover' })).toBe(0);
  });

  it('asks again whether a block is pinned before it goes', async () => {
    const world = new LocalWorld();
    const first = await world.put('a', { createdMs: longAgo });
    const second = await world.put('a', { createdMs: longAgo, index: 1 });
    const forget = (tenant: string, ulid: string) => {
      world.blocks.forget(tenant, ulid);
      world.pinned.add(second.ulid);
    };
    await tick(world.retention(week, { blocks: { ...world.blocks, forget } }), world.nowMs);
    expect(world.forgotten).toEqual([`a/${first.ulid}`]);
    expect(await folders(world.folder('a').bucket)).toEqual([second.ulid]);
  });

  it('goes on with other blocks when one fails, and tries that again', async () => {
    const world = new LocalWorld();
    const { bucket, failNext } = faulty(world.newBucket());
    world.folder('a', bucket);
    const first = await world.put('a', { createdMs: longAgo });
    const second = await world.put('a', { createdMs: longAgo, index: 1 });
    failNext(1, broken);
    const retention = world.retention(week);
    await tick(retention, world.nowMs);
    expect(world.forgotten).toEqual([`a/${second.ulid}`]);
    expect(await folders(bucket)).toEqual([first.ulid]);
    expect(await countOf(world.metrics.retention.failures)).toBe(1);
    await tick(retention, world.nowMs + 5 * minuteMs);
    expect(await keysOf(bucket)).toEqual([]);
  });

  it('gives a pass up after ten failures', async () => {
    const world = new LocalWorld();
    const { bucket, calls, failFrom } = faulty(world.newBucket());
    world.folder('a', bucket);
    for (let index = 0; index < 30; index++) await world.put('a', { createdMs: longAgo, index });
    calls.length = 0;
    failFrom(0, broken);
    await tick(world.retention(week), world.nowMs);
    expect(calls).toHaveLength(10);
    expect(world.listed('a')).toHaveLength(30);
    expect(world.warnings.at(-1)).toContain('10 steps failed, limit 10: disk is broken');
  });

  it('leaves whole blocks whatever call fails, and a day later nothing else', async () => {
    for (let index = 0; ; index++) {
      const world = new LocalWorld();
      const { bucket, calls, failFrom, failNext } = faulty(world.newBucket());
      world.folder('a', bucket);
      await world.put('a', { createdMs: longAgo });
      await world.put('a', { createdMs: longAgo, index: 1 });
      calls.length = 0;
      failFrom(index, broken);
      await tick(world.retention(week), world.nowMs);
      const isWhole = calls.length <= index;
      failNext(0, broken);
      const keys = await keysOf(bucket);
      for (const key of keys.filter((each) => each.endsWith('meta.json'))) {
        const tables = ['locations', 'samples'].map((name) =>
          key.replace('meta.json', `${name}.parquet`),
        );
        expect(keys).toEqual(expect.arrayContaining(tables));
      }
      // Another process, which knows of the folders what the disk says.
      world.nowMs += dayMs + 1;
      await tick(world.retention(week), world.nowMs);
      expect(await keysOf(bucket)).toEqual([]);
      if (isWhole) break;
      expect(index).toBeLessThan(50);
    }
  });
});

describe('the sweep of leftovers', () => {
  it('deletes only tables of ours that nobody has touched for a day', async () => {
    const world = new LocalWorld();
    const { bucket } = world.folder('a');
    const put = (key: string) => bucket.put(key, bytesOf('x'));
    const leftover = ulidAt(longAgo);
    await put(`${leftover}/samples.parquet`);
    const kept = [
      `${ulidAt(longAgo, 1)}/meta.json`,
      `${ulidAt(longAgo, 2)}/samples.parquet`,
      `${ulidAt(longAgo, 2)}/notes.txt`,
      `${ulidAt(longAgo, 3)}/deeper/samples.parquet`,
      'not-a-ulid/samples.parquet',
      'samples.parquet',
    ];
    for (const key of kept) await put(key);
    const listed = await world.put('a', { createdMs: longAgo, index: 4 });
    await bucket.delete(`${listed.ulid}/meta.json`);
    world.nowMs += dayMs + 1;
    const young = `${ulidAt(longAgo, 5)}/samples.parquet`;
    await put(young);
    await tick(world.retention(), world.nowMs);
    const keys = await keysOf(bucket);
    expect(keys.sort()).toEqual(
      [...kept, young, `${listed.ulid}/samples.parquet`, `${listed.ulid}/locations.parquet`].sort(),
    );
    expect(await countOf(world.metrics.retention.deletedBlocks, { reason: 'leftover' })).toBe(1);
  });

  it('leaves everything where the store tells no times', async () => {
    const world = new LocalWorld();
    const { bucket } = world.folder('a');
    await bucket.put(`${ulidAt(longAgo)}/samples.parquet`, bytesOf('x'));
    const list: Bucket['list'] = async (prefix, options) => {
      const page = await bucket.list(prefix, options);
      return { ...page, objects: page.objects.map(({ key, bytes }) => ({ key, bytes })) };
    };
    const folder = () => ({ ...faulty(bucket).bucket, list });
    world.nowMs += 2 * dayMs;
    await tick(world.retention({}, { blocks: { ...world.blocks, folder } }), world.nowMs);
    expect(await keysOf(bucket)).toHaveLength(1);
  });
});
