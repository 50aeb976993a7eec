// One life of the simulated server: the real app over the scheduled disk, the real log and buckets,
// and requests from its clients. Owns how the parts are put together; a planted bug replaces some.
import { type App, createApp } from '../../src/app.ts';
import type { Bucket } from '../../src/bucket/bucket.ts';
import { FilesystemBucket } from '../../src/bucket/filesystem.ts';
import type { Settings } from '../../src/config/settings.ts';
import type { FileSystem } from '../../src/lib/file-system.ts';
import { createLogger } from '../../src/lib/log.ts';
import type { Platform } from '../../src/platform.ts';
import { SegmentWal } from '../../src/wal/segments.ts';
import type { Wal } from '../../src/wal/wal.ts';
import type { Random } from '../fixtures/random.ts';
import type { Scheduler } from './simulation-scheduler.ts';

/** Replaces parts of the platform by broken ones. */
export interface Sabotage {
  fileSystem?: (inner: FileSystem) => FileSystem;
  local?: (inner: Bucket, wal: Wal) => Bucket;
  remote?: (inner: Bucket) => Bucket;
  wal?: (inner: Wal) => Wal;
  /** The leftovers of the last process are used as they are. */
  isUnswept?: boolean;
}

export interface ProcessParts {
  scheduler: Scheduler;
  random: Random;
  fileSystem: FileSystem;
  remote: Bucket | undefined;
  settings: Settings;
  segmentBytes: number;
  /** What every runtime has. */
  base: Platform;
  sabotage: Sabotage;
  tapLocal: (inner: Bucket) => Bucket;
  tapWal: (inner: Wal) => Wal;
  onLine: (line: string) => void;
}

export interface SimulatedProcess {
  app: App;
  wal: Wal;
  /** As a server does: nothing is used before the leftovers of the last process are gone. */
  start(): Promise<void>;
}

export const dataFolder = '/data';

/** A process that is not started. */
export async function createProcess(parts: ProcessParts): Promise<SimulatedProcess> {
  const { scheduler, random, settings, sabotage, remote } = parts;
  const fileSystem = sabotage.fileSystem?.(parts.fileSystem) ?? parts.fileSystem;
  const clock = { nowMs: () => scheduler.wallMs, monotonicMs: () => scheduler.measureMs() };
  const log = createLogger({
    level: settings.logLevel,
    format: settings.logFormat,
    nowMs: clock.nowMs,
    sink: parts.onLine,
  });
  const segments = new SegmentWal({
    folder: `${dataFolder}/wal`,
    fileSystem,
    clock,
    random: () => random.unit(),
    newId: () => newId(random),
    bytesMax: settings.logBytesMax,
    segmentBytes: parts.segmentBytes,
    log,
  });
  const tapped = parts.tapWal(segments);
  const wal = sabotage.wal?.(tapped) ?? tapped;
  const folder = new FilesystemBucket(dataFolder, fileSystem);
  const tappedBucket = parts.tapLocal(folder);
  const platform: Platform = {
    ...parts.base,
    clock,
    random: (bytes) => {
      for (let at = 0; at < bytes.length; at++) bytes[at] = random.below(256);
      return bytes;
    },
    sleep: (ms, signal) => scheduler.sleep(ms, signal),
    yield: () => scheduler.turn('yield'),
    wal,
    localBucket: sabotage.local?.(tappedBucket, wal) ?? tappedBucket,
    remoteBucket: remote && (sabotage.remote?.(remote) ?? remote),
    diskUsage: async () => {
      const { bavail, blocks, bsize } = await fileSystem.statfs(dataFolder);
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    },
    logLine: parts.onLine,
  };
  const app = await createApp(platform, settings);
  const start = async () => {
    if (sabotage.isUnswept !== true) await folder.sweep();
    await app.start();
  };
  return { app, wal, start };
}

function newId(random: Random): string {
  const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  const rest = Array.from({ length: 25 }, () => letters[random.below(32)]);
  return `0${rest.join('')}`;
}

const origin = 'http://127.0.0.1:4040';

/** One request; resolves when the answer is there as a whole. */
export async function send(app: App, path: string, init: RequestInit & { tenant?: string } = {}) {
  const { tenant, ...rest } = init;
  const headers = { ...(rest.headers as object), ...(tenant && { 'x-scope-orgid': tenant }) };
  const response = await app.fetch(new Request(origin + path, { ...rest, headers }));
  return { status: response.status, body: await response.text() };
}

/** The values of a label that the tenant's heads have; undefined when it cannot be told now. */
export async function labelValues(
  app: App,
  tenant: string,
  name: string,
): Promise<string[] | undefined> {
  const { status, body } = await send(app, '/ingester.v1.IngesterService/LabelValues', {
    method: 'POST',
    tenant,
    body: JSON.stringify({ name }),
    headers: { 'content-type': 'application/json' },
  });
  if (status === 503) return undefined;
  // A bucket this slow is a reason to give up.
  if (status === 429 && body.includes('query time limit')) return undefined;
  if (status !== 200) throw new Error(`label values answered ${status}: ${body}`);
  return (JSON.parse(body) as { names?: string[] }).names ?? [];
}
