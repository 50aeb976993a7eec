// What the deployed Worker knows of all tenants, in workerd, while objects are ended in between.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { queriedLabels, queriedProfiles } from '../cases/query-calls.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { push } from '../support/http-push.ts';
import { blockNames } from '../support/stored-profiles.ts';
import { buildWorker, startWorker, type Worker } from '../support/workerd.ts';

let root: Awaited<ReturnType<typeof temporaryFolder>>;
let worker: Worker;

beforeAll(async () => {
  root = await temporaryFolder();
  const bundle = join(root.path, 'bundle');
  await buildWorker(bundle);
  worker = await startWorker({ bundle, folder: join(root.path, 'stores'), isMortal: true });
}, 180_000);

afterAll(async () => {
  await worker.stop();
  await root[Symbol.asyncDispose]();
});

const post = async (path: string) => {
  const answer = await fetch(worker.url + path, { method: 'POST' });
  return [answer.status, await answer.text()];
};
const abort = (tenant: string) => post(`/test/abort/${tenant}`);
const abortDirectory = () => post('/test/abort-directory');

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

describe('a flush without a tenant', () => {
  it('reaches every tenant that was answered, whatever was ended since', async () => {
    expect(await post('/flush')).toEqual([204, '']);
    const tenants = ['a', 'b', 'c', 'd'];
    for (const tenant of tenants) {
      await abortDirectory();
      expect(await pushTo(tenant)).toBe(200);
      await abort(tenant);
    }
    await abortDirectory();
    expect(await post('/flush')).toEqual([204, '']);
    // Nothing is left to be flushed by another.
    expect(await post('/flush')).toEqual([204, '']);
    expect(await blockCounts(tenants)).toEqual([1, 1, 1, 1]);
  }, 60_000);
});
