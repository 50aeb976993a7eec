// What the deployed Worker knows of all tenants, in workerd, while objects are ended in between.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { queriedLabels, queriedMs, queriedProfiles, queriedType } from '../cases/query-calls.ts';
import { push } from '../support/http-push.ts';
import { openLimitsText } from '../support/open-limits.ts';
import { blockNames } from '../support/stored-profiles.ts';
import {
  type BuiltWorker,
  builtWorker,
  limitedBy,
  startWorker,
  type Worker,
} from '../support/workerd.ts';

let root: BuiltWorker;
let worker: Worker;

beforeAll(async () => {
  root = await builtWorker();
  const { bundle } = root;
  const limits = { ...JSON.parse(openLimitsText), overrides: { wide: { shards: 3 } } };
  const variables = limitedBy(limits);
  const folder = join(root.path, 'stores');
  worker = await startWorker({ bundle, folder, variables, isMortal: true });
}, 180_000);

afterAll(async () => {
  await worker.stop();
  await root[Symbol.asyncDispose]();
});

const post = async (path: string) => {
  const answer = await fetch(worker.url + path, { method: 'POST' });
  return [answer.status, await answer.text()];
};

async function pushTo(tenant: string): Promise<number> {
  const series = [{ labels: queriedLabels, profiles: queriedProfiles }];
  return (await push(worker.url, series, { headers: { 'x-scope-orgid': tenant } })).status;
}

async function blockCounts(tenants: readonly string[]): Promise<number[]> {
  const copy = join(root.path, 'copy');
  await worker.copyBucket(copy);
  const names = tenants.map((tenant) => blockNames(join(copy, tenant, 'phlaredb')));
  return (await Promise.all(names)).map(({ length }) => length);
}

const scrape = async () => (await fetch(`${worker.url}/metrics`)).text();
const receivedOf = async (tenant: string) => {
  const name = 'pyroscope_distributor_profiles_received_total';
  const sample = new RegExp(`^${name}\\{.*tenant="${tenant}".*\\} (\\d+)$`, 'm');
  return Number(sample.exec(await scrape())?.[1] ?? 0);
};

describe('a flush without a tenant', () => {
  it('reaches every tenant that was answered, whatever was ended since', async () => {
    expect(await post('/flush')).toEqual([204, '']);
    const tenants = ['a', 'b', 'c', 'd'];
    for (const tenant of tenants) {
      await worker.end('DIRECTORY');
      expect(await pushTo(tenant)).toBe(200);
      await worker.abort(tenant);
    }
    await worker.end('DIRECTORY');
    expect(await post('/flush')).toEqual([204, '']);
    // Nothing is left to be flushed by another.
    expect(await post('/flush')).toEqual([204, '']);
    expect(await blockCounts(tenants)).toEqual([1, 1, 1, 1]);
  }, 60_000);
});

describe('retention by the cron trigger', () => {
  const ask = async (method: string, body: object) => {
    const answer = await fetch(`${worker.url}/querier.v1.QuerierService/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-scope-orgid': 'kept' },
      body: JSON.stringify(body),
    });
    return [answer.status, await answer.text()];
  };
  const range = { start: `${queriedMs - 60_000}`, end: `${queriedMs + 60_000}` };
  const select = { profileTypeID: queriedType, labelSelector: '{}', ...range };

  it('deletes in two steps whatever is ended in between, and queries go on', async () => {
    expect(await pushTo('kept')).toBe(200);
    expect(await post('/flush')).toEqual([204, '']);
    const dueMs = Date.now() + 32 * 24 * 3_600_000;
    const minuteMs = 60_000;
    const files = async () => {
      const copy = join(root.path, `copy-${dueMs}-${Math.random()}`);
      await worker.copyBucket(copy);
      const [block = ''] = await readdir(join(copy, 'kept/phlaredb')).catch(() => []);
      return block === '' ? [] : await readdir(join(copy, 'kept/phlaredb', block));
    };
    const cronAt = async (ms: number) => {
      expect(await post(`/test/scheduled/${ms}`)).toEqual([200, 'done']);
      await worker.end('RETENTION');
    };
    await cronAt(Date.now());
    expect(await files()).toHaveLength(9);
    // The object lists the block, and reads none of its tables.
    expect(await ask('ProfileTypes', {})).toEqual([200, expect.stringContaining(queriedType)]);
    await cronAt(dueMs);
    expect(await files()).toHaveLength(8);
    await cronAt(dueMs + 10 * minuteMs);
    expect(await files()).toHaveLength(8);
    await cronAt(dueMs + 16 * minuteMs);
    expect(await files()).toEqual([]);
    const answer = await ask('SelectMergeStacktraces', select);
    expect(answer).toEqual([200, expect.not.stringContaining('main')]);
    expect(await scrape()).toMatch(/^phlox_retention_blocks_deleted_total\{.*\} [1-9]/m);
  }, 60_000);
});

describe('metrics without a tenant', () => {
  it('are the sums of all objects, of this life and earlier ones', async () => {
    const wait = { timeout: 10_000, interval: 100 };
    for (const tenant of ['first', 'second']) {
      for (let life = 1; life <= 3; life++) {
        expect(await pushTo(tenant)).toBe(200);
        await expect.poll(() => receivedOf(tenant), wait).toBe(2 * life);
        await worker.abort(tenant);
        await worker.end('DIRECTORY');
      }
    }
    const text = await scrape();
    expect([await receivedOf('first'), await receivedOf('second')]).toEqual([6, 6]);
    const head = '# TYPE pyroscope_distributor_profiles_received_total counter';
    expect(text.split('\n').filter((line) => line === head)).toHaveLength(1);
    expect(text).toMatch(/^phlox_directory_reporters [1-9]/m);
    const ids = text.split('\n').map((line) => line.slice(0, line.lastIndexOf(' ')));
    const samples = ids.filter((id) => id !== '' && !id.startsWith('#'));
    expect(new Set(samples).size).toBe(samples.length);
  }, 60_000);
});

it('flushes and counts what the several objects of a spread tenant have', async () => {
  const services = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  const series = services.map((name) => ({
    labels: { ...queriedLabels, service_name: name },
    profiles: queriedProfiles.slice(0, 1),
  }));
  const headers = { 'x-scope-orgid': 'wide' };
  expect((await push(worker.url, series, { headers })).status).toBe(200);
  const wait = { timeout: 10_000, interval: 100 };
  await expect.poll(() => receivedOf('wide'), wait).toBe(services.length);
  await worker.end('DIRECTORY');
  expect(await post('/flush')).toEqual([204, '']);
  const [blocks = 0] = await blockCounts(['wide']);
  expect(blocks).toBeGreaterThan(1);
}, 60_000);
