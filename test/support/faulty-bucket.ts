// A bucket that fails when told to: at the next calls, at the n-th one, or with the answer lost.
// Owns the counting of calls; what is stored underneath is the wrapped bucket's.
import type { Bucket, Stage } from '../../src/bucket/bucket.ts';

/**
 * Where a fault strikes: `early` before anything happens, `midway` after the first chunk of a
 * stream (elsewhere like `early`), `late` when everything is stored but the answer is lost.
 */
export type FaultMoment = 'early' | 'midway' | 'late';

export interface FaultyBucket {
  bucket: Bucket;
  /** `put a/b`, one line a call, in order; emptied by whoever likes. */
  calls: string[];
  /** Fails the next `count` calls. */
  failNext(count: number, makeError: () => unknown, moment?: FaultMoment): void;
  /** Fails one call: the `index`-th from now, from 0, counting all calls. */
  failAt(index: number, makeError: () => unknown, moment?: FaultMoment): void;
  /** Fails every call from the `index`-th from now on. */
  failFrom(index: number, makeError: () => unknown): void;
}

interface Fault {
  from: number;
  to: number;
  makeError: () => unknown;
  moment: FaultMoment;
}

export function faulty(inner: Bucket): FaultyBucket {
  const calls: string[] = [];
  let count = 0;
  let fault: Fault | undefined;

  const call = async <T>(line: string, work: (hit?: Fault) => Promise<T>): Promise<T> => {
    calls.push(line);
    const index = count++;
    const hit = fault !== undefined && index >= fault.from && index < fault.to ? fault : undefined;
    if (hit === undefined) return work();
    if (hit.moment !== 'early') {
      // Whatever came of it, the caller hears of the fault only.
      await Promise.allSettled([work(hit)]);
    }
    throw hit.makeError();
  };
  const stream = (chunks: AsyncIterable<Uint8Array>, hit: Fault | undefined) =>
    hit?.moment === 'midway' ? breakAfterFirst(chunks) : chunks;
  const plain = <T>(line: string, work: () => Promise<T>) =>
    call(line, async (hit) => {
      if (hit?.moment === 'midway') throw new Error('broken midway');
      return work();
    });

  const bucket: Bucket = {
    name: inner.name,
    get: (key, o) => plain(`get ${key}`, () => inner.get(key, o)),
    getRange: (key, range, o) => plain(`getRange ${key}`, () => inner.getRange(key, range, o)),
    head: (key, o) => plain(`head ${key}`, () => inner.head(key, o)),
    put: (key, body, o) => plain(`put ${key}`, () => inner.put(key, body, o)),
    putStream: (key, chunks, o) =>
      call(`putStream ${key}`, (hit) => inner.putStream(key, stream(chunks, hit), o)),
    list: (prefix, o) => plain(`list ${prefix}`, () => inner.list(prefix, o)),
    delete: (key, o) => plain(`delete ${key}`, () => inner.delete(key, o)),
    stage: async (prefix) => faultyStage(await plain(`stage ${prefix}`, () => inner.stage(prefix))),
  };
  const faultyStage = (stage: Stage): Stage => ({
    putStream: (name, chunks, o) =>
      call(`stage.putStream ${name}`, (hit) => stage.putStream(name, stream(chunks, hit), o)),
    commit: (meta) => plain('stage.commit', () => stage.commit(meta)),
    abort: () => stage.abort(),
  });
  return {
    bucket,
    calls,
    failNext: (many, makeError, moment = 'early') => {
      fault = { from: count, to: count + many, makeError, moment };
    },
    failAt: (index, makeError, moment = 'early') => {
      fault = { from: count + index, to: count + index + 1, makeError, moment };
    },
    failFrom: (index, makeError) => {
      fault = { from: count + index, to: Number.POSITIVE_INFINITY, makeError, moment: 'early' };
    },
  };
}

async function* breakAfterFirst(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk;
    break;
  }
  throw new Error('broken midway');
}
