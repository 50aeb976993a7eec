// Retention of the bucket by a process that is ended after every run: what waits for its second
// step, and where the walk was, come from its memory.
import { describe, expect, it } from 'vitest';
import { BucketRetention } from '../../../src/ingester/bucket-retention.ts';
import type { RetentionMemory } from '../../../src/ingester/retention-notes.ts';
import { createLogger } from '../../../src/lib/log.ts';
import { month, RemoteWorld } from '../../support/bucket-retention.ts';
import { testStartMs } from '../../support/memory-platform.ts';
import { countOf, dayMs, hourMs, keysOf, minuteMs, tick } from '../../support/retention.ts';

const fiveMs = 5 * minuteMs;
const old = { createdMs: testStartMs - 60 * dayMs };
const tables = ['locations.parquet', 'samples.parquet'];

/** A world whose retention is a new one in each run. */
class ForgetfulWorld extends RemoteWorld {
  readonly texts = new Map<string, string>();
  writes = 0;
  readonly notes: RetentionMemory = {
    entries: () => this.texts,
    set: (key, text) => {
      this.writes++;
      this.texts.set(key, text);
    },
    delete: (key) => this.texts.delete(key),
  };

  async run(nowMs: number): Promise<void> {
    const retention = new BucketRetention({
      bucket: this.faulty.bucket,
      ageMs: month,
      isPinned: () => false,
      memory: this.notes,
      metrics: this.metrics,
      log: createLogger({ level: 'error', format: 'logfmt', nowMs: () => 0, sink: () => 0 }),
    });
    await tick(retention, nowMs);
    await retention.stop();
  }
}

describe('retention with a memory', () => {
  it('takes the second step in a run of another life, 15 minutes later', async () => {
    const world = new ForgetfulWorld();
    const prefix = await world.put('a', old);
    const young = await world.put('a', { createdMs: testStartMs - hourMs });
    await world.run(testStartMs);
    expect(await world.files(prefix)).toEqual(tables);
    await world.run(testStartMs + 2 * fiveMs);
    expect(await world.files(prefix)).toEqual(tables);
    await world.run(testStartMs + 3 * fiveMs);
    expect(await world.files(prefix)).toEqual([]);
    expect(await world.files(young)).toHaveLength(3);
    expect(await countOf(world.metrics.retention.deletedBlocks)).toBe(1);
    expect([...world.texts.keys()]).toEqual(['walk']);
  });

  it('walks no more often than one that lives on, and writes nothing in between', async () => {
    const world = new ForgetfulWorld();
    await world.put('a', { createdMs: testStartMs - hourMs });
    await world.run(testStartMs);
    const { calls } = world.faulty;
    const [callCount, { writes }] = [calls.length, world];
    for (let run = 1; run < 72; run++) await world.run(testStartMs + run * fiveMs);
    expect([calls.length, world.writes]).toEqual([callCount, writes]);
    await world.run(testStartMs + 72 * fiveMs);
    expect(calls.length).toBe(2 * callCount);
  });

  it('goes on where the requests of a run had an end, until all that is old is gone', async () => {
    const world = new ForgetfulWorld();
    for (const tenant of ['a', 'b', 'c', 'd']) {
      for (let index = 0; index < 200; index++) await world.put(tenant, { ...old, index });
      await world.put(tenant, { createdMs: testStartMs - hourMs });
    }
    const { calls } = world.faulty;
    let runs = 0;
    for (; (await keysOf(world.memory)).length > 4 * 3 && runs < 20; runs++) {
      const before = calls.length;
      await world.run(testStartMs + runs * fiveMs);
      expect(calls.length - before).toBeLessThanOrEqual(1_002);
    }
    // 2 requests for the first step of each block, 3 for the second.
    expect(runs).toBeGreaterThanOrEqual(4);
    expect(runs).toBeLessThan(10);
    expect(await keysOf(world.memory)).toHaveLength(4 * 3);
    expect(await countOf(world.metrics.retention.deletedBlocks)).toBe(800);
  }, 30_000);

  it('begins a walk again at its tenant when the list of tenants cannot be read', async () => {
    const world = new ForgetfulWorld();
    const prefix = await world.put('b', old);
    world.faulty.failNext(1, () => new Error('away'));
    await world.run(testStartMs);
    expect(await world.files(prefix)).toHaveLength(3);
    await world.run(testStartMs + fiveMs);
    expect(await world.files(prefix)).toEqual(tables);
  });
});
