// What a runtime supplies. Types only: the entry points in `runtime/` build one and hand it to
// `createApp`. Nothing below the runtime floor asks which runtime it is on.
import type { Bucket } from './bucket/bucket.ts';
import type { FlushPlans, KeyLookup, Wal } from './wal/wal.ts';

export interface Clock {
  /** Wall time in milliseconds since the epoch; may jump. */
  nowMs(): number;
  /** Milliseconds that only ever grow; the origin is arbitrary. */
  monotonicMs(): number;
}

/** A small text file that an operator may edit while the server runs. */
export interface EditedFile {
  readonly path: string;
  /** Differs from an earlier answer when the file may have changed since, or has gone. */
  stamp(): Promise<string>;
  /** The whole text. Throws `invalid` when it is not there, not UTF-8, or over `bytesMax`. */
  read(bytesMax: number): Promise<string>;
}

export interface Platform {
  /** `bun 1.4.5`: for the build information and the log. */
  readonly runtimeName: string;
  readonly clock: Clock;
  /** Fills and returns `bytes` with cryptographic randomness. */
  random(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
  /** Resolves after `ms`, or rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Lets pending I/O and other requests run: awaited between slices of long work. */
  yield(): Promise<void>;
  /** Throws `invalid` for bytes that are not gzip, are cut short, or inflate past `bytesMax`. */
  gunzip(bytes: Uint8Array, bytesMax: number): Uint8Array;
  gzip(bytes: Uint8Array): Uint8Array;
  /** As `gunzip`, for Zstandard. */
  unzstd(bytes: Uint8Array, bytesMax: number): Uint8Array;
  /** The 32 bytes of the digest. */
  sha256(bytes: Uint8Array): Uint8Array;
  /** Compiled `wasm/`: the kernel's write path, and its read path beside it. */
  readonly headModule: WebAssembly.Module;
  readonly queryModule: WebAssembly.Module;
  /** Compiled parquet-wasm. */
  readonly parquetModule: WebAssembly.Module;
  /** Where flushed blocks and each tenant's `shipper.json` live. */
  readonly localBucket: Bucket;
  /** Of the disk that holds the blocks; undefined where the runtime cannot tell. */
  diskUsage(): Promise<{ freeBytes: number; totalBytes: number } | undefined>;
  /** Where blocks are shipped to; undefined: they stay local. */
  readonly remoteBucket: Bucket | undefined;
  readonly wal: Wal;
  /**
   * Present where nothing is kept on a disk: then flushes write to the remote bucket, which is the
   * local one as well, and a head is made of the log only when somebody needs it.
   */
  readonly flushPlans?: FlushPlans;
  /** Present where an instance may be made for one push: it asks for keys that it did not see. */
  readonly keyLookup?: KeyLookup;
  /** Runs a flush when no other app of the process does: where several share little memory. */
  readonly flushTurn?: <T>(work: () => Promise<T>) => Promise<T>;
  /** Bounds that a small runtime needs lower than the app's own. */
  readonly bounds?: { requestBytesMax: number; scratchBytesMax: number; cacheBytesMax: number };
  /** The file that a setting names; need not be there before it is read. */
  editedFile(path: string): EditedFile;
  /** One finished log line, without its newline. */
  logLine(line: string): void;
  /** Names of runtime metrics that prom-client may collect by itself (not on Workers). */
  readonly processMetrics: boolean;
}
