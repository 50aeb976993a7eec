// Sealed heads on their way to blocks, oldest first. Owns the order of a flush: write, visible,
// release the log, reset the instance. A head stays here, answering queries, until its block is in
// place; a failed flush is retried with back-off and never drops it.
import type { BlockMeta } from '../block/meta.ts';
import type { Parquet } from '../block/parquet.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { Failure, messageOf } from '../errors.ts';
import type { Head } from '../head/head.ts';
import type { KernelPool } from '../kernel/pool.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Clock } from '../platform.ts';
import type { FlushPlans, Wal } from '../wal/wal.ts';
import { flushHead } from './flush.ts';
import { flushDelayMsMax } from './flush-spread.ts';

export interface FlushQueueOptions {
  tenant: string;
  /** The tenant's blocks: keys are `<ULID>/<file>`. */
  blocks: Bucket;
  wal: Wal;
  /** Undefined where the list of local blocks tells what was written. */
  plans?: FlushPlans | undefined;
  /** Runs the writing of a block when nobody else does; undefined: at once. */
  flushTurn?: (<T>(work: () => Promise<T>) => Promise<T>) | undefined;
  pool: KernelPool;
  parquet: Parquet;
  /** A number from 0 up to, but not including, 1: spreads retries. */
  randomUnit: () => number;
  clock: Clock;
  pause: () => Promise<void>;
  metrics: Metrics;
  log: Logger;
}

interface Entry {
  head: Head;
  attempts: number;
  dueAtMs: number;
}

const retryWaits = { baseMs: 1_000, maxMs: 60_000 };
/** Nothing is put off for longer: what seems to be was planned before the clock was set back. */
const waitMsMax = Math.max(retryWaits.maxMs, flushDelayMsMax);

export class FlushQueue {
  readonly #options: FlushQueueOptions;
  readonly #onBlock: (meta: BlockMeta) => void;
  readonly #entries: Entry[] = [];
  /** What the log has not yet been told of: it may have refused to hear it. */
  #unreleased: { upTo: number; ulid: string } | undefined;
  #draining: Promise<void> = Promise.resolve();
  #isClosed = false;
  #abandonedCount = 0;

  /** `onBlock` is told of each block in the turn in which its head leaves the queue. */
  constructor(options: FlushQueueOptions, onBlock: (meta: BlockMeta) => void) {
    this.#options = options;
    this.#onBlock = onBlock;
  }

  /** Takes over a sealed head and its instance; `tick` writes it at `dueAtMs`, `drain` at once. */
  add(head: Head, dueAtMs = 0): void {
    // Older heads go first: one that may not wait takes those along that only keep their distance.
    if (dueAtMs === 0)
      for (const entry of this.#entries) if (entry.attempts === 0) entry.dueAtMs = 0;
    this.#entries.push({ head, attempts: 0, dueAtMs });
  }

  get heads(): readonly Head[] {
    return this.#entries.map(({ head }) => head);
  }

  /** The records up to `upTo` that are in no block are in quarantine: the next drain says so. */
  releaseQuarantined(upTo: number, ulid: string): void {
    if (upTo > 0 && this.#unreleased === undefined) this.#unreleased = { upTo, ulid };
  }

  /** True while the log has not been told of the block: after a crash its `meta.json` must. */
  isNeeded(ulid: string): boolean {
    return this.#unreleased?.ulid === ulid;
  }

  /** When the next flush is due; infinity when nothing is sealed. */
  get dueAtMs(): number {
    if (this.#unreleased !== undefined) return 0;
    return this.#entries[0]?.dueAtMs ?? Number.POSITIVE_INFINITY;
  }

  /** True when the next flush is due; a wall clock that was set back puts none off. */
  isDue(nowMs: number): boolean {
    const { dueAtMs } = this;
    return dueAtMs <= nowMs || (dueAtMs - nowMs > waitMsMax && dueAtMs !== Infinity);
  }

  /**
   * Writes what is sealed by the time it is this call's turn; one drain at a time. Rejects with the
   * first failure; the head that failed and those behind it stay.
   */
  drain(): Promise<void> {
    const turn = () => this.#drainEntries();
    // An earlier drain's failure went to whoever asked for that one; this one tries again.
    this.#draining = this.#draining.then(turn, turn);
    return this.#draining;
  }

  /**
   * Gives back the instances once no drain reads them; what is not in a block is in the log. Who
   * asks for a drain from here on hears of it.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    // A failure of it went to whoever asked for it.
    await Promise.allSettled([this.#draining]);
    const left = this.#entries.splice(0);
    for (const { head } of left) head.retire(this.#options.pool);
    this.#abandonedCount = left.length;
  }

  /** Throws `unavailable` after a close that left heads to the log. */
  assertNothingLeft(): void {
    this.#assertNotAbandoned(this.#abandonedCount);
  }

  async #drainEntries(): Promise<void> {
    await this.#release();
    this.assertNothingLeft();
    // Those that come meanwhile are for the next drain: under load this one would never end.
    for (const entry of [...this.#entries]) {
      if (this.#isClosed) this.#assertNotAbandoned(this.#entries.length);
      try {
        await this.#flush(entry.head);
      } catch (error) {
        // The log's refusal comes after the head has left the queue, its block in place.
        if (this.#entries[0] === entry) this.#noteFailure(entry, error);
        throw error;
      }
    }
  }

  #assertNotAbandoned(count: number): void {
    if (count === 0) return;
    throw new Failure('unavailable', `tenant is closed, ${count} heads are left to the log`);
  }

  async #flush(head: Head): Promise<void> {
    const { tenant, wal, plans, pool, blocks, parquet, pause } = this.#options;
    const { clock, metrics, log } = this.#options;
    await head.settled();
    const startedMs = clock.monotonicMs();
    if (head.rows > 0) await plans?.plan({ tenant, ulid: head.ulid, upTo: head.lastSequence });
    const { flushTurn = (work) => work() } = this.#options;
    const context = { tenant, logId: wal.id, blocks, parquet, pause };
    const meta = head.rows === 0 ? undefined : await flushTurn(() => flushHead(head, context));
    const { lastSequence } = head;
    this.#entries.shift();
    if (meta !== undefined) {
      this.#onBlock(meta);
      observeFlush(metrics, meta, clock.monotonicMs() - startedMs);
      const { numProfiles, numSamples } = meta.stats;
      const bytes = blockBytes(meta);
      log.info('block written', {
        block: meta.ulid,
        profiles: numProfiles,
        samples: numSamples,
        bytes,
      });
    }
    head.retire(pool);
    this.#unreleased = { upTo: lastSequence, ulid: head.ulid };
    await this.#release();
  }

  /** After a crash before this is done, the block's `meta.json` tells the same. */
  async #release(): Promise<void> {
    const due = this.#unreleased;
    if (due === undefined) return;
    const { wal, tenant } = this.#options;
    await wal.release(tenant, due.upTo, due.ulid);
    if (this.#unreleased === due) this.#unreleased = undefined;
  }

  #noteFailure(entry: Entry, error: unknown): void {
    const { clock, randomUnit, metrics, log } = this.#options;
    entry.attempts++;
    const waitMs = backoffMs(entry.attempts, { ...retryWaits, random: randomUnit });
    entry.dueAtMs = clock.nowMs() + waitMs;
    metrics.head.flushedBlocks.inc({ status: 'failed' });
    log.error('flush failed, the head is kept', {
      block: entry.head.ulid,
      attempts: entry.attempts,
      retryMs: waitMs,
      error: messageOf(error),
    });
  }
}

function blockBytes(meta: BlockMeta): number {
  return meta.files.reduce((sum, file) => sum + file.bytes, 0);
}

function observeFlush({ head }: Metrics, meta: BlockMeta, durationMs: number): void {
  head.flushedBlocks.inc({ status: 'success' });
  head.flushedBlockSeconds.observe(durationMs / 1_000);
  head.flushedBlockSeries.observe(meta.stats.numSeries);
  head.flushedBlockProfiles.observe(meta.stats.numProfiles);
  head.flushedBlockSamples.observe(meta.stats.numSamples);
  head.flushedBlockBytes.observe(blockBytes(meta));
  for (const file of meta.files) {
    const name = file.name.replace(/\.parquet$/, '');
    head.flushedTableBytes.observe({ name }, file.bytes);
    head.rowsWritten.inc({ type: name }, file.rows);
  }
}
