// Compacted blocks, whose data may be in the bucket under other names: when they ship, after what,
// and what the bucket is asked for.
import { describe, expect, it } from 'vitest';
import type { Bucket } from '../../../src/bucket/bucket.ts';
import { MemoryBucket } from '../../../src/bucket/memory.ts';
import { Failure } from '../../../src/errors.ts';
import { bytesOf } from '../../support/bytes.ts';
import { faulty } from '../../support/faulty-bucket.ts';
import { blocksSeen, putBlock, shipping, ulidOf } from '../../support/shipped-blocks.ts';

const [one, two, three, four] = [ulidOf(1), ulidOf(2), ulidOf(3), ulidOf(4)];
const active = () => new AbortController().signal;

/** Puts a block with data of `minTime` to `maxTime`, of level 2 when it has sources. */
function put(local: Bucket, ulid: string, times: [number, number], sources: string[] = []) {
  const [minTime, maxTime] = times;
  const compaction = sources.length > 0 ? { level: 2, sources } : { level: 1, sources: [ulid] };
  return putBlock(local, ulid, { minTime, maxTime, compaction });
}

const listings = (calls: string[]) => calls.filter((call) => call.startsWith('list'));

describe('a compacted block', () => {
  it('ships when nothing in the bucket overlaps it', async () => {
    const local = new MemoryBucket();
    await put(local, one, [1_000, 2_000]);
    await put(local, two, [2_001, 5_000], [three, four]);
    const remote = new MemoryBucket();
    const { shipper } = shipping(local, remote);
    expect(await shipper.unshipped()).toEqual([one, two]);
    expect((await shipper.sync(active())).uploaded).toEqual([one, two]);
    expect(await blocksSeen(local, remote)).toEqual({ [one]: 'whole', [two]: 'whole' });
    expect(await shipper.unshipped()).toEqual([]);
  });

  it('stays, and is told as not shipped, when a block of the bucket overlaps it', async () => {
    const local = new MemoryBucket();
    await put(local, one, [1_000, 2_000], [three, four]);
    // It comes later, and yet before any compacted one.
    await put(local, two, [2_000, 3_000]);
    const remote = new MemoryBucket();
    const { shipper, warnings } = shipping(local, remote);
    const { uploaded, failed } = await shipper.sync(active());
    expect(uploaded).toEqual([two]);
    expect(failed.map(({ ulid, error }) => `${ulid} ${error}`)).toEqual([
      `${one} Failure: compacted block overlaps ${two} in the bucket`,
    ]);
    expect(warnings.join()).toContain(`overlaps ${two}`);
    expect(await shipper.unshipped()).toEqual([one]);
    expect(await blocksSeen(local, remote)).toEqual({ [two]: 'whole' });
  });

  it('is compared to compacted blocks that went before it', async () => {
    const local = new MemoryBucket();
    await put(local, one, [1_000, 2_000], [three]);
    await put(local, two, [1_500, 2_500], [four]);
    const { shipper } = shipping(local, new MemoryBucket(), { concurrency: 4 });
    const { uploaded, failed } = await shipper.sync(active());
    expect([uploaded, failed.map(({ ulid }) => ulid)]).toEqual([[one], [two]]);
  });

  it('is found by its own name first, whatever overlaps it', async () => {
    const local = new MemoryBucket();
    await put(local, one, [1_000, 2_000], [three]);
    const remote = faulty(new MemoryBucket());
    await remote.bucket.put(`${one}/meta.json`, bytesOf('it is there'));
    const { shipper } = shipping(local, remote.bucket);
    expect((await shipper.sync(active())).found).toEqual([one]);
    expect(listings(remote.calls)).toEqual([]);
  });

  it('has the bucket listed once a sync, and other blocks never', async () => {
    const local = new MemoryBucket();
    const remote = faulty(new MemoryBucket());
    await put(local, one, [1_000, 2_000]);
    const { shipper } = shipping(local, remote.bucket);
    await shipper.sync(active());
    expect(listings(remote.calls)).toEqual([]);
    await put(local, two, [3_000, 4_000], [three]);
    await put(local, four, [5_000, 6_000], [three]);
    remote.calls.length = 0;
    expect((await shipper.sync(active())).uploaded).toEqual([two, four]);
    expect(listings(remote.calls)).toEqual(['list ']);
    expect(remote.calls.filter((call) => call.startsWith('get '))).toEqual([
      `get ${one}/meta.json`,
    ]);
  });

  it('waits for the next sync when the bucket cannot tell what overlaps', async () => {
    const local = new MemoryBucket();
    await put(local, one, [1_000, 2_000], [three]);
    const remote = faulty(new MemoryBucket());
    const { shipper } = shipping(local, remote.bucket);
    // The first call asks for the block itself.
    remote.failAt(1, () => new Failure('unavailable', 'slow down'));
    expect((await shipper.sync(active())).failed.map(({ ulid }) => ulid)).toEqual([one]);
    expect((await shipper.sync(active())).uploaded).toEqual([one]);
  });
});
