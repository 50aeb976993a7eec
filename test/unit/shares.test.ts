// Tenants that share a log and a disk: who has to wait first when either runs short.
import { describe, expect, it } from 'vitest';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import { MemoryWal } from '../../src/wal/memory.ts';
import { startApp, type TestApp, until } from '../support/app.ts';
import { loadFixture } from '../support/fixtures.ts';
import { stamped } from '../support/stamp.ts';

const labels = { __name__: 'process_cpu', service_name: 'shop' };
const goCpu = loadFixture('go-cpu');
let count = 0;

function push(test: TestApp, tenant: string) {
  count += 1;
  const profiles = [stamped(goCpu.packed, BigInt(count))];
  return test.push([{ labels, profiles }], { 'x-scope-orgid': tenant });
}

describe('a log that runs short', () => {
  it('refuses the tenant that fills it, and takes the profiles of the others', async () => {
    const wal = new MemoryWal({ id: '01J00000000000000000000000', bytesMax: 2 ** 30 });
    const file = { multitenancy: true, logBytesMax: '1MiB' };
    await using test = await startApp({ wal }, file);
    await push(test, 'quiet');
    let refused = await push(test, 'loud');
    while (refused.status === 200) refused = await push(test, 'loud');
    expect(refused.status).toBe(503);
    expect(refused.response.headers.get('retry-after')).toBe('5');
    expect(refused.body).toContain('log space is short: the tenant holds');
    expect(wal.bytesUsed()).toBeLessThan(2 ** 20 - goCpu.packed.length);
    expect((await push(test, 'quiet')).status).toBe(200);
    const counter = 'pyroscope_discarded_samples_total{reason="log_full",tenant="loud"}';
    expect(await test.metric(counter)).toBe(1);
  });
});

describe('a disk that runs short', () => {
  it('refuses the tenant that holds most of it, then, when it is full, everybody', async () => {
    const usage = { freeBytes: 10 ** 6, totalBytes: 10 ** 6 };
    const unreachable = new MemoryBucket();
    unreachable.head = () => Promise.reject(new Error('the network is away'));
    await using test = await startApp(
      { diskUsage: async () => usage, remoteBucket: unreachable },
      { multitenancy: true, retentionDiskFreePercent: 50 },
    );
    await push(test, 'quiet');
    for (let i = 0; i < 5; i++) await push(test, 'loud');
    expect(await test.flush()).toBe(204);
    const pressed = async (freeBytes: number) => {
      usage.freeBytes = freeBytes;
      test.platform.advance(5 * 60_000);
      const line = 'phlox_retention_disk_free_bytes';
      await test.app.tick(test.platform.clock.nowMs());
      await until(async () => (await test.metric(line)) === freeBytes);
      await until(async () => (await test.metric('phlox_retention_local_bytes')) > 0);
    };
    await pressed(51_000);
    const refused = await push(test, 'loud');
    expect(refused.status).toBe(503);
    expect(refused.body).toContain('local disk is short: the tenant holds');
    expect((await push(test, 'quiet')).status).toBe(200);
    await pressed(49_000);
    await until(async () => (await test.get('/ready')).status === 503);
    expect((await push(test, 'quiet')).status).toBe(503);
  });
});
