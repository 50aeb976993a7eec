// Objects in a bucket: the one interface behind which local disk, memory, S3 and R2 live.
// Owns the contract; `test/cases/bucket.ts` runs it against every driver and wrapper.
//
// Keys are `/`-separated segments (`keys.ts`). Not found is `missing`; throttling, time-outs and
// 5xx are `unavailable`; an aborted call rejects with the signal's reason. A put that was aborted
// or `unavailable` has stored the whole object or nothing, and stores nothing later. Buffers passed
// in are read before the promise settles and never kept; buffers handed out belong to the caller.

/*
 * What every caller may rely on, and what it owes:
 * - A key has no leading slash, no empty, `.` or `..` segment, no control character, no unpaired
 *   surrogate, no U+FFFE or U+FFFF, and at most 1024 bytes of UTF-8; anything else is `invalid`.
 * - Do not store both `a` and `a/b`: a disk cannot hold a file and a folder of one name and
 *   refuses the second as `invalid`. Object stores would take both.
 * - A chunk of a stream may be reused by its source once the next one is asked for: a driver
 *   writes or copies it before that.
 * - Wrappers stack, outermost first: prefixed(retrying(counted(driver))). Counted next to the
 *   driver sees every attempt; prefixed outside makes one stack serve every tenant.
 */

export interface ObjectInfo {
  key: string;
  bytes: number;
  /** Last write in milliseconds since the epoch, when the store tells. */
  modifiedMs?: number;
}

export interface ListPage {
  /** Ascending by key (UTF-8 byte order). */
  objects: ObjectInfo[];
  /** With a delimiter: the distinct prefixes up to and including it, ascending. */
  prefixes: string[];
  /** Pass it back for the next page; undefined on the last one. */
  cursor: string | undefined;
}

export interface ListOptions {
  delimiter?: '/';
  cursor?: string;
  /** Objects and prefixes together per page: 1 to 1000, default 1000. */
  pageSize?: number;
  signal?: AbortSignal;
}

/** Bytes `offset … offset+length-1`, or the last `suffix` bytes. */
export type ByteRange = { offset: number; length: number } | { suffix: number };

export interface PutOptions {
  /** Store only when no object has this key; decided atomically by the store. */
  onlyIfAbsent?: boolean;
  signal?: AbortSignal;
}

export interface Bucket {
  /** For messages: `s3://name/prefix`, `file:///data`, `memory`. Never a secret. */
  readonly name: string;
  get(key: string, options?: { signal?: AbortSignal }): Promise<Uint8Array>;
  /**
   * A range past the end is cut to the object; one that starts at or past the end, or any range
   * of an empty object, answers no bytes. Offsets and lengths are whole numbers, length ≥ 1.
   */
  getRange(key: string, range: ByteRange, options?: { signal?: AbortSignal }): Promise<Uint8Array>;
  /** `missing` when there is no such object. */
  head(key: string, options?: { signal?: AbortSignal }): Promise<ObjectInfo>;
  /** True when stored, atomically; false when `onlyIfAbsent` was asked and the key existed. */
  put(key: string, body: Uint8Array, options?: PutOptions): Promise<boolean>;
  /**
   * Stores the concatenated chunks and answers how many bytes they were. Nothing is visible under
   * `key` unless the whole stream was stored; an error in the stream is thrown and stores nothing.
   */
  putStream(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    options?: { signal?: AbortSignal },
  ): Promise<number>;
  /**
   * One page of the objects whose key starts with `prefix` (`''`: all). Objects that others stored
   * under a key that is not valid here (a console's `folder/` marker) are left out, so a page may
   * hold fewer than asked although more follow: only the cursor tells.
   */
  list(prefix: string, options?: ListOptions): Promise<ListPage>;
  /** Deleting what is not there is not an error. */
  delete(key: string, options?: { signal?: AbortSignal }): Promise<void>;
  /**
   * A folder that becomes visible as a whole: `prefix` ends in `/`. Nothing under it is readable
   * as a block until `commit`, which writes `meta.json` last and survives power loss where the
   * store can (filesystem: temporary folder, fsync of every file, meta last, fsync of the folder,
   * rename, fsync of the parent).
   */
  stage(prefix: string): Promise<Stage>;
}

export interface Stage {
  /**
   * Stores one file of the folder; answers its bytes. `name` is one segment, not `meta.json`.
   * Call before `commit`, in any order; a file whose call failed may be put again.
   */
  putStream(
    name: string,
    chunks: AsyncIterable<Uint8Array>,
    options?: { signal?: AbortSignal },
  ): Promise<number>;
  /**
   * Writes `meta.json` and makes the folder visible. A folder is staged once: where the store can
   * tell, a commit onto one that exists is `invalid`. After `unavailable` it may be called again;
   * after success nothing may follow.
   */
  commit(meta: Uint8Array): Promise<void>;
  /** Removes what was staged, as far as the store lets it; after `commit` it does nothing. */
  abort(): Promise<void>;
}
