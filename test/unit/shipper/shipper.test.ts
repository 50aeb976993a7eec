// The shipper over memory: order, records, broken blocks, bounds; and the fault loop.
import { describe, expect, it } from 'vitest';
import type { Bucket } from '../../../src/bucket/bucket.ts';
import { MemoryBucket } from '../../../src/bucket/memory.ts';
import { Failure } from '../../../src/errors.ts';
import { shipperFaultCases } from '../../cases/shipper.ts';
import { bytesOf, textOf } from '../../support/bytes.ts';
import { faulty } from '../../support/faulty-bucket.ts';
import {
  blockFiles,
  blocksSeen,
  metaOf,
  putBlock,
  shipping,
  ulidOf,
} from '../../support/shipped-blocks.ts';

shipperFaultCases('memory', async () => new MemoryBucket());

const active = () => new AbortController().signal;
const [one, two, three] = [ulidOf(1), ulidOf(2), ulidOf(3)];

async function localWith(...ulids: string[]): Promise<MemoryBucket> {
  const local = new MemoryBucket();
  for (const ulid of ulids) await putBlock(local, ulid);
  return local;
}

async function sumOf(metric: { get(): Promise<{ values: { value: number }[] }> }) {
  return (await metric.get()).values.reduce((sum, { value }) => sum + value, 0);
}

describe('shipper', () => {
  it('ships the oldest block first, tables in order and meta.json last', async () => {
    const local = await localWith(two, one);
    const remote = new MemoryBucket();
    const { bucket, calls } = faulty(remote);
    const { shipper, metrics, warnings } = shipping(local, bucket);
    const report = await shipper.sync(active());
    expect(report).toEqual({ uploaded: [one, two], found: [], failed: [], pending: [] });
    const callsOf = (ulid: string) => [
      `head ${ulid}/meta.json`,
      ...blockFiles.slice(0, -1).map((name) => `putStream ${ulid}/${name}`),
      `put ${ulid}/meta.json`,
    ];
    expect(calls).toEqual([...callsOf(one), ...callsOf(two)]);
    expect(await blocksSeen(local, remote)).toEqual({ [one]: 'whole', [two]: 'whole' });
    expect(warnings).toEqual([]);
    const { storage } = metrics;
    expect(await sumOf(storage.shipperSyncs)).toBe(1);
    expect(await sumOf(storage.shipperUploads)).toBe(2);
    expect(await sumOf(storage.shipperUploadFailures)).toBe(0);
    expect(await sumOf(storage.shipperSyncFailures)).toBe(0);
    expect(await sumOf(storage.unshippedBlocks)).toBe(0);
  });

  it('asks the bucket nothing about blocks that are recorded, and rewrites no record', async () => {
    const local = faulty(await localWith(one));
    const remote = faulty(new MemoryBucket());
    const { shipper } = shipping(local.bucket, remote.bucket);
    await shipper.sync(active());
    local.calls.length = 0;
    remote.calls.length = 0;
    const report = await shipper.sync(active());
    expect(report).toEqual({ uploaded: [], found: [], failed: [], pending: [] });
    expect(remote.calls).toEqual([]);
    expect(local.calls).toEqual(['get shipper.json', 'list local/']);
  });

  it('records blocks that are in the bucket already without sending them', async () => {
    const local = await localWith(one, two);
    const remote = new MemoryBucket();
    await remote.put(`${one}/meta.json`, bytesOf('somebody was here'));
    const { shipper } = shipping(local, remote);
    const report = await shipper.sync(active());
    expect(report).toEqual({ uploaded: [two], found: [one], failed: [], pending: [] });
    expect((await remote.list(`${one}/`)).objects).toHaveLength(1);
    expect(JSON.parse(textOf(await local.get('shipper.json')))).toEqual({
      version: 1,
      bucket: 'memory',
      uploaded: [one, two],
    });
  });

  it('keeps only blocks on record that are still here', async () => {
    const local = await localWith(two);
    const uploaded = [one, two];
    await local.put(
      'shipper.json',
      bytesOf(JSON.stringify({ version: 1, bucket: 'memory', uploaded })),
    );
    await shipping(local, new MemoryBucket()).shipper.sync(active());
    expect(JSON.parse(textOf(await local.get('shipper.json'))).uploaded).toEqual([two]);
  });

  it('makes the record anew from the bucket, with a warning, when it cannot be read', async () => {
    const bad = [
      '{',
      '[]',
      'null',
      '{"version":2,"uploaded":[]}',
      '{"version":1,"uploaded":["x"]}',
    ];
    for (const text of bad) {
      const local = await localWith(one);
      const remote = new MemoryBucket();
      await shipping(local, remote).shipper.sync(active());
      await local.put('shipper.json', bytesOf(text));
      const { shipper, warnings } = shipping(local, remote);
      const report = await shipper.sync(active());
      expect([text, report.found]).toEqual([text, [one]]);
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toContain('shipper.json');
    }
  });

  it('ships the others when one block is broken, and tells which and why', async () => {
    const broken: Record<string, (local: Bucket) => Promise<unknown>> = {
      'samples.parquet': (local) => local.delete(`local/${one}/samples.parquet`),
      'says 2002': (local) => local.put(`local/${one}/samples.parquet`, new Uint8Array(7)),
      'not json': (local) => local.put(`local/${one}/meta.json`, bytesOf('{')),
      'that of': (local) =>
        local.put(`local/${one}/meta.json`, bytesOf(JSON.stringify(metaOf(two)))),
    };
    for (const [reason, breakIt] of Object.entries(broken)) {
      const local = await localWith(one, two, three);
      await breakIt(local);
      const remote = new MemoryBucket();
      const { shipper, metrics, warnings } = shipping(local, remote);
      const report = await shipper.sync(active());
      expect(report.uploaded).toEqual([two, three]);
      expect(report.failed.map(({ ulid }) => ulid)).toEqual([one]);
      expect(String(report.failed[0]?.error)).toContain(reason);
      expect(warnings).toHaveLength(1);
      expect(await sumOf(metrics.storage.shipperUploadFailures)).toBe(1);
      expect(await sumOf(metrics.storage.unshippedBlocks)).toBe(1);
      expect(await blocksSeen(local, remote)).toEqual({ [two]: 'whole', [three]: 'whole' });
      expect(await shipper.unshipped()).toEqual([one]);
    }
  });

  it('takes folders without meta.json and other names for no blocks', async () => {
    const local = await localWith(one);
    await local.put(`local/${two}/samples.parquet`, bytesOf('half'));
    await local.put('local/not-a-ulid/meta.json', bytesOf('{}'));
    await local.put(`local/${one.toLowerCase()}/meta.json`, bytesOf('{}'));
    await local.put(`quarantine/${three}/meta.json`, bytesOf('{}'));
    const remote = new MemoryBucket();
    const { shipper } = shipping(local, remote);
    expect(await shipper.unshipped()).toEqual([one]);
    const report = await shipper.sync(active());
    expect(report).toEqual({ uploaded: [one], found: [], failed: [], pending: [] });
    expect(await blocksSeen(local, remote)).toEqual({ [one]: 'whole' });
  });

  it('sends a stream again that broke midway, from its beginning', async () => {
    const local = await localWith(one);
    const remote = new MemoryBucket();
    const { bucket, calls, failAt } = faulty(remote);
    failAt(3, () => new Failure('unavailable', 'reset'), 'midway');
    const waitedMs: number[] = [];
    const sleep = async (ms: number) => void waitedMs.push(ms);
    const retry = { attempts: 3, baseMs: 100, maxMs: 1_000, random: () => 0.5, sleep };
    const { shipper } = shipping(local, bucket, { retry });
    expect((await shipper.sync(active())).uploaded).toEqual([one]);
    expect(calls.filter((call) => call.endsWith('samples.parquet'))).toHaveLength(2);
    expect(waitedMs).toEqual([50]);
    expect(await blocksSeen(local, remote)).toEqual({ [one]: 'whole' });
  });

  it('works on a bounded number of blocks at once', async () => {
    const ulids = Array.from({ length: 7 }, (_, i) => ulidOf(i + 1));
    const local = await localWith(...ulids);
    const remote = new MemoryBucket();
    const open = new Set<string>();
    let openMax = 0;
    const watched: Bucket = Object.assign(Object.create(remote) as Bucket, {
      head: async (key: string) => {
        open.add(key);
        openMax = Math.max(openMax, open.size);
        return remote.head(key);
      },
      putStream: remote.putStream.bind(remote),
      put: async (key: string, body: Uint8Array) => {
        const isStored = await remote.put(key, body);
        open.delete(key);
        return isStored;
      },
    });
    const { shipper } = shipping(local, watched, { concurrency: 3 });
    const report = await shipper.sync(active());
    expect([...report.uploaded].sort()).toEqual(ulids);
    expect(openMax).toBe(3);
  });

  it('starts nothing when it is aborted before', async () => {
    const local = await localWith(one, two);
    const { bucket, calls } = faulty(new MemoryBucket());
    const { shipper, metrics } = shipping(local, bucket);
    const report = await shipper.sync(AbortSignal.abort(new Error('stopping')));
    expect(report).toEqual({ uploaded: [], found: [], failed: [], pending: [one, two] });
    expect(calls).toEqual([]);
    expect(await sumOf(metrics.storage.unshippedBlocks)).toBe(2);
  });

  it('records what was finished before an abort', async () => {
    const local = await localWith(one, two);
    const { bucket, failAt } = faulty(new MemoryBucket());
    const controller = new AbortController();
    failAt(12, () => {
      controller.abort(new Error('stopping'));
      return controller.signal.reason;
    });
    const { shipper } = shipping(local, bucket);
    const report = await shipper.sync(controller.signal);
    expect(report).toEqual({ uploaded: [one], found: [], failed: [], pending: [two] });
    expect(await shipper.unshipped()).toEqual([two]);
  });

  it('runs one sync after another', async () => {
    const local = await localWith(one);
    const { bucket, calls } = faulty(new MemoryBucket());
    const { shipper } = shipping(local, bucket);
    const [first, second] = await Promise.all([shipper.sync(active()), shipper.sync(active())]);
    expect(first?.uploaded).toEqual([one]);
    expect(second).toEqual({ uploaded: [], found: [], failed: [], pending: [] });
    expect(calls).toHaveLength(10);
  });

  it('ships although the record cannot be written, and finds the blocks next time', async () => {
    const local = await localWith(one);
    const faultyLocal = faulty(local);
    const remote = new MemoryBucket();
    const { shipper, metrics, warnings } = shipping(faultyLocal.bucket, remote);
    const readOnly: Bucket = Object.assign(Object.create(faultyLocal.bucket) as Bucket, {
      put: async () => {
        throw new Failure('unavailable', 'no space left');
      },
    });
    const stuck = shipping(readOnly, remote);
    expect((await stuck.shipper.sync(active())).uploaded).toEqual([one]);
    expect(stuck.warnings[0]).toContain('no space left');
    expect(await sumOf(stuck.metrics.storage.shipperSyncFailures)).toBe(1);
    expect((await shipper.sync(active())).found).toEqual([one]);
    expect(warnings).toEqual([]);
    expect(await sumOf(metrics.storage.shipperSyncFailures)).toBe(0);
  });

  it('rejects and counts when the local blocks cannot be listed', async () => {
    const { bucket, failAt } = faulty(await localWith(one));
    const { shipper, metrics } = shipping(bucket, new MemoryBucket());
    failAt(1, () => new Failure('unavailable', 'disk is gone'));
    await expect(shipper.sync(active())).rejects.toThrow('disk is gone');
    expect(await sumOf(metrics.storage.shipperSyncFailures)).toBe(1);
    expect((await shipper.sync(active())).uploaded).toEqual([one]);
  });

  it('survives a failure of every call to the local disk', async () => {
    for (let index = 2; index < 30; index++) {
      const local = await localWith(one, two);
      const { bucket, failAt } = faulty(local);
      failAt(index, () => new Failure('unavailable', 'io error'));
      const remote = new MemoryBucket();
      const { shipper } = shipping(bucket, remote);
      const report = await shipper.sync(active());
      expect(report.uploaded.length + report.failed.length).toBe(2);
      const seen = await blocksSeen(local, remote);
      expect(Object.keys(seen).sort()).toEqual(report.uploaded);
      expect(Object.values(seen)).not.toContain('broken');
      await shipper.sync(active());
      expect(await blocksSeen(local, remote)).toEqual({ [one]: 'whole', [two]: 'whole' });
    }
  });
});
