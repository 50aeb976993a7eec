// A bucket that tells what was read of it and in which wave: a request belongs to the wave after
// the latest one that had been answered when it was made. For asserting round trips.
import type { Bucket } from '../../src/bucket/bucket.ts';

export interface ObservedRead {
  /** Last segment of the key. */
  file: string;
  /** Bytes answered. */
  bytes: number;
  isWhole: boolean;
  wave: number;
}

export interface ObservedBucket extends Bucket {
  /** Reads since the last `forget`. */
  readonly reads: ObservedRead[];
  forget(): void;
}

/** `bucket`, which answers reads a turn of the event loop later. */
export function observedBucket(bucket: Bucket): ObservedBucket {
  const reads: ObservedRead[] = [];
  let answered = 0;
  const observe = async (key: string, isWhole: boolean, read: () => Promise<Uint8Array>) => {
    const one = {
      file: key.slice(key.lastIndexOf('/') + 1),
      bytes: 0,
      isWhole,
      wave: answered + 1,
    };
    reads.push(one);
    await new Promise((resolve) => setImmediate(resolve));
    const bytes = await read();
    one.bytes = bytes.length;
    answered = Math.max(answered, one.wave);
    return bytes;
  };
  return {
    name: bucket.name,
    reads,
    forget() {
      reads.length = 0;
      answered = 0;
    },
    get: (key, options) => observe(key, true, () => bucket.get(key, options)),
    getRange: (key, range, options) =>
      observe(key, false, () => bucket.getRange(key, range, options)),
    head: (key, options) => bucket.head(key, options),
    put: (key, body, options) => bucket.put(key, body, options),
    putStream: (key, chunks, options) => bucket.putStream(key, chunks, options),
    list: (prefix, options) => bucket.list(prefix, options),
    delete: (key, options) => bucket.delete(key, options),
    stage: (prefix) => bucket.stage(prefix),
  };
}
