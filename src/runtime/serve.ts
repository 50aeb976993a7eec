// A server's life: build the platform, start the app, listen, tick, and on a signal stop in order.
// Owns the timer, the signals and the exit code; how to listen is the runtime's.
import process from 'node:process';
import { createApp } from '../app.ts';
import { FilesystemBucket } from '../bucket/filesystem.ts';
import { parseListen, type Settings } from '../config/settings.ts';
import { messageOf } from '../errors.ts';
import { createLogger } from '../lib/log.ts';
import { version } from '../version.ts';
import { lockDataFolder } from './lock.ts';
import { createServerPlatform } from './server-platform.ts';

export interface ListenOptions {
  hostname: string;
  /** 0: any free port. */
  port: number;
  /** The runtime may refuse larger bodies early; the app refuses them in any case. */
  requestBytesMax: number;
  /** `source` answers the client's address. */
  fetch: (request: Request, source: () => string | undefined) => Response | Promise<Response>;
}

export interface HttpServer {
  port: number;
  /** Takes no new connections and resolves when open requests are answered. */
  close(): Promise<void>;
}

export type Listen = (options: ListenOptions) => Promise<HttpServer>;

/** Longest and shortest time between two ticks: new heads shorten what an earlier tick answered. */
const tickMsMax = 1_000;
const tickMsMin = 50;
/** Signals within this time are the same one. */
const sameSignalMs = 1_000;

/** Serves until SIGTERM or SIGINT, then flushes and ships. Resolves to the exit code. */
export async function serve(
  settings: Settings,
  listen: Listen,
  runtimeName: string,
): Promise<number> {
  const lock = await lockDataFolder(settings.dataDir);
  try {
    // What an earlier process left half written; nobody else writes here now.
    await new FilesystemBucket(settings.dataDir).sweep();
    return await serveLocked(settings, listen, runtimeName);
  } finally {
    await lock.release();
  }
}

async function serveLocked(
  settings: Settings,
  listen: Listen,
  runtimeName: string,
): Promise<number> {
  const platform = await createServerPlatform(settings, runtimeName);
  const log = createLogger({
    level: settings.logLevel,
    format: settings.logFormat,
    nowMs: platform.clock.nowMs,
    sink: platform.logLine,
  });
  const app = await createApp(platform, settings);
  const stopping = signalled();
  await app.start();
  const { hostname, port } = parseListen(settings.listen);
  const server = await listen({
    hostname,
    port,
    requestBytesMax: app.requestBytesMax,
    fetch: app.fetch,
  });
  const shownHost = hostname.includes(':') ? `[${hostname}]` : hostname;
  log.info('listening', {
    address: `http://${shownHost}:${server.port}`,
    version,
    runtime: runtimeName,
    data: platform.localBucket.name,
    bucket: platform.remoteBucket?.name ?? 'none',
    durable: platform.wal.isDurable,
  });
  const ticker = startTicker(app.tick, platform.clock.nowMs);
  const signal = await stopping;
  log.info('stopping', { signal });
  // Not ready from this turn on, though a tick may still be writing blocks.
  const ends = await Promise.allSettled([app.stop(), ticker.stop()]);
  let exitCode = 0;
  for (const end of ends) {
    if (end.status === 'fulfilled') continue;
    exitCode = 1;
    log.error('stopped, not everything is safe', { error: messageOf(end.reason) });
  }
  await server.close();
  if (exitCode === 0) log.info('stopped');
  return exitCode;
}

/**
 * Resolves at the first signal; one that comes later ends the process at once. Supervisors that
 * signal a whole group reach a server twice, directly and through its launcher: that is one.
 */
function signalled(): Promise<string> {
  return new Promise((resolve) => {
    let firstMs: number | undefined;
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => {
        const nowMs = performance.now();
        firstMs ??= nowMs;
        if (nowMs - firstMs > sameSignalMs) process.exit(1);
        resolve(name);
      });
    }
  });
}

function startTicker(tick: (nowMs: number) => Promise<number>, nowMs: () => number) {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let isStopped = false;
  const run = async () => {
    const nextMs = await tick(nowMs());
    if (isStopped) return;
    const delayMs = Math.min(tickMsMax, Math.max(tickMsMin, nextMs - nowMs()));
    timer = setTimeout(start, delayMs);
  };
  const start = () => {
    running = run();
  };
  start();
  return {
    async stop(): Promise<void> {
      isStopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
