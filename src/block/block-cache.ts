// What has been read of blocks and is worth keeping: footers, small files, packed symbols, label
// sets. One cache a process, bounded by bytes, least recently used first out. Owns the bound, that
// a thing is loaded once when many ask, and that what is lent is freed when it has left the cache
// and all have given it back. Entries are immutable; what `get` answered stays usable.
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

/** Something of the cache, until it is given back. */
export interface Loan<T> {
  readonly value: T;
  /** The value may be void afterwards. Call it once. */
  giveBack(): void;
}

interface Loaded<T> {
  value: T;
  bytes: number;
  /** Called when nobody has the value any more. */
  free?: () => void;
}

interface Entry {
  /** Undefined while it loads. */
  loaded: Loaded<unknown> | undefined;
  /** Of the loader alone; the others wait with it. */
  loading: Promise<void>;
  isKept: boolean;
  users: number;
}

/** An entry larger than this share of the cache would push out everything for one block. */
const entryShareMax = 4;

export class BlockCache {
  readonly #options: BlockCacheOptions;
  /** In order of use, the oldest first. */
  readonly #entries = new Map<string, Entry>();
  readonly #loads = new Map<string, Entry>();
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
   * has the same type of value. What can be freed is borrowed instead.
   */
  async get<T>(
    kind: CacheKind,
    key: string,
    signal: AbortSignal,
    load: () => Promise<Omit<Loaded<T>, 'free'>>,
  ): Promise<T> {
    const { value, giveBack } = await this.borrow(kind, key, signal, load);
    giveBack();
    return value;
  }

  /** As `get`; the value stays what it is until it is given back. */
  async borrow<T>(
    kind: CacheKind,
    key: string,
    signal: AbortSignal,
    load: () => Promise<Loaded<T>>,
  ): Promise<Loan<T>> {
    for (;;) {
      const entry = this.#use(key) ?? this.#loads.get(key);
      if (entry === undefined) break;
      entry.users++;
      try {
        if (entry.loaded === undefined) await orAborted(entry.loading, signal);
        this.#options.onGet?.(kind, true);
        return this.#loanOf(entry);
      } catch (error) {
        this.#leave(entry);
        signal.throwIfAborted();
        // What is wrong with the file is wrong for everybody; the rest was the other's own trouble.
        if (isFailure(error, 'corrupt') || isFailure(error, 'missing')) throw error;
      }
    }
    this.#options.onGet?.(kind, false);
    return this.#loanOf(await this.#load(key, load));
  }

  async #load(key: string, load: () => Promise<Loaded<unknown>>): Promise<Entry> {
    const loading = load();
    const entry: Entry = { loaded: undefined, loading: Promise.resolve(), isKept: false, users: 1 };
    entry.loading = loading.then((loaded) => {
      entry.loaded = loaded;
    });
    this.#loads.set(key, entry);
    try {
      await entry.loading;
    } finally {
      this.#loads.delete(key);
    }
    this.#keep(key, entry);
    return entry;
  }

  #loanOf<T>(entry: Entry): Loan<T> {
    const { value } = entry.loaded as Loaded<T>;
    return { value, giveBack: () => this.#leave(entry) };
  }

  #leave(entry: Entry): void {
    entry.users--;
    this.#freeUnused(entry);
  }

  #freeUnused({ loaded, isKept, users }: Entry): void {
    if (!isKept && users === 0) loaded?.free?.();
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
    const bytes = bytesOf(entry);
    if (bytes > bytesMax / entryShareMax) return;
    this.#entries.set(key, entry);
    entry.isKept = true;
    this.#bytes += bytes;
    for (const [oldest, old] of this.#entries) {
      if (this.#bytes <= bytesMax) return;
      this.#entries.delete(oldest);
      this.#bytes -= bytesOf(old);
      old.isKept = false;
      this.#freeUnused(old);
    }
  }
}

function bytesOf({ loaded }: Entry): number {
  return loaded?.bytes ?? 0;
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
