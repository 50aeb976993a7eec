// One quiet tenant beside a loud one on a log of a few segments: whose records pin the oldest one,
// and what is done about it.
import { describe, expect, it } from 'vitest';
import { Failure } from '../../src/errors.ts';
import type { Platform } from '../../src/platform.ts';
import { syntheticProfile } from '../fixtures/synthetic.ts';
import { blockMetas, startApp, type TestApp } from '../support/app.ts';
import { loadFixture } from '../support/fixtures.ts';
import { ModelDisk } from '../support/model-disk.ts';
import { segmentLog } from '../support/segment-log.ts';
import { stamped } from '../support/stamp.ts';

const labels = { __name__: 'process_cpu', service_name: 'shop' };
const { packed } = loadFixture('go-cpu');
/** One sample type. */
const tiny = syntheticProfile('repeatedStack');
const mib = 2 ** 20;
const segmentBytes = 128 * 1024;
const file = { multitenancy: true, logBytesMax: '4MiB' };
let count = 0;

/** An app on a durable log whose bound is 32 segments. */
async function start(parts: Partial<Platform> = {}) {
  const disk = new ModelDisk();
  const { wal } = segmentLog('/wal', disk, { segmentBytes, bytesMax: 4 * mib });
  const test = await startApp({ wal, remoteBucket: undefined, ...parts }, file);
  return { test, wal, disk };
}

async function push(test: TestApp, tenant: string, profile = packed): Promise<void> {
  count += 1;
  const profiles = [stamped(profile, BigInt(count))];
  const { status, body } = await test.push([{ labels, profiles }], { 'x-scope-orgid': tenant });
  expect([status, body]).toEqual([200, '']);
}

/** Pushes `bytes` by the tenant, with a tick now and then as a server has. */
async function fill(test: TestApp, tenant: string, bytes: number): Promise<void> {
  const pushCount = Math.ceil(bytes / packed.length);
  for (let at = 0; at < pushCount; at++) {
    await push(test, tenant);
    if (at % 4 === 3) await test.app.tick(test.platform.clock.nowMs());
  }
}

async function rowsOf(test: TestApp, tenant: string): Promise<number[]> {
  const metas = await blockMetas(test.platform.localBucket);
  const own = metas.filter(({ meta }) => meta.tenant === tenant);
  return own.map(({ meta }) => meta.stats.numProfiles);
}

describe('a quiet tenant', () => {
  it('pins no log that others turn over, and gets no block for each turn', async () => {
    const { test, wal } = await start();
    await push(test, 'quiet', tiny);
    for (let turn = 0; turn < 3; turn++) {
      await fill(test, 'loud', 4 * mib);
      if (turn < 2) await push(test, 'quiet', tiny);
      expect(wal.bytesUsed()).toBeLessThan(4 * mib);
    }
    expect(await rowsOf(test, 'quiet')).toEqual([]);
    expect(await test.metric('phlox_log_tenants_relogged_total')).toBeGreaterThan(1);
    expect(await test.flush()).toBe(204);
    expect(await rowsOf(test, 'quiet')).toEqual([3]);
    expect((await rowsOf(test, 'loud')).length).toBeGreaterThan(2);
    await test.app.stop();
  });

  it('is written as a block when it is not so small', async () => {
    const { test } = await start();
    await fill(test, 'middling', 128 * 1024);
    await fill(test, 'loud', 4 * mib);
    expect((await rowsOf(test, 'middling')).length).toBe(1);
    expect(await test.metric('phlox_log_tenants_relogged_total')).toBe(0);
    await test.app.stop();
  });

  it('whose blocks cannot be written keeps no other from being flushed', async () => {
    const { test, wal } = await start();
    const { localBucket } = test.platform;
    const stage = localBucket.stage.bind(localBucket);
    localBucket.stage = (prefix) =>
      prefix.includes('/stuck/')
        ? Promise.reject(new Failure('unavailable', 'folder is read-only'))
        : stage(prefix);
    // A profile of each is in the oldest segment; the one whose name is longer holds more.
    await push(test, 'stuck');
    await fill(test, 'loud', 3.3 * mib);
    expect(test.platform.lines.map((line) => line['msg'])).toContain('pressure is not relieved');
    expect(await rowsOf(test, 'stuck')).toEqual([]);
    expect((await rowsOf(test, 'loud')).length).toBeGreaterThan(0);
    expect(wal.bytesUsedBy('loud')).toBeLessThan(mib / 2);
    localBucket.stage = stage;
    await test.app.tick(test.platform.clock.nowMs());
    expect(wal.bytesUsed()).toBeLessThan(mib);
    await test.app.stop();
  });
});
