// One tenant's database: the live head, what makes it be sealed, and the label side of queries.
// Sealed heads are the flush queue's, blocks the block list's. Pushes never wait for a flush: a
// sealed head is replaced at once.
import type { BlockMeta } from '../block/meta.ts';
import { assert, Failure, isFailure, messageOf } from '../errors.ts';
import { Head, type HeadEntry, type IngestCounts } from '../head/head.ts';
import { contentKey } from '../kernel/content-key.ts';
import type { ScanFacts } from '../kernel/facts.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Treatment } from '../model/treatment.ts';
import { BlockList } from './block-list.ts';
import { quarantineBlocks } from './block-quarantine.ts';
import { type ColdLog, createColdLog, findColdLog } from './cold-log.ts';
import { FlushQueue } from './flush-queue.ts';
import { flushDelayMs } from './flush-spread.ts';
import type { PhlaredbOptions } from './phlaredb-options.ts';
import { Rebuild, type Rebuilt } from './rebuild.ts';
import { attemptRebuild } from './rebuild-attempts.ts';
import { relog } from './relog.ts';

export type FlushReason = 'max-duration' | 'max-block-bytes' | 'api' | 'memory' | 'log' | 'stop';

const ended = () => undefined;
/** A tenant that sleeps and is pushed more than this gets a head again. */
const asleepBytesMax = 512 * 1024;

export class Phlaredb {
  readonly #options: PhlaredbOptions;
  readonly #blockList: BlockList;
  readonly #queue: FlushQueue;
  #live: Head | undefined;
  /** Scans while the live head is being rebuilt. */
  #scanner: Kernel | undefined;
  #rebuilding: Promise<void> | undefined;
  #rebuild: Rebuild | undefined;
  #relogging: Promise<void> = Promise.resolve();
  /** Why records are in the log alone: a rebuild was given up at the stop, or a head was closed. */
  #onlyInLog: Failure | undefined;
  /** Aborted when the database is to end: a rebuild that fails is not tried again then. */
  readonly #stopping = new AbortController();
  /** Counts scans and their uses: equal numbers mean that the scratch is still the same. */
  #scanId = 0;
  /** Heads that were dropped: their rows come back in another. */
  #drops = 0;
  /** Present while records are in the log alone and nobody has needed a head of them. */
  #cold: ColdLog | undefined;
  /** True while `#cold` is what a head left that was let go. */
  #isAsleep = false;
  /** Sequences handed to `ingest` and not rolled back, and those no live head needs any more. */
  #appendedUpTo = 0;
  #committedUpTo = 0;
  #sealedUpTo = 0;

  constructor(options: PhlaredbOptions) {
    this.#options = options;
    this.#blockList = new BlockList(options.blocks, options.log);
    const { plans, onStored } = options;
    this.#queue = new FlushQueue(options, (meta) =>
      plans === undefined ? this.#blockList.add(meta) : onStored?.(),
    );
  }

  /**
   * Reads the list of local blocks, tells the log which of the tenant's records they hold, and
   * starts to rebuild a head from the others. `loggedUpTo` is the last of them, 0 when the log has
   * none. Pushes need not wait for the rebuild; label calls and flushes do. With plans nothing is
   * listed, and the rebuild waits for somebody to need it.
   */
  async start(loggedUpTo: number): Promise<void> {
    if (this.#options.plans !== undefined) return this.#startCold(loggedUpTo);
    await quarantineBlocks(await this.#blockList.load(), this.#options);
    if (loggedUpTo === 0) return;
    const { tenant, wal } = this.#options;
    let flushed = { lastSequence: 0, ulid: '' };
    for (const { ulid, log } of this.blocks) {
      // Sequences of another log say nothing about this one.
      if (log.id !== wal.id || log.lastSequence <= flushed.lastSequence) continue;
      flushed = { lastSequence: log.lastSequence, ulid };
    }
    if (flushed.lastSequence > 0) await wal.release(tenant, flushed.lastSequence, flushed.ulid);
    this.#sealedUpTo = flushed.lastSequence;
    this.#appendedUpTo = loggedUpTo;
    this.#committedUpTo = loggedUpTo;
    if (loggedUpTo > flushed.lastSequence) this.#rebuilding = this.#rebuildLive();
  }

  async #startCold(loggedUpTo: number): Promise<void> {
    if (loggedUpTo === 0) return;
    this.#appendedUpTo = loggedUpTo;
    this.#committedUpTo = loggedUpTo;
    this.#cold = await findColdLog(this.#options);
  }

  /** Local blocks by ascending start time. */
  get blocks(): readonly BlockMeta[] {
    return this.#blockList.metas;
  }

  /** True while the block must not be deleted. */
  isNeeded(ulid: string): boolean {
    return this.#queue.isNeeded(ulid);
  }

  /** True while the block's head is kept: its commit is not known to have been done. */
  isPending(ulid: string): boolean {
    return this.#queue.heads.some((head) => head.ulid === ulid);
  }

  /** Takes a block that is to be deleted off the list. */
  forget(ulid: string): void {
    this.#blockList.forget(ulid);
  }

  /**
   * Scans a pprof in the live head's scratch, made when there is none. Throws `invalid` for what is
   * not a pprof.
   */
  scan(profile: Uint8Array, treatment: Treatment): ScanFacts {
    this.#scanId++;
    try {
      return this.#kernel().scan(profile, treatment);
    } catch (error) {
      if (isFailure(error, 'internal')) this.#dropLive(error);
      if (!isFailure(error, 'unavailable')) throw error;
    }
    // A full head leaves little room for scratch; a fresh one has all there is.
    this.seal('max-block-bytes');
    try {
      return this.#kernel().scan(profile, treatment);
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
      const message = `profile of ${profile.length} bytes cannot be decoded: ${error.message}`;
      throw new Failure('invalid', message, { cause: error, reason: 'malformed_profile' });
    }
  }

  /** Names the scan that is in the scratch: another scan, or an ingest, changes it. */
  get scanId(): number {
    return this.#scanId;
  }

  /** XXH3-128 over `prefix` and the profile scanned last; 16 bytes. */
  contentKey(prefix: Uint8Array): Uint8Array {
    return contentKey(this.#kernel(), prefix);
  }

  /**
   * Appends the profile scanned last, which `profile` holds as well; its record is in the log. A
   * head that is full is sealed and the next one takes it. Undefined when no head could: then it is
   * rebuilt from the log.
   */
  ingest(entry: HeadEntry, profile: Uint8Array): IngestCounts | undefined {
    this.#appendedUpTo = entry.sequence;
    this.#scanId++;
    if (!this.isReady) {
      if (this.#isAsleep) this.#stayAsleep();
      return undefined;
    }
    try {
      return this.#ingestOrRoll(entry, profile);
    } catch (error) {
      this.#options.metrics.http.panics.inc();
      this.#dropLive(error);
      return undefined;
    }
  }

  /** The scanner is for others, until there is so much that a head is worth its memory. */
  #stayAsleep(): void {
    const { wal, tenant } = this.#options;
    if (wal.bytesUsedBy(tenant) > asleepBytesMax) this.#warm();
    else this.#dropScanner();
  }

  /** Every record up to `sequence` is durable: its rows become visible. */
  commit(sequence: number): void {
    this.#committedUpTo = Math.max(this.#committedUpTo, Math.min(sequence, this.#appendedUpTo));
    for (const head of this.#queue.heads) head.commit(sequence);
    this.#live?.commit(sequence);
  }

  /** The log refused every record up to `refusedUpTo` that was pending. */
  rollback(refusedUpTo: number): void {
    if (this.#appendedUpTo <= refusedUpTo) this.#appendedUpTo = this.#committedUpTo;
    for (const head of this.#queue.heads) head.rollback(refusedUpTo);
    // What was appended on top of refused rows is in the log, and comes back from there.
    if (this.#live?.rollback(refusedUpTo) === false) {
      this.#dropLive(new Failure('unavailable', 'the log refused earlier records'));
    }
  }

  /** True when nothing is in memory but the list of blocks. */
  get isEmpty(): boolean {
    const isLiveEmpty = this.#live === undefined || this.#live.isEmpty;
    return isLiveEmpty && this.isReady && this.#queue.dueAtMs === Infinity;
  }

  /** Bytes in use by the live and the sealed heads. */
  bytesUsed(): number {
    return this.#heads().reduce((sum, head) => sum + head.bytesUsed, 0);
  }

  /** The part of `bytesUsed` that no pool of kernels counts. */
  labelBytes(): number {
    return this.#heads().reduce((sum, head) => sum + head.labelBytes, 0);
  }

  /** Resolves when no head is being rebuilt: `snapshot` may be called then, in the same turn. */
  async ready(): Promise<void> {
    this.#warm();
    while (this.#rebuilding !== undefined) await this.#rebuilding;
    if (this.#onlyInLog !== undefined) throw this.#onlyInLog;
  }

  /** False while a head is being rebuilt, or has to be before anybody may read. */
  get isReady(): boolean {
    return this.#rebuilding === undefined && this.#cold === undefined;
  }

  /** Another number when a head was dropped: what is pinned of it is in a later one as well. */
  get drops(): number {
    return this.#drops;
  }

  /** Starts the rebuild that nobody needed so far. */
  #warm(): void {
    if (this.#cold === undefined) return;
    this.#rebuilding = this.#rebuildLive(this.#cold);
    this.#cold = undefined;
    this.#isAsleep = false;
  }

  /**
   * Lets the live head go: all that is in it is in the log, and comes back when it is needed. False
   * when there is none that could.
   */
  sleep(): boolean {
    const head = this.#live;
    if (head === undefined || head.isEmpty || !this.isReady) return false;
    if (this.#options.plans !== undefined) return false;
    this.#cold = createColdLog(this.#options, head.createdMs, undefined);
    this.#isAsleep = true;
    this.#retireLive();
    return true;
  }

  #retireLive(): void {
    this.#drops++;
    this.#scanId++;
    this.#live?.retire(this.#options.pool);
    this.#live = undefined;
  }

  /**
   * Everything acknowledged by now, each profile once: heads that have rows and local blocks, to be
   * pinned in this turn. Throws `unavailable` once it is closed and left something to the log.
   */
  snapshot(): { heads: readonly Head[]; blocks: readonly BlockMeta[] } {
    assert(this.isReady, 'a head is being rebuilt');
    if (this.#onlyInLog !== undefined) throw this.#onlyInLog;
    this.#queue.assertNothingLeft();
    return { heads: this.#heads().filter((head) => head.rows > 0), blocks: this.blocks };
  }

  /** Takes the live head out of the write path, to be flushed at `dueAtMs`; an empty one stays. */
  seal(reason: FlushReason, dueAtMs = 0): void {
    const head = this.#live;
    if (head === undefined || head.isEmpty) return;
    head.seal();
    this.#queue.add(head, dueAtMs);
    this.#live = undefined;
    // What was scanned last went with the head's scratch.
    this.#scanId++;
    this.#sealedUpTo = head.appendedSequence;
    this.#options.metrics.head.flushReasons.inc({ reason });
  }

  /**
   * Logs the records of a small tenant again, so that they do not pin the log's oldest room. False
   * when only a flush can do that now. Rejects when the log cannot be written.
   */
  async relog(): Promise<boolean> {
    if (this.#isAsleep) await this.ready();
    return this.#relog();
  }

  #relog(): Promise<boolean> {
    const head = this.#live;
    if (head === undefined || !this.isReady) return Promise.resolve(false);
    const relogging = relog(head, {
      tenant: this.#options.tenant,
      wal: this.#options.wal,
      isOnly: (one) => one === this.#live && this.#queue.dueAtMs === Infinity && this.isReady,
      appended: (one, sequence) => {
        this.#appendedUpTo = sequence;
        one.loggedAgain(sequence);
      },
      commit: (sequence) => this.commit(sequence),
      rollback: (refusedUpTo) => this.rollback(refusedUpTo),
    });
    // A rebuild must find either no copy or all.
    this.#relogging = relogging.then(ended, ended);
    return relogging;
  }

  /** Seals the live head and writes every sealed head; resolves when all are blocks. */
  async flush(reason: FlushReason): Promise<void> {
    if (reason === 'stop') this.#stopping.abort();
    // A head may be let go, again, in the turn in which this call was resumed.
    do {
      this.#warm();
      // At the stop nobody pushes any more, and nothing may be left to the log.
      const isWhole = reason === 'stop' || this.#rebuild === undefined;
      if (isWhole) await this.#rebuilding;
      else await Promise.race([this.#rebuilding, this.#rebuild?.sealed(this.#committedUpTo)]);
    } while (this.#cold !== undefined);
    this.seal(reason);
    await this.#queue.drain();
    if (this.#onlyInLog !== undefined) throw this.#onlyInLog;
  }

  /**
   * Seals by age, to be written some time later, and writes what is due. Answers when it next wants
   * to be called, in wall time; rejects when a flush failed, after its retry was planned.
   */
  async tick(nowMs: number): Promise<number> {
    if (this.#live !== undefined && nowMs >= this.#sealAtMs(this.#live)) {
      const { headAgeMaxMs, randomUnit } = this.#options;
      this.seal('max-duration', nowMs + flushDelayMs(headAgeMaxMs, randomUnit()));
    }
    const coldReason = this.#cold?.dueReason(nowMs);
    if (coldReason !== undefined) await this.flush(coldReason);
    if (this.#queue.isDue(nowMs)) await this.#queue.drain();
    return this.dueAtMs(nowMs);
  }

  /** When `tick` next has something to do, in wall time; infinity when nothing is kept. */
  dueAtMs(nowMs: number): number {
    const sealAtMs =
      this.#live === undefined || this.#live.isEmpty ? Infinity : this.#sealAtMs(this.#live);
    const coldAtMs = this.#cold?.dueAtMs(nowMs) ?? Infinity;
    return Math.min(sealAtMs, coldAtMs, this.#queue.dueAtMs);
  }

  /** Counts of the live head, for gauges. */
  liveStats(): { series: number; rows: number; samples: number } {
    const head = this.#live;
    if (head === undefined) return { series: 0, rows: 0, samples: 0 };
    return { series: head.seriesCount, rows: head.rows, samples: head.kernel.stats().samples };
  }

  /** Gives the instances back; what is not in a block is in the log. */
  async close(): Promise<void> {
    await this.#rebuilding;
    await this.#queue.close();
    if (this.#live !== undefined && this.#live.rows > 0) {
      this.#onlyInLog ??= new Failure(
        'unavailable',
        'tenant is closed, its head is left to the log',
      );
    }
    this.#live?.retire(this.#options.pool);
    this.#live = undefined;
  }

  #heads(): Head[] {
    return this.#live === undefined ? [...this.#queue.heads] : [...this.#queue.heads, this.#live];
  }

  #ingestOrRoll(entry: HeadEntry, profile: Uint8Array): IngestCounts {
    try {
      return this.#ingestLive(entry);
    } catch (error) {
      if (!isFailure(error, 'limit') && !isFailure(error, 'unavailable')) throw error;
    }
    this.seal('max-block-bytes');
    this.#kernel().scan(profile, entry.plan.treatment);
    return this.#ingestLive(entry);
  }

  #ingestLive(entry: HeadEntry): IngestCounts {
    const head = this.#live;
    assert(head !== undefined, 'a profile is scanned before it is ingested');
    const counts = head.ingest(entry);
    const isFull = head.bytesUsed >= this.#options.headBytesMax;
    if (isFull || head.kernel.mustSeal()) this.seal('max-block-bytes');
    return counts;
  }

  /** Where the next profile is scanned. */
  #kernel(): Kernel {
    if (this.isReady) {
      this.#live ??= this.#newHead();
      return this.#live.kernel;
    }
    const scanner = this.#scanner ?? this.#options.pool.acquire();
    this.#scanner = scanner;
    return scanner;
  }

  #newHead(ulid?: string, createdMs?: number): Head {
    const { nextUlid, clock, pool, fingerprint } = this.#options;
    return new Head({
      ulid: ulid ?? nextUlid(),
      createdMs: createdMs ?? clock.nowMs(),
      kernel: pool.acquire(),
      fingerprint,
    });
  }

  /** The first multiple of the head's age after it was made, so that blocks align in UTC. */
  #sealAtMs(head: Head): number {
    const age = this.#options.headAgeMaxMs;
    return Math.floor(head.createdMs / age) * age + age;
  }

  /** A head that is not to be trusted goes; what was in it comes back from the log. */
  #dropLive(cause: unknown): void {
    if (!this.isReady) {
      // It was the scanner: the next scan gets a fresh one.
      this.#dropScanner();
      return;
    }
    this.#options.log.error('head dropped, it is rebuilt from the log', {
      error: messageOf(cause),
    });
    this.#retireLive();
    this.#rebuilding = this.#rebuildLive();
  }

  #dropScanner(): void {
    if (this.#scanner !== undefined) this.#options.pool.release(this.#scanner);
    this.#scanner = undefined;
  }

  /** Never rejects. */
  async #rebuildLive(cold?: ColdLog): Promise<void> {
    const { pause, sleep, randomUnit, log } = this.#options;
    const rebuild = this.#newRebuild(cold);
    this.#rebuild = rebuild;
    await attemptRebuild(rebuild, {
      cold,
      relogged: () => this.#relogging,
      adopt: (rebuilt) => this.#adopt(rebuilt),
      giveUp: (failure) => {
        this.#onlyInLog = failure;
        this.#endRebuild();
      },
      pause,
      sleep,
      randomUnit,
      stopping: this.#stopping.signal,
      log,
    });
  }

  #adopt({ head, upTo }: Rebuilt): boolean {
    if (upTo < this.#appendedUpTo) return false;
    this.#live = head;
    const isAllDone = head.isEmpty && this.#queue.heads.length === 0;
    if (isAllDone) this.#queue.releaseQuarantined(upTo, head.ulid);
    this.#endRebuild();
    return true;
  }

  #endRebuild(): void {
    this.#rebuilding = undefined;
    this.#rebuild = undefined;
    this.#dropScanner();
    this.#scanId++;
  }

  #newRebuild(cold: ColdLog | undefined): Rebuild {
    const { pool } = this.#options;
    return new Rebuild(
      {
        ...this.#options,
        makeHead: (ulid) => this.#newHead(ulid, cold?.oldestMs),
        planned: cold?.plan,
        discard: (head) => head.retire(pool),
        seal: (head) => {
          head.seal();
          this.#sealedUpTo = head.appendedSequence;
          this.#queue.add(head);
        },
        drain: () => this.#queue.drain(),
      },
      this.#sealedUpTo + 1,
    );
  }
}
