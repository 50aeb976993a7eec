// Group commit, and how the log comes back after a failed write. Owns who waits, the loop that
// writes for all of them, and the state between a failure and the next good segment.
//
// After a failed write or fsync nothing is written to that segment again. The start of the next one
// says where it ends, and what was pending is written there, under the same sequences. When that
// fails too, what is pending is refused, after the next segment has a start if the disk lets it.
import { assert, Failure } from '../errors.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Logger } from '../lib/log.ts';
import type { Clock } from '../platform.ts';
import { CommitQueue, type NewRecord, type PendingRecord } from './commit-queue.ts';
import type { LogIndex } from './log-index.ts';
import type { LogWriter, WrittenRecord } from './log-writer.ts';
import { decodeKeys, recordKinds } from './record.ts';
import { logFailure } from './segment-file.ts';

/** One write and fsync: more gains no speed and makes those who come later wait. */
const batchBytesMax = 4 * 1024 * 1024;
const retryWaits = { baseMs: 200, maxMs: 30_000 };

export interface CommitterOptions {
  index: LogIndex;
  writer: LogWriter;
  clock: Clock;
  random: () => number;
  log: Logger;
  /** The last number given before this process. */
  lastSequence: number;
}

export class Committer {
  readonly #options: CommitterOptions;
  readonly #queue: CommitQueue;
  #isPumping = false;
  /** Settles, never rejecting, when nothing is pumped. */
  #pumped: Promise<void> = Promise.resolve();
  #isClosed = false;
  #failure: Failure | undefined;
  /** Failures since the last commit. */
  #attempts = 0;
  #retryAtMs = 0;
  /** The start of a new segment says where the one ends whose write failed. */
  #isFenced = false;
  #recovering: Promise<void> | undefined;

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#queue = new CommitQueue(options.lastSequence);
  }

  /** Opens the first segment of this process; a disk that refuses is tried again later. */
  async start(): Promise<void> {
    await this.#fence();
    if (this.#isFenced) return;
    this.#attempts++;
    this.#wait();
  }

  /** What is numbered, pending, committed and refused. */
  get queue(): Omit<CommitQueue, 'add' | 'batch' | 'commit' | 'refuse'> {
    return this.#queue;
  }

  /** Why nothing can be made durable at present. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  /** When to try again after a failure. */
  get retryAtMs(): number {
    return this.#retryAtMs;
  }

  /** Throws `unavailable` when nothing is taken; tries to mend that when it is time. */
  assertWritable(): void {
    if (this.#isClosed) throw new Failure('unavailable', 'log: closed', { reason: 'log_closed' });
    if (this.#failure === undefined) return;
    // Nobody waits for the attempt: it says by itself how it went.
    if (this.isDue(this.#options.clock.nowMs())) void this.#startRecovery();
    // It is well at once when nothing but the wait was left.
    if (this.#failure !== undefined) throw this.#failure;
  }

  add(record: NewRecord, sequence?: number): PendingRecord {
    return this.#queue.add(record, sequence);
  }

  /** Resolves when the profile is durable. */
  commit(sequence: number): Promise<void> {
    assert(sequence <= this.#queue.sequence, `record ${sequence} was never appended`);
    const committed = this.#queue.waitForSequence(sequence);
    this.#startPump();
    return committed;
  }

  /** Adds records that are no profiles; resolves when they are durable. */
  async commitControls(records: readonly NewRecord[], sequence: number): Promise<void> {
    this.assertWritable();
    const orders = records.map((record) => this.#queue.add(record, sequence).order);
    const committed = this.#queue.waitForOrder(orders.at(-1) ?? 0);
    this.#startPump();
    await committed;
  }

  /** True when a failed log is to be tried again. */
  isDue(nowMs: number): boolean {
    // While it pumps, it is still dealing with the failure.
    if (this.#failure === undefined || this.#isPumping) return false;
    // A clock that was set back must not put it off.
    return nowMs >= this.#retryAtMs || this.#retryAtMs - nowMs > retryWaits.maxMs;
  }

  /** Tries a failed log again; never rejects. */
  async recover(): Promise<void> {
    await this.#startRecovery();
  }

  /** Commits what is pending with `last` behind it; afterwards nothing is taken. */
  async close(last: NewRecord): Promise<void> {
    await this.#recovering;
    // It may be writing again what a failed write left.
    if (this.#failure !== undefined) await this.#pumped;
    const isWell = this.#failure === undefined;
    const done = isWell ? this.commitControls([last], this.#queue.sequence) : Promise.resolve();
    this.#isClosed = true;
    await done;
  }

  #startPump(): void {
    if (this.#isPumping || this.#failure !== undefined) return;
    this.#isPumping = true;
    // It ends by itself, tells those who wait, and never rejects.
    this.#pumped = this.#pump();
  }

  async #pump(): Promise<void> {
    while (this.#failure === undefined && this.#queue.hasWaiters) {
      try {
        await this.#writeBatch();
      } catch (error) {
        await this.#fail(logFailure(error, 'commit'));
      }
    }
    this.#isPumping = false;
  }

  async #writeBatch(): Promise<void> {
    const { writer } = this.#options;
    const batch = this.#queue.batch(batchBytesMax, writer.room);
    if (batch.length === 0) {
      assert(writer.room < writer.segmentRoom, 'log record is larger than a segment');
      return writer.roll(this.#queue.sequence);
    }
    for (const written of await writer.write(batch)) this.#note(written);
    this.#queue.commit(batch);
    this.#attempts = 0;
  }

  /** Lets readers see a record that is durable. */
  #note({ record, position }: WrittenRecord): void {
    const { index } = this.#options;
    const { kind, sequence, tenantName: tenant, body } = record;
    if (kind === recordKinds.profile) {
      const headBytes = record.bytes - body.length;
      index.active?.add({ ...record, tenant, position, headBytes, bodyBytes: body.length });
    }
    if (kind === recordKinds.flushed) {
      index.active?.addFlushed(tenant, sequence);
      index.release(tenant, sequence);
    }
    if (kind === recordKinds.keys) index.active?.addKeys(tenant, decodeKeys(body), position);
  }

  /**
   * A first failure may be one bad place: what is pending is written again. After a second one
   * without a commit between them it is refused; those who wait are told once the bad segment is
   * fenced off.
   */
  async #fail(failure: Failure): Promise<void> {
    const { log } = this.#options;
    this.#failure = failure;
    this.#isFenced = false;
    this.#attempts++;
    this.#wait();
    if (this.#attempts === 1) {
      log.error('log cannot be written, what is pending is written again', {
        pendingBytes: this.#queue.pendingBytes,
        error: failure.message,
      });
      await this.#fence();
      if (this.#isFenced) return this.#reopen();
      this.#attempts++;
    }
    const tell = this.#queue.refuse();
    log.error('log cannot be written, what is pending is refused', {
      refusedUpTo: this.#queue.refusedUpTo(),
      attempts: this.#attempts,
      error: failure.message,
    });
    if (!this.#isFenced) await this.#fence();
    tell(failure);
    this.#wait();
  }

  #startRecovery(): Promise<void> {
    this.#recovering ??= this.#recover().finally(() => {
      this.#recovering = undefined;
    });
    return this.#recovering;
  }

  async #recover(): Promise<void> {
    if (!this.#isFenced) await this.#fence();
    if (this.#isFenced) {
      this.#reopen();
    } else {
      this.#attempts++;
      this.#wait();
    }
  }

  async #fence(): Promise<void> {
    const { writer, log } = this.#options;
    try {
      await writer.roll(this.#queue.sequence);
      this.#isFenced = true;
    } catch (error) {
      this.#failure = logFailure(error, 'new segment');
      log.error('no new log segment', { error: this.#failure.message });
    }
  }

  #reopen(): void {
    this.#failure = undefined;
    this.#options.log.info('log is written again', { attempts: this.#attempts });
  }

  #wait(): void {
    const { clock, random } = this.#options;
    this.#retryAtMs = clock.nowMs() + backoffMs(this.#attempts, { ...retryWaits, random });
  }
}
