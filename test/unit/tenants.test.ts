// Tenants with keys, through the whole app: nobody reads, writes or names what is another's, in
// memory, in blocks, or on a disk where case does not count.
import { afterEach, describe, expect, it } from 'vitest';
import { pathOfKey } from '../../src/bucket/filesystem-path.ts';
import { createApiServer } from '../support/api-server.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { basicAuth, newKey } from '../support/keys.ts';
import { testStartMs } from '../support/memory-platform.ts';
import {
  type Answers,
  askEverything,
  askedPaths,
  type Send,
  shown,
  storeSetting,
  uploadMarked,
} from '../support/tenant-questions.ts';

const origin = 'http://127.0.0.1:4040';
const all = ['push', 'query', 'admin'] as const;
const keyA = newKey('tenant-a', ...all);
const keyB = newKey('tenant-b', ...all);
const operator = newKey('*', ...all);
const entries = [keyA, keyB, operator].map(({ entry }) => entry);

let running: TestApp | undefined;
afterEach(async () => {
  await running?.[Symbol.asyncDispose]();
  running = undefined;
});

/** Sleeps take a turn of the event loop. */
async function start(file: Record<string, unknown> = { keys: entries }): Promise<TestApp> {
  running = await startApp({ sleep: () => new Promise((resolve) => setImmediate(resolve)) }, file);
  return running;
}

/** The app as whoever asks sees it. */
function sendTo({ app }: TestApp): Send {
  return async (path, headers, body) => {
    const method = body === undefined ? 'GET' : 'POST';
    const init = { method, headers, ...(body !== undefined && { body }) };
    const response = await app.fetch(new Request(`${origin}${path}`, init));
    return { status: response.status, text: await response.text() };
  };
}

type Headers = Record<string, string>;
const upload = (app: TestApp, mark: string, headers: Headers) =>
  uploadMarked(sendTo(app), mark, testStartMs, headers);
const ask = (app: TestApp, headers: Headers) => askEverything(sendTo(app), testStartMs, headers);
const setting = async (app: TestApp, value: string, headers: Headers) =>
  (await storeSetting(sendTo(app), value, headers)).status;
const flush = (app: TestApp, headers: Headers) => sendTo(app)('/flush', headers, '');

describe('what tenants are asked about here', () => {
  it('is everything that can be read', async () => {
    const server = await createApiServer();
    const paths = server.routes.filter(({ method }) => method !== 'ALL').map(({ path }) => path);
    const asked = askedPaths();
    for (const path of asked) expect(paths).toContain(path);
    for (const path of new Set(paths)) {
      if (asked.has(path) || isForOthers(path)) continue;
      const answer = await server.send(path.replace('*', 'Odd'), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
      expect([path, answer.status]).toEqual([path, 501]);
    }
  });
});

/** Doors that write, and probes: they answer nothing of what is stored. */
function isForOthers(path: string): boolean {
  return (
    /\/(Push|Set|Delete|Flush|Export)$/.test(path) ||
    ['/ingest', '/pyroscope/ingest', '/v1development/profiles'].includes(path) ||
    ['/flush', '/ready', '/healthz'].includes(path)
  );
}

describe('two tenants with two keys', () => {
  it('get answers that do not depend on each other, byte for byte', async () => {
    const answersOfB = async (isAThere: boolean) => {
      await using app = await startApp({}, { keys: entries });
      const steps = [
        async () => {
          if (!isAThere) return;
          expect((await upload(app, 'secretA', keyA.bearer)).status).toBe(200);
          expect(await setting(app, 'secretA', keyA.bearer)).toBe(200);
        },
        async () => {
          expect((await upload(app, 'ownB', keyB.bearer)).status).toBe(200);
          expect(await setting(app, 'ownB', keyB.bearer)).toBe(200);
        },
      ];
      for (const step of [...steps, ...steps]) await step();
      const fromHead = await ask(app, keyB.bearer);
      if (isAThere) {
        const own = await ask(app, keyA.bearer);
        expect(JSON.stringify(shown(own))).toContain('secretA');
        expect(JSON.stringify(shown(own))).not.toContain('ownB');
      }
      // Each flushes its own.
      expect((await flush(app, keyB.bearer)).status).toBe(204);
      const { objects } = await app.platform.localBucket.list('tenants/');
      const metas = objects.map(({ key }) => key).filter((key) => key.endsWith('/meta.json'));
      expect(metas).toHaveLength(1);
      expect(metas[0]).toMatch(/^tenants\/tenant-b\//);
      return { fromHead, fromBlock: await ask(app, keyB.bearer) };
    };
    const alone = await answersOfB(false);
    const beside = await answersOfB(true);
    expect(shown(beside.fromHead)).toEqual(shown(alone.fromHead));
    // Writing a block takes time that metrics tell.
    delete alone.fromBlock['/metrics'];
    delete beside.fromBlock['/metrics'];
    expect(shown(beside.fromBlock)).toEqual(shown(alone.fromBlock));
    const text = JSON.stringify(shown(beside.fromHead));
    expect(text).not.toMatch(/secretA|tenant-a/);
    // The answers are about something: the test would be blind otherwise.
    for (const mark of ['ownB-app', 'ownB-pod', 'ownB_main', 'ownB_work', 'ownB-setting']) {
      expect(text).toContain(mark);
    }
    for (const [path, { status }] of Object.entries(beside.fromHead)) {
      expect([path, status]).toEqual([path, 200]);
    }
  });

  it('cannot name each other, in the header or as user, alone or beside themselves', async () => {
    const app = await start();
    await upload(app, 'secretA', keyA.bearer);
    const before = await ask(app, keyA.bearer);
    const walBytes = app.platform.wal.bytesUsed();
    for (const headers of [
      { ...keyB.bearer, 'x-scope-orgid': 'tenant-a' },
      { ...keyB.bearer, 'x-scope-orgid': 'tenant-b|tenant-a' },
      { ...keyB.bearer, 'x-scope-orgid': 'tenant-a:tenant-b' },
      { ...keyB.bearer, 'x-scope-orgid': '*' },
      basicAuth('tenant-a', keyB.key),
      basicAuth('tenant-a|tenant-b', keyB.key),
      { ...basicAuth('tenant-b', keyB.key), 'x-scope-orgid': 'tenant-a' },
      { ...basicAuth('tenant-a', keyB.key), 'x-scope-orgid': 'tenant-b' },
    ] as Record<string, string>[]) {
      for (const [path, answer] of Object.entries(await ask(app, headers))) {
        expect([path, answer.status]).toEqual([path, 403]);
        expect(answer.text).not.toContain('secretA');
      }
      expect((await upload(app, 'fromB', headers)).status).toBe(403);
      expect(await setting(app, 'fromB', headers)).toBe(403);
      expect((await flush(app, headers)).status).toBe(403);
    }
    expect(app.platform.wal.bytesUsed()).toBe(walBytes);
    const withoutMetrics = (answers: Answers) =>
      shown(answers).filter(([path]) => path !== '/metrics');
    expect(withoutMetrics(await ask(app, keyA.bearer))).toEqual(withoutMetrics(before));
  });

  it('are read together by an operator, who writes to one at a time', async () => {
    const app = await start();
    const both = { ...operator.bearer, 'x-scope-orgid': 'tenant-a|tenant-b' };
    for (const [mark, tenant] of [
      ['inA', 'tenant-a'],
      ['inB', 'tenant-b'],
    ] as const) {
      const headers = { ...operator.bearer, 'x-scope-orgid': tenant };
      expect((await upload(app, mark, headers)).status).toBe(200);
    }
    const merged = await ask(app, both);
    const folded = Object.entries(merged).find(([path]) => path.includes('folded'))?.[1].text;
    expect(folded).toContain('inA_main');
    expect(folded).toContain('inB_main');
    const refused = await upload(app, 'inBoth', both);
    expect([refused.status, refused.text]).toEqual([401, expect.stringContaining('multiple')]);
    expect(JSON.stringify(await ask(app, keyA.bearer))).not.toMatch(/inB/);
  });
});

describe('tenants that differ in case', () => {
  it('have folders that differ also where case does not count', async () => {
    const names = ['team', 'Team', 'TEAM', 'tEAM', '%74eam', "te.am'()!*", 'te.am'];
    const app = await start({ multitenancy: true });
    const stored: string[] = [];
    for (const name of names) {
      const headers = { 'x-scope-orgid': name };
      const { status } = await upload(app, 'x', headers);
      // The percent sign is in no tenant's name, so that an encoded name is not one itself.
      expect([name, status]).toEqual([name, name.includes('%') ? 401 : 200]);
      if (status === 200) stored.push(name);
    }
    await app.flush();
    const { objects } = await app.platform.localBucket.list('tenants/');
    const folders = new Set(
      objects.map(({ key }) => pathOfKey(key).split('/').slice(0, 2).join('/').toLowerCase()),
    );
    expect(folders.size).toBe(stored.length);
    for (const folder of folders) expect(folder).toMatch(/^tenants\/[a-z0-9\-_.%]+$/);
  });
});
