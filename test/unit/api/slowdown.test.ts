// What wrong keys cost whoever shows them, and nobody else.
import { describe, expect, it } from 'vitest';
import { KeyRing } from '../../../src/auth/keys.ts';
import { type ApiServer, apiOrigin, createApiServer } from '../../support/api-server.ts';
import { newKey } from '../../support/keys.ts';

const known = newKey('team', 'push');

function upload(server: ApiServer, headers: Record<string, string>) {
  return server.send('/ingest?name=a', { method: 'POST', headers, body: 'main 1\n' });
}

describe('wrong keys', () => {
  it('are answered ever later by source, up to a bound; right ones never are', async () => {
    const slept: number[] = [];
    const ring = new KeyRing([known.entry]);
    const server = await createApiServer(
      { keys: () => ring },
      {
        sleep: async (ms) => void slept.push(ms),
        clock: { nowMs: () => 0, monotonicMs: () => clockMs },
      },
    );
    let clockMs = 0;
    const stranger = newKey('team', 'push');
    const from = async (source: string, { authorization = '' }: Record<string, string>) => {
      const headers = { authorization };
      const request = new Request(`${apiOrigin}/ingest?name=a`, { method: 'POST', headers });
      return (await server.fetch(request, () => source)).status;
    };
    for (let i = 0; i < 14; i++) expect(await from('1.1.1.1', stranger.bearer)).toBe(401);
    expect(slept).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
    slept.length = 0;
    await from('2.2.2.2', stranger.bearer);
    expect(await from('1.1.1.1', known.bearer)).not.toBe(401);
    expect(slept).toEqual([]);
    clockMs += 60_000;
    await from('1.1.1.1', stranger.bearer);
    expect(slept).toEqual([]);
  });

  it('wait in bounded number, and keep nobody with a key out', async () => {
    let wake: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      wake = resolve;
    });
    let waiting = 0;
    const sleep = async () => {
      waiting += 1;
      await gate;
    };
    const ring = new KeyRing([known.entry]);
    const server = await createApiServer({ keys: () => ring }, { sleep });
    const stranger = newKey('team', 'push');
    const all = Array.from({ length: 400 }, () => upload(server, stranger.bearer));
    // Answered though the others wait: the free ones and those past the bound.
    await Promise.all([...all.slice(0, 5), ...all.slice(261)]);
    expect(waiting).toBe(256);
    expect((await upload(server, known.bearer)).status).toBe(200);
    // It was answered while they still wait.
    wake();
    expect((await Promise.all(all)).every(({ status }) => status === 401)).toBe(true);
  });
});
