// From when there is data here and up to when it is surely in the bucket; and a bucket that is not
// the one on record.
import { describe, expect, it } from 'vitest';
import { MemoryBucket } from '../../../src/bucket/memory.ts';
import { ShippedTimes } from '../../../src/shipper/shipped-times.ts';
import { bytesOf, textOf } from '../../support/bytes.ts';
import { faulty } from '../../support/faulty-bucket.ts';
import { blocksSeen, putBlock, shipping, ulidOf } from '../../support/shipped-blocks.ts';

const [one, two] = [ulidOf(1), ulidOf(2)];
const active = () => new AbortController().signal;

function timesOf(...blocks: [minTime: number, maxTime: number, isUploaded: boolean][]) {
  const sum = new ShippedTimes();
  for (const [minTime, maxTime, isUploaded] of blocks) sum.add({ minTime, maxTime }, isUploaded);
  return sum.timestamps;
}

describe('timestamps', () => {
  it('are those of the oldest data, and of the newest in the bucket with all before it', () => {
    expect(timesOf()).toEqual({ minTime: undefined, maxSyncTime: undefined });
    expect(timesOf([5, 9, false])).toEqual({ minTime: 5, maxSyncTime: undefined });
    expect(timesOf([5, 9, true], [10, 20, true])).toEqual({ minTime: 5, maxSyncTime: 20 });
    expect(timesOf([5, 9, true], [10, 20, false])).toEqual({ minTime: 5, maxSyncTime: 9 });
    expect(timesOf([10, 20, true], [5, 12, false])).toEqual({ minTime: 5, maxSyncTime: 4 });
    expect(timesOf([5, 30, true], [10, 20, false])).toEqual({ minTime: 5, maxSyncTime: 9 });
  });

  it('are told by the record and by the gauges, and read each meta once', async () => {
    const local = faulty(new MemoryBucket());
    await putBlock(local.bucket, one, { minTime: 1_000, maxTime: 2_000 });
    await putBlock(local.bucket, two, { minTime: 3_000, maxTime: 4_500 });
    const { shipper, metrics } = shipping(local.bucket, new MemoryBucket());
    expect(await shipper.timestamps()).toEqual({ minTime: 1_000, maxSyncTime: undefined });
    await shipper.sync(active());
    expect(await shipper.timestamps()).toEqual({ minTime: 1_000, maxSyncTime: 4_500 });
    const { shipperMinTime, shipperMaxSyncTime } = metrics.storage;
    const labels = { tenant: 'tenant-1' };
    expect((await shipperMinTime.get()).values).toEqual([{ labels, value: 1 }]);
    expect((await shipperMaxSyncTime.get()).values).toEqual([{ labels, value: 4.5 }]);
    local.calls.length = 0;
    await shipper.sync(active());
    await shipper.timestamps();
    expect(local.calls.filter((call) => call.includes('meta.json'))).toEqual([]);
  });

  it('lose their gauges with the last block', async () => {
    const local = new MemoryBucket();
    await putBlock(local, one);
    const { shipper, metrics } = shipping(local, new MemoryBucket());
    await shipper.sync(active());
    for (const { key } of (await local.list('local/')).objects) await local.delete(key);
    await shipper.sync(active());
    expect((await metrics.storage.shipperMinTime.get()).values).toEqual([]);
    expect((await metrics.storage.shipperMaxSyncTime.get()).values).toEqual([]);
  });
});

describe('a shipper that is pointed at another bucket', () => {
  it('takes no block for shipped that only the old one has', async () => {
    const local = new MemoryBucket();
    await putBlock(local, one);
    const [old, other] = [new MemoryBucket(), new MemoryBucket()];
    await shipping(local, old, { bucketName: 's3://old/' }).shipper.sync(active());
    const { shipper, warnings } = shipping(local, other, { bucketName: 's3://other/' });
    expect(await shipper.unshipped()).toEqual([one]);
    expect(await shipper.timestamps()).toEqual({ minTime: 1_000, maxSyncTime: undefined });
    expect(warnings.join()).toContain('of another bucket');
    expect((await shipper.sync(active())).uploaded).toEqual([one]);
    expect(await blocksSeen(local, other)).toEqual({ [one]: 'whole' });
    expect(JSON.parse(textOf(await local.get('shipper.json'))).bucket).toBe('s3://other/');
    warnings.length = 0;
    expect(await shipper.unshipped()).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it('says so once, also when there is nothing to ship', async () => {
    const local = new MemoryBucket();
    const text = '{"version":1,"bucket":"s3://old/","uploaded":[]}';
    await local.put('shipper.json', bytesOf(text));
    const { shipper, warnings } = shipping(local, new MemoryBucket());
    await shipper.sync(active());
    await shipper.sync(active());
    expect(warnings.length).toBe(1);
  });

  it('looks up once what a record without a bucket names', async () => {
    const local = new MemoryBucket();
    await putBlock(local, one);
    const remote = faulty(new MemoryBucket());
    await shipping(local, remote.bucket).shipper.sync(active());
    await local.put('shipper.json', bytesOf(JSON.stringify({ version: 1, uploaded: [one] })));
    const { shipper } = shipping(local, remote.bucket);
    expect(await shipper.unshipped()).toEqual([one]);
    remote.calls.length = 0;
    expect((await shipper.sync(active())).found).toEqual([one]);
    expect(remote.calls).toEqual([`head ${one}/meta.json`]);
    expect(await shipper.unshipped()).toEqual([]);
  });
});
