// What retention reads of closed tenants: every meta once, as long as there is memory for it.
import { describe, expect, it } from 'vitest';
import { MemoryBucket } from '../../../src/bucket/memory.ts';
import { ClosedBlocks } from '../../../src/ingester/closed-blocks.ts';
import { bytesOf } from '../../support/bytes.ts';
import { faulty } from '../../support/faulty-bucket.ts';
import { blockMeta, hourMs, putFolder, ulidAt } from '../../support/retention.ts';

const startMs = 1_767_323_045_000;

/** Tenants with blocks an hour apart, each behind a bucket that counts. */
async function tenants(counts: Record<string, number>) {
  const folders = new Map<string, ReturnType<typeof faulty>>();
  for (const [tenant, count] of Object.entries(counts)) {
    const bucket = new MemoryBucket();
    for (let index = 0; index < count; index++) {
      const meta = blockMeta(tenant, { createdMs: startMs + index * hourMs, bytes: 100 + index });
      await putFolder(bucket, '', meta);
    }
    folders.set(tenant, faulty(bucket));
  }
  const folderOf = (tenant: string) => folders.get(tenant) as ReturnType<typeof faulty>;
  /** Metas read of a tenant since this was asked last. */
  const reads = (tenant: string) => {
    const { calls } = folderOf(tenant);
    return calls.splice(0).filter((call) => call.startsWith('get ')).length;
  };
  return { bucketOf: (tenant: string) => folderOf(tenant).bucket, reads };
}

describe('blocks of closed tenants', () => {
  it('are read once, and new ones when they come', async () => {
    const { bucketOf, reads } = await tenants({ a: 3 });
    const closed = new ClosedBlocks(bucketOf);
    const first = await closed.blocks('a');
    expect(first.map(({ bytes }) => bytes)).toEqual([100, 101, 102]);
    expect(reads('a')).toBe(3);
    expect(await closed.blocks('a')).toEqual(first);
    expect(reads('a')).toBe(0);
    await putFolder(bucketOf('a'), '', blockMeta('a', { createdMs: startMs + 9 * hourMs }));
    expect((await closed.blocks('a')).length).toBe(4);
    expect(reads('a')).toBe(1);
  });

  it('are none without their meta.json, or when it is wrong', async () => {
    const { bucketOf } = await tenants({ a: 2 });
    const [first, second] = [ulidAt(startMs), ulidAt(startMs + hourMs)];
    await bucketOf('a').put(`${first}/meta.json`, bytesOf('{'));
    await bucketOf('a').delete(`${second}/meta.json`);
    expect(await new ClosedBlocks(bucketOf).blocks('a')).toEqual([]);
  });

  it('are gone with their meta.json although tables are left', async () => {
    const { bucketOf } = await tenants({ a: 2 });
    const closed = new ClosedBlocks(bucketOf);
    await closed.blocks('a');
    await bucketOf('a').delete(`${ulidAt(startMs)}/meta.json`);
    closed.forget('a', ulidAt(startMs));
    expect((await closed.blocks('a')).map(({ ulid }) => ulid)).toEqual([ulidAt(startMs + hourMs)]);
  });

  it('are forgotten by tenant, the one asked for longest ago first, beyond a bound', async () => {
    const { bucketOf, reads } = await tenants({ a: 4, b: 4, c: 4 });
    const closed = new ClosedBlocks(bucketOf, 8);
    for (const tenant of ['a', 'b', 'a', 'c']) await closed.blocks(tenant);
    expect([reads('a'), reads('b'), reads('c')]).toEqual([4, 4, 4]);
    for (const tenant of ['a', 'c', 'b']) await closed.blocks(tenant);
    expect([reads('a'), reads('b'), reads('c')]).toEqual([0, 4, 0]);
    closed.forgetAll('b');
    await closed.blocks('c');
    await closed.blocks('b');
    expect([reads('c'), reads('b')]).toEqual([0, 4]);
  });
});
