// A stream of unknown length into R2: one put when it is short, a multipart upload otherwise. Owns
// the one buffer that parts are collected in: the next part is begun when the last one is there,
// so that an upload never holds more than that.
// https://developers.cloudflare.com/r2/objects/multipart-objects/

/** What R2 tells of a part. */
interface R2UploadedPart {
  readonly partNumber: number;
  readonly etag: string;
}

/** The part of the binding that is used here. */
export interface R2MultipartUpload {
  uploadPart(partNumber: number, part: Uint8Array): Promise<R2UploadedPart>;
  complete(parts: R2UploadedPart[]): Promise<unknown>;
  abort(): Promise<void>;
}

export interface R2StreamUpload {
  chunks: AsyncIterable<Uint8Array>;
  signal: AbortSignal | undefined;
  /** Stores a stream that fits into one part. */
  put: (body: Uint8Array) => Promise<unknown>;
  start: () => Promise<R2MultipartUpload>;
  /** Gives an error of the binding its kind. */
  failure: (error: unknown) => Error;
}

// The least that R2 takes, and all parts but the last have one size; 10,000 of them are 48 GiB.
const partBytes = 5 * 1024 * 1024;
const firstBufferBytes = 64 * 1024;

/**
 * Stores the chunks and answers their bytes. After a failure or an abort nothing is visible, unless
 * only the answer to the last call was lost. Parts that could not be given back R2 drops after a
 * week.
 */
export async function uploadStream(upload: R2StreamUpload): Promise<number> {
  const { chunks, signal } = upload;
  const parts = new Parts(upload);
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      signal?.throwIfAborted();
      bytes += chunk.length;
      await parts.add(chunk);
    }
    signal?.throwIfAborted();
    await parts.end();
  } catch (error) {
    await parts.abort();
    throw error;
  }
  signal?.throwIfAborted();
  return bytes;
}

class Parts {
  readonly #upload: R2StreamUpload;
  #buffer = new Uint8Array(firstBufferBytes);
  #length = 0;
  #multipart: R2MultipartUpload | undefined;
  readonly #stored: R2UploadedPart[] = [];

  constructor(upload: R2StreamUpload) {
    this.#upload = upload;
  }

  /** Copies the chunk; stores the part that it fills. */
  async add(chunk: Uint8Array): Promise<void> {
    let at = 0;
    while (at < chunk.length) {
      if (this.#length === partBytes) await this.#store();
      const end = Math.min(chunk.length, at + partBytes - this.#length);
      this.#reserve(this.#length + end - at);
      this.#buffer.set(chunk.subarray(at, end), this.#length);
      this.#length += end - at;
      at = end;
    }
  }

  /** Stores what is left and makes the object visible. */
  async end(): Promise<void> {
    if (this.#multipart === undefined) {
      await this.#upload.put(this.#buffer.subarray(0, this.#length));
      return;
    }
    await this.#store();
    const multipart = this.#multipart;
    await this.#call(() => multipart.complete(this.#stored));
  }

  /** Gives the parts back. Never rejects: what made the upload fail is worth more. */
  async abort(): Promise<void> {
    try {
      await this.#multipart?.abort();
    } catch {
      // R2 drops them by itself, and an upload that was completed after all has none.
    }
  }

  async #store(): Promise<void> {
    this.#multipart ??= await this.#call(this.#upload.start);
    const multipart = this.#multipart;
    const part = this.#buffer.subarray(0, this.#length);
    const number = this.#stored.length + 1;
    this.#stored.push(await this.#call(() => multipart.uploadPart(number, part)));
    this.#length = 0;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.min(partBytes, Math.max(bytes, 2 * this.#buffer.length)));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw this.#upload.failure(error);
    }
  }
}
