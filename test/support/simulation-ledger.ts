// What the clients of a simulation sent and were told. Owns the profiles, by a mark that their
// bytes end in, and what may and must be found of each: the oracle of every check.
import { createHash } from 'node:crypto';
import type { ProfileRecord } from '../../src/wal/wal.ts';
import { encodePprof } from '../fixtures/pprof-writer.ts';
import { Writer } from '../fixtures/protobuf.ts';
import type { Random } from '../fixtures/random.ts';
import { stamped } from './stamp.ts';

export interface SentProfile {
  id: number;
  tenant: string;
  labels: Record<string, string>;
  /** The value of its `pod` label. */
  pod: string;
  body: Uint8Array;
  timeNs: bigint;
  /** Rows in a block: one a sample type. */
  rows: number;
  /** Content key in hexadecimal, once the log has seen it. */
  key: string | undefined;
  /** In the log, the last time it was appended. */
  sequence: number;
  /** A commit that covers it has resolved, or may have before a crash. */
  isCommitted: boolean;
  isAcknowledged: boolean;
  /** Its block in the bucket was old enough to be deleted. */
  isExpired: boolean;
  /** Monotonic time of the first attempt; its wall time, or the least in the log's records. */
  firstSent: { wallMs: number; monotonicMs: number } | undefined;
}

export const tenants = ['shop', 'Bank_2'] as const;
export type Tenant = (typeof tenants)[number];

/** Bytes of the time at the end of a body: nine bytes hold 63 bits. */
const markBytes = 9;
const baseNs = 1_767_323_045_000_000_000n;

export class Ledger {
  readonly profiles: SentProfile[] = [];
  readonly #random: Random;
  readonly #byMark = new Map<string, SentProfile>();
  readonly #byKey = new Map<string, SentProfile>();
  readonly #flushedUpTo = new Map<string, number>();
  readonly #durableUpTo = new Map<string, number>();
  #logId: string | undefined;
  #hasCommitted = false;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A profile nobody has sent yet. */
  make(tenant: Tenant): SentProfile {
    const random = this.#random;
    const id = this.profiles.length;
    const timeNs = baseNs + BigInt(id) * 1_000_003n;
    const typeCount = 1 + random.below(2);
    const pod = `pod-${random.below(2) === 0 ? id : id % 7}`;
    const profile: SentProfile = {
      id,
      tenant,
      labels: { __name__: 'process_cpu', service_name: `service-${random.below(3)}`, pod },
      pod,
      body: stamped(pprof(random, id, typeCount), timeNs),
      timeNs,
      rows: typeCount,
      key: undefined,
      sequence: 0,
      isCommitted: false,
      isAcknowledged: false,
      isExpired: false,
      firstSent: undefined,
    };
    this.profiles.push(profile);
    this.#byMark.set(markOf(profile.body), profile);
    return profile;
  }

  /** The log takes a record. Throws for one that nobody sent, or under another key or tenant. */
  noteAppend(record: ProfileRecord, sequence: number): void {
    const { tenant, contentKey, body, receivedMs } = record;
    const profile = this.#byMark.get(markOf(body));
    const key = Buffer.from(contentKey).toString('hex');
    if (profile === undefined) throw new Error(`the log is given a profile nobody sent: ${key}`);
    if (profile.tenant !== tenant) throw new Error(`profile ${profile.id} is logged for ${tenant}`);
    profile.key ??= key;
    if (profile.key !== key) throw new Error(`profile ${profile.id} has two content keys`);
    profile.sequence = sequence;
    // The clock may have been set between the request and its record.
    const { firstSent } = profile;
    if (firstSent !== undefined) firstSent.wallMs = Math.min(firstSent.wallMs, receivedMs);
    this.#byKey.set(key, profile);
  }

  noteCommit(sequence: number): void {
    this.#hasCommitted = true;
    for (const profile of this.profiles) {
      if (profile.sequence > 0 && profile.sequence <= sequence) profile.isCommitted = true;
    }
  }

  /** A process finds the key in the log it was started on. */
  noteLogged(contentKey: Uint8Array): void {
    const profile = this.#byKey.get(Buffer.from(contentKey).toString('hex'));
    if (profile !== undefined) profile.isCommitted = true;
  }

  /** A block of the tenant's records up to `sequence` is about to become visible. */
  noteFlush(tenant: string, sequence: number): void {
    this.#flushedUpTo.set(tenant, Math.max(this.flushedUpTo(tenant), sequence));
  }

  flushedUpTo(tenant: string): number {
    return this.#flushedUpTo.get(tenant) ?? 0;
  }

  /** The block of the tenant's records up to `sequence` is durable, even if it is deleted later. */
  noteBlock(tenant: string, sequence: number): void {
    this.#durableUpTo.set(tenant, Math.max(this.#durableUpTo.get(tenant) ?? 0, sequence));
  }

  /** Whether the profile is in a block that is known to be durable. */
  isInBlock({ tenant, sequence }: SentProfile): boolean {
    return sequence <= (this.#durableUpTo.get(tenant) ?? 0);
  }

  /** After a restart: of the blocks that were about to become visible, those that are there. */
  restartFlushes(flushed: ReadonlyMap<string, number>): void {
    this.#flushedUpTo.clear();
    for (const [tenant, sequence] of flushed) this.noteBlock(tenant, sequence);
    for (const [tenant, sequence] of this.#durableUpTo) this.noteFlush(tenant, sequence);
  }

  /** The log's identity must outlive everything, from the first commit on. */
  noteLog(id: string): string | undefined {
    if (!this.#hasCommitted) this.#logId = id;
    return this.#logId === id ? undefined : `the log's identity became ${id}`;
  }

  byKey(key: string): SentProfile | undefined {
    return this.#byKey.get(key);
  }
}

/** Distinct stacks, and up to 12 KB that neither compress nor are read, so that the log fills. */
function pprof(random: Random, id: number, typeCount: number): Uint8Array {
  const depth = 1 + random.below(3);
  const numbers = Array.from({ length: depth }, (_, at) => at + 1);
  const types = [['cpu', 'nanoseconds'] as const, ['samples', 'count'] as const];
  const profile = encodePprof({
    sampleTypes: types.slice(0, typeCount),
    functions: numbers.map((n) => ({ id: n, name: `work-${(id + n) % 11}` })),
    locations: numbers.map((n) => ({ id: n, lines: [{ function: n, line: n }] })),
    samples: [{ locations: numbers, values: [id + 1, 1].slice(0, typeCount) }],
  });
  const bytes = random.below(3) === 0 ? random.below(12_000) : random.below(600);
  const noise = createHash('shake256', { outputLength: bytes }).update(String(id)).digest('hex');
  const unusedText = new Writer()
    .bytes(6, Buffer.from(noise, 'latin1').subarray(0, bytes))
    .finish();
  return new Uint8Array(Buffer.concat([profile, unusedText]));
}

function markOf(body: Uint8Array): string {
  return Buffer.from(body.subarray(body.length - markBytes)).toString('hex');
}
