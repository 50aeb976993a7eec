// Retention of the bucket: which blocks go, in two steps, and that nothing is touched that is not a
// block of ours.
import { describe, expect, it } from 'vitest';
import type { Bucket } from '../../../src/bucket/bucket.ts';
import { month, RemoteWorld } from '../../support/bucket-retention.ts';
import { bytesOf } from '../../support/bytes.ts';
import { testStartMs } from '../../support/memory-platform.ts';
import {
  blockMeta,
  countOf,
  dayMs,
  hourMs,
  keysOf,
  minuteMs,
  putFolder,
  tick,
  ulidAt,
} from '../../support/retention.ts';

const longAgo = testStartMs - 60 * dayMs;
const fiveMs = 5 * minuteMs;

const tables = ['locations.parquet', 'samples.parquet'];
const whole = ['locations.parquet', 'meta.json', 'samples.parquet'];

describe('bucket retention', () => {
  it('deletes meta.json of a block that is too old, and its tables 15 minutes later', async () => {
    const world = new RemoteWorld();
    const edge = testStartMs - month;
    const old = await world.put('a', { createdMs: edge - 2 * hourMs, maxTime: edge - 1 });
    const atBound = await world.put('a', { createdMs: edge - hourMs, maxTime: edge });
    const young = await world.put('b', { createdMs: testStartMs - hourMs });
    const retention = world.retention();
    await retention.start();
    expect(await tick(retention, testStartMs)).toBe(testStartMs + fiveMs);
    expect(await world.files(old)).toEqual(tables);
    await tick(retention, testStartMs + 2 * fiveMs);
    expect(await world.files(old)).toEqual(tables);
    await tick(retention, testStartMs + 3 * fiveMs);
    expect(await world.files(old)).toEqual([]);
    expect(await world.files(atBound)).toEqual(whole);
    expect(await world.files(young)).toEqual(whole);
    const { deletedBlocks, deletedBytes, failures } = world.metrics.retention;
    expect(await countOf(deletedBlocks, { store: 'bucket', reason: 'age' })).toBe(1);
    expect(await countOf(deletedBytes)).toBeGreaterThan(100);
    expect(await countOf(deletedBlocks)).toBe(1);
    expect(await countOf(failures)).toBe(0);
    expect(world.warnings).toEqual([]);
  });

  it('asks once per page, and reads only what may be too old', async () => {
    const world = new RemoteWorld();
    const prefix = await world.put('a', { createdMs: testStartMs - month - hourMs });
    for (let index = 0; index < 5; index++) {
      await world.put('a', { createdMs: testStartMs - 5 * dayMs, index });
    }
    const { calls } = world.faulty;
    const retention = world.retention();
    await tick(retention, testStartMs);
    expect(calls).toEqual(['list ', 'list a/phlaredb/', `get ${prefix}meta.json`]);
    // Nothing more until the next walk, for which the end of the block is known.
    await tick(retention, testStartMs + hourMs);
    expect(calls).toHaveLength(3);
    await tick(retention, testStartMs + 6 * hourMs);
    expect(calls.slice(3)).toEqual(['list ', 'list a/phlaredb/', `delete ${prefix}meta.json`]);
  });

  it('counts old data from its push, and future data from a day after it', async () => {
    const world = new RemoteWorld();
    const pushedMs = testStartMs - month;
    const past = await world.put('a', { createdMs: pushedMs, maxTime: 1_000 });
    const future = await world.put('b', { createdMs: pushedMs, maxTime: testStartMs * 2 });
    await tick(world.retention(), testStartMs);
    expect(await world.files(past)).toEqual(whole);
    await tick(world.retention(), testStartMs + dayMs);
    expect(await world.files(past)).toEqual(tables);
    expect(await world.files(future)).toEqual(whole);
    await tick(world.retention(), testStartMs + dayMs + 1);
    expect(await world.files(future)).toEqual(tables);
  });

  it('touches nothing that is not a block of ours', async () => {
    const world = new RemoteWorld();
    const ulid = ulidAt(longAgo);
    const foreignMeta = bytesOf(JSON.stringify({ version: 3, ulid, minTime: 1, maxTime: 2 }));
    const { memory } = world;
    await memory.put(`a/phlaredb/${ulid}/meta.json`, foreignMeta);
    await memory.put(`a/phlaredb/${ulid}/index.tsdb`, foreignMeta);
    await memory.put(`a/phlaredb/${ulidAt(longAgo, 1)}/index.tsdb`, foreignMeta);
    await memory.put(`a/phlaredb/${ulidAt(longAgo, 1)}/functions.parquet`, foreignMeta);
    await memory.put(`a/phlaredb/${ulidAt(longAgo, 2)}/symbols/samples.parquet`, foreignMeta);
    await memory.put('a/phlaredb/samples.parquet', foreignMeta);
    await memory.put('a/phlaredb/bucket-index.json.gz', foreignMeta);
    await memory.put(`a/phlaredb/x${ulid.slice(1)}/samples.parquet`, foreignMeta);
    await memory.put(`a/other/${ulidAt(longAgo, 3)}/samples.parquet`, foreignMeta);
    await memory.put(`${ulidAt(longAgo, 4)}/samples.parquet`, foreignMeta);
    await memory.put('samples.parquet', foreignMeta);
    await putFolder(memory, 'a/other/', blockMeta('a', { createdMs: longAgo, index: 5 }));
    const moved = blockMeta('a', { createdMs: longAgo, index: 6 });
    await putFolder(memory, 'a/phlaredb/', { ...moved, tenant: 'b' });
    const kept = (await keysOf(memory)).filter((key) => !key.includes(moved.ulid));
    const renamed = `a/phlaredb/${ulidAt(longAgo, 7)}/meta.json`;
    await memory.put(renamed, await memory.get(`a/phlaredb/${moved.ulid}/meta.json`));
    const retention = world.retention();
    for (let at = 0; at <= 24; at++) await tick(retention, testStartMs + at * hourMs);
    expect(await keysOf(memory)).toEqual([...kept, renamed].sort());
    // Said once, not at every walk.
    expect(world.warnings).toHaveLength(1);
    expect(world.warnings[0]).toContain(`folder=a/phlaredb/${ulid}/`);
  });

  it('finishes after a restart what the process before it began', async () => {
    const world = new RemoteWorld();
    const prefix = await world.put('a', { createdMs: longAgo });
    await tick(world.retention(), testStartMs);
    const next = world.retention();
    await tick(next, testStartMs + minuteMs);
    expect(await world.files(prefix)).toEqual(tables);
    await tick(next, testStartMs + minuteMs + 3 * fiveMs);
    expect(await world.files(prefix)).toEqual([]);
    const { deletedBlocks } = world.metrics.retention;
    expect(await countOf(deletedBlocks, { store: 'bucket', reason: 'leftover' })).toBe(1);
  });

  it('leaves tables that are younger than a day or were written again', async () => {
    const world = new RemoteWorld();
    const { memory } = world;
    const young = `a/phlaredb/${ulidAt(longAgo)}/`;
    const again = `a/phlaredb/${ulidAt(longAgo, 1)}/`;
    const whole = `a/phlaredb/${ulidAt(longAgo, 2)}/`;
    for (const prefix of [again, whole]) await memory.put(`${prefix}samples.parquet`, bytesOf('x'));
    world.nowMs = testStartMs - dayMs + minuteMs;
    await memory.put(`${young}samples.parquet`, bytesOf('x'));
    const retention = world.retention();
    await tick(retention, testStartMs);
    world.nowMs = testStartMs + minuteMs;
    await memory.put(`${again}samples.parquet`, bytesOf('y'));
    world.nowMs = testStartMs - 2 * dayMs;
    await memory.put(`${whole}meta.json`, bytesOf('z'));
    await tick(retention, testStartMs + 3 * fiveMs);
    expect(await keysOf(memory)).toHaveLength(4);
  });

  it('keeps to the 15 minutes when it finds the tables again meanwhile', async () => {
    const world = new RemoteWorld();
    const prefix = await world.put('a', { createdMs: longAgo });
    // An age this short is walked at every tick.
    const retention = world.retention(hourMs);
    for (const at of [0, 1, 2]) await tick(retention, testStartMs + at * fiveMs);
    expect(world.faulty.calls.filter((call) => call === 'list ')).toHaveLength(3);
    expect(await world.files(prefix)).toEqual(tables);
    await tick(retention, testStartMs + 3 * fiveMs);
    expect(await world.files(prefix)).toEqual([]);
  });

  it('waits with the tables for queries that read them', async () => {
    const world = new RemoteWorld();
    const prefix = await world.put('a', { createdMs: longAgo });
    world.pinned.add(prefix);
    const retention = world.retention();
    await tick(retention, testStartMs);
    await tick(retention, testStartMs + 3 * fiveMs);
    expect(await world.files(prefix)).toEqual(tables);
    world.pinned.clear();
    await tick(retention, testStartMs + 5 * fiveMs);
    expect(await world.files(prefix)).toEqual(tables);
    await tick(retention, testStartMs + 6 * fiveMs);
    expect(await world.files(prefix)).toEqual([]);
  });

  it('puts folders together whose files lie on two pages', async () => {
    const world = new RemoteWorld();
    const prefixes = [];
    for (let index = 0; index < 7; index++) {
      prefixes.push(await world.put('a', { createdMs: longAgo, index }));
    }
    const paged = (pageSize: number): Bucket => ({
      ...world.faulty.bucket,
      list: (prefix, options) => world.memory.list(prefix, { ...options, pageSize }),
    });
    for (const pageSize of [1, 2, 4, 5]) {
      // Were a folder judged by half its files, it would look like a leftover.
      const retention = world.retention(365 * dayMs, paged(pageSize));
      await tick(retention, testStartMs);
      await tick(retention, testStartMs + 3 * fiveMs);
      expect(await keysOf(world.memory)).toHaveLength(21);
    }
    await tick(world.retention(month, paged(2)), testStartMs);
    for (const prefix of prefixes) expect(await world.files(prefix)).toEqual(tables);
  });
});
