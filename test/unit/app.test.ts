// The app as its users see it: requests in, answers, blocks and metrics out.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createApp } from '../../src/app.ts';
import type { Bucket } from '../../src/bucket/bucket.ts';
import { Failure } from '../../src/errors.ts';
import type { Platform } from '../../src/platform.ts';
import { MemoryWal } from '../../src/wal/memory.ts';
import { syntheticProfile } from '../fixtures/synthetic.ts';
import { blockMetas, startApp, type TestApp, testApp, until } from '../support/app.ts';
import { openDuckdb, temporaryFolder } from '../support/duckdb.ts';
import { loadFixture } from '../support/fixtures.ts';
import { memoryPlatform, testSettings } from '../support/memory-platform.ts';
import { decodeExpected } from '../support/oracle.ts';
import { stamped } from '../support/stamp.ts';

const labels = { __name__: 'process_cpu', service_name: 'shop' };
const goCpu = loadFixture('go-cpu');
let running: TestApp | undefined;

afterEach(async () => {
  await running?.[Symbol.asyncDispose]();
  running = undefined;
});

async function start(parts: Partial<Platform> = {}, file: Record<string, unknown> = {}) {
  running = await startApp(parts, file);
  return running;
}

describe('push', () => {
  it('is visible to label calls at once and leaves a block after a flush', async () => {
    const test = await start();
    expect(await test.push([{ labels, profiles: [goCpu.packed] }])).toMatchObject({ status: 200 });
    expect(await test.ask('ProfileTypes', {})).toMatchObject({
      profileTypes: [
        { ID: 'process_cpu:cpu:nanoseconds:cpu:nanoseconds' },
        { ID: 'process_cpu:samples:count:cpu:nanoseconds' },
      ],
    });
    expect(await test.ask('LabelValues', { name: 'service_name' })).toEqual({ names: ['shop'] });
    expect(await test.flush()).toBe(204);
    const [block, ...others] = await blockMetas(test.platform.localBucket);
    expect(others).toEqual([]);
    expect(block?.key).toMatch(/^tenants\/anonymous\/local\/[0-9A-Z]{26}\/meta\.json$/);
    expect(block?.meta).toMatchObject({ tenant: 'anonymous', stats: { numProfiles: 2 } });
    expect(test.platform.wal.bytesUsed()).toBe(0);
  });

  it('ships each block after its flush', async () => {
    const test = await start();
    await test.push([{ labels, profiles: [goCpu.packed] }]);
    await test.flush();
    const remote = test.platform.remoteBucket as Bucket;
    await until(async () => (await blockMetas(remote)).length === 1);
    expect((await blockMetas(remote))[0]?.key).toMatch(/^anonymous\/phlaredb\//);
  });

  it('stores the good profiles of a request and names the refused ones', async () => {
    const test = await start();
    const answer = await test.push([
      { labels, profiles: [goCpu.packed, new Uint8Array([0x1f, 0x8b, 1, 2])] },
      { labels: { service_name: 'nameless' }, profiles: [goCpu.packed] },
      { labels: { ...labels, service_name: 'other' }, profiles: [goCpu.plain] },
    ]);
    expect(answer.status).toBe(400);
    const error = JSON.parse(answer.body);
    expect(error.code).toBe('invalid_argument');
    expect(error.message).toMatch(/^2 of 4 profiles refused: profile 1: .*gzip.*; profile 2: .*/);
    expect(error.message).toContain('label __name__ is missing');
    expect(await test.ask('LabelValues', { name: 'service_name' })).toEqual({
      names: ['other', 'shop'],
    });
    const refused =
      'pyroscope_discarded_samples_total{reason="malformed_profile",tenant="anonymous"}';
    expect(await test.metric(refused)).toBe(1);
  });

  it('keeps what many clients push at the same time apart', async () => {
    const test = await start();
    const names = ['go-cpu', 'jvm-cpu', 'node-wall', 'python-wall', 'rust-cpu'] as const;
    const pushes = Array.from({ length: 60 }, (_, i) => {
      const name = names[i % names.length] as (typeof names)[number];
      const service = { ...labels, service_name: name };
      const profile = stamped(loadFixture(name).packed, BigInt(1 + i));
      return test.push([{ labels: service, profiles: [profile] }]);
    });
    for (const { status } of await Promise.all(pushes)) expect(status).toBe(200);
    expect(test.platform.lines.filter((line) => line['level'] === 'error')).toEqual([]);
    await test.flush();
    await using folder = await temporaryFolder();
    for (const { key } of (await test.platform.localBucket.list('')).objects) {
      await mkdir(dirname(join(folder.path, key)), { recursive: true });
      await writeFile(join(folder.path, key), await test.platform.localBucket.get(key));
    }
    const duckdb = await openDuckdb();
    const blocks = join(folder.path, 'tenants/anonymous/local/*');
    const rows = await duckdb.rows(`FROM profile_totals('${blocks}')`);
    duckdb.close();
    for (const name of names) {
      const { totals } = decodeExpected(loadFixture(name).plain);
      for (const [type, total] of totals) {
        const row = rows.find(
          (one) =>
            one['service_name'] === name && String(one['profile_type']).split(':')[1] === type,
        );
        expect(row?.['total'], `${name} ${type}`).toBe(total * 12n);
      }
    }
  });

  it('acknowledges a profile that is sent again without storing it twice', async () => {
    const test = await start();
    const series = [{ labels, profiles: [goCpu.packed, goCpu.packed] }];
    const answers = await Promise.all([test.push(series), test.push(series)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    await test.flush();
    // A flush in between changes nothing.
    expect((await test.push(series)).status).toBe(200);
    await test.flush();
    const metas = await blockMetas(test.platform.localBucket);
    expect(metas.map(({ meta }) => meta.stats.numProfiles)).toEqual([2]);
    expect(await test.metric('phlox_resends_total{tenant="anonymous"}')).toBe(5);
  });

  it('stamps a profile without a time with that of its receipt', async () => {
    const test = await start();
    const profile = syntheticProfile('noTime');
    await test.push([{ labels, profiles: [profile] }]);
    test.platform.advance(5_000);
    await test.push([{ labels, profiles: [profile] }]);
    await test.flush();
    const [block] = await blockMetas(test.platform.localBucket);
    const maxTime = test.platform.clock.nowMs();
    expect(block?.meta).toMatchObject({ minTime: maxTime - 5_000, maxTime });
  });

  it('keeps tenants apart', async () => {
    const test = await start({}, { multitenancy: true });
    const a = { 'x-scope-orgid': 'team-a' };
    const b = { 'x-scope-orgid': 'Team-A' };
    await test.push([{ labels, profiles: [goCpu.packed] }], a);
    await test.push([{ labels: { ...labels, service_name: 'b' }, profiles: [goCpu.packed] }], b);
    expect(await test.ask('LabelValues', { name: 'service_name' }, a)).toEqual({ names: ['shop'] });
    expect(await test.ask('LabelValues', { name: 'service_name' }, b)).toEqual({ names: ['b'] });
    expect((await test.push([{ labels, profiles: [goCpu.packed] }])).status).toBe(401);
    await test.flush();
    expect((await blockMetas(test.platform.localBucket)).length).toBe(2);
  });

  it('creates nothing when a tenant that never pushed is asked for', async () => {
    const test = await start({}, { multitenancy: true });
    const nobody = { 'x-scope-orgid': 'nobody' };
    expect(await test.ask('LabelNames', {}, nobody)).toEqual({});
    expect((await test.platform.localBucket.list('')).objects).toEqual([]);
    expect(await test.metric('phlox_instances')).toBe(0);
  });
});

describe('a log that refuses', () => {
  class RefusingWal extends MemoryWal {
    isRefusing = false;

    override commit(sequence: number): Promise<void> {
      if (!this.isRefusing) return super.commit(sequence);
      return Promise.reject(new Failure('unavailable', 'log: no space left on device'));
    }
  }

  it('is answered 503, leaves no trace, and later pushes go on as if it had not been', async () => {
    const wal = new RefusingWal({ id: '01J00000000000000000000000', bytesMax: 2 ** 28 });
    const test = await start({ wal });
    await test.push([{ labels, profiles: [goCpu.packed] }]);
    wal.isRefusing = true;
    const other = { ...labels, service_name: 'refused' };
    const refused = await test.push([{ labels: other, profiles: [loadFixture('jvm-cpu').packed] }]);
    expect(refused.status).toBe(503);
    expect(refused.body).toContain('no space left on device');
    expect(await test.ask('LabelValues', { name: 'service_name' })).toEqual({ names: ['shop'] });
    wal.isRefusing = false;
    const third = { ...labels, service_name: 'third' };
    expect((await test.push([{ labels: third, profiles: [goCpu.packed] }])).status).toBe(200);
    await test.flush();
    const [block] = await blockMetas(test.platform.localBucket);
    expect(block?.meta.stats).toMatchObject({ numProfiles: 4, numSeries: 4 });
  });
});

describe('room', () => {
  it('refuses a whole request past the series limit with 429 and stores nothing', async () => {
    const test = await start();
    const profiles = [syntheticProfile('repeatedStack')];
    const series = Array.from({ length: 5_001 }, (_, i) => ({
      labels: { ...labels, service_name: `s${i}` },
      profiles,
    }));
    const answer = await test.push(series);
    expect(answer.status).toBe(429);
    expect(answer.response.headers.get('retry-after')).toBe('60');
    expect(answer.body).toContain('tenant has 0 active series and would get 5001 more, limit 5000');
    expect(await test.ask('LabelNames', {})).toEqual({});
    const refused = 'pyroscope_discarded_samples_total{reason="series_limit",tenant="anonymous"}';
    expect(await test.metric(refused)).toBe(5_001);
  });

  it('refuses with 503 when the log is full, and has room again after a flush', async () => {
    const wal = new MemoryWal({ id: '01J00000000000000000000000', bytesMax: 2 ** 30 });
    const test = await start({ wal }, { logBytesMax: '1MiB' });
    const body = goCpu.packed.length + 600;
    for (let i = 1; i <= 2 ** 20 / body; i++) {
      await test.push([{ labels, profiles: [stamped(goCpu.packed, BigInt(i))] }]);
    }
    const refused = await test.push([{ labels, profiles: [goCpu.packed] }]);
    expect(refused.status).toBe(503);
    expect(refused.body).toContain('limit 1048576 (logBytesMax)');
    await test.flush();
    expect((await test.push([{ labels, profiles: [goCpu.packed] }])).status).toBe(200);
  });

  it('flushes by itself before the log is full', async () => {
    const test = await start({}, { logBytesMax: '1MiB' });
    const count = Math.ceil((0.8 * 2 ** 20) / (goCpu.packed.length + 512));
    for (let i = 1; i <= count; i++) {
      await test.push([{ labels, profiles: [stamped(goCpu.packed, BigInt(i))] }]);
    }
    await test.app.tick(test.platform.clock.nowMs());
    expect(test.platform.wal.bytesUsed()).toBe(0);
    expect(await test.metric('pyroscope_head_flushed_reason_total{reason="log"}')).toBe(1);
  });
});

describe('flush', () => {
  it('cuts a head at the next multiple of its age in UTC and writes it soon after', async () => {
    const test = await start({}, { headAgeMax: '1h' });
    await test.push([{ labels, profiles: [goCpu.packed] }]);
    const boundaryMs = Math.ceil(test.platform.clock.nowMs() / 3_600_000) * 3_600_000;
    const cuts = () => test.metric('pyroscope_head_flushed_reason_total{reason="max-duration"}');
    await test.app.tick(boundaryMs - 1);
    expect(await cuts()).toBe(0);
    await test.app.tick(boundaryMs);
    expect(await cuts()).toBe(1);
    test.platform.advance(boundaryMs - test.platform.clock.nowMs());
    await test.push([{ labels, profiles: [stamped(goCpu.packed, 1n)] }]);
    await test.app.tick(boundaryMs + 5 * 60_000);
    const metas = await blockMetas(test.platform.localBucket);
    expect(metas.map(({ meta }) => meta.stats.numProfiles)).toEqual([2]);
  });

  it('keeps the head when the bucket fails, answers from it, and tries again', async () => {
    const test = await start();
    await test.push([{ labels, profiles: [goCpu.packed] }]);
    const stage = test.platform.localBucket.stage.bind(test.platform.localBucket);
    test.platform.localBucket.stage = () =>
      Promise.reject(new Failure('unavailable', 'disk is full'));
    expect(await test.flush()).toBe(503);
    expect(await test.ask('LabelValues', { name: 'service_name' })).toEqual({ names: ['shop'] });
    expect(test.platform.wal.bytesUsed()).toBeGreaterThan(0);
    test.platform.localBucket.stage = stage;
    test.platform.advance(120_000);
    await test.app.tick(test.platform.clock.nowMs());
    const [block] = await blockMetas(test.platform.localBucket);
    expect(block?.meta.stats).toMatchObject({ numProfiles: 2 });
    expect(test.platform.wal.bytesUsed()).toBe(0);
  });

  it('writes a head over its size at once and goes on in the next', async () => {
    const test = await start({}, { headBytesMax: '1MiB' });
    for (const name of ['go-heap-1', 'jvm-cpu', 'node-wall', 'python-wall', 'rust-cpu'] as const) {
      const { packed } = loadFixture(name);
      const service = { ...labels, service_name: name };
      for (let i = 1; i <= 8; i++) {
        await test.push([{ labels: service, profiles: [stamped(packed, BigInt(i))] }]);
      }
    }
    await test.app.tick(test.platform.clock.nowMs());
    expect((await blockMetas(test.platform.localBucket)).length).toBeGreaterThan(0);
  });

  it('gives equal blocks for equal pushes, the ulid apart', async () => {
    const sizes = async () => {
      const test = await start();
      for (const name of ['go-cpu-labels', 'node-heap', 'go-cpu'] as const) {
        await test.push([{ labels, profiles: [loadFixture(name).packed] }]);
      }
      await test.flush();
      const [block] = await blockMetas(test.platform.localBucket);
      return block?.meta.files;
    };
    const first = await sizes();
    await running?.app.stop();
    expect(await sizes()).toEqual(first);
  });
});

describe('life', () => {
  it('is not ready before start and after stop, and says why', async () => {
    const platform = await memoryPlatform();
    const test = testApp(await createApp(platform, testSettings()), platform);
    const ready = async () => {
      const { status, body } = await test.get('/ready');
      return `${status} ${body.trim()}`;
    };
    expect(await ready()).toBe('503 not ready: ingester is new');
    expect((await test.push([{ labels, profiles: [goCpu.packed] }])).status).toBe(503);
    await test.app.start();
    expect(await ready()).toBe('200 ready');
    await test.app.stop();
    expect(await ready()).toBe('503 not ready: ingester is terminated');
  });

  it('fails and names the log when the log cannot be opened', async () => {
    class BrokenWal extends MemoryWal {
      override start(): Promise<void> {
        return Promise.reject(new Failure('unavailable', 'log folder is read-only'));
      }
    }
    const platform = await memoryPlatform({
      wal: new BrokenWal({ id: '01J00000000000000000000000', bytesMax: 2 ** 20 }),
    });
    const test = testApp(await createApp(platform, testSettings()), platform);
    await expect(test.app.start()).rejects.toThrow('log folder is read-only');
    const { status, body } = await test.get('/ready');
    expect(status).toBe(503);
    expect(body).toContain('log: log folder is read-only');
  });

  it('flushes and ships at stop, and tells what it could not ship', async () => {
    const test = await start();
    await test.push([{ labels, profiles: [goCpu.packed] }]);
    await test.app.stop();
    expect((await blockMetas(test.platform.remoteBucket as Bucket)).length).toBe(1);
  });

  it('unloads a tenant that is idle, and opens it again for the next push', async () => {
    const test = await start();
    await test.push([{ labels, profiles: [goCpu.packed] }]);
    await test.flush();
    const remote = test.platform.remoteBucket as Bucket;
    await until(async () => (await blockMetas(remote)).length === 1);
    test.platform.advance(29 * 60_000);
    await test.app.tick(test.platform.clock.nowMs());
    expect(await test.metric('phlox_instances')).toBe(1);
    await until(async () => {
      test.platform.advance(60_000);
      await test.app.tick(test.platform.clock.nowMs());
      return (await test.metric('phlox_instances')) === 0;
    });
    expect((await test.get('/metrics')).body).not.toMatch(/phlox_shipper_\w+\{tenant/);
    const again = await test.push([{ labels, profiles: [stamped(goCpu.packed, 1n)] }]);
    expect(again.status).toBe(200);
    expect(await test.metric('phlox_instances')).toBe(1);
    expect(await test.flush()).toBe(204);
    expect((await blockMetas(test.platform.localBucket)).length).toBe(2);
  });

  it('ships blocks that an earlier run left behind', async () => {
    const first = await start({ remoteBucket: undefined });
    await first.push([{ labels, profiles: [goCpu.packed] }]);
    await first.app.stop();
    const second = await start({ localBucket: first.platform.localBucket });
    const remote = second.platform.remoteBucket as Bucket;
    await until(async () => {
      await second.app.tick(second.platform.clock.nowMs());
      return (await blockMetas(remote)).length === 1;
    });
  });
});
