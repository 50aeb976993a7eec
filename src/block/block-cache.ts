// What has been read of blocks and is worth keeping: footers, small files, packed symbols, label
// sets. One cache a process, bounded by bytes, least recently used first out. Owns the bound and
// that a thing is loaded once when many ask; entries are immutable and stay usable after they go.
import { isFailure } from '../errors.ts';
import { createDeferred } from '../lib/deferred.ts';

/** What a hit or a miss was about: a label of metrics. */
export type CacheKind = 'footer' | 'symbols' | 'series';

export interface BlockCacheOptions {
  /** Most bytes of all entries together. */
  bytesMax: number;
  /** Called once for each `get`; waiting for another's load is a hit. */
  onGet?(kind: CacheKind, isHit: boolean): void;
}

interface Entry {
  value: unknown;
  bytes: number;
}

/** An entry larger than this share of the cache would push out everything for one block. */
const entryShareMax = 4;

export class BlockCache {
  readonly #options: BlockCacheOptions;
  /** In order of use, the oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #loads = new Map<string, Promise<Entry>>();
  #bytes = 0;

  constructor(options: BlockCacheOptions) {
    this.#options = options;
  }

  /** Bytes of all entries. */
  get bytes(): number {
    return this.#bytes;
  }

  get entryCount(): number {
    return this.#entries.size;
  }

  /**
   * The value under `key`, loaded when it is not there. Whoever waits for another's load starts its
   * own when that fails for reasons of the other's query; `signal` ends the waiting. A key always
   * has the same type of value.
   */
  async get<T>(
    kind: CacheKind,
    key: string,
    signal: AbortSignal,
    load: () => Promise<{ value: T; bytes: number }>,
  ): Promise<T> {
    for (;;) {
      const known = this.#use(key);
      const waiting = known === undefined ? this.#loads.get(key) : undefined;
      if (known === undefined && waiting === undefined) break;
      try {
        const entry = known ?? (await orAborted(waiting as Promise<Entry>, signal));
        this.#options.onGet?.(kind, true);
        return entry.value as T;
      } catch (error) {
        signal.throwIfAborted();
        // What is wrong with the file is wrong for everybody; the rest was the other's own trouble.
        if (isFailure(error, 'corrupt') || isFailure(error, 'missing')) throw error;
      }
    }
    this.#options.onGet?.(kind, false);
    const loading = load();
    this.#loads.set(key, loading);
    try {
      const entry = await loading;
      this.#keep(key, entry);
      return entry.value;
    } finally {
      this.#loads.delete(key);
    }
  }

  #use(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry;
  }

  #keep(key: string, entry: Entry): void {
    const { bytesMax } = this.#options;
    if (entry.bytes > bytesMax / entryShareMax) return;
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    for (const [oldest, { bytes }] of this.#entries) {
      if (this.#bytes <= bytesMax) return;
      this.#entries.delete(oldest);
      this.#bytes -= bytes;
    }
  }
}

/** What `work` answers, or the signal's reason as soon as it is aborted. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = createDeferred();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    // Only ever rejected, so the race answers what `work` does.
    await Promise.race([work, aborted.promise]);
    return await work;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
