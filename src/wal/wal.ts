// The log's door. Every push is appended and committed here before it is answered. Owns the
// contract between the ingester and a log driver; drivers never import each other.
import type { Label } from '../model/labels.ts';

/** What is logged for one profile: all that is needed to apply it again without asking anything. */
export interface ProfileRecord {
  tenant: string;
  /** Milliseconds since the epoch at which the push arrived. */
  receivedMs: number;
  /** XXH3-128 content key, 16 bytes; becomes `profiles.uuid`. */
  contentKey: Uint8Array;
  /** Final labels of the profile, sorted by name, before those of the sample types are added. */
  labels: readonly Label[];
  /** The pprof as it was received (plain or gzip). */
  body: Uint8Array;
}

export interface RecordHeader {
  sequence: number;
  tenant: string;
  receivedMs: number;
  contentKey: Uint8Array;
  bodyBytes: number;
}

export interface StoredRecord extends ProfileRecord {
  sequence: number;
}

export interface Wal {
  /** ULID made when the log was created: sequences compare only within one identity. */
  readonly id: string;
  /** True when a committed record outlives the process. */
  readonly isDurable: boolean;
  start(): Promise<void>;
  /**
   * Takes the record (copying what it keeps) and answers its sequence, one higher than the last.
   * Synchronous, so that log order equals append order. Throws `unavailable` when there is no
   * room; then nothing was taken.
   */
  append(record: ProfileRecord): number;
  /** Resolves once every record up to `sequence` is durable; rejects with `unavailable`. */
  commit(sequence: number): Promise<void>;
  /** Headers of the committed records not yet released, in sequence order. */
  headers(): AsyncIterable<RecordHeader>;
  /** The tenant's committed records with sequence ≥ `from`, in sequence order. */
  read(tenant: string, from: number): AsyncIterable<StoredRecord>;
  /** The tenant's records up to and including `upTo` are in a block: their room may be reused. */
  release(tenant: string, upTo: number): Promise<void>;
  /** Bytes held by records not yet released. */
  bytesUsed(): number;
  close(): Promise<void>;
}
