// Bad input on real servers: a one-line error with the right status, a count by reason, and no
// trace of it afterwards.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { badProfiles, mendedProfiles } from '../support/bad-profiles.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { loadFixture } from '../support/fixtures.ts';
import { type PushOptions, push } from '../support/http-push.ts';
import { type Server, serverRuntimes, startServer } from '../support/servers.ts';

const labels = { __name__: 'process_cpu', service_name: 'shop' };
const { packed } = loadFixture('go-cpu');

interface ConnectError {
  code: string;
  message: string;
}

async function errorOf(response: Response): Promise<ConnectError & { status: number }> {
  const error = (await response.json()) as ConnectError;
  expect(error.message).not.toContain('\n');
  return { status: response.status, ...error };
}

describe.each(serverRuntimes)('on %s', (runtime) => {
  let server: Server;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeAll(async () => {
    folder = await temporaryFolder();
    server = await startServer(runtime, {
      dataDir: join(folder.path, 'data'),
      env: { PHLOX_MULTITENANCY: 'true' },
    });
  });

  afterAll(async () => {
    await server?.stop();
    await folder?.[Symbol.asyncDispose]();
  });

  const pushAs = (tenant: string, series: Parameters<typeof push>[1], options: PushOptions = {}) =>
    push(server.url, series, { ...options, headers: { 'x-scope-orgid': tenant } });

  async function discarded(reason: string, tenant: string): Promise<number> {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const line = `pyroscope_discarded_samples_total{reason="${reason}",tenant="${tenant}"} `;
    const found = text.split('\n').find((one) => one.startsWith(line));
    return found === undefined ? 0 : Number(found.slice(line.length));
  }

  async function counted(name: string, tenant: string): Promise<number> {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const line = `${name}{tenant="${tenant}"} `;
    const found = text.split('\n').find((one) => one.startsWith(line));
    return found === undefined ? 0 : Number(found.slice(line.length));
  }

  async function folded(tenant: string): Promise<string> {
    const query = encodeURIComponent('process_cpu:cpu:nanoseconds::{service_name="shop"}');
    const response = await fetch(
      `${server.url}/pyroscope/render?query=${query}&from=now-1h&format=folded`,
      { headers: { 'x-scope-orgid': tenant } },
    );
    return response.text();
  }

  async function seriesCount(tenant: string): Promise<number> {
    const response = await fetch(`${server.url}/ingester.v1.IngesterService/Series`, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json', 'x-scope-orgid': tenant },
    });
    const { labelsSet = [] } = (await response.json()) as { labelsSet?: object[] };
    return labelsSet.length;
  }

  it.each(badProfiles())('refuses $name', async ({ bytes, reason, message }) => {
    const tenant = 'bad';
    const before = await discarded(reason, tenant);
    const error = await errorOf(await pushAs(tenant, [{ labels, profiles: [bytes] }]));
    expect(error).toMatchObject({ status: 400, code: 'invalid_argument' });
    expect(error.message).toMatch(message);
    expect(await discarded(reason, tenant)).toBe(before + 1);
    expect(await seriesCount(tenant)).toBe(0);
  });

  it.each(mendedProfiles().map((one, at) => ({ ...one, tenant: `mended-${at}` })))(
    'takes $name without it, and counts what it drops',
    async ({ bytes, tenant, storedCount, danglingCount }) => {
      expect((await pushAs(tenant, [{ labels, profiles: [bytes] }])).status).toBe(200);
      expect(await counted('phlox_dangling_samples_dropped_total', tenant)).toBe(danglingCount);
      expect(await seriesCount(tenant)).toBe(Math.min(1, storedCount));
      expect(await folded(tenant)).toBe(storedCount === 0 ? '' : `main ${storedCount}\n`);
    },
  );

  it.each([
    ['no labels', {}, /label __name__ is missing/, 'invalid_labels'],
    ['no name', { service_name: 's' }, /label __name__ is missing/, 'invalid_labels'],
    ['an empty label name', { ...labels, '': 'v' }, /label name is empty/, 'invalid_labels'],
    [
      'too many labels',
      { ...labels, ...Object.fromEntries(Array.from({ length: 29 }, (_, i) => [`l${i}`, 'v'])) },
      /series has 31 labels, limit 30/,
      'max_label_names_per_series',
    ],
    [
      'a label value that is too long',
      { ...labels, x: 'v'.repeat(2_049) },
      /"x" is 2049 bytes, limit 2048/,
      'label_value_too_long',
    ],
  ])('refuses %s', async (_name, given, message, reason) => {
    const before = await discarded(reason, 'labels');
    const error = await errorOf(await pushAs('labels', [{ labels: given, profiles: [packed] }]));
    expect(error).toMatchObject({ status: 400, code: 'invalid_argument' });
    expect(error.message).toMatch(message);
    expect(await discarded(reason, 'labels')).toBe(before + 1);
    expect(await seriesCount('labels')).toBe(0);
  });

  it('refuses a push without series', async () => {
    const error = await errorOf(await pushAs('bad', []));
    expect(error).toMatchObject({ status: 400, code: 'invalid_argument' });
    expect(error.message).toBe('no profiles received');
  });

  it.each([
    ['', /./],
    ['a/b', /"\/"/],
    ['..', /./],
    ['a|b', /./],
    ['x'.repeat(151), /151/],
  ])('refuses the tenant %j with 401', async (tenant, message) => {
    const error = await errorOf(await pushAs(tenant, [{ labels, profiles: [packed] }]));
    expect(error).toMatchObject({ status: 401, code: 'unauthenticated' });
    expect(error.message).toMatch(message);
  });

  it('refuses a content type it does not speak with 415', async () => {
    const response = await fetch(`${server.url}/push.v1.PusherService/Push`, {
      method: 'POST',
      body: 'x',
      headers: { 'content-type': 'text/plain', 'x-scope-orgid': 'bad' },
    });
    expect(response.status).toBe(415);
  });

  it('refuses a body over the bound before it has read it all', async () => {
    const bytesMax = 256 * 2 ** 20;
    const response = await fetch(`${server.url}/push.v1.PusherService/Push`, {
      method: 'POST',
      body: new Uint8Array(bytesMax + 1),
      headers: { 'content-type': 'application/proto', 'x-scope-orgid': 'bad' },
    });
    const error = await errorOf(response);
    expect(error).toMatchObject({ status: 429, code: 'resource_exhausted' });
    expect(error.message).toContain(`${bytesMax}`);
  });

  it('goes on as if nothing had been, and leaves no block of what it refused', async () => {
    expect((await pushAs('good', [{ labels, profiles: [packed] }])).status).toBe(200);
    expect((await fetch(`${server.url}/flush`, { method: 'POST' })).status).toBe(204);
    const { FilesystemBucket } = await import('../../src/bucket/filesystem.ts');
    const { objects } = await new FilesystemBucket(join(folder.path, 'data')).list('');
    const metas = objects.map(({ key }) => key).filter((key) => key.endsWith('/meta.json'));
    const tenants = metas
      .map((key) => key.split('/')[1])
      .filter((one) => !one?.startsWith('mended'));
    expect(tenants).toEqual(['good']);
    expect((await fetch(`${server.url}/ready`)).status).toBe(200);
  });
});
