// Tenants with keys, through the whole app: nobody reads, writes or names what is another's, in
// memory, in blocks, or on a disk where case does not count.
import { afterEach, describe, expect, it } from 'vitest';
import { pathOfKey } from '../../src/bucket/filesystem-path.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { basicAuth, newKey } from '../support/keys.ts';
import { testStartMs } from '../support/memory-platform.ts';

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

interface Answer {
  status: number;
  text: string;
  headers: Headers;
}

async function send(
  { app }: TestApp,
  path: string,
  headers: Record<string, string>,
  body?: string | Uint8Array<ArrayBuffer>,
): Promise<Answer> {
  const method = body === undefined ? 'GET' : 'POST';
  const init = { method, headers, ...(body !== undefined && { body }) };
  const response = await app.fetch(new Request(`${origin}${path}`, init));
  return { status: response.status, text: await response.text(), headers: response.headers };
}

const fromSeconds = testStartMs / 1_000 - 60;
const times = `from=${fromSeconds}&until=${fromSeconds + 600}`;

/** A folded upload whose every name begins with `mark`. */
function upload(app: TestApp, mark: string, headers: Record<string, string>): Promise<Answer> {
  const name = encodeURIComponent(`${mark}-app{pod=${mark}-pod,${mark}_label=x}`);
  const path = `/ingest?name=${name}&${times}&units=samples`;
  return send(app, path, headers, `${mark}_main;${mark}_work 7\n${mark}_main 3\n`);
}

const type = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
const range = { start: String(fromSeconds * 1_000), end: String((fromSeconds + 600) * 1_000) };
const querier = '/querier.v1.QuerierService';
const select = { profileTypeID: type, labelSelector: '{}', ...range };

/** Everything that a tenant can ask, with what the answers say. */
async function ask(app: TestApp, headers: Record<string, string>): Promise<Record<string, Answer>> {
  const json = { ...headers, 'content-type': 'application/json' };
  const matchers = ['{}'];
  const calls: Record<string, object> = {
    [`${querier}/ProfileTypes`]: range,
    [`${querier}/LabelNames`]: { matchers, ...range },
    [`${querier}/LabelValues`]: { name: 'pod', matchers, ...range },
    [`${querier}/Series`]: { matchers, ...range },
    [`${querier}/SelectMergeStacktraces`]: select,
    [`${querier}/SelectMergeProfile`]: select,
    [`${querier}/SelectSeries`]: { ...select, step: 15, groupBy: ['pod'] },
    [`${querier}/Diff`]: { left: select, right: select },
    [`${querier}/GetProfileStats`]: {},
    '/ingester.v1.IngesterService/LabelNames': range,
    '/ingester.v1.IngesterService/Series': { matchers, ...range },
    '/settings.v1.SettingsService/Get': {},
  };
  const answers: Record<string, Answer> = {};
  for (const [path, body] of Object.entries(calls)) {
    answers[path] = await send(app, path, json, JSON.stringify(body));
  }
  const query = encodeURIComponent(`${type}{}`);
  for (const more of ['', '&format=folded', '&format=dot', '&groupBy=pod']) {
    const path = `/pyroscope/render?query=${query}&${times}${more}`;
    answers[path] = await send(app, path, headers);
  }
  answers['values'] = await send(app, '/pyroscope/label-values?label=service_name', headers);
  answers['metrics'] = await send(app, '/metrics', headers);
  return answers;
}

const shown = (answers: Record<string, Answer>) =>
  Object.entries(answers).map(([path, { status, text }]) => [path, status, text]);

async function setting(app: TestApp, value: string, headers: Record<string, string>) {
  const body = JSON.stringify({ setting: { name: `${value}-setting`, value, modifiedAt: '1' } });
  const json = { ...headers, 'content-type': 'application/json' };
  return (await send(app, '/settings.v1.SettingsService/Set', json, body)).status;
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
      expect((await send(app, '/flush', keyB.bearer, '')).status).toBe(204);
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
    delete alone.fromBlock['metrics'];
    delete beside.fromBlock['metrics'];
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
      expect((await send(app, '/flush', headers, '')).status).toBe(403);
    }
    expect(app.platform.wal.bytesUsed()).toBe(walBytes);
    const withoutMetrics = (answers: Record<string, Answer>) =>
      shown(answers).filter(([path]) => path !== 'metrics');
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
