// A bucket in Cloudflare R2, through the binding of a Worker. Owns the calls, the parts of a long
// stream and the translation of answers; retries are the `retrying` wrapper's.
// https://developers.cloudflare.com/r2/api/workers/workers-api-reference/
//
// A call of the binding cannot be given up: an aborted one is waited for and then rejects, so that
// nothing of it is stored later.
import { Failure } from '../errors.ts';
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
  isKey,
  resolveRange,
  validateKey,
  validatePageSize,
  validatePrefix,
  validateRange,
} from './keys.ts';
import { createPutStage } from './put-stage.ts';
import { r2Failure } from './r2-failure.ts';
import { type R2MultipartUpload, uploadStream } from './r2-upload.ts';

/** What the binding tells of an object. */
export interface R2Object {
  readonly key: string;
  readonly size: number;
  readonly uploaded: Date;
}

interface R2ObjectBody extends R2Object {
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** The part of the binding that is used here. */
export interface R2Binding {
  head(key: string): Promise<R2Object | null>;
  get(key: string, options?: { range: ByteRange }): Promise<R2ObjectBody | null>;
  put(key: string, body: Uint8Array, options?: { onlyIf: Headers }): Promise<R2Object | null>;
  createMultipartUpload(key: string): Promise<R2MultipartUpload>;
  delete(key: string): Promise<void>;
  list(options: { prefix: string; limit: number; delimiter?: string; cursor?: string }): Promise<{
    objects: R2Object[];
    delimitedPrefixes: string[];
    truncated: boolean;
    cursor?: string;
  }>;
}

export class R2Bucket implements Bucket {
  readonly name: string;
  readonly #binding: R2Binding;

  /** `bindingName` is for messages: a binding does not tell which bucket it is of. */
  constructor(binding: R2Binding, bindingName: string) {
    this.#binding = binding;
    this.name = `r2://${bindingName}`;
  }

  async get(key: string, options: { signal?: AbortSignal } = {}): Promise<Uint8Array> {
    validateKey(key);
    return this.#call(`get of ${key}`, options.signal, async () =>
      bytesOf(found(await this.#binding.get(key), key)),
    );
  }

  async getRange(
    key: string,
    range: ByteRange,
    options: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    validateKey(key);
    validateRange(range);
    return this.#call(`get of ${key}`, options.signal, async () => {
      try {
        return await bytesOf(found(await this.#binding.get(key, { range }), key));
      } catch (error) {
        // R2 throws for a range that has no byte of the object; what it throws, it does not say
        // in the same way everywhere.
        if (error instanceof Failure) throw error;
        const { size } = found(await this.#binding.head(key), key);
        if (resolveRange(range, size).length === 0) return new Uint8Array();
        throw error;
      }
    });
  }

  async head(key: string, options: { signal?: AbortSignal } = {}): Promise<ObjectInfo> {
    validateKey(key);
    return this.#call(`head of ${key}`, options.signal, async () =>
      infoOf(found(await this.#binding.head(key), key)),
    );
  }

  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<boolean> {
    validateKey(key);
    const condition = options.onlyIfAbsent
      ? { onlyIf: new Headers({ 'if-none-match': '*' }) }
      : undefined;
    return this.#call(`put of ${key}`, options.signal, async () => {
      return (await this.#binding.put(key, body, condition)) !== null;
    });
  }

  async putStream(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    options: { signal?: AbortSignal } = {},
  ): Promise<number> {
    validateKey(key);
    const { signal } = options;
    signal?.throwIfAborted();
    return uploadStream({
      chunks,
      signal,
      put: (body) => this.put(key, body),
      start: () => this.#binding.createMultipartUpload(key),
      failure: (error) => r2Failure(error, `${this.name}: put of ${key}`),
    });
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListPage> {
    validatePrefix(prefix);
    const limit = validatePageSize(options.pageSize);
    const { delimiter, cursor, signal } = options;
    const answer = await this.#call(`list of ${prefix}`, signal, () =>
      this.#binding.list({
        prefix,
        limit,
        ...(delimiter !== undefined && { delimiter }),
        ...(cursor !== undefined && { cursor }),
      }),
    );
    return {
      objects: answer.objects.filter(({ key }) => isKey(key)).map(infoOf),
      prefixes: answer.delimitedPrefixes.filter((found) => isKey(found.slice(0, -1))),
      cursor: answer.truncated ? answer.cursor : undefined,
    };
  }

  async delete(key: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    validateKey(key);
    await this.#call(`delete of ${key}`, options.signal, () => this.#binding.delete(key));
  }

  async stage(prefix: string): Promise<Stage> {
    return createPutStage(this, prefix);
  }

  /** Gives the errors of `call` their kind, and lets an abort win over its answer. */
  async #call<T>(
    doing: string,
    signal: AbortSignal | undefined,
    call: () => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      throw r2Failure(error, `${this.name}: ${doing}`);
    } finally {
      signal?.throwIfAborted();
    }
  }
}

function found<T>(object: T | null, key: string): T {
  if (object === null) throw new Failure('missing', `no object ${key}`);
  return object;
}

async function bytesOf(object: R2ObjectBody): Promise<Uint8Array> {
  return new Uint8Array(await object.arrayBuffer());
}

function infoOf({ key, size, uploaded }: R2Object): ObjectInfo {
  return { key, bytes: size, modifiedMs: uploaded.getTime() };
}
