// The Worker in workerd, as it is deployed: pushes, queries from the head, a flush by alarm,
// queries from the bucket, and the same after workerd was started again; keys, and what is refused.
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatKey } from '../../src/auth/keys.ts';
import { S3Bucket } from '../../src/bucket/s3.ts';
import { expectQueries, queriedLabels, queriedProfiles } from '../cases/query-calls.ts';
import { expectRenders, expectSamePrints, queryPrints } from '../cases/query-prints.ts';
import { encodePush, type PushOptions, push, pushAccepted } from '../support/http-push.ts';
import { s3Credentials, startS3Server } from '../support/s3-server.ts';
import {
  type BuiltWorker,
  builtWorker,
  startWorker,
  type Worker,
  type WorkerOptions,
} from '../support/workerd.ts';
import { rawZstd } from '../support/zstd-frames.ts';

const gzipBytesMax = 2_200_000;
const anonymous = { PHLOX_INSECURE: 'true', PHLOX_HEAD_AGE_MAX: '1h', PHLOX_LOG_LEVEL: 'error' };

let root: BuiltWorker;
let workers: Worker[] = [];

beforeAll(async () => {
  root = await builtWorker();
}, 180_000);

afterAll(async () => {
  for (const worker of workers) await worker.stop();
  await root[Symbol.asyncDispose]();
});

async function start(name: string, variables: WorkerOptions['variables'] = anonymous) {
  const worker = await startWorker({
    bundle: root.bundle,
    folder: join(root.path, name),
    variables,
  });
  workers.push(worker);
  return worker;
}

async function stop(worker: Worker): Promise<void> {
  workers = workers.filter((one) => one !== worker);
  await worker.stop();
}

it('is small enough to be deployed', () => {
  const [, gzipKiB] = /gzip: ([\d.]+) KiB/.exec(root.said) ?? [];
  console.info(`the Worker is ${gzipKiB} KiB compressed`);
  expect(Number(gzipKiB) * 1024).toBeGreaterThan(0);
  expect(Number(gzipKiB) * 1024).toBeLessThan(gzipBytesMax);
});

describe('a tenant', () => {
  it('is asked from its head, from the bucket, and after another start of workerd', async () => {
    const series = [{ labels: queriedLabels, profiles: queriedProfiles }];
    let worker = await start('life');
    await pushAccepted(worker.url, series);
    // Sent again, in every way that there is: stored once.
    const ways: PushOptions[] = [{ encoding: 'json' }, { isGzip: true }];
    for (const way of ways) await pushAccepted(worker.url, series, way);
    for (const useBinaryFormat of [true, false]) await expectQueries(worker.url, useBinaryFormat);
    await stop(worker);

    worker = await start('life');
    await pushAccepted(worker.url, series);
    await expectQueries(worker.url, true);
    await expectRenders(worker.url);
    expect((await fetch(`${worker.url}/flush`, { method: 'POST' })).status).toBe(204);
    await expectQueries(worker.url, false);
    await stop(worker);

    worker = await start('life');
    await expectQueries(worker.url, true);
    await expectRenders(worker.url);
    const copy = join(root.path, 'life-copy');
    await worker.copyBucket(copy);
    await expectSamePrints('bun', worker.url, copy, queryPrints);
    await stop(worker);
  }, 120_000);

  it('is flushed by its alarm, also when nobody has called since it was ended', async () => {
    const variables = { ...anonymous, PHLOX_HEAD_AGE_MAX: '4s' };
    let worker = await start('alarm', variables);
    await pushAccepted(worker.url, [{ labels: queriedLabels, profiles: queriedProfiles }]);
    await stop(worker);
    worker = await start('alarm', variables);
    const copy = join(root.path, 'alarm-copy');
    await expect.poll(() => blocksIn(worker, copy), { timeout: 20_000, interval: 250 }).toBe(1);
    await expectQueries(worker.url, true);
    await stop(worker);
  }, 60_000);
});

it('keeps blocks in a bucket that speaks S3 when one is set', async () => {
  const server = await startS3Server('edge');
  try {
    const variables = {
      ...anonymous,
      PHLOX_BUCKET: `s3://edge/phlox?endpoint=${server.endpoint}&path_style=true`,
      AWS_ACCESS_KEY_ID: s3Credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: s3Credentials.secretAccessKey,
    };
    let worker = await start('s3', variables);
    await pushAccepted(worker.url, [{ labels: queriedLabels, profiles: queriedProfiles }]);
    await expectQueries(worker.url, true);
    expect((await fetch(`${worker.url}/flush`, { method: 'POST' })).status).toBe(204);
    await stop(worker);

    worker = await start('s3', variables);
    await expectQueries(worker.url, false);
    expect(await worker.bucketKeys()).toEqual([]);
    await stop(worker);
    const options = { endpoint: server.endpoint, isPathStyle: true, credentials: s3Credentials };
    const { objects } = await new S3Bucket({ bucket: 'edge', ...options }).list('phlox/anonymous/');
    expect(objects.filter(({ key }) => key.endsWith('/meta.json'))).toHaveLength(1);
  } finally {
    await server.close();
  }
}, 30_000);

describe('the front', () => {
  it('serves nobody while there are no keys', async () => {
    const worker = await start('no-keys', {});
    const answer = await fetch(`${worker.url}/ready`);
    expect([answer.status, await answer.text()]).toEqual([
      503,
      expect.stringContaining('PHLOX_KEYS'),
    ]);
    await stop(worker);
  });

  it('serves nobody while its bucket cannot be asked for anything', async () => {
    const bucket = { ...anonymous, PHLOX_BUCKET: 's3://elsewhere' };
    const worker = await start('bad-setting', bucket);
    expect((await fetch(`${worker.url}/ready`)).status).toBe(503);
    await stop(worker);
  });

  it('serves nobody while a binding is missing', async () => {
    const options = { variables: anonymous, isWithoutDirectory: true };
    const worker = await startWorker({
      bundle: root.bundle,
      folder: join(root.path, 'no-list'),
      ...options,
    });
    workers.push(worker);
    expect((await fetch(`${worker.url}/ready`)).status).toBe(503);
    await stop(worker);
  });

  it('lets keys in to their tenants, and says what it cannot do', async () => {
    const [ofShop, ofAll] = [1, 2].map((fill) => formatKey(new Uint8Array(32).fill(fill)));
    const sha256 = (key = '') => createHash('sha256').update(key).digest('hex');
    const scopes = ['push', 'query', 'admin'];
    const keys = [
      { sha256: sha256(ofShop), tenant: 'shop', scopes },
      { sha256: sha256(ofAll), tenant: '*', scopes },
    ];
    const worker = await start('keys', { PHLOX_KEYS: JSON.stringify(keys) });
    const series = [{ labels: queriedLabels, profiles: queriedProfiles }];
    const as = (key: string | undefined, tenant?: string) => ({
      authorization: `Bearer ${key}`,
      ...(tenant !== undefined && { 'x-scope-orgid': tenant }),
    });
    const pushed = async (headers: Record<string, string>) =>
      (await push(worker.url, series, { headers })).status;
    expect(await pushed({})).toBe(401);
    expect(await pushed(as(`${ofShop}x`))).toBe(401);
    expect(await pushed(as(ofShop, 'other'))).toBe(403);
    expect(await pushed(as(ofShop))).toBe(200);
    expect(await pushed(as(ofAll, 'other'))).toBe(200);

    const at = async (path: string, init: RequestInit) => {
      const answer = await fetch(worker.url + path, init);
      return [answer.status, await answer.text()] as const;
    };
    const flush = (headers: HeadersInit) => at('/flush', { method: 'POST', headers });
    expect(await at('/ready', {})).toEqual([200, 'ready\n']);
    expect((await flush(as(ofShop)))[0]).toBe(204);
    expect((await flush(as(ofAll)))[0]).toBe(204);
    const view = await at('/api/v1/status/config', { headers: as(ofAll) });
    expect(view).toEqual([200, expect.stringContaining('"limitsInForce"')]);
    expect(view[1]).not.toContain(sha256(ofShop));
    for (const tenant of ['shop', 'other']) {
      const told = expect.stringContaining(`tenant="${tenant}"`);
      const scrape = () => at('/metrics', { headers: as(ofAll) });
      await expect.poll(scrape, { timeout: 5_000 }).toEqual([200, told]);
    }
    const metrics = await at('/metrics', { headers: as(ofAll, 'shop') });
    expect(metrics).toEqual([200, expect.stringContaining('tenant="shop"')]);
    const types = '/querier.v1.QuerierService/ProfileTypes';
    const headers = { ...as(ofAll, 'shop|other'), 'content-type': 'application/json' };
    expect(await at(types, { method: 'POST', headers, body: '{}' })).toEqual([
      501,
      expect.stringContaining('one at a time'),
    ]);
    await stop(worker);
  }, 30_000);

  it('takes Zstandard', async () => {
    const worker = await start('bodies');
    const send = (body: Uint8Array<ArrayBuffer>, encoding: string) =>
      fetch(`${worker.url}/push.v1.PusherService/Push`, {
        method: 'POST',
        headers: { 'content-type': 'application/proto', 'content-encoding': encoding },
        body,
      });
    const plain = encodePush([{ labels: queriedLabels, profiles: queriedProfiles }]);
    expect((await send(new Uint8Array(rawZstd(plain)), 'zstd')).status).toBe(200);
    await expectQueries(worker.url, true);
    await stop(worker);
  }, 30_000);
});

async function blocksIn(worker: Worker, folder: string): Promise<number> {
  await worker.copyBucket(folder);
  const { blockNames } = await import('../support/stored-profiles.ts');
  return (await blockNames(join(folder, 'anonymous/phlaredb'))).length;
}
