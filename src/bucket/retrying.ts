// A bucket that calls again what was `unavailable`. Owns which calls may be repeated; how long to
// wait is `lib/backoff.ts`.
//
// Not repeated: a stream of which a chunk was taken (the source cannot be read twice, so whoever
// owns it retries), and a put that asks `onlyIfAbsent` (its first try may have stored the object
// and lost the answer; a second would then call our own object somebody else's).
import { type RetryPolicy, retryUnavailable } from '../lib/backoff.ts';
import type { Bucket, Stage } from './bucket.ts';

/** `bucket`, with `policy.attempts` tries for each call that may be repeated. */
export function retrying(bucket: Bucket, policy: RetryPolicy): Bucket {
  const retry = <T>(options: { signal?: AbortSignal } | undefined, call: () => Promise<T>) =>
    retryUnavailable(policy, call, { signal: options?.signal });
  return {
    name: bucket.name,
    get: (key, options) => retry(options, () => bucket.get(key, options)),
    getRange: (key, range, options) => retry(options, () => bucket.getRange(key, range, options)),
    head: (key, options) => retry(options, () => bucket.head(key, options)),
    put: (key, body, options) =>
      options?.onlyIfAbsent
        ? bucket.put(key, body, options)
        : retry(options, () => bucket.put(key, body, options)),
    putStream: (key, chunks, options) =>
      retryStream(policy, chunks, options?.signal, (once) => bucket.putStream(key, once, options)),
    list: (prefix, options) => retry(options, () => bucket.list(prefix, options)),
    delete: (key, options) => retry(options, () => bucket.delete(key, options)),
    stage: async (prefix) =>
      retryingStage(await retry(undefined, () => bucket.stage(prefix)), policy),
  };
}

function retryingStage(stage: Stage, policy: RetryPolicy): Stage {
  return {
    putStream: (name, chunks, options) =>
      retryStream(policy, chunks, options?.signal, (once) => stage.putStream(name, once, options)),
    commit: (meta) => retryUnavailable(policy, () => stage.commit(meta)),
    abort: () => retryUnavailable(policy, () => stage.abort()),
  };
}

function retryStream(
  policy: RetryPolicy,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
  put: (chunks: AsyncIterable<Uint8Array>) => Promise<number>,
): Promise<number> {
  let isStarted = false;
  // Starts the source only when the driver takes the first chunk, and notes that it did.
  const noting: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]() {
      const iterator = chunks[Symbol.asyncIterator]();
      const next = () => {
        isStarted = true;
        return iterator.next();
      };
      const { return: end } = iterator;
      return end === undefined ? { next } : { next, return: () => end.call(iterator) };
    },
  };
  return retryUnavailable(policy, () => put(noting), { signal, mayRetry: () => !isStarted });
}
