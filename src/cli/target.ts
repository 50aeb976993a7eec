// What an operator points at: a folder of this machine or a bucket's URL. Owns how it is opened
// for looking: reads are tried again, nothing is made where nothing is.
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Bucket } from '../bucket/bucket.ts';
import { parseBucketUrl } from '../bucket/bucket-url.ts';
import { retrying } from '../bucket/retrying.ts';
import { flagName } from '../config/settings.ts';
import { Failure } from '../errors.ts';
import type { RetryPolicy } from '../lib/backoff.ts';
import { openBucket } from '../runtime/server-platform.ts';
import type { Arguments } from './flags.ts';
import { loadSettings } from './serve.ts';

/** As patient as a person who waits: under 10 s in all. */
export const retryPolicy: RetryPolicy = {
  attempts: 5,
  baseMs: 250,
  maxMs: 4_000,
  sleep: (ms, signal) => wait(ms, undefined, signal && { signal }),
  random: Math.random,
};

/**
 * The bucket that the first word names: `s3://…`, `file:///…` or a folder; without a word the data
 * folder of the settings. Throws `invalid` for what cannot be one and `missing` for a folder that
 * is not there.
 */
export async function openTarget({ words, flags }: Arguments): Promise<Bucket> {
  const text = words[0] ?? (await dataFolder(flags));
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    const folder = resolve(text);
    await assertFolder(folder);
    return openBucket(pathToFileURL(folder).href);
  }
  const location = parseBucketUrl(text);
  if (location.kind === 'filesystem') await assertFolder(location.folder);
  return retrying(openBucket(text), retryPolicy);
}

/** The data folder of the settings; of the flags only `--config` is looked at. */
export async function dataFolder(flags: Arguments['flags']): Promise<string> {
  return (await loadSettings(configOnly(flags))).dataDir;
}

/** The bucket's URL of the settings; of the flags only `--config` is looked at. */
export async function bucketUrl(flags: Arguments['flags']): Promise<string | undefined> {
  return (await loadSettings(configOnly(flags))).bucket;
}

function configOnly(flags: Arguments['flags']): Arguments['flags'] {
  const name = flagName('config');
  const value = flags[name];
  return value === undefined ? {} : { [name]: value };
}

/** Throws `missing` unless `folder` is a folder: a bucket would call what is not there empty. */
export async function assertFolder(folder: string): Promise<void> {
  let isFolder = false;
  try {
    isFolder = (await stat(folder)).isDirectory();
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    throw new Failure('missing', `folder ${folder} does not exist`, { cause: error });
  }
  if (!isFolder) throw new Failure('missing', `${folder} is not a folder`);
}

/** Aborted by the first Ctrl-C or SIGTERM, so that a command can put away what it made. */
export function interruptSignal(): AbortSignal {
  const controller = new AbortController();
  const abort = () => controller.abort(new Failure('unavailable', 'interrupted'));
  process.once('SIGINT', abort);
  process.once('SIGTERM', abort);
  return controller.signal;
}
