// Retention of the bucket under its bound of requests and under faults: what a tick leaves undone
// the next ones do, and readers see whole blocks all the time.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bucket } from '../../../src/bucket/bucket.ts';
import { Failure } from '../../../src/errors.ts';
import { month, RemoteWorld } from '../../support/bucket-retention.ts';
import { faulty } from '../../support/faulty-bucket.ts';
import { testStartMs } from '../../support/memory-platform.ts';
import { countOf, dayMs, hourMs, keysOf, minuteMs, tick } from '../../support/retention.ts';

const longAgo = testStartMs - 60 * dayMs;
const fiveMs = 5 * minuteMs;
const broken = () => new Failure('unavailable', 'bucket is down');

const tables = ['locations.parquet', 'samples.parquet'];
const whole = ['locations.parquet', 'meta.json', 'samples.parquet'];

describe('bucket retention under bounds and faults', () => {
  it('makes at most 1000 requests a tick, give or take one, and goes on at the next', async () => {
    const world = new RemoteWorld();
    const many = 500;
    for (let index = 0; index < many; index++) {
      await world.put(index % 2 === 0 ? 'a' : 'b', { createdMs: longAgo, index, bytes: 1 });
    }
    const retention = world.retention();
    const { calls } = world.faulty;
    let ticks = 0;
    for (; (await keysOf(world.memory)).length > 0 && ticks < 50; ticks++) {
      calls.length = 0;
      await tick(retention, testStartMs + ticks * fiveMs);
      expect(calls.length).toBeLessThanOrEqual(1_001);
    }
    // 2 requests for the first step of a block, 3 for the second.
    expect(ticks).toBeGreaterThanOrEqual((many * 5) / 1_001);
    expect(ticks).toBeLessThan(20);
  });

  it('goes on with other tenants and blocks when one fails, and tries that again', async () => {
    const world = new RemoteWorld();
    const first = await world.put('a', { createdMs: longAgo });
    const second = await world.put('b', { createdMs: longAgo });
    const third = await world.put('c', { createdMs: longAgo });
    const isBroken = new Set(['list a/phlaredb/', `delete ${second}meta.json`]);
    const fail = (call: string) => {
      if (isBroken.has(call)) throw broken();
    };
    const bucket: Bucket = {
      ...world.faulty.bucket,
      list: async (prefix, options) => {
        fail(`list ${prefix}`);
        return world.memory.list(prefix, options);
      },
      delete: async (key, options) => {
        fail(`delete ${key}`);
        await world.memory.delete(key, options);
      },
    };
    const retention = world.retention(month, bucket);
    await tick(retention, testStartMs);
    expect(await world.files(first)).toEqual(whole);
    expect(await world.files(second)).toEqual(whole);
    expect(await world.files(third)).toEqual(tables);
    expect(await countOf(world.metrics.retention.failures, { store: 'bucket' })).toBe(2);
    isBroken.clear();
    await tick(retention, testStartMs + 6 * hourMs);
    await tick(retention, testStartMs + 7 * hourMs);
    expect(await keysOf(world.memory)).toEqual([]);
  });

  it('begins again at the next tick when the tenants cannot be listed', async () => {
    const world = new RemoteWorld();
    const prefix = await world.put('a', { createdMs: longAgo });
    world.faulty.failNext(1, broken);
    const retention = world.retention();
    await tick(retention, testStartMs);
    expect(await world.files(prefix)).toEqual(whole);
    await tick(retention, testStartMs + fiveMs);
    expect(await world.files(prefix)).toEqual(tables);
  });

  it('gives a run up after ten failures, not the blocks', async () => {
    const world = new RemoteWorld();
    for (let index = 0; index < 30; index++) await world.put('a', { createdMs: longAgo, index });
    const retention = world.retention();
    await tick(retention, testStartMs);
    const { calls, failFrom, failNext } = world.faulty;
    calls.length = 0;
    failFrom(0, broken);
    await tick(retention, testStartMs + 3 * fiveMs);
    expect(calls).toHaveLength(10);
    failNext(0, broken);
    await tick(retention, testStartMs + 6 * fiveMs);
    expect(await keysOf(world.memory)).toEqual([]);
  });

  it('stops in the middle and begins nothing any more', async () => {
    const world = new RemoteWorld();
    for (let index = 0; index < 3; index++) await world.put('a', { createdMs: longAgo, index });
    let stopped: Promise<void> | undefined;
    const bucket: Bucket = {
      ...world.faulty.bucket,
      delete: async (key, options) => {
        await world.memory.delete(key, options);
        stopped ??= retention.stop();
      },
    };
    const retention = world.retention(month, bucket);
    await tick(retention, testStartMs);
    await stopped;
    const left = (await keysOf(world.memory)).length;
    expect(left).toBe(8);
    await tick(retention, testStartMs + dayMs);
    expect(await keysOf(world.memory)).toHaveLength(left);
    expect(await countOf(world.metrics.retention.failures)).toBe(0);
  });

  it('leaves whole blocks, in the end exactly those that are young enough', async () => {
    // Ends lie at noon: walks later the same day agree on what is too old.
    const noonMs = testStartMs - 12 * hourMs;
    const anyBlocks = fc.array(
      fc.record({
        tenant: fc.constantFrom('a', 'b', 'c'),
        ageDays: fc.integer({ min: 1, max: 40 }),
        dataDays: fc.integer({ min: -2, max: 2 }),
      }),
      { maxLength: 12 },
    );
    const anyFaults = fc.array(fc.boolean(), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(anyBlocks, anyFaults, async (blocks, faults) => {
        const world = new RemoteWorld();
        const keep: string[] = [];
        for (const [index, { tenant, ageDays, dataDays }] of blocks.entries()) {
          const createdMs = noonMs - ageDays * dayMs;
          const maxTime = createdMs + dataDays * dayMs;
          const prefix = await world.put(tenant, { createdMs, maxTime, index, bytes: 3 });
          const endMs = createdMs + Math.min(Math.max(0, dataDays), 1) * dayMs;
          if (endMs >= testStartMs - month) keep.push(prefix);
        }
        const fail = () => {
          if (faults.shift()) throw broken();
        };
        const { bucket } = faulty(world.memory);
        const flaky: Bucket = {
          ...bucket,
          list: async (prefix, options) => {
            fail();
            return bucket.list(prefix, options);
          },
          get: async (key, options) => {
            fail();
            return bucket.get(key, options);
          },
          delete: async (key, options) => {
            fail();
            await bucket.delete(key, options);
          },
        };
        const retention = world.retention(month, flaky);
        for (let elapsedMs = 0; elapsedMs < 11 * hourMs; elapsedMs += fiveMs) {
          // Whatever fails does so in the first hours; a walk that none of it meets begins later.
          if (elapsedMs > 2 * hourMs) faults.length = 0;
          await tick(retention, testStartMs + elapsedMs);
          for (const key of await keysOf(world.memory)) {
            if (!key.endsWith('meta.json')) continue;
            expect(await world.files(key.slice(0, -'meta.json'.length))).toEqual(whole);
          }
        }
        const left = await keysOf(world.memory);
        expect(left.filter((key) => key.endsWith('meta.json'))).toEqual(
          keep.sort().map((prefix) => `${prefix}meta.json`),
        );
        expect(left).toHaveLength(keep.length * 3);
      }),
      { numRuns: 40 },
    );
  });
});
