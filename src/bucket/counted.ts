// A bucket that tells how each of its calls went. Owns the names of the operations, which are
// objstore's, and what counts as a failure; who adds them up is the caller's business.
import { isFailure } from '../errors.ts';
import type { Clock } from '../platform.ts';
import type { Bucket, Stage } from './bucket.ts';

/** The values of the `operation` label of objstore's metrics. */
export type BucketOperation = 'get' | 'get_range' | 'attributes' | 'upload' | 'iter' | 'delete';

export interface CountedOptions {
  clock: Pick<Clock, 'monotonicMs'>;
  /**
   * Called once after each call: how long it took, how many bytes of objects it moved, and whether
   * it failed. `missing` is an answer and a call that its caller aborted is nobody's failure.
   */
  onOperation(operation: BucketOperation, ms: number, bytes: number, isFailed: boolean): void;
}

/** `bucket`, with `onOperation` told of every call. Next to the driver, so that retries count. */
export function counted(bucket: Bucket, options: CountedOptions): Bucket {
  const count = <T>(
    operation: BucketOperation,
    signal: AbortSignal | undefined,
    call: () => Promise<T>,
    bytesOf: (result: T) => number,
  ) => countCall(options, operation, signal, call, bytesOf);
  return {
    name: bucket.name,
    get: (key, o) => count('get', o?.signal, () => bucket.get(key, o), lengthOf),
    getRange: (key, range, o) =>
      count('get_range', o?.signal, () => bucket.getRange(key, range, o), lengthOf),
    head: (key, o) => count('attributes', o?.signal, () => bucket.head(key, o), none),
    put: (key, body, o) =>
      count(
        'upload',
        o?.signal,
        () => bucket.put(key, body, o),
        (isStored) => (isStored ? body.length : 0),
      ),
    putStream: (key, chunks, o) =>
      count('upload', o?.signal, () => bucket.putStream(key, chunks, o), itself),
    list: (prefix, o) => count('iter', o?.signal, () => bucket.list(prefix, o), none),
    delete: (key, o) => count('delete', o?.signal, () => bucket.delete(key, o), none),
    stage: async (prefix) => countedStage(await bucket.stage(prefix), options),
  };
}

function countedStage(stage: Stage, options: CountedOptions): Stage {
  return {
    putStream: (name, chunks, o) =>
      countCall(options, 'upload', o?.signal, () => stage.putStream(name, chunks, o), itself),
    commit: (meta) =>
      countCall(
        options,
        'upload',
        undefined,
        () => stage.commit(meta),
        () => meta.length,
      ),
    abort: () => countCall(options, 'delete', undefined, () => stage.abort(), none),
  };
}

async function countCall<T>(
  { clock, onOperation }: CountedOptions,
  operation: BucketOperation,
  signal: AbortSignal | undefined,
  call: () => Promise<T>,
  bytesOf: (result: T) => number,
): Promise<T> {
  const startMs = clock.monotonicMs();
  let result: T;
  try {
    result = await call();
  } catch (error) {
    const isFailed = !isFailure(error, 'missing') && signal?.aborted !== true;
    onOperation(operation, clock.monotonicMs() - startMs, 0, isFailed);
    throw error;
  }
  onOperation(operation, clock.monotonicMs() - startMs, bytesOf(result), false);
  return result;
}

const lengthOf = (bytes: Uint8Array) => bytes.length;
const itself = (bytes: number) => bytes;
const none = () => 0;
