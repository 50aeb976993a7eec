// Heads that clients of `fetch` cannot send, over raw sockets to real servers: headers given twice,
// hosts and paths spelled in odd ways, tenants that are no names. What each runtime makes of them
// differs; that nobody gets in by them does not.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatKeys } from '../../src/auth/keys.ts';
import { replay } from '../support/client-replay.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { newKey } from '../support/keys.ts';
import { type Server, serverRuntimes, startServer } from '../support/servers.ts';

const all = ['push', 'query', 'admin'] as const;
const keyA = newKey('tenant-a', ...all);
const keyB = newKey('tenant-b', ...all);
const a = `Authorization: ${keyA.bearer['authorization']}`;
const b = `Authorization: ${keyB.bearer['authorization']}`;
const wrong = `Authorization: Bearer phlox_${'A'.repeat(43)}`;
const tenant = (name: string) => `X-Scope-OrgID: ${name}`;
const local = 'Host: localhost';

/** Headers behind a good host, and what a server with keys answers. */
const keyed: [string, string[], number[]][] = [
  ['a key', [b], [200]],
  ['a wrong key before a good one', [wrong, b], [401]],
  ['a wrong key behind a good one', [b, wrong], [401]],
  ['two good keys', [a, b], [401]],
  ['a key twice', [b, b], [401]],
  ['its own tenant, then another', [b, tenant('tenant-b'), tenant('tenant-a')], [200]],
  ['another tenant, then its own', [b, tenant('tenant-a'), tenant('tenant-b')], [403]],
  ['no tenant, then another', [b, tenant(''), tenant('tenant-a')], [401]],
  ['a list with another', [b, tenant('tenant-b|tenant-a')], [403]],
  ['another behind a colon', [b, tenant('tenant-b:tenant-a')], [200]],
  ['itself behind a colon', [b, tenant('tenant-a:tenant-b')], [403]],
  ['a tenant with a NUL', [b, tenant('tenant-b\0')], [400, 401]],
  ['a tenant on two lines', [b, `${tenant('tenant-b')}\r\n |tenant-a`], [400, 401, 403]],
  ['a tenant in Latin-1', [b, tenant('tenant-\xe2')], [401]],
  ['a name that only looks like it', [b, tenant('tenant-\xe2\x80\x8bb')], [401]],
];

/** Paths that lead to `/metrics`, or nowhere, for who has no key. */
const paths = [
  ...['/metrics', '//metrics', '/metrics/', '/%6detrics', '/METRICS', '/./metrics', '/metrics;a'],
  ...['/ready/../metrics', '/ready%2f..%2fmetrics', '/ready%00/metrics', '/metrics%20', '/%'],
  ...['/metrics?x=/ready', '/metrics#/ready', '/ready/metrics', 'http://localhost/metrics'],
];

/** What a server without keys answers for a host; the paths are open. */
const hosts: [string, number[]][] = [
  ['Host: localhost', [200]],
  ['Host: LOCALHOST.:9', [200]],
  ['Host: [::1]', [200]],
  ['Host: evil.example', [403]],
  ['Host: localhost.evil.example', [403]],
  ['Host: 127.0.0.1.evil.example', [403]],
  ['Host: evil.example@localhost', [400, 403]],
  ['Host: localhost:4040@evil.example', [400, 403]],
  ['Host: localhost, evil.example', [400, 403]],
  ['Host: localhost\r\nHost: evil.example', [400, 403]],
  ['Host: evil.example\r\nHost: localhost', [400, 403]],
  ['Host: 127.1', [403]],
  ['Host: 0x7f000001', [403]],
  ['Host: [::1', [400, 403]],
  ['Host:', [400, 403]],
  [`${local}\r\nOrigin: http://evil.example`, [403]],
  [`${local}\r\nOrigin: http://localhost.evil.example`, [403]],
  [`${local}\r\nOrigin: null`, [403]],
  [`${local}\r\nOrigin: http://localhost\r\nOrigin: http://evil.example`, [403]],
  [`${local}\r\nOrigin: http://localhost:1`, [200]],
  [`${local}\r\nSec-Fetch-Site: cross-site`, [403]],
];

const tenants: [string, number][] = [
  ['.', 401],
  ['..', 401],
  ['a/../b', 401],
  ['%2e%2e', 401],
  ['a\\b', 401],
  ['a b', 401],
  ['a|b', 401],
  [':a', 401],
  ['x'.repeat(150), 200],
  ['x'.repeat(151), 401],
  ['x'.repeat(255), 401],
  ["te.am'()!*-_", 200],
];

describe.each(serverRuntimes)('heads to a server on %s', (runtime) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let servers: { keyed: Server; open: Server };

  beforeAll(async () => {
    folder = await temporaryFolder();
    const keys = join(folder.path, 'keys.json');
    await writeFile(keys, formatKeys([keyA.entry, keyB.entry]));
    const start = (name: string, env: Record<string, string>) =>
      startServer(runtime, { dataDir: join(folder.path, name), env });
    servers = {
      keyed: await start('keyed', { PHLOX_KEYS: keys }),
      open: await start('open', { PHLOX_MULTITENANCY: 'true' }),
    };
  });
  afterAll(async () => {
    await Promise.all([servers.keyed.stop(), servers.open.stop()]);
    await folder[Symbol.asyncDispose]();
  });

  const send = async (server: Server, request: string, headers: readonly string[], body = '') => {
    const lines = [`${request} HTTP/1.1`, ...headers, `Content-Length: ${body.length}`];
    const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1');
    return (await replay(server.url, bytes)).status;
  };

  it.each(keyed)('with %s', async (_title, headers, statuses) => {
    const status = await send(servers.keyed, 'GET /api/v1/tenant_limits', [local, ...headers]);
    expect(statuses).toContain(status);
  });

  it.each(paths)('without a key at %s', async (path) => {
    expect([400, 401, 404]).toContain(await send(servers.keyed, `GET ${path}`, [local]));
  });

  it.each(hosts)('with %j', async (headers, statuses) => {
    expect(statuses).toContain(await send(servers.open, 'GET /metrics', [headers]));
  });

  it.each(tenants)('for the tenant %j', async (name, status) => {
    const headers = [local, tenant(name)];
    expect(await send(servers.open, 'POST /ingest?name=x', headers, 'a;b 1\n')).toBe(status);
  });

  it('with two lengths of a body are refused', async () => {
    const headers = [local, tenant('a'), 'Transfer-Encoding: chunked'];
    const body = '0\r\n\r\nGET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n';
    expect(await send(servers.open, 'POST /ingest?name=x', headers, body)).toBe(400);
  });
});
