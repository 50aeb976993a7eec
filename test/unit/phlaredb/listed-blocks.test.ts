// Blocks that are found by listing a bucket: what is read again, and when.
import { describe, expect, it } from 'vitest';
import type { BucketOperation } from '../../../src/bucket/counted.ts';
import { counted } from '../../../src/bucket/counted.ts';
import { MemoryBucket } from '../../../src/bucket/memory.ts';
import { ListedBlocks } from '../../../src/phlaredb/listed-blocks.ts';
import { testStartMs } from '../../support/memory-platform.ts';
import { blockMeta, putFolder } from '../../support/retention.ts';

function setUp(freshMs = 1_000) {
  const bucket = new MemoryBucket();
  const operations: BucketOperation[] = [];
  const time = { ms: 0 };
  const clock = { monotonicMs: () => time.ms };
  const blocks = counted(bucket, { clock, onOperation: (name) => operations.push(name) });
  const list = new ListedBlocks({ blocks, clock, freshMs });
  const put = (index: number) =>
    putFolder(bucket, '', blockMeta('a', { createdMs: testStartMs, index }));
  const indexes = () => [...list.metas].map(({ ulid }) => Number.parseInt(ulid.slice(-4), 16));
  return { bucket, operations, time, list, put, indexes };
}

describe('listed blocks', () => {
  it('lists once while the list is fresh, and reads only what is new after that', async () => {
    const { operations, time, list, put, indexes } = setUp();
    await put(1);
    await put(2);
    await Promise.all([list.current(), list.current()]);
    await list.current();
    expect(operations.splice(0).sort()).toEqual(['get', 'get', 'iter']);
    await put(3);
    time.ms = 1_001;
    await list.current();
    expect(operations).toEqual(['iter', 'get']);
    expect(indexes()).toEqual([1, 2, 3]);
  });

  it('forgets what is gone, and takes a folder without meta.json for none yet', async () => {
    const { bucket, time, list, put, indexes } = setUp();
    await put(1);
    await put(2);
    await list.current();
    for (const { key } of (await bucket.list('')).objects) {
      if (key.includes('0000000000000001/')) await bucket.delete(key);
    }
    const { ulid } = blockMeta('a', { createdMs: testStartMs, index: 4 });
    await bucket.put(`${ulid}/samples.parquet`, new Uint8Array(3));
    time.ms = 2_000;
    await list.current();
    expect(indexes()).toEqual([2]);
    await put(4);
    time.ms = 4_000;
    await list.current();
    expect(indexes()).toEqual([2, 4]);
  });

  it('reads a block again that may be deleted, until it is gone or back', async () => {
    const { bucket, list, put, indexes, operations } = setUp();
    await put(1);
    await put(2);
    await list.current();
    operations.length = 0;
    const ulid = (index: number) => blockMeta('a', { createdMs: testStartMs, index }).ulid;
    await bucket.delete(`${ulid(1)}/meta.json`);
    for (const index of [1, 2]) list.doubt(ulid(index));
    await list.current();
    expect({ indexes: indexes(), operations: operations.splice(0) }).toEqual({
      indexes: [2],
      operations: ['iter', 'get', 'get'],
    });
    await put(1);
    list.invalidate();
    await list.current();
    expect({ indexes: indexes(), operations }).toEqual({
      indexes: [1, 2],
      operations: ['iter', 'get'],
    });
  });

  it('lists again for a change that came while it was listing', async () => {
    const { bucket, list, put, indexes } = setUp();
    await put(1);
    const listing = bucket.list.bind(bucket);
    let isFirst = true;
    bucket.list = async (prefix, options) => {
      const page = await listing(prefix, options);
      if (!isFirst) return page;
      isFirst = false;
      await put(2);
      list.invalidate();
      return page;
    };
    const changes = await list.current();
    expect({ indexes: indexes(), changes }).toEqual({ indexes: [1, 2], changes: list.changes });
  });

  it('does not answer a part for the whole', async () => {
    const { bucket, list, put } = setUp();
    await put(1);
    const { ulid } = blockMeta('a', { createdMs: testStartMs, index: 2 });
    await bucket.put(`${ulid}/meta.json`, new TextEncoder().encode('{"version":1'));
    await expect(list.current()).rejects.toMatchObject({
      kind: 'corrupt',
      message: expect.stringContaining(ulid),
    });
  });

  it('reads many blocks over many pages', async () => {
    const { list, put, indexes } = setUp();
    for (let index = 0; index < 1_200; index++) await put(index);
    await list.current();
    expect(indexes()).toEqual(Array.from({ length: 1_200 }, (_, index) => index));
  });
});
