// More small tenants than the memory has heads for: their heads are let go, the log has what was in
// them, and all of it comes back for a query, a flush or a push.
import { describe, expect, it } from 'vitest';
import { prefixed } from '../../src/bucket/prefixed.ts';
import { blockMetas, startApp, type TestApp } from '../support/app.ts';
import { loadFixture } from '../support/fixtures.ts';
import { ModelDisk } from '../support/model-disk.ts';
import { segmentLog } from '../support/segment-log.ts';
import { stamped } from '../support/stamp.ts';

const { packed } = loadFixture('go-cpu');
const mib = 2 ** 20;
const memoryMax = 64 * mib;
const file = { multitenancy: true, memoryMax: String(memoryMax) };
const tenantCount = 170;
const letGo = 'phlox_heads_let_go_total';
let count = 0;

async function start() {
  const { wal } = segmentLog('/wal', new ModelDisk(), { bytesMax: 64 * mib });
  return startApp({ wal, remoteBucket: undefined }, file);
}

async function push(test: TestApp, tenant: string): Promise<number> {
  count += 1;
  // Within the window, and each at a time of its own.
  const timeNs = BigInt(test.platform.clock.nowMs()) * 1_000_000n + BigInt(count);
  const labels = { __name__: 'process_cpu', service_name: 'shop' };
  const series = [{ labels, profiles: [stamped(packed, timeNs)] }];
  return (await test.push(series, { 'x-scope-orgid': tenant })).status;
}

/** Pushes for one tenant after the other, with a tick now and then as a server has. */
async function pushAll(test: TestApp): Promise<void> {
  for (let at = 0; at < tenantCount; at++) {
    expect(await push(test, `tenant-${at}`)).toBe(200);
    test.platform.advance(25);
    if (at % 4 === 3) await test.app.tick(test.platform.clock.nowMs());
  }
}

async function profilesOf(test: TestApp, tenant: string): Promise<number> {
  const type = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
  const query = encodeURIComponent(`${type}{service_name="shop"}`);
  const path = `/pyroscope/render?query=${query}&from=now-1h&until=now%2B1h`;
  const headers = { 'x-scope-orgid': tenant };
  const response = await test.app.fetch(new Request(`http://127.0.0.1:4040${path}`, { headers }));
  const { timeline } = (await response.json()) as { timeline: { samples: number[] } };
  return timeline.samples.reduce((sum, value) => sum + value, 0);
}

describe('many small tenants', () => {
  it('are all let in, with most of their heads left to the log', async () => {
    const test = await start();
    await pushAll(test);
    expect(await test.metric(letGo)).toBeGreaterThan(10);
    expect(await test.metric('phlox_discarded_profiles_total')).toBe(0);
    expect(await blockMetas(test.platform.localBucket)).toEqual([]);
    const one = await profilesOf(test, 'tenant-0');
    expect(one).toBeGreaterThan(0);
    // A second push, to a head or to none, is seen as well.
    await pushAll(test);
    for (let at = 0; at < tenantCount; at += 7) {
      expect([at, await profilesOf(test, `tenant-${at}`)]).toEqual([at, 2 * one]);
    }
    expect(await test.flush()).toBe(204);
    for (let at = 0; at < tenantCount; at += 7) {
      const folder = prefixed(test.platform.localBucket, `tenants/tenant-${at}/`);
      const metas = await blockMetas(folder);
      // Two pushes of two types each, in one block.
      expect([at, metas.map(({ meta }) => meta.stats.numProfiles)]).toEqual([at, [4]]);
    }
    await test.app.stop();
  });
});
