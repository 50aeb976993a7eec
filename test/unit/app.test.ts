// The app as its users see it: requests in, answers, blocks and metrics out.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type App, createApp } from '../../src/app.ts';
import { type BlockMeta, parseBlockMeta } from '../../src/block/meta.ts';
import type { Bucket } from '../../src/bucket/bucket.ts';
import { Failure } from '../../src/errors.ts';
import type { Platform } from '../../src/platform.ts';
import { MemoryWal } from '../../src/wal/memory.ts';
import { syntheticProfile } from '../fixtures/synthetic.ts';
import { openDuckdb, temporaryFolder } from '../support/duckdb.ts';
import { loadFixture } from '../support/fixtures.ts';
import { encodePush, type PushSeries } from '../support/http-push.ts';
import { memoryPlatform, type TestPlatform, testSettings } from '../support/memory-platform.ts';
import { decodeExpected } from '../support/oracle.ts';
import { stamped } from '../support/stamp.ts';

const origin = 'http://127.0.0.1:4040';
const labels = { __name__: 'process_cpu', service_name: 'shop' };
const goCpu = loadFixture('go-cpu');
let app: App | undefined;

afterEach(async () => {
  await app?.stop().catch(() => undefined);
  app = undefined;
});

async function start(parts: Partial<Platform> = {}, file: Record<string, unknown> = {}) {
  const platform = await memoryPlatform(parts);
  app = await createApp(platform, testSettings(file));
  await app.start();
  return { app, platform };
}

function request(path: string, init: RequestInit = { method: 'POST' }): Request {
  return new Request(`${origin}${path}`, init);
}

async function push(to: App, series: PushSeries[], headers: Record<string, string> = {}) {
  const response = await to.fetch(
    request('/push.v1.PusherService/Push', {
      method: 'POST',
      body: encodePush(series),
      headers: { 'content-type': 'application/proto', ...headers },
    }),
  );
  return { status: response.status, response, body: await response.text() };
}

async function ask(to: App, method: string, body: object, headers: Record<string, string> = {}) {
  const response = await to.fetch(
    request(`/ingester.v1.IngesterService/${method}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    }),
  );
  return response.json();
}

async function metric(from: App, line: string): Promise<number> {
  const text = await (await from.fetch(request('/metrics', { method: 'GET' }))).text();
  const found = text.split('\n').find((one) => one.startsWith(`${line} `));
  return found === undefined ? 0 : Number(found.split(' ').at(-1));
}

async function blockMetas(bucket: Bucket): Promise<{ key: string; meta: BlockMeta }[]> {
  const { objects } = await bucket.list('');
  const keys = objects.map(({ key }) => key).filter((key) => key.endsWith('/meta.json'));
  return Promise.all(
    keys.map(async (key) => ({
      key,
      meta: parseBlockMeta(await bucket.get(key)),
    })),
  );
}

async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('it does not happen');
}

describe('push', () => {
  it('is visible to label calls at once and leaves a block after a flush', async () => {
    const { app, platform } = await start();
    expect(await push(app, [{ labels, profiles: [goCpu.packed] }])).toMatchObject({ status: 200 });
    expect(await ask(app, 'ProfileTypes', {})).toMatchObject({
      profileTypes: [
        { ID: 'process_cpu:cpu:nanoseconds:cpu:nanoseconds' },
        { ID: 'process_cpu:samples:count:cpu:nanoseconds' },
      ],
    });
    expect(await ask(app, 'LabelValues', { name: 'service_name' })).toEqual({ names: ['shop'] });
    const flushed = await app.fetch(request('/flush'));
    expect(flushed.status).toBe(204);
    const [block, ...others] = await blockMetas(platform.localBucket);
    expect(others).toEqual([]);
    expect(block?.key).toMatch(/^tenants\/anonymous\/local\/[0-9A-Z]{26}\/meta\.json$/);
    expect(block?.meta).toMatchObject({ tenant: 'anonymous', stats: { numProfiles: 2 } });
    expect(platform.wal.bytesUsed()).toBe(0);
  });

  it('ships each block after its flush', async () => {
    const { app, platform } = await start();
    await push(app, [{ labels, profiles: [goCpu.packed] }]);
    await app.fetch(request('/flush'));
    const remote = platform.remoteBucket as Bucket;
    await until(async () => (await blockMetas(remote)).length === 1);
    expect((await blockMetas(remote))[0]?.key).toMatch(/^anonymous\/phlaredb\//);
  });

  it('stores the good profiles of a request and names the refused ones', async () => {
    const { app } = await start();
    const answer = await push(app, [
      { labels, profiles: [goCpu.packed, new Uint8Array([0x1f, 0x8b, 1, 2])] },
      { labels: { service_name: 'nameless' }, profiles: [goCpu.packed] },
      { labels: { ...labels, service_name: 'other' }, profiles: [goCpu.plain] },
    ]);
    expect(answer.status).toBe(400);
    const error = JSON.parse(answer.body);
    expect(error.code).toBe('invalid_argument');
    expect(error.message).toMatch(/^2 of 4 profiles refused: profile 1: .*gzip.*; profile 2: .*/);
    expect(error.message).toContain('label __name__ is missing');
    expect(await ask(app, 'LabelValues', { name: 'service_name' })).toEqual({
      names: ['other', 'shop'],
    });
    const refused =
      'pyroscope_discarded_samples_total{reason="malformed_profile",tenant="anonymous"}';
    expect(await metric(app, refused)).toBe(1);
  });

  it('keeps what many clients push at the same time apart', async () => {
    const { app, platform } = await start();
    const names = ['go-cpu', 'jvm-cpu', 'node-wall', 'python-wall', 'rust-cpu'] as const;
    const pushes = Array.from({ length: 60 }, (_, i) => {
      const name = names[i % names.length] as (typeof names)[number];
      const service = { ...labels, service_name: name };
      const profile = stamped(loadFixture(name).packed, BigInt(1 + i));
      return push(app, [{ labels: service, profiles: [profile] }]);
    });
    for (const { status } of await Promise.all(pushes)) expect(status).toBe(200);
    expect(platform.lines.filter((line) => line['level'] === 'error')).toEqual([]);
    await app.fetch(request('/flush'));
    await using folder = await temporaryFolder();
    for (const { key } of (await platform.localBucket.list('')).objects) {
      await mkdir(dirname(join(folder.path, key)), { recursive: true });
      await writeFile(join(folder.path, key), await platform.localBucket.get(key));
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
    const { app, platform } = await start();
    const series = [{ labels, profiles: [goCpu.packed, goCpu.packed] }];
    const answers = await Promise.all([push(app, series), push(app, series)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    await app.fetch(request('/flush'));
    // A flush in between changes nothing.
    expect((await push(app, series)).status).toBe(200);
    await app.fetch(request('/flush'));
    const metas = await blockMetas(platform.localBucket);
    expect(metas.map(({ meta }) => meta.stats.numProfiles)).toEqual([2]);
    expect(await metric(app, 'phlox_resends_total{tenant="anonymous"}')).toBe(5);
  });

  it('stamps a profile without a time with that of its receipt', async () => {
    const { app, platform } = await start();
    const profile = syntheticProfile('noTime');
    await push(app, [{ labels, profiles: [profile] }]);
    platform.advance(5_000);
    await push(app, [{ labels, profiles: [profile] }]);
    await app.fetch(request('/flush'));
    const [block] = await blockMetas(platform.localBucket);
    const maxTime = platform.clock.nowMs();
    expect(block?.meta).toMatchObject({ minTime: maxTime - 5_000, maxTime });
  });

  it('keeps tenants apart', async () => {
    const { app, platform } = await start({}, { multitenancy: true });
    const a = { 'x-scope-orgid': 'team-a' };
    const b = { 'x-scope-orgid': 'Team-A' };
    await push(app, [{ labels, profiles: [goCpu.packed] }], a);
    await push(app, [{ labels: { ...labels, service_name: 'b' }, profiles: [goCpu.packed] }], b);
    expect(await ask(app, 'LabelValues', { name: 'service_name' }, a)).toEqual({ names: ['shop'] });
    expect(await ask(app, 'LabelValues', { name: 'service_name' }, b)).toEqual({ names: ['b'] });
    expect((await push(app, [{ labels, profiles: [goCpu.packed] }])).status).toBe(401);
    await app.fetch(request('/flush'));
    expect((await blockMetas(platform.localBucket)).length).toBe(2);
  });

  it('creates nothing when a tenant that never pushed is asked for', async () => {
    const { app, platform } = await start({}, { multitenancy: true });
    const nobody = { 'x-scope-orgid': 'nobody' };
    expect(await ask(app, 'LabelNames', {}, nobody)).toEqual({});
    expect((await platform.localBucket.list('')).objects).toEqual([]);
    expect(await metric(app, 'phlox_instances')).toBe(0);
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
    const { app, platform } = await start({ wal });
    await push(app, [{ labels, profiles: [goCpu.packed] }]);
    wal.isRefusing = true;
    const other = { ...labels, service_name: 'refused' };
    const refused = await push(app, [{ labels: other, profiles: [loadFixture('jvm-cpu').packed] }]);
    expect(refused.status).toBe(503);
    expect(refused.body).toContain('no space left on device');
    expect(await ask(app, 'LabelValues', { name: 'service_name' })).toEqual({ names: ['shop'] });
    wal.isRefusing = false;
    const third = { ...labels, service_name: 'third' };
    expect((await push(app, [{ labels: third, profiles: [goCpu.packed] }])).status).toBe(200);
    await app.fetch(request('/flush'));
    const [block] = await blockMetas(platform.localBucket);
    expect(block?.meta.stats).toMatchObject({ numProfiles: 4, numSeries: 4 });
  });
});

describe('room', () => {
  it('refuses a whole request past the series limit with 429 and stores nothing', async () => {
    const { app } = await start();
    const profiles = [syntheticProfile('repeatedStack')];
    const series = Array.from({ length: 5_001 }, (_, i) => ({
      labels: { ...labels, service_name: `s${i}` },
      profiles,
    }));
    const answer = await push(app, series);
    expect(answer.status).toBe(429);
    expect(answer.response.headers.get('retry-after')).toBe('60');
    expect(answer.body).toContain('tenant has 0 series and would get 5001 more, limit 5000');
    expect(await ask(app, 'LabelNames', {})).toEqual({});
    const refused = 'pyroscope_discarded_samples_total{reason="series_limit",tenant="anonymous"}';
    expect(await metric(app, refused)).toBe(5_001);
  });

  it('refuses with 503 when the log is full, and has room again after a flush', async () => {
    const wal = new MemoryWal({ id: '01J00000000000000000000000', bytesMax: 2 ** 30 });
    const { app } = await start({ wal }, { logBytesMax: '1MiB' });
    const body = goCpu.packed.length + 600;
    for (let i = 1; i <= 2 ** 20 / body; i++) {
      await push(app, [{ labels, profiles: [stamped(goCpu.packed, BigInt(i))] }]);
    }
    const refused = await push(app, [{ labels, profiles: [goCpu.packed] }]);
    expect(refused.status).toBe(503);
    expect(refused.body).toContain('limit 1048576 (logBytesMax)');
    await app.fetch(request('/flush'));
    expect((await push(app, [{ labels, profiles: [goCpu.packed] }])).status).toBe(200);
  });

  it('flushes by itself before the log is full', async () => {
    const { app, platform } = await start({}, { logBytesMax: '1MiB' });
    const count = Math.ceil((0.8 * 2 ** 20) / (goCpu.packed.length + 512));
    for (let i = 1; i <= count; i++) {
      await push(app, [{ labels, profiles: [stamped(goCpu.packed, BigInt(i))] }]);
    }
    await app.tick(platform.clock.nowMs());
    expect(platform.wal.bytesUsed()).toBe(0);
    expect(await metric(app, 'pyroscope_head_flushed_reason_total{reason="log"}')).toBe(1);
  });
});

describe('flush', () => {
  it('happens at the next multiple of the head age in UTC', async () => {
    const { app, platform } = await start({}, { headAgeMax: '1h' });
    await push(app, [{ labels, profiles: [goCpu.packed] }]);
    const boundaryMs = Math.ceil(platform.clock.nowMs() / 3_600_000) * 3_600_000;
    await app.tick(boundaryMs - 1);
    expect(await blockMetas(platform.localBucket)).toEqual([]);
    await app.tick(boundaryMs);
    expect((await blockMetas(platform.localBucket)).length).toBe(1);
    expect(await metric(app, 'pyroscope_head_flushed_reason_total{reason="max-duration"}')).toBe(1);
  });

  it('keeps the head when the bucket fails, answers from it, and tries again', async () => {
    const { app, platform } = await start();
    await push(app, [{ labels, profiles: [goCpu.packed] }]);
    const stage = platform.localBucket.stage.bind(platform.localBucket);
    platform.localBucket.stage = () => Promise.reject(new Failure('unavailable', 'disk is full'));
    const failed = await app.fetch(request('/flush'));
    expect(failed.status).toBe(503);
    expect(await ask(app, 'LabelValues', { name: 'service_name' })).toEqual({ names: ['shop'] });
    expect(platform.wal.bytesUsed()).toBeGreaterThan(0);
    platform.localBucket.stage = stage;
    platform.advance(120_000);
    await app.tick(platform.clock.nowMs());
    const [block] = await blockMetas(platform.localBucket);
    expect(block?.meta.stats).toMatchObject({ numProfiles: 2 });
    expect(platform.wal.bytesUsed()).toBe(0);
  });

  it('writes a head over its size at once and goes on in the next', async () => {
    const { app, platform } = await start({}, { headBytesMax: '1MiB' });
    for (const name of ['go-heap-1', 'jvm-cpu', 'node-wall', 'python-wall', 'rust-cpu'] as const) {
      const { packed } = loadFixture(name);
      const service = { ...labels, service_name: name };
      for (let i = 1; i <= 8; i++) {
        await push(app, [{ labels: service, profiles: [stamped(packed, BigInt(i))] }]);
      }
    }
    await app.tick(platform.clock.nowMs());
    expect((await blockMetas(platform.localBucket)).length).toBeGreaterThan(0);
  });

  it('gives equal blocks for equal pushes, the ulid apart', async () => {
    const sizes = async () => {
      const { app, platform } = await start();
      for (const name of ['go-cpu-labels', 'node-heap', 'go-cpu'] as const) {
        await push(app, [{ labels, profiles: [loadFixture(name).packed] }]);
      }
      await app.fetch(request('/flush'));
      const [block] = await blockMetas(platform.localBucket);
      return block?.meta.files;
    };
    const first = await sizes();
    await app?.stop();
    expect(await sizes()).toEqual(first);
  });
});

describe('life', () => {
  it('is not ready before start and after stop, and says why', async () => {
    const platform: TestPlatform = await memoryPlatform();
    app = await createApp(platform, testSettings());
    const ready = async () => {
      const response = await (app as App).fetch(request('/ready', { method: 'GET' }));
      return `${response.status} ${(await response.text()).trim()}`;
    };
    expect(await ready()).toBe('503 not ready: ingester is new');
    expect((await push(app, [{ labels, profiles: [goCpu.packed] }])).status).toBe(503);
    await app.start();
    expect(await ready()).toBe('200 ready');
    await app.stop();
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
    app = await createApp(platform, testSettings());
    await expect(app.start()).rejects.toThrow('log folder is read-only');
    const response = await app.fetch(request('/ready', { method: 'GET' }));
    expect(response.status).toBe(503);
    expect(await response.text()).toContain('log: log folder is read-only');
  });

  it('flushes and ships at stop, and tells what it could not ship', async () => {
    const { app, platform } = await start();
    await push(app, [{ labels, profiles: [goCpu.packed] }]);
    await app.stop();
    expect((await blockMetas(platform.remoteBucket as Bucket)).length).toBe(1);
  });

  it('ships blocks that an earlier run left behind', async () => {
    const first = await start({ remoteBucket: undefined });
    await push(first.app, [{ labels, profiles: [goCpu.packed] }]);
    await first.app.stop();
    const second = await start({ localBucket: first.platform.localBucket });
    const remote = second.platform.remoteBucket as Bucket;
    await until(async () => {
      await second.app.tick(second.platform.clock.nowMs());
      return (await blockMetas(remote)).length === 1;
    });
  });
});
