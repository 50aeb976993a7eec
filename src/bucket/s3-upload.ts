// A stream of unknown length into S3: one put when it is short, a multipart upload otherwise,
// through lib-storage. Owns what the library leaves open: its requests get a signal and a bound in
// time, the first failure stops the source, and nothing is under way any more when it settles.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
import { AbortMultipartUploadCommand, type S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { s3Failure } from './s3-failure.ts';

// 10,000 parts of it make 80 GiB, far above any table; the least S3 takes is 5 MiB.
const partBytes = 8 * 1024 * 1024;
// Parts under way at once: with the one being filled this bounds an upload to 24 MiB of memory.
const partsAtOnce = 2;

export interface StreamUpload {
  client: S3Client;
  bucket: string;
  key: string;
  chunks: AsyncIterable<Uint8Array>;
  /** Begins the message of a Failure. */
  doing: string;
  signal: AbortSignal | undefined;
  /** Bound on each request, parts included. */
  requestTimeoutMs: number;
}

/**
 * Stores the chunks under the key and answers their bytes. After a failure or an abort nothing is
 * visible under the key, unless only the answer to the last request was lost; the parts were given
 * back as far as the server could be reached: buckets should have a rule that drops unfinished
 * uploads after a day.
 */
export async function uploadStream(upload: StreamUpload): Promise<number> {
  const { bucket, key, doing, signal } = upload;
  signal?.throwIfAborted();
  const source = new Source(upload.chunks, signal);
  const library = new Upload({
    client: clientOf(upload),
    params: { Bucket: bucket, Key: key, Body: source.stream },
    partSize: partBytes,
    queueSize: partsAtOnce,
  });
  try {
    await library.done();
    return source.bytes;
  } catch (error) {
    signal?.throwIfAborted();
    if (source.failure !== undefined) throw source.failure.thrown;
    throw s3Failure(error, doing);
  } finally {
    await source.end();
  }
}

/** Aborts with `signal`, or with a `TimeoutError` after `ms`. */
export function boundedSignal(signal: AbortSignal | undefined, ms: number): AbortSignal {
  const timeout = AbortSignal.timeout(ms);
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}

/**
 * The client that the library sends with. Its own way of aborting lets go of requests that are
 * under way: a put that was given up could still store its object later.
 */
function clientOf({ client, signal, requestTimeoutMs }: StreamUpload): S3Client {
  const send: S3Client['send'] = async (command: Parameters<S3Client['send']>[0]) => {
    const isCleaning = command instanceof AbortMultipartUploadCommand;
    // The parts are to be given back most of all when the caller has aborted.
    const abortSignal = boundedSignal(isCleaning ? undefined : signal, requestTimeoutMs);
    try {
      return await client.send(command, { abortSignal });
    } catch (error) {
      // What made the upload fail is worth more than that its parts are still there.
      if (isCleaning) return { $metadata: {} };
      throw error;
    }
  };
  return Object.create(client, { send: { value: send } }) as S3Client;
}

/** Chunks as the stream that the library reads, counted and copied. */
class Source {
  readonly stream: ReadableStream<Uint8Array>;
  bytes = 0;
  failure: { thrown: unknown } | undefined;
  readonly #iterator: AsyncIterator<Uint8Array>;
  #isAtEnd = false;

  constructor(chunks: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined) {
    this.#iterator = chunks[Symbol.asyncIterator]();
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
      signal?.throwIfAborted();
      const chunk = await this.#next();
      if (chunk === undefined) return controller.close();
      this.bytes += chunk.length;
      // The library holds chunks until a part is full; the source may reuse its buffer before.
      controller.enqueue(chunk.slice());
    };
    // Without a queue of its own nothing is read ahead of the part being filled.
    this.stream = new ReadableStream({ pull }, { highWaterMark: 0 });
  }

  /** Tells the source that nobody reads on. */
  async end(): Promise<void> {
    if (this.#isAtEnd) return;
    this.#isAtEnd = true;
    await this.#iterator.return?.();
  }

  async #next(): Promise<Uint8Array | undefined> {
    try {
      const next = await this.#iterator.next();
      if (!next.done) return next.value;
      this.#isAtEnd = true;
      return undefined;
    } catch (thrown) {
      this.#isAtEnd = true;
      this.failure = { thrown };
      throw thrown;
    }
  }
}
