// The Platform of a Durable Object, and the settings of a Worker. Owns which drivers an object uses
// and the bounds that fit an isolate of 128 MB, which several objects may share.

import parquetModule from 'parquet-wasm/esm/parquet_wasm_bg.wasm';
import { monotonicFactory } from 'ulid';
import type { R2Binding } from '../bucket/r2.ts';
import { resolveSettings, type Settings } from '../config/settings.ts';
import { Failure } from '../errors.ts';
import headModule from '../gen/head.wasm';
import queryModule from '../gen/query.wasm';
import { LeasedTurn } from '../lib/leased-turn.ts';
import { createLogger, type Logger } from '../lib/log.ts';
import type { LimitsOf } from '../limits/limits.ts';
import { builtInLimits, limitsOfTenant, parseLimitsFile } from '../limits/limits-file.ts';
import type { EditedFile, Platform } from '../platform.ts';
import { DurableObjectWal } from '../wal/durable-object.ts';
import type { ObjectStorage } from '../wal/durable-object-table.ts';
import { gunzip, gzip } from './gzip.ts';
import type { DirectoryNamespace } from './object-directory.ts';
import type { ObjectNamespace } from './object-peers.ts';
import { unzstd } from './object-zstd.ts';
import { sha256 } from './sha256.ts';
import { workerBucket } from './worker-bucket.ts';

/** The bindings of the Worker, as `wrangler.toml` names them, and its variables. */
export interface WorkerEnv {
  BUCKET: R2Binding;
  TENANTS: ObjectNamespace;
  DIRECTORY: DirectoryNamespace;
  RETENTION: RetentionNamespace;
  [variable: string]: unknown;
}

/** https://developers.cloudflare.com/durable-objects/api/namespace/ */
interface RetentionNamespace {
  idFromName(name: string): unknown;
  get(id: unknown): { run(nowMs: number): Promise<void> };
}

const mib = 2 ** 20;

/** What no setting may raise on Workers: an isolate ends at 128 MB. */
const bounds = {
  requestBytesMax: 16 * mib,
  scratchBytesMax: 32 * mib,
  // Each object has its own.
  cacheBytesMax: 2 * mib,
};
/** The least that may stand in a setting; an isolate holds heads, scratch, and code beside them. */
const defaults = { memoryMax: '64MiB', headBytesMax: '24MiB', logBytesMax: '256MiB' };
/** Settings of servers, and of features that need one. */
const foreign = ['tenantLabel'] as const;

/**
 * Objects of one isolate write their blocks one after another: what writing takes, heads apart, is
 * in its memory once. A block takes some hundred milliseconds.
 */
const flushes = new LeasedTurn({ nowMs: Date.now, sleep, leaseMs: 10_000 });

/** Classes of objects; the bucket is looked at by `workerBucket`. */
const bindings = ['TENANTS', 'DIRECTORY', 'RETENTION'] as const;

/** The settings of a Worker, from its variables. Throws `invalid`, also for a missing binding. */
export function workerSettings(env: WorkerEnv): Settings {
  for (const name of bindings) {
    if (env[name] !== undefined) continue;
    throw new Failure('invalid', `binding ${name} is missing, wrangler.toml of phlox has it`);
  }
  const texts = Object.entries(env).filter((entry): entry is [string, string] => {
    return typeof entry[1] === 'string';
  });
  const settings = resolveSettings({ file: defaults, environment: Object.fromEntries(texts) });
  for (const name of foreign) {
    if (settings[name] === undefined) continue;
    throw new Failure('invalid', `setting ${name} is not for Workers`);
  }
  // A bucket that cannot be is told at once, and not by the first object.
  workerBucket(env, settings.bucket);
  return settings;
}

/** The limits of a Worker's settings, of which the text itself is given. Throws `invalid`. */
export function workerLimits({ limits }: Settings): LimitsOf {
  const table = limits === undefined ? builtInLimits : parseLimitsFile(limits);
  return (tenant) => limitsOfTenant(table, tenant);
}

/** What the front Worker needs as well; it has no log and no bucket. */
export type WorkerPlatform = Omit<Platform, 'wal' | 'localBucket' | 'remoteBucket'>;

/** The platform without its drivers. */
export function workerPlatform(): WorkerPlatform {
  return {
    runtimeName: 'workerd',
    // In production clocks stand still while nothing is waited for, lest code measures others.
    clock: { nowMs: Date.now, monotonicMs: () => performance.now() },
    random: (bytes) => crypto.getRandomValues(bytes),
    sleep,
    yield: () => new Promise((resolve) => setTimeout(resolve, 0)),
    gunzip,
    gzip,
    unzstd,
    sha256,
    headModule,
    queryModule,
    parquetModule,
    diskUsage: () => Promise.resolve(undefined),
    editedFile: textOf,
    logLine: (line) => console.log(line),
    processMetrics: false,
    bounds,
    flushTurn: (work) => flushes.run(work),
  };
}

/** The log of what runs beside an app. */
export function workerLogger({ logLevel: level, logFormat: format }: Settings): Logger {
  return createLogger({ level, format, nowMs: Date.now, sink: (line) => console.log(line) });
}

/** The platform of one object: its log in its own storage, its blocks in the bucket of all. */
export function objectPlatform(
  storage: ObjectStorage,
  env: WorkerEnv,
  settings: Settings,
): Platform & { wal: DurableObjectWal } {
  const platform = workerPlatform();
  const { clock, random } = platform;
  const bucket = workerBucket(env, settings.bucket);
  const unit = () => new DataView(random(new Uint8Array(4)).buffer).getUint32(0) / 2 ** 32;
  const wal = new DurableObjectWal({
    storage,
    clock,
    newId: () => monotonicFactory(unit)(clock.nowMs()),
    log: workerLogger(settings),
    bytesMax: settings.logBytesMax,
  });
  const drivers = { localBucket: bucket, remoteBucket: bucket, wal };
  return { ...platform, ...drivers, flushPlans: wal, keyLookup: wal };
}

/** There are no files: a variable that could name one may hold the text itself. */
function textOf(text: string): EditedFile {
  return {
    path: 'of the variable',
    stamp: () => Promise.resolve('never changes'),
    read: (bytesMax) => {
      if (!text.startsWith('{')) {
        return Promise.reject(
          new Failure('invalid', 'there are no files on Workers, give the json'),
        );
      }
      if (text.length > bytesMax) {
        const message = `text is ${text.length} characters, limit ${bytesMax}`;
        return Promise.reject(new Failure('invalid', message));
      }
      return Promise.resolve(text);
    },
  };
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', abort, { once: true });
  });
}
