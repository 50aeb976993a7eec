// The Platform of a server: what Bun, Deno and Node have in common through their node:* modules.
// Owns which drivers a server uses; `bun.ts` and `deno.ts` add their HTTP server.
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { ulid } from 'ulid';
import type { Bucket } from '../bucket/bucket.ts';
import { parseBucketUrl } from '../bucket/bucket-url.ts';
import { FilesystemBucket } from '../bucket/filesystem.ts';
import { prefixed } from '../bucket/prefixed.ts';
import { S3Bucket } from '../bucket/s3.ts';
import type { Settings } from '../config/settings.ts';
import { createLogger } from '../lib/log.ts';
import type { Platform } from '../platform.ts';
import { SegmentWal } from '../wal/segments.ts';
import { gunzip, gzip } from './gzip.ts';
import { loadHeadModule, loadQueryModule } from './kernel-modules.ts';
import { createTurn } from './next-turn.ts';
import { nodeFileSystem } from './node-file-system.ts';
import { loadParquetModule } from './parquet-module.ts';
import { sha256 } from './sha256.ts';
import { editedFile } from './watched-file.ts';
import { createZstd } from './zstd.ts';

/** Compiles the WebAssembly modules and makes the drivers that the settings ask for. */
export async function createServerPlatform(
  settings: Settings,
  runtimeName: string,
): Promise<Platform> {
  const [headModule, queryModule, parquetModule, unzstd] = await Promise.all([
    loadHeadModule(),
    loadQueryModule(),
    loadParquetModule(),
    createZstd(),
  ]);
  const sleep = async (ms: number, signal?: AbortSignal) => {
    await wait(ms, undefined, signal && { signal });
  };
  const clock = { nowMs: Date.now, monotonicMs: () => performance.now() };
  const logLine = (line: string) => process.stderr.write(`${line}\n`);
  const wal = new SegmentWal({
    folder: join(settings.dataDir, 'wal'),
    fileSystem: nodeFileSystem,
    clock,
    random: Math.random,
    newId: ulid,
    bytesMax: settings.logBytesMax,
    log: createLogger({
      level: settings.logLevel,
      format: settings.logFormat,
      nowMs: clock.nowMs,
      sink: logLine,
    }),
  });
  return {
    runtimeName,
    clock,
    random: (bytes) => crypto.getRandomValues(bytes),
    sleep,
    yield: createTurn(),
    gunzip,
    gzip,
    unzstd,
    sha256,
    headModule,
    queryModule,
    parquetModule,
    localBucket: new FilesystemBucket(settings.dataDir),
    diskUsage: () => diskUsage(settings.dataDir),
    remoteBucket: settings.bucket === undefined ? undefined : openBucket(settings.bucket),
    wal,
    editedFile,
    logLine,
    processMetrics: true,
  };
}

/** What an unprivileged process may still write, as `df` shows it. */
async function diskUsage(folder: string) {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

/** The bucket of a `bucket` setting. Throws `invalid`. */
export function openBucket(url: string): Bucket {
  const location = parseBucketUrl(url);
  if (location.kind === 'filesystem') return new FilesystemBucket(location.folder);
  const { prefix, ...options } = location;
  const bucket = new S3Bucket(options);
  return prefix === '' ? bucket : prefixed(bucket, prefix);
}
