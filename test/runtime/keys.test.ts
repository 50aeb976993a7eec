// Keys on real servers, as an operator goes about it: make them with the command, start the server
// beside the file, revoke one while it runs.
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/app.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { basicAuth } from '../support/keys.ts';
import { phlox } from '../support/phlox-command.ts';
import { type Server, serverRuntimes, startServer } from '../support/servers.ts';

const shop = 'https://shop.example';

describe.each(serverRuntimes)('keys on %s', (runtime) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: Server;
  let file: string;
  const made: Record<string, string> = {};

  const keys = async (...args: string[]) => {
    const ended = await phlox(runtime, ['keys', ...args], { PHLOX_KEYS: file });
    expect(ended).toMatchObject({ code: 0 });
    return ended.stdout.trim();
  };
  const upload = async (headers: Record<string, string>) => {
    const init = { method: 'POST', headers, body: 'main;work 7\n' };
    const response = await fetch(`${server.url}/ingest?name=app&units=samples`, init);
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  const bearer = (name: string) => ({ authorization: `Bearer ${made[name]}` });

  beforeAll(async () => {
    folder = await temporaryFolder();
    file = join(folder.path, 'keys.json');
    made['agent'] = await keys('add', '--tenant', 'team', '--name', 'agent');
    made['reader'] = await keys('add', '--tenant', 'team', '--scopes', 'query', '--name', 'reader');
    made['operator'] = await keys('add', '--tenant', '*', '--scopes', 'admin', '--name', 'me');
    server = await startServer(runtime, {
      dataDir: join(folder.path, 'data'),
      env: { PHLOX_KEYS: file, PHLOX_CORS_ORIGINS: shop, PHLOX_LOG_LEVEL: 'debug' },
    });
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await folder[Symbol.asyncDispose]();
  });

  it('lets in who has one, as bearer and as password, and nobody else', async () => {
    expect((await upload(bearer('agent'))).status).toBe(200);
    expect((await upload(basicAuth('team', made['agent'] ?? ''))).status).toBe(200);
    const none = await upload({ 'x-scope-orgid': 'team' });
    expect(none.headers.get('www-authenticate')).toContain('Basic realm="phlox"');
    expect([none.status, JSON.parse(none.text)]).toEqual([
      401,
      { code: 'unauthenticated', message: 'a key is needed' },
    ]);
    expect((await upload(bearer('reader'))).status).toBe(403);
    expect((await upload({ ...bearer('agent'), 'x-scope-orgid': 'other' })).status).toBe(403);
  });

  it('asks for a key everywhere but at the probes', async () => {
    const statusOf = async (path: string, name?: string) =>
      (await fetch(server.url + path, name === undefined ? {} : { headers: bearer(name) })).status;
    expect([await statusOf('/ready'), await statusOf('/healthz')]).toEqual([200, 200]);
    for (const path of ['/metrics', '/api/v1/status/config', '/api/v1/status/buildinfo']) {
      expect([await statusOf(path), await statusOf(path, 'operator')]).toEqual([401, 200]);
    }
  });

  it('answers the command that has one in its environment, and no other', async () => {
    const query = ['query', '{service_name="app"}', server.url];
    const env = { PHLOX_KEY: made['reader'] ?? '' };
    expect(await phlox(runtime, query, env)).toMatchObject({ code: 0, stderr: '' });
    const other = await phlox(runtime, [...query, '--tenant', 'other'], env);
    expect(other.stderr).toMatch(/the key is not one of the tenant that is named/);
    expect((await phlox(runtime, query)).stderr).toMatch(/a key is needed: set PHLOX_KEY/);
  });

  it('answers wrong ones later and later', async () => {
    const wrong = { authorization: `Bearer phlox_${'A'.repeat(43)}` };
    const startMs = performance.now();
    for (let i = 0; i < 8; i++) expect((await upload(wrong)).status).toBe(401);
    // Five for free, then 100, 200 and 400 ms.
    expect(performance.now() - startMs).toBeGreaterThan(650);
  });

  it('lets pages of a named origin push', async () => {
    const headers = { origin: shop, 'access-control-request-method': 'POST' };
    const asked = await fetch(`${server.url}/ingest`, { method: 'OPTIONS', headers });
    expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([204, shop]);
    expect((await upload({ origin: shop, ...bearer('agent') })).status).toBe(200);
    expect((await upload({ origin: 'https://evil.example', ...bearer('agent') })).status).toBe(403);
  });

  it('stay in force while their file is empty, cut short, gone or no file', async () => {
    const text = await readFile(file, 'utf8');
    const refused = () => server.stderr.split('file cannot be used').length - 1;
    const isRefused = async () => {
      const answer = await fetch(`${server.url}/metrics`, { headers: bearer('operator') });
      const line = 'phlox_settings_file_refused{setting="keys"} 1\n';
      return (await answer.text()).includes(line);
    };
    const spoilers = [
      () => writeFile(file, ''),
      () => writeFile(file, text.slice(0, -5)),
      () => rm(file),
      () => mkdir(file),
    ];
    for (const [i, spoil] of spoilers.entries()) {
      await spoil();
      await until(() => refused() === i + 1);
      expect([await isRefused(), (await upload(bearer('agent'))).status]).toEqual([true, 200]);
    }
    await rm(file, { recursive: true });
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
    await until(async () => !(await isRefused()));
    expect((await upload(bearer('agent'))).status).toBe(200);
    expect(refused()).toBe(spoilers.length);
  }, 30_000);

  it('is out soon after it is revoked, and no key was ever logged', async () => {
    await keys('revoke', 'agent');
    let status = 200;
    for (let i = 0; i < 100 && status !== 401; i++) {
      status = (await upload(bearer('agent'))).status;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(status).toBe(401);
    expect(server.stderr).toContain('file has changed and is in force');
    for (const key of Object.values(made)) expect(server.stderr).not.toContain(key.slice(6));
  });
});
