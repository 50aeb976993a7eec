// Keys through the whole app: those that were not made open nothing, no key is ever said, and the
// file of keys is in force as it is edited.
import { afterEach, describe, expect, it } from 'vitest';
import { formatKeys, type KeyEntry } from '../../src/auth/keys.ts';
import { createRandom } from '../fixtures/random.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { encodePush } from '../support/http-push.ts';
import { newKey } from '../support/keys.ts';
import { testStartMs } from '../support/memory-platform.ts';
import { nearMisses, secretsIn } from '../support/near-misses.ts';
import { openLimitsPath, openLimitsText } from '../support/open-limits.ts';

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

/** Whoever is slowed down waits for one turn of the event loop. */
async function start(file: Record<string, unknown>): Promise<TestApp> {
  running = await startApp({ sleep: () => new Promise((resolve) => setImmediate(resolve)) }, file);
  return running;
}

async function send(
  { app }: TestApp,
  path: string,
  headers: Record<string, string>,
  body?: string | Uint8Array<ArrayBuffer>,
) {
  const method = body === undefined ? 'GET' : 'POST';
  const init = { method, headers, ...(body !== undefined && { body }) };
  const response = await app.fetch(new Request(`${origin}${path}`, init));
  return { status: response.status, text: await response.text(), headers: response.headers };
}

function upload(app: TestApp, headers: Record<string, string>) {
  return send(app, '/ingest?name=app', headers, 'main;work 7\n');
}

describe('10,000 random and near-miss keys', () => {
  const seed = Number(process.env['PHLOX_FUZZ_SEED'] ?? Date.now() % 2 ** 31);
  it(`get nowhere, and no key is said anywhere, seed ${seed}`, async () => {
    const random = createRandom(seed).below;
    const app = await start({ keys: entries, logLevel: 'debug' });
    await upload(app, keyA.bearer);
    const walBytes = app.platform.wal.bytesUsed();
    const keys = [keyA.key, keyB.key, operator.key];
    const guesses = nearMisses(keys, 10_000, random);
    const push = encodePush([{ labels: { __name__: 'x' }, profiles: [] }]);
    const said: string[] = [];
    for (const [i, { headers, how }] of guesses.entries()) {
      const answer =
        i % 2 === 0
          ? await send(app, '/push.v1.PusherService/Push', headers, push)
          : await send(app, ['/metrics', '/api/v1/status/config'][(i >> 1) % 2] ?? '', headers);
      if (answer.status !== 401) throw new Error(`${how} is answered ${answer.status}`);
      if (i < 1_000) said.push(answer.text, JSON.stringify([...answer.headers]));
    }
    expect(app.platform.wal.bytesUsed()).toBe(walBytes);
    const config = await send(app, '/api/v1/status/config', operator.bearer);
    expect(JSON.parse(config.text)).toMatchObject({ keys: '***' });
    const metrics = await send(app, '/metrics', operator.bearer);
    expect(metrics.text).toContain(
      `phlox_auth_failures_total{reason="unknown_key"} ${guesses.length}`,
    );
    said.push(config.text, metrics.text, ...app.platform.lines.map((line) => JSON.stringify(line)));
    const text = said.join('\n');
    expect(app.platform.lines.length).toBeGreaterThan(9_900);
    for (const { key } of [keyA, keyB, operator]) expect(secretsIn(text, key)).toEqual([]);
    const words = new Set(text.match(/[A-Za-z0-9_=-]{12,}/g));
    expect(guesses.filter(({ secret }) => words.has(secret))).toEqual([]);
    expect(words.has('phlox_auth_failures_total')).toBe(true);
  }, 120_000);
});

it('a key is found in a text, whatever code it is in', () => {
  const { key, entry } = keyA;
  const texts = [key, key.toUpperCase(), JSON.stringify(keyA), entry.sha256];
  texts.push(btoa(`tenant-a:${key}`), btoa(`user:${key}`), btoa(`${key}:`), btoa(`any:${key}x`));
  for (const text of texts) expect(secretsIn(`before ${text} behind`, key)).not.toEqual([]);
  expect(secretsIn(JSON.stringify([keyB, operator]), key)).toEqual([]);
});

describe('a file of keys', () => {
  const path = '/etc/phlox/keys.json';
  const startWith = async (text: string) => {
    const files = new Map([
      [path, text],
      [openLimitsPath, openLimitsText],
    ]);
    const editedFile = (name: string) => ({
      path: name,
      stamp: () => Promise.resolve(files.get(name) ?? ''),
      read: () => Promise.resolve(files.get(name) ?? ''),
    });
    running = await startApp({ editedFile }, { keys: path });
    return { app: running, files };
  };
  const statusOf = async (app: TestApp, headers: Record<string, string>) =>
    (await upload(app, headers)).status;

  it('is read again when it changes: who was revoked is out, who was added is in', async () => {
    const { app, files } = await startWith(formatKeys([keyA.entry]));
    expect([await statusOf(app, keyA.bearer), await statusOf(app, keyB.bearer)]).toEqual([
      200, 401,
    ]);
    files.set(path, formatKeys([keyB.entry]));
    await app.app.tick(testStartMs + 1_000);
    expect([await statusOf(app, keyA.bearer), await statusOf(app, keyB.bearer)]).toEqual([
      401, 200,
    ]);
    files.set(path, '[]');
    await app.app.tick(testStartMs + 2_000);
    expect([await statusOf(app, keyA.bearer), await statusOf(app, keyB.bearer)]).toEqual([
      401, 401,
    ]);
    expect(await statusOf(app, {})).toBe(401);
  });

  it('that makes no sense changes nothing, and is not repeated in the log', async () => {
    const { app, files } = await startWith(formatKeys([keyA.entry]));
    const wrong: KeyEntry = { ...keyB.entry, sha256: keyB.key };
    for (const [i, text] of [formatKeys([wrong]), `[${keyB.key}`, ''].entries()) {
      files.set(path, text);
      await app.app.tick(testStartMs + 1_000 * (i + 1));
      expect(await statusOf(app, keyA.bearer)).toBe(200);
      expect(await statusOf(app, keyB.bearer)).toBe(401);
    }
    const lines = app.platform.lines.filter(({ level }) => level === 'error');
    expect(lines).toHaveLength(3);
    expect(JSON.stringify(app.platform.lines)).not.toContain(keyB.key.slice(6));
  });

  it.each(['', '{}', '[1]', 'hunter2'])('does not start a server with %j', async (text) => {
    await expect(startWith(text)).rejects.toMatchObject({ kind: 'invalid' });
  });

  it('is not a key', async () => {
    const started = startApp({}, { keys: keyA.key });
    await expect(started).rejects.toThrow('setting keys is a key, not a file of keys');
  });
});
