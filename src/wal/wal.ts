// The log's door. Every push is appended and committed here before it is answered. Owns the
// contract between the ingester and a log driver; drivers never import each other.
import type { Label } from '../model/labels.ts';
import type { Treatment } from '../model/treatment.ts';

/** What is logged for one profile: all that is needed to apply it again without asking anything. */
export interface ProfileRecord {
  tenant: string;
  /** Milliseconds since the epoch at which the push arrived. */
  receivedMs: number;
  /** XXH3-128 content key, 16 bytes; becomes `profiles.uuid`. */
  contentKey: Uint8Array;
  /** Final labels of the profile, sorted by name, before those of the sample types are added. */
  labels: readonly Label[];
  /** How it was taken; absent when that is the plain way, so that the record need not say it. */
  treatment?: Treatment | undefined;
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

/** A profile that was acknowledged a short while ago, whether or not it is in a block by now. */
export interface RecentKey {
  tenant: string;
  receivedMs: number;
  contentKey: Uint8Array;
}

/** A block that is about to be written, of all records up to one that are not released. */
export interface FlushPlan {
  tenant: string;
  ulid: string;
  upTo: number;
}

/**
 * Where blocks are written to a bucket that cannot tell after a restart what was on its way there:
 * what was to become a block becomes the same one, however often it is written.
 */
export interface FlushPlans {
  /** The tenant's plan, unless its records are released by now. */
  planOf(tenant: string): FlushPlan | undefined;
  /** Takes the place of an earlier one of the tenant. Resolves once it is durable. */
  plan(plan: FlushPlan): Promise<void>;
}

/** Where a process may be started for one push: it cannot read all keys of the last minutes. */
export interface KeyLookup {
  /**
   * Tells of a key whether a record with it was committed by now and received at or after
   * `sinceMs`, whichever tenant's: a key is of one tenant. As `Wal.recentKeys`, but reads nothing
   * before it is asked, and then little.
   */
  keysSince(sinceMs: number): (contentKey: Uint8Array) => boolean;
}

export interface Wal {
  /** ULID made when the log was created: sequences compare only within one identity. */
  readonly id: string;
  /** True when a committed record outlives the process. */
  readonly isDurable: boolean;
  /**
   * Reads record headers; afterwards appends are taken. Throws `unavailable` or `corrupt`.
   * `onDamage` hears, in a word, of each damage found, now or when a record is read later.
   */
  start(onDamage?: (kind: string) => void): Promise<void>;
  /**
   * Takes the record (copying what it keeps) and answers its sequence, higher than any before.
   * Synchronous, so that log order equals append order. Throws `unavailable` when there is no
   * room; then nothing was taken.
   */
  append(record: ProfileRecord): number;
  /**
   * Resolves once every record up to `sequence` is durable. Rejects with `unavailable` when it
   * could not be made so: then it is refused, and `refusedUpTo` tells what else is.
   */
  commit(sequence: number): Promise<void>;
  /**
   * The newest record that a failed commit refused; 0 when none was. A record up to it that was not
   * committed by then never will be. Set before the rejections of `commit` are heard.
   */
  refusedUpTo(): number;
  /** Headers of the committed records not yet released, of one tenant or all, in sequence order. */
  headers(tenant?: string): AsyncIterable<RecordHeader>;
  /** The tenant's committed records with sequence ≥ `from`, not released, in sequence order. */
  read(tenant: string, from: number): AsyncIterable<StoredRecord>;
  /** Tenants with committed records that are not released, and the newest of each. */
  newestHeld(): ReadonlyMap<string, number>;
  /**
   * Keys of committed records received at or after `sinceMs`, released ones included; of one tenant
   * when it is named. In memory: a log may know half a million of them.
   */
  recentKeys(sinceMs: number, tenant?: string): Iterable<RecentKey>;
  /**
   * The tenant's records up to and including `upTo` are in the block `ulid` or an earlier one, or
   * were logged again and will be in it.
   * Resolves once that is durable: from then on they are not read again and their room may be
   * reused. Rejects with `unavailable`; it may be said again.
   */
  release(tenant: string, upTo: number, ulid: string): Promise<void>;
  /** Bytes held by records not yet released. */
  bytesUsed(): number;
  /** Bytes of the tenant's committed records that are not released: its part of `bytesUsed`. */
  bytesUsedBy(tenant: string): number;
  /** Tenants whose records keep the oldest room from being reused, the largest holder first. */
  pinnedBy(): readonly string[];
  /** Why records cannot be made durable at present, in one line; undefined when they can. */
  failure(): string | undefined;
  /** Tries what failed again and reuses room. Answers when it next wants to be called. */
  tick(nowMs: number): Promise<number>;
  close(): Promise<void>;
}
