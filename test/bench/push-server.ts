// The servers of the push bench, one per process: phlox, and two bare Hono routes on the same
// runtime that do only what cannot be left out: inflate, or inflate and append to the same log.
// The log is in memory, or the one of a server. Prints `{ "port": …, "isDurable": … }` and serves
// until it is killed.
import process from 'node:process';
import { Hono } from 'hono';
import { resolveSettings, type Settings } from '../../src/config/settings.ts';
import type { Platform } from '../../src/platform.ts';
import { createServerPlatform } from '../../src/runtime/server-platform.ts';
import { MemoryWal } from '../../src/wal/memory.ts';
import { openLimitsPath } from '../support/open-limits.ts';

/**
 * `-durable`: with the log that a server has, in the data folder; `-watched`: also tells stalls of
 * its event loop.
 */
export type ServerKind =
  | 'phlox'
  | 'gunzip'
  | 'append'
  | 'phlox-durable'
  | 'phlox-watched'
  | 'append-durable';

/** What a server prints first. */
export interface Greeting {
  port: number;
  isDurable: boolean;
}

type Fetch = (request: Request) => Response | Promise<Response>;

/** Larger than a run can fill: the bench measures pushes, not what happens when room ends. */
const roomBytes = 6 * 2 ** 30;
const inflatedBytesMax = 4 * 2 ** 20;
const tickMs = 1_000;
const stallTickMs = 5;

function settingsFor(dataDir: string): Settings {
  return resolveSettings({
    file: {
      dataDir,
      logBytesMax: roomBytes,
      memoryMax: roomBytes,
      headBytesMax: '1GiB',
      headAgeMax: '24h',
      logLevel: 'warn',
      limits: openLimitsPath,
    },
  });
}

async function platformFor(settings: Settings, isDurable: boolean): Promise<Platform> {
  const platform = await createServerPlatform(settings, 'bench');
  if (isDurable) return platform;
  const wal = new MemoryWal({ id: '01J00000000000000000000000', bytesMax: roomBytes });
  return { ...platform, wal };
}

async function phlox(platform: Platform, settings: Settings): Promise<Fetch> {
  // The bare routes shall not carry the weight of what they do not use.
  const { createApp } = await import('../../src/app.ts');
  const app = await createApp(platform, settings);
  await app.start();
  setInterval(() => void app.tick(Date.now()), tickMs);
  return app.fetch;
}

async function bare(platform: Platform, hasLog: boolean): Promise<Fetch> {
  const { gunzip, wal } = platform;
  if (hasLog) await wal.start();
  const app = new Hono();
  app.post('/profile', async (context) => {
    const body = new Uint8Array(await context.req.arrayBuffer());
    const inflated = gunzip(body, inflatedBytesMax);
    if (hasLog) {
      const record = { tenant: 'anonymous', contentKey: new Uint8Array(16), labels: [], body };
      await wal.commit(wal.append({ ...record, receivedMs: Date.now() }));
    }
    return context.json({ bytes: inflated.length });
  });
  return (request) => app.fetch(request);
}

/** Answers `/bench/stall`: for how long at most, in ms, nothing ran since it was last asked. */
function watched(fetch: Fetch): Fetch {
  let [longestMs, lastMs] = [0, performance.now()];
  setInterval(() => {
    const nowMs = performance.now();
    longestMs = Math.max(longestMs, nowMs - lastMs - stallTickMs);
    lastMs = nowMs;
  }, stallTickMs);
  return (request) => {
    if (!request.url.endsWith('/bench/stall')) return fetch(request);
    const answer = Response.json({ longestMs });
    longestMs = 0;
    return answer;
  };
}

/** Serves on a free port of the loopback and answers the port. */
function listen(fetch: Fetch): number {
  const options = { hostname: '127.0.0.1', port: 0 };
  if ('Bun' in globalThis) return Bun.serve({ ...options, fetch }).port ?? 0;
  return Deno.serve({ ...options, onListen: () => undefined }, fetch).addr.port;
}

const [kind = '', dataDir = ''] = process.argv.slice(2);
const settings = settingsFor(dataDir);
const isWatched = kind.endsWith('-watched');
const platform = await platformFor(settings, isWatched || kind.endsWith('-durable'));
const isPhlox = kind.startsWith('phlox');
const fetch = isPhlox ? await phlox(platform, settings) : await bare(platform, kind !== 'gunzip');
const port = listen(isWatched ? watched(fetch) : fetch);
process.stdout.write(`${JSON.stringify({ port, isDurable: platform.wal.isDurable })}\n`);
