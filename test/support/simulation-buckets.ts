// The two buckets of a simulated process. Owns what a bucket over a network does to its callers:
// slowness, throttling, answers lost, calls given up; and the taps on the local one that tell when
// a block is about to appear or to go.
import { parseBlockMeta } from '../../src/block/meta.ts';
import type { Bucket, Stage } from '../../src/bucket/bucket.ts';
import { Failure } from '../../src/errors.ts';
import type { Random } from '../fixtures/random.ts';
import type { Scheduler } from './simulation-scheduler.ts';

export const weathers = ['well', 'flaky', 'down'] as const;
export type Weather = (typeof weathers)[number];

export interface Network {
  scheduler: Scheduler;
  random: Random;
  /** How the network is at present. */
  weather(): Weather;
  /** An object is about to be deleted. */
  onDelete(key: string): Promise<void>;
}

const timeoutMs = 30_000;

/** `inner` behind a network. A put that fails has stored the whole object or nothing. */
export function remoteBucket(inner: Bucket, network: Network): Bucket {
  const { scheduler, random } = network;
  const call = async <T>(
    name: string,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T> => {
    await scheduler.turn(`remote ${name}`, signal);
    const isFailing = network.weather() === 'down' || random.below(10) < 3;
    if (network.weather() === 'well' || !isFailing) return work();
    const way = random.below(4);
    if (way === 0) await scheduler.sleep(timeoutMs, signal);
    // The answer is lost, what was asked for is done.
    if (way === 1) await Promise.allSettled([work()]);
    throw new Failure('unavailable', `remote ${name}: ${way === 0 ? 'time-out' : 'slow down'}`);
  };
  return {
    name: 'remote',
    get: (key, o) => call('get', o?.signal, () => inner.get(key)),
    getRange: (key, range, o) => call('getRange', o?.signal, () => inner.getRange(key, range)),
    head: (key, o) => call('head', o?.signal, () => inner.head(key)),
    put: (key, body, o) => call('put', o?.signal, () => inner.put(key, body, o)),
    putStream: async (key, chunks, o) => {
      const parts: Uint8Array[] = [];
      for await (const chunk of chunks) {
        parts.push(chunk.slice());
        // An upload breaks off in the middle: nothing is stored.
        await call('part', o?.signal, () => Promise.resolve());
      }
      const body = new Uint8Array(Buffer.concat(parts));
      await call('putStream', o?.signal, () => inner.put(key, body));
      return body.length;
    },
    list: (prefix, o) => call('list', o?.signal, () => inner.list(prefix, o)),
    delete: (key, o) =>
      call('delete', o?.signal, async () => {
        await network.onDelete(key);
        await inner.delete(key);
      }),
    stage: (prefix) => inner.stage(prefix),
  };
}

export interface LocalTap {
  /** A block's `meta.json` is about to be deleted: `tenants/<tenant>/local/<ULID>/meta.json`. */
  onDelete(tenant: string, ulid: string): Promise<void>;
  /** A block is about to become visible, or is by now. */
  onBlock(tenant: string, lastSequence: number, isCommitted: boolean): void;
}

/** Tells of blocks that come and go. */
export function tappedLocal(inner: Bucket, tap: LocalTap): Bucket {
  return {
    ...bound(inner),
    delete: async (key, options) => {
      const match = /^tenants\/([^/]+)\/local\/([^/]+)\/meta\.json$/.exec(key);
      if (match !== null) await tap.onDelete(match[1] as string, match[2] as string);
      await inner.delete(key, options);
    },
    stage: async (prefix) => {
      const stage = await inner.stage(prefix);
      const commit = async (meta: Uint8Array) => {
        const { tenant, log } = parseBlockMeta(meta);
        tap.onBlock(tenant, log.lastSequence, false);
        await stage.commit(meta);
        tap.onBlock(tenant, log.lastSequence, true);
      };
      return { ...boundStage(stage), commit };
    },
  };
}

/** The calls of a bucket as plain functions, to replace some of them. */
export function bound(inner: Bucket): Bucket {
  return {
    name: inner.name,
    get: (key, o) => inner.get(key, o),
    getRange: (key, range, o) => inner.getRange(key, range, o),
    head: (key, o) => inner.head(key, o),
    put: (key, body, o) => inner.put(key, body, o),
    putStream: (key, chunks, o) => inner.putStream(key, chunks, o),
    list: (prefix, o) => inner.list(prefix, o),
    delete: (key, o) => inner.delete(key, o),
    stage: (prefix) => inner.stage(prefix),
  };
}

export function boundStage(inner: Stage): Stage {
  return {
    putStream: (name, chunks, o) => inner.putStream(name, chunks, o),
    commit: (meta) => inner.commit(meta),
    abort: () => inner.abort(),
  };
}
