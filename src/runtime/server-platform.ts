// The Platform of a server: what Bun, Deno and Node have in common through their node:* modules.
// Owns which drivers a server uses; `bun.ts` and `deno.ts` add their HTTP server.
import process from 'node:process';
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import { ulid } from 'ulid';
import type { Bucket } from '../bucket/bucket.ts';
import { parseBucketUrl } from '../bucket/bucket-url.ts';
import { FilesystemBucket } from '../bucket/filesystem.ts';
import { prefixed } from '../bucket/prefixed.ts';
import { S3Bucket } from '../bucket/s3.ts';
import type { Settings } from '../config/settings.ts';
import type { Platform } from '../platform.ts';
import { MemoryWal } from '../wal/memory.ts';
import { gunzip, gzip } from './gzip.ts';
import { loadHeadModule } from './head-module.ts';
import { loadParquetModule } from './parquet-module.ts';
import { createZstd } from './zstd.ts';

/** Compiles the WebAssembly modules and makes the drivers that the settings ask for. */
export async function createServerPlatform(
  settings: Settings,
  runtimeName: string,
): Promise<Platform> {
  const [headModule, parquetModule, unzstd] = await Promise.all([
    loadHeadModule(),
    loadParquetModule(),
    createZstd(),
  ]);
  const sleep = async (ms: number, signal?: AbortSignal) => {
    await wait(ms, undefined, signal && { signal });
  };
  return {
    runtimeName,
    clock: { nowMs: Date.now, monotonicMs: () => performance.now() },
    random: (bytes) => crypto.getRandomValues(bytes),
    sleep,
    yield: () => nextTurn(),
    gunzip,
    gzip,
    unzstd,
    headModule,
    parquetModule,
    localBucket: new FilesystemBucket(settings.dataDir),
    remoteBucket: settings.bucket === undefined ? undefined : openBucket(settings.bucket),
    wal: new MemoryWal({ id: ulid(), bytesMax: settings.logBytesMax }),
    logLine: (line) => process.stderr.write(`${line}\n`),
    processMetrics: true,
  };
}

/** The bucket of a `bucket` setting. Throws `invalid`. */
export function openBucket(url: string): Bucket {
  const location = parseBucketUrl(url);
  if (location.kind === 'filesystem') return new FilesystemBucket(location.folder);
  const { prefix, ...options } = location;
  const bucket = new S3Bucket(options);
  return prefix === '' ? bucket : prefixed(bucket, prefix);
}
