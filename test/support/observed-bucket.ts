// A bucket that tells what was read of it and in which wave: a request belongs to the wave after
// the latest one of its folder that had been answered when it was made. For asserting round trips.
import type { Bucket } from '../../src/bucket/bucket.ts';

export interface ObservedRead {
  /** The key up to its last segment. */
  folder: string;
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
  /** Prefixes of the lists since then. */
  readonly lists: string[];
  forget(): void;
}

/** `bucket`, which answers reads a turn of the event loop later. */
export function observedBucket(bucket: Bucket): ObservedBucket {
  const reads: ObservedRead[] = [];
  const lists: string[] = [];
  const answered = new Map<string, number>();
  const observe = async (key: string, isWhole: boolean, read: () => Promise<Uint8Array>) => {
    const fileAt = key.lastIndexOf('/') + 1;
    const [folder, file] = [key.slice(0, fileAt), key.slice(fileAt)];
    const wave = (answered.get(folder) ?? 0) + 1;
    const one = { folder, file, bytes: 0, isWhole, wave };
    reads.push(one);
    await new Promise((resolve) => setImmediate(resolve));
    const bytes = await read();
    one.bytes = bytes.length;
    answered.set(folder, Math.max(answered.get(folder) ?? 0, wave));
    return bytes;
  };
  return {
    name: bucket.name,
    reads,
    lists,
    forget() {
      reads.length = 0;
      lists.length = 0;
      answered.clear();
    },
    get: (key, options) => observe(key, true, () => bucket.get(key, options)),
    getRange: (key, range, options) =>
      observe(key, false, () => bucket.getRange(key, range, options)),
    head: (key, options) => bucket.head(key, options),
    put: (key, body, options) => bucket.put(key, body, options),
    putStream: (key, chunks, options) => bucket.putStream(key, chunks, options),
    list: (prefix, options) => {
      lists.push(prefix);
      return bucket.list(prefix, options);
    },
    delete: (key, options) => bucket.delete(key, options),
    stage: (prefix) => bucket.stage(prefix),
  };
}
