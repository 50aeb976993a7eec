// A bucket in memory: for tests and for what need not outlive the process. Owns its copies of all
// bytes; every mutation is synchronous, hence atomic.
import { assert, Failure } from '../errors.ts';
import { compareUtf8 } from '../lib/compare-utf8.ts';
import type {
  Bucket,
  ByteRange,
  ListOptions,
  ListPage,
  ObjectInfo,
  PutOptions,
  Stage,
} from './bucket.ts';
import {
  metaName,
  resolveRange,
  validateFolder,
  validateKey,
  validatePageSize,
  validatePrefix,
  validateRange,
  validateStageName,
} from './keys.ts';

interface StoredObject {
  bytes: Uint8Array;
  modifiedMs: number | undefined;
}

export interface MemoryBucketOptions {
  /** Wall time for `modifiedMs`; left out of the answers when not given. */
  nowMs?: () => number;
}

export class MemoryBucket implements Bucket {
  readonly name = 'memory';
  readonly #objects = new Map<string, StoredObject>();
  readonly #nowMs: (() => number) | undefined;
  /** Keys in order; undefined after a change of the set of keys. */
  #sortedKeys: string[] | undefined;

  constructor(options: MemoryBucketOptions = {}) {
    this.#nowMs = options.nowMs;
  }

  async get(key: string, options: { signal?: AbortSignal } = {}): Promise<Uint8Array> {
    return this.#read(key, options.signal).bytes.slice();
  }

  async getRange(
    key: string,
    range: ByteRange,
    options: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    validateRange(range);
    const { bytes } = this.#read(key, options.signal);
    const { offset, length } = resolveRange(range, bytes.length);
    return bytes.slice(offset, offset + length);
  }

  async head(key: string, options: { signal?: AbortSignal } = {}): Promise<ObjectInfo> {
    return infoOf(key, this.#read(key, options.signal));
  }

  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<boolean> {
    validateKey(key);
    options.signal?.throwIfAborted();
    if (options.onlyIfAbsent && this.#objects.has(key)) return false;
    this.#store(key, body.slice());
    return true;
  }

  async putStream(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    options: { signal?: AbortSignal } = {},
  ): Promise<number> {
    validateKey(key);
    const bytes = await collect(chunks, options.signal);
    this.#store(key, bytes);
    return bytes.length;
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListPage> {
    validatePrefix(prefix);
    const pageSize = validatePageSize(options.pageSize);
    options.signal?.throwIfAborted();
    const page: ListPage = { objects: [], prefixes: [], cursor: undefined };
    let last = options.cursor;
    let count = 0;
    for (const key of this.#keys()) {
      if (!key.startsWith(prefix)) continue;
      const slash = options.delimiter === undefined ? -1 : key.indexOf('/', prefix.length);
      const item = slash === -1 ? key : key.slice(0, slash + 1);
      if (last !== undefined && compareUtf8(item, last) <= 0) continue;
      if (count === pageSize) {
        page.cursor = last;
        break;
      }
      if (slash === -1) page.objects.push(infoOf(key, this.#objects.get(key) as StoredObject));
      else page.prefixes.push(item);
      last = item;
      count += 1;
    }
    return page;
  }

  async delete(key: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    validateKey(key);
    options.signal?.throwIfAborted();
    if (this.#objects.delete(key)) this.#sortedKeys = undefined;
  }

  async stage(prefix: string): Promise<Stage> {
    validateFolder(prefix);
    const staged = new Map<string, Uint8Array>();
    let state: 'open' | 'committed' | 'aborted' = 'open';
    return {
      putStream: async (name, chunks, options = {}) => {
        assert(state === 'open', `stage of ${prefix} is ${state}`);
        validateStageName(name);
        const bytes = await collect(chunks, options.signal);
        staged.set(name, bytes);
        return bytes.length;
      },
      commit: async (meta) => {
        assert(state === 'open', `stage of ${prefix} is ${state}`);
        if (this.#keys().some((key) => key.startsWith(prefix))) {
          throw new Failure('invalid', `${this.name} already has the folder ${prefix}`);
        }
        for (const [name, bytes] of staged) this.#store(prefix + name, bytes);
        this.#store(prefix + metaName, meta.slice());
        state = 'committed';
      },
      abort: async () => {
        if (state === 'open') state = 'aborted';
        staged.clear();
      },
    };
  }

  #read(key: string, signal: AbortSignal | undefined): StoredObject {
    validateKey(key);
    signal?.throwIfAborted();
    const object = this.#objects.get(key);
    if (object === undefined) throw new Failure('missing', `${this.name} has no object ${key}`);
    return object;
  }

  #store(key: string, bytes: Uint8Array): void {
    if (!this.#objects.has(key)) this.#sortedKeys = undefined;
    this.#objects.set(key, { bytes, modifiedMs: this.#nowMs?.() });
  }

  #keys(): string[] {
    this.#sortedKeys ??= [...this.#objects.keys()].sort(compareUtf8);
    return this.#sortedKeys;
  }
}

function infoOf(key: string, { bytes, modifiedMs }: StoredObject): ObjectInfo {
  return modifiedMs === undefined
    ? { key, bytes: bytes.length }
    : { key, bytes: bytes.length, modifiedMs };
}

async function collect(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  signal?.throwIfAborted();
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    parts.push(chunk.slice());
    length += chunk.length;
  }
  signal?.throwIfAborted();
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}
