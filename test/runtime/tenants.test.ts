// Two tenants with two keys on real servers: what one is answered is the same, byte for byte,
// whether or not the other is there; neither can name the other; guesses close to a key are
// answered 401; and nothing that the server says or logs has a trace of a key.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatKeys } from '../../src/auth/keys.ts';
import { createRandom } from '../fixtures/random.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { basicAuth, newKey } from '../support/keys.ts';
import { nearMisses, secretsIn } from '../support/near-misses.ts';
import { type Server, serverRuntimes, startServer } from '../support/servers.ts';
import {
  type Answers,
  askEverything,
  type Send,
  shown,
  storeSetting,
  uploadMarked,
} from '../support/tenant-questions.ts';

const all = ['push', 'query', 'admin'] as const;
const keyA = newKey('tenant-a', ...all);
const keyB = newKey('tenant-b', ...all);
const operator = newKey('*', ...all);
const keys = [keyA, keyB, operator];
const nowMs = Date.now();
/** Fewer than a server lets wait at the same time: they all wait at once. */
const guessCount = 200;

describe.each(serverRuntimes)('two tenants with two keys on %s', (runtime) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: Server;
  let said = '';

  const send: Send = async (path, headers, body) => {
    const init = { method: body === undefined ? 'GET' : 'POST', headers };
    const response = await fetch(server.url + path, {
      ...init,
      ...(body !== undefined && { body }),
    });
    const answer = { status: response.status, text: await response.text() };
    said += `${answer.text}\n${JSON.stringify([...response.headers])}\n`;
    return answer;
  };
  const start = async () => {
    const env = { PHLOX_KEYS: join(folder.path, 'keys.json'), PHLOX_LOG_LEVEL: 'debug' };
    server = await startServer(runtime, { dataDir: join(folder.path, 'data'), env });
  };
  const stop = async () => {
    await server.stop();
    said += server.stdout + server.stderr;
  };
  const store = async (mark: string, headers: Record<string, string>) => {
    expect((await uploadMarked(send, mark, nowMs, headers)).status).toBe(200);
    expect((await storeSetting(send, mark, headers)).status).toBe(200);
  };
  /** From heads, and from a block. */
  const answersOfB = async () => {
    await store('ownB', keyB.bearer);
    const fromHead = await askEverything(send, nowMs, keyB.bearer);
    expect((await send('/flush', keyB.bearer, '')).status).toBe(204);
    return [fromHead, await askEverything(send, nowMs, keyB.bearer)] as const;
  };

  beforeAll(async () => {
    folder = await temporaryFolder();
    await writeFile(join(folder.path, 'keys.json'), formatKeys(keys.map(({ entry }) => entry)));
  });
  afterAll(async () => {
    await stop();
    await folder[Symbol.asyncDispose]();
  });

  it('are answered as if the other was not there', async () => {
    await start();
    const alone = await answersOfB();
    await stop();
    // In the same place, so that the configuration that is shown is the same.
    await rm(join(folder.path, 'data'), { recursive: true });
    await start();
    await store('secretA', keyA.bearer);
    const beside = await answersOfB();
    for (const [i, answers] of beside.entries()) {
      expect(timeless(answers)).toEqual(timeless(alone[i] as Answers));
      const text = JSON.stringify(shown(answers));
      expect(text).not.toMatch(/secretA|tenant-a/);
      for (const mark of ['ownB-app', 'ownB-pod', 'ownB_work', 'ownB-setting']) {
        expect(text).toContain(mark);
      }
    }
    const ofA = JSON.stringify(shown(await askEverything(send, nowMs, keyA.bearer)));
    expect(ofA).toContain('secretA_work');
    expect(ofA).not.toMatch(/ownB|tenant-b/);
  }, 60_000);

  it('cannot name each other', async () => {
    const others: Record<string, string>[] = [
      { ...keyB.bearer, 'x-scope-orgid': 'tenant-a' },
      { ...keyB.bearer, 'x-scope-orgid': 'tenant-b|tenant-a' },
      { ...keyB.bearer, 'x-scope-orgid': 'Tenant-B' },
      { ...keyB.bearer, 'x-scope-orgid': '*' },
      basicAuth('tenant-a', keyB.key),
      { ...basicAuth('tenant-a', keyB.key), 'x-scope-orgid': 'tenant-b' },
    ];
    const before = timeless(await askEverything(send, nowMs, keyA.bearer));
    for (const headers of others) {
      for (const [path, answer] of Object.entries(await askEverything(send, nowMs, headers))) {
        expect([path, answer.status]).toEqual([path, 403]);
      }
      expect((await uploadMarked(send, 'fromB', nowMs, headers)).status).toBe(403);
      expect((await storeSetting(send, 'fromB', headers)).status).toBe(403);
    }
    expect(timeless(await askEverything(send, nowMs, keyA.bearer))).toEqual(before);
  }, 60_000);

  it(`are not found by ${guessCount} guesses close to their keys`, async () => {
    const below = createRandom(7).below;
    const guesses = nearMisses(
      keys.map(({ key }) => key),
      guessCount,
      below,
    );
    const statuses = await Promise.all(
      guesses.map(async ({ how, headers }, i) => {
        const path = ['/metrics', '/pyroscope/label-values?label=pod', '/api/v1/status/config'][
          i % 3
        ];
        return [how, (await send(path ?? '', headers)).status];
      }),
    );
    expect(statuses).toEqual(guesses.map(({ how }) => [how, 401]));
  }, 60_000);

  it('have keys of which nothing is said or logged', async () => {
    const config = await send('/api/v1/status/config', operator.bearer);
    expect(JSON.parse(config.text)).toMatchObject({ keys: '***' });
    const metrics = await send('/metrics', operator.bearer);
    expect(metrics.text).toContain(
      `phlox_auth_failures_total{reason="unknown_key"} ${guessCount}\n`,
    );
    said += server.stdout + server.stderr;
    expect(said).toContain('"msg":"request"');
    for (const { key } of keys) expect(secretsIn(said, key)).toEqual([]);
  });
});

/** Metrics tell how long things took. */
function timeless(answers: Answers) {
  return shown(answers).filter(([path]) => path !== '/metrics');
}
