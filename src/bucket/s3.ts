// A bucket in S3 or anything that speaks it, through the AWS SDK. Owns requests, their bounds in
// time and the translation of answers; retries are the `retrying` wrapper's.
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { assert, Failure } from '../errors.ts';
import type {
  Bucket,
  ByteRange,
  ListOptions,
  ListPage,
  ObjectInfo,
  PutOptions,
  Stage,
} from './bucket.ts';
import { isKey, validateKey, validatePageSize, validatePrefix, validateRange } from './keys.ts';
import { createPutStage } from './put-stage.ts';
import { answerOf, s3Failure } from './s3-failure.ts';
import { createFetchHandler } from './s3-fetch.ts';
import { boundedSignal, uploadStream } from './s3-upload.ts';

export interface S3BucketOptions {
  bucket: string;
  /** Undefined: what the AWS configuration says, or `us-east-1` when an endpoint is given. */
  region?: string | undefined;
  /** `https://host:port`; undefined: AWS itself. */
  endpoint?: string | undefined;
  isPathStyle?: boolean;
  /** Undefined: the SDK's chain, `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` first. */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** Bound on one request with its whole answer, default 60,000. */
  requestTimeoutMs?: number;
}

// A part of 8 MiB at 2 Mbit/s takes 34 s; what is slower than that is as good as down.
const defaultRequestTimeoutMs = 60_000;

export class S3Bucket implements Bucket {
  readonly name: string;
  readonly #bucket: string;
  readonly #client: S3Client;
  readonly #requestTimeoutMs: number;

  /** Opens no connection. */
  constructor(options: S3BucketOptions) {
    this.#bucket = options.bucket;
    this.name = `s3://${options.bucket}`;
    this.#requestTimeoutMs = options.requestTimeoutMs ?? defaultRequestTimeoutMs;
    const { endpoint, credentials } = options;
    const region = options.region ?? (endpoint === undefined ? undefined : 'us-east-1');
    this.#client = new S3Client({
      ...(region !== undefined && { region }),
      ...(endpoint !== undefined && { endpoint }),
      ...(credentials !== undefined && { credentials }),
      forcePathStyle: options.isPathStyle ?? false,
      maxAttempts: 1,
      // Many servers refuse the checksums that the SDK would send by default.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // `fetch` does not wait for a server's word before it sends a body.
      expectContinueHeader: false,
      requestHandler: createFetchHandler(),
    });
  }

  /** Closes idle connections; calls after it fail. */
  close(): void {
    this.#client.destroy();
  }

  async get(key: string, options: { signal?: AbortSignal } = {}): Promise<Uint8Array> {
    validateKey(key);
    return this.#get(key, undefined, options.signal);
  }

  async getRange(
    key: string,
    range: ByteRange,
    options: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    validateKey(key);
    validateRange(range);
    const text =
      'suffix' in range
        ? `bytes=-${range.suffix}`
        : `bytes=${range.offset}-${range.offset + range.length - 1}`;
    return this.#get(key, text, options.signal);
  }

  async head(key: string, options: { signal?: AbortSignal } = {}): Promise<ObjectInfo> {
    validateKey(key);
    const command = new HeadObjectCommand({ Bucket: this.#bucket, Key: key });
    const answer = await this.#request(`head of ${key}`, options.signal, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
    return infoOf(key, answer.ContentLength, answer.LastModified);
  }

  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<boolean> {
    validateKey(key);
    const { onlyIfAbsent, signal } = options;
    const command = new PutObjectCommand({
      Bucket: this.#bucket,
      Key: key,
      Body: body,
      ContentLength: body.length,
      ...(onlyIfAbsent && { IfNoneMatch: '*' }),
    });
    return this.#request(`put of ${key}`, signal, async (abortSignal) => {
      try {
        await this.#client.send(command, { abortSignal });
        return true;
      } catch (error) {
        const { status } = answerOf(error);
        if (onlyIfAbsent && status === 412) return false;
        // AWS answers 409 to writers that race; once the winner is there, the race is decided.
        if (onlyIfAbsent && status === 409 && (await this.#has(key, signal))) return false;
        throw error;
      }
    });
  }

  async putStream(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    options: { signal?: AbortSignal } = {},
  ): Promise<number> {
    validateKey(key);
    return uploadStream({
      client: this.#client,
      bucket: this.#bucket,
      key,
      chunks,
      doing: `${this.name}: put of ${key}`,
      signal: options.signal,
      requestTimeoutMs: this.#requestTimeoutMs,
    });
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListPage> {
    validatePrefix(prefix);
    const command = new ListObjectsV2Command({
      Bucket: this.#bucket,
      Prefix: prefix,
      MaxKeys: validatePageSize(options.pageSize),
      ...(options.delimiter !== undefined && { Delimiter: options.delimiter }),
      ...(options.cursor !== undefined && { ContinuationToken: options.cursor }),
    });
    const answer = await this.#request(`list of ${prefix}`, options.signal, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
    const page: ListPage = { objects: [], prefixes: [], cursor: undefined };
    for (const { Key = '', Size, LastModified } of answer.Contents ?? []) {
      if (isKey(Key)) page.objects.push(infoOf(Key, Size, LastModified));
    }
    for (const { Prefix = '' } of answer.CommonPrefixes ?? []) {
      if (isKey(Prefix.slice(0, -1))) page.prefixes.push(Prefix);
    }
    if (answer.IsTruncated) {
      page.cursor = answer.NextContinuationToken;
      const isGood = page.cursor !== undefined && page.cursor !== options.cursor;
      if (!isGood) throw new Failure('unavailable', `${this.name}: a listing does not go on`);
    }
    return page;
  }

  async delete(key: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    validateKey(key);
    const command = new DeleteObjectCommand({ Bucket: this.#bucket, Key: key });
    await this.#request(`delete of ${key}`, options.signal, async (abortSignal) => {
      try {
        await this.#client.send(command, { abortSignal });
      } catch (error) {
        // S3 itself answers 204; others tell that it was not there.
        if (answerOf(error).code !== 'NoSuchKey') throw error;
      }
    });
  }

  async stage(prefix: string): Promise<Stage> {
    return createPutStage(this, prefix);
  }

  async #get(
    key: string,
    range: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const command = new GetObjectCommand({
      Bucket: this.#bucket,
      Key: key,
      ...(range !== undefined && { Range: range }),
    });
    return this.#request(`get of ${key}`, signal, async (abortSignal) => {
      try {
        return await readBody(await this.#client.send(command, { abortSignal }), abortSignal);
      } catch (error) {
        // The range lies outside of the object, or the object is empty.
        if (range !== undefined && answerOf(error).status === 416) return new Uint8Array();
        throw error;
      }
    });
  }

  async #has(key: string, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      await this.head(key, signal === undefined ? {} : { signal });
      return true;
    } catch (error) {
      if (error instanceof Failure && error.kind === 'missing') return false;
      throw error;
    }
  }

  /** Bounds `call` in time and gives its errors their kind. */
  async #request<T>(
    doing: string,
    signal: AbortSignal | undefined,
    call: (abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    try {
      return await call(boundedSignal(signal, this.#requestTimeoutMs));
    } catch (error) {
      signal?.throwIfAborted();
      throw s3Failure(error, `${this.name}: ${doing}`);
    }
  }
}

/**
 * The whole body. The SDK forgets the signal once the answer has begun, and not every runtime
 * reports a connection that ends early, so both are watched here.
 */
async function readBody(answer: GetObjectCommandOutput, signal: AbortSignal): Promise<Uint8Array> {
  const { Body: body, ContentLength: expected } = answer;
  assert(body !== undefined, 'an answer to a get has no body');
  const bytes = await new Promise<Uint8Array>((resolve, reject) => {
    const abort = () => {
      if ('destroy' in body && typeof body.destroy === 'function') body.destroy();
      reject(signal.reason);
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    const settled = () => signal.removeEventListener('abort', abort);
    body.transformToByteArray().then(resolve, reject).finally(settled);
  });
  if (expected !== undefined && bytes.length !== expected) {
    throw new Failure('unavailable', `answer ended at byte ${bytes.length} of ${expected}`);
  }
  return bytes;
}

function infoOf(key: string, bytes = 0, modified: Date | undefined): ObjectInfo {
  return modified === undefined ? { key, bytes } : { key, bytes, modifiedMs: modified.getTime() };
}
