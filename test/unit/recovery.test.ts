// A process that ends without a word, and the next one on the same log and folder: what was
// acknowledged is there once.
import { describe, expect, it } from 'vitest';
import type { Bucket } from '../../src/bucket/bucket.ts';
import { Failure } from '../../src/errors.ts';
import { MemoryWal } from '../../src/wal/memory.ts';
import { blockMetas, startApp, until } from '../support/app.ts';
import { loadFixture } from '../support/fixtures.ts';
import { stamped } from '../support/stamp.ts';

const labels = { __name__: 'process_cpu', service_name: 'shop' };
const goCpu = loadFixture('go-cpu');

function profile(i: number): Uint8Array {
  return stamped(goCpu.packed, BigInt(i));
}

async function storedProfiles(bucket: Bucket): Promise<number> {
  const metas = await blockMetas(bucket);
  return metas.reduce((sum, { meta }) => sum + meta.stats.numProfiles, 0);
}

/** Rows of `count` pushes of the fixture: it has two sample types. */
const rowsOf = (count: number) => 2 * count;

describe('after a crash', () => {
  it('serves what the log has, and writes it once', async () => {
    const first = await startApp({ remoteBucket: undefined });
    for (let i = 1; i <= 5; i++) await first.push([{ labels, profiles: [profile(i)] }]);
    const { wal, localBucket } = first.platform;
    await using second = await startApp({ wal, localBucket, remoteBucket: undefined });
    await second.app.tick(second.platform.clock.nowMs());
    await until(async () => {
      const answer = await second.ask('LabelValues', { name: 'service_name' });
      return JSON.stringify(answer) === '{"names":["shop"]}';
    });
    expect(await second.flush()).toBe(204);
    expect(await storedProfiles(localBucket)).toBe(rowsOf(5));
    expect(wal.bytesUsed()).toBe(0);
  });

  it('asks no admission for what was acknowledged, and goes on refusing the rest', async () => {
    const first = await startApp({ remoteBucket: undefined });
    for (let i = 1; i <= 40; i++) await first.push([{ labels, profiles: [profile(i)] }]);
    const { wal, localBucket } = first.platform;
    // The log alone is over this bound: new pushes are refused, acked ones are applied.
    await using second = await startApp(
      { wal, localBucket, remoteBucket: undefined },
      { logBytesMax: '1MiB', memoryMax: '1GiB' },
    );
    const refused = await second.push([{ labels, profiles: [profile(41)] }]);
    expect(refused.status).toBe(503);
    expect(await second.flush()).toBe(204);
    expect(await storedProfiles(localBucket)).toBe(rowsOf(40));
    expect((await second.push([{ labels, profiles: [profile(41)] }])).status).toBe(200);
    await second.flush();
    expect(await storedProfiles(localBucket)).toBe(rowsOf(41));
  });

  it('rebuilds more than one head holds', async () => {
    const first = await startApp({ remoteBucket: undefined });
    const names = ['jvm-cpu', 'node-wall', 'python-wall', 'go-heap-1'] as const;
    let rows = 0;
    for (let i = 1; i <= 80; i++) {
      const name = names[i % names.length] as (typeof names)[number];
      const service = { ...labels, service_name: name };
      const body = stamped(loadFixture(name).packed, BigInt(i));
      expect((await first.push([{ labels: service, profiles: [body] }])).status).toBe(200);
    }
    rows = await first.metric('pyroscope_head_profiles_created_total{profile_name="process_cpu"}');
    const { wal, localBucket } = first.platform;
    await using second = await startApp(
      { wal, localBucket, remoteBucket: undefined },
      { headBytesMax: '1MiB' },
    );
    await second.app.tick(second.platform.clock.nowMs());
    await until(() => second.get('/ready').then(({ status }) => status === 200));
    await until(async () => {
      await second.flush();
      return (await storedProfiles(localBucket)) === rows;
    });
    expect((await blockMetas(localBucket)).length).toBeGreaterThan(1);
    expect(wal.bytesUsed()).toBe(0);
  });

  it('counts nothing twice when the block was in place but the log was not told', async () => {
    class DeafWal extends MemoryWal {
      isDeaf = true;

      override release(tenant: string, upTo: number, ulid: string): Promise<void> {
        if (!this.isDeaf) return super.release(tenant, upTo, ulid);
        return Promise.reject(new Failure('unavailable', 'log: input/output error'));
      }
    }
    const wal = new DeafWal({ id: '01J00000000000000000000000', bytesMax: 2 ** 28 });
    const first = await startApp({ wal, remoteBucket: undefined });
    for (let i = 1; i <= 3; i++) await first.push([{ labels, profiles: [profile(i)] }]);
    expect(await first.flush()).toBe(503);
    const { localBucket } = first.platform;
    expect(await storedProfiles(localBucket)).toBe(rowsOf(3));
    expect(wal.bytesUsed()).toBeGreaterThan(0);

    wal.isDeaf = false;
    await using second = await startApp({ wal, localBucket, remoteBucket: undefined });
    await second.push([{ labels, profiles: [profile(4)] }]);
    await second.flush();
    expect(await storedProfiles(localBucket)).toBe(rowsOf(4));
    expect(wal.bytesUsed()).toBe(0);
  });

  it('does not take a block of another log for its own', async () => {
    const first = await startApp({ remoteBucket: undefined });
    await first.push([{ labels, profiles: [profile(1)] }]);
    await first.flush();
    const { localBucket } = first.platform;
    const wal = new MemoryWal({ id: '01J00000000000000000000001', bytesMax: 2 ** 28 });
    const lost = await startApp({ wal, remoteBucket: undefined });
    await lost.push([{ labels, profiles: [profile(2)] }]);
    await using second = await startApp({ wal, localBucket, remoteBucket: undefined });
    await second.app.tick(second.platform.clock.nowMs());
    await until(async () => {
      await second.flush();
      return (await storedProfiles(localBucket)) === rowsOf(2);
    });
  });
});
