// Records on their way to the disk, and who waits for them. Owns the numbering, the order, and the
// memory of what was refused; writes nothing itself.
import { Failure } from '../errors.ts';
import { headBytesOf, type RecordFields } from './record.ts';

/** A record that is not durable yet. */
export interface PendingRecord extends Omit<RecordFields, 'tenant'> {
  tenantName: string;
  tenant: Uint8Array;
  body: Uint8Array;
  /** Of head and body. */
  bytes: number;
  /** Counts records of every kind. */
  order: number;
}

/** A record that has no number yet. */
export type NewRecord = Omit<PendingRecord, 'sequence' | 'order' | 'bytes'>;

interface Waiter {
  isDone: () => boolean;
  resolve: () => void;
  reject: (failure: Failure) => void;
}

interface Refused {
  from: number;
  to: number;
}

/** Ranges of refused records that are told apart; each needs a success between two failures. */
const refusedRangesMax = 1024;

export class CommitQueue {
  #pending: PendingRecord[] = [];
  #pendingBytes = 0;
  #waiters: Waiter[] = [];
  #order = 0;
  #committedOrder = 0;
  #sequence: number;
  #committed: number;
  readonly #refused: Refused[] = [];
  /** Refused ranges up to here are forgotten. */
  #forgottenUpTo = 0;

  /** Numbers go on from `sequence`; what is up to it was decided before this process. */
  constructor(sequence: number) {
    this.#sequence = sequence;
    this.#committed = sequence;
  }

  get sequence(): number {
    return this.#sequence;
  }

  get committed(): number {
    return this.#committed;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get hasWaiters(): boolean {
    return this.#waiters.length > 0;
  }

  refusedUpTo(): number {
    return this.#refused.at(-1)?.to ?? this.#forgottenUpTo;
  }

  /** Takes a record; a profile is given the next sequence, the others bring their own. */
  add(record: NewRecord, sequence = ++this.#sequence): PendingRecord {
    const bytes = headBytesOf(record.tenant, record.labels) + record.body.length;
    const pending = { ...record, sequence, bytes, order: ++this.#order };
    this.#pending.push(pending);
    this.#pendingBytes += bytes;
    return pending;
  }

  /** Resolves when the profile is durable; rejects when it was refused. */
  waitForSequence(sequence: number): Promise<void> {
    const isRefused =
      sequence <= this.#forgottenUpTo ||
      this.#refused.some(({ from, to }) => sequence >= from && sequence <= to);
    if (isRefused) return Promise.reject(refusal(`record ${sequence} was refused`));
    if (sequence <= this.#committed) return Promise.resolve();
    return this.#wait(() => sequence <= this.#committed);
  }

  /** As `waitForSequence`, for a record of any kind. */
  waitForOrder(order: number): Promise<void> {
    return this.#wait(() => order <= this.#committedOrder);
  }

  /**
   * The oldest records that fit into `bytesMax`, at least one if the oldest fits into `room`. They
   * stay pending until `commit`.
   */
  batch(bytesMax: number, room: number): PendingRecord[] {
    const taken: PendingRecord[] = [];
    let bytes = 0;
    for (const record of this.#pending) {
      bytes += record.bytes;
      if (bytes > room || (taken.length > 0 && bytes > bytesMax)) break;
      taken.push(record);
    }
    return taken;
  }

  /** The batch is durable. */
  commit(batch: readonly PendingRecord[]): void {
    this.#pending = this.#pending.slice(batch.length);
    for (const record of batch) {
      this.#pendingBytes -= record.bytes;
      this.#committedOrder = record.order;
      this.#committed = Math.max(this.#committed, record.sequence);
    }
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (waiter.isDone()) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }

  /** Refuses all that is pending; answers a call that tells those who wait. */
  refuse(): (failure: Failure) => void {
    const waiters = this.#waiters;
    const from = this.#committed + 1;
    const last = this.#refused.at(-1);
    if (this.#sequence >= from) {
      if (last !== undefined && last.to >= from - 1) last.to = this.#sequence;
      else this.#refused.push({ from, to: this.#sequence });
    }
    if (this.#refused.length > refusedRangesMax) {
      this.#forgottenUpTo = this.#refused.shift()?.to ?? 0;
    }
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#waiters = [];
    return (failure) => {
      for (const waiter of waiters) waiter.reject(failure);
    };
  }

  #wait(isDone: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ isDone, resolve, reject });
    });
  }
}

function refusal(message: string): Failure {
  return new Failure('unavailable', `log: ${message}`, {
    reason: 'log_failed',
    retryAfterSeconds: 5,
  });
}
