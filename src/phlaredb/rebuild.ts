// A head made again from the log, without asking admission: what was acknowledged is applied even
// if today's limits would refuse it. Owns the quarantine of a record that no head can take; it goes
// there durably before the log may forget it.
import type { Bucket } from '../bucket/bucket.ts';
import { isFailure, messageOf } from '../errors.ts';
import type { Head } from '../head/head.ts';
import { planSeries } from '../head/series-plan.ts';
import { createDeferred, type Deferred } from '../lib/deferred.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import { profileTimeNs } from '../model/time.ts';
import { plainTreatment } from '../model/treatment.ts';
import type { Clock } from '../platform.ts';
import type { FlushPlan, StoredRecord, Wal } from '../wal/wal.ts';
import { superseded } from './superseded.ts';

export interface RebuildOptions {
  tenant: string;
  wal: Wal;
  /** Inflates a record's body as the push did. */
  inflate: (body: Uint8Array) => Uint8Array;
  /** Where records go that no head can take: `<sequence>.pprof` and `<sequence>.json`. */
  quarantine: Bucket;
  /** `ulid`: the head is to become that block. */
  makeHead: (ulid?: string) => Head;
  /** The first head is to be exactly this block, which may have been written in part. */
  planned?: FlushPlan | undefined;
  /** Takes over a head that is full; everything in it is committed. */
  seal: (head: Head) => void;
  /** Resolves when sealed heads are blocks: one full head at a time is enough to hold. */
  drain: () => Promise<void>;
  /** Takes back the instance of a head that failed. */
  discard: (head: Head) => void;
  headBytesMax: number;
  clock: Clock;
  /** Awaited between slices of work. */
  pause: () => Promise<void>;
  metrics: Metrics;
  log: Logger;
}

/** The rest of a rebuild: what has not been sealed on the way. */
export interface Rebuilt {
  head: Head;
  /** Sequence of the last record seen; one less than asked for when there was none. */
  upTo: number;
}

/** Shorter, and pushes that come meanwhile, several a turn, would be faster than the rebuild. */
const sliceMs = 10;

export class Rebuild {
  readonly #options: RebuildOptions;
  /** Sequences of records that the log holds a second time, later. */
  #superseded: ReadonlySet<number> | undefined;
  /** Sequences in quarantine. */
  readonly #setAside = new Set<number>();
  #head: Head;
  #upTo: number;
  /** Where a head that breaks has to be read again from. */
  #headFrom: number;
  readonly #firstFrom: number;
  /** The head is the one that the plan is of. */
  #isPlanned = false;
  /** Who wants the records up to a sequence in sealed heads. */
  #waiting: { upTo: number; sealed: Deferred }[] = [];

  constructor(options: RebuildOptions, from: number) {
    this.#options = options;
    this.#upTo = from - 1;
    this.#headFrom = from;
    this.#firstFrom = from;
    this.#head = this.#makeHead();
  }

  /**
   * Applies the committed records that have come since the last call. Rejects when log, blocks or
   * quarantine cannot be written or read; it may be called again, and goes on where it was.
   */
  async catchUp(): Promise<Rebuilt> {
    const { wal, tenant, pause, clock } = this.#options;
    this.#superseded ??= await superseded(wal, tenant, pause);
    let startMs = clock.monotonicMs();
    for await (const record of wal.read(tenant, this.#upTo + 1)) {
      if (this.#isPlanned && !this.#isWithinPlan(record.sequence)) this.#seal(record.sequence);
      const isDone = this.#setAside.has(record.sequence) || this.#superseded.has(record.sequence);
      const isApplied = isDone || (await this.#apply(record));
      if (!isApplied) return this.catchUp();
      this.#upTo = record.sequence;
      if (!this.#isPlanned && this.#isFull()) await this.#roll(record.sequence + 1);
      this.#sealWanted();
      if (clock.monotonicMs() - startMs < sliceMs) continue;
      await pause();
      startMs = clock.monotonicMs();
    }
    // What is appended from here on belongs to the next block.
    if (this.#isPlanned) this.#seal(this.#upTo + 1);
    this.#sealWanted();
    return { head: this.#head, upTo: this.#upTo };
  }

  /** The records up to `upTo` are in a block. Nothing has been read yet, or it is said again. */
  skip(upTo: number): void {
    if (upTo <= this.#upTo) return;
    this.#upTo = upTo;
    this.#seal(upTo + 1);
  }

  /**
   * Resolves when the records up to `upTo` are in heads that are sealed. Pushes may keep a rebuild
   * busy for as long as they come, which is no reason to wait. Pends for ever once it has ended.
   */
  sealed(upTo: number): Promise<void> {
    const sealed = createDeferred();
    this.#waiting.push({ upTo, sealed });
    return sealed.promise;
  }

  /** Gives the instance back. */
  drop(): void {
    this.#options.discard(this.#head);
  }

  /** False when the head broke and reading has to start over. */
  async #apply(record: StoredRecord): Promise<boolean> {
    let failure = this.#try(record);
    const isForNext = isFailure(failure, 'limit') || isFailure(failure, 'unavailable');
    if (isForNext && !this.#head.isEmpty) {
      await this.#roll(record.sequence);
      failure = this.#try(record);
    }
    if (failure === undefined) return true;
    await this.#quarantine(record, failure);
    if (!this.#head.kernel.isBroken) return true;
    this.#options.discard(this.#head);
    this.#upTo = this.#headFrom - 1;
    this.#head = this.#makeHead();
    return false;
  }

  /** Appends the record and makes it visible; answers what went wrong, if anything did. */
  #try(record: StoredRecord): unknown {
    try {
      applyRecord(this.#head, record, this.#options.inflate);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  #isFull(): boolean {
    const { bytesUsed, kernel } = this.#head;
    return bytesUsed >= this.#options.headBytesMax || kernel.mustSeal();
  }

  #sealWanted(): void {
    const reached = this.#waiting.filter(({ upTo }) => upTo <= this.#upTo);
    if (reached.length === 0) return;
    this.#waiting = this.#waiting.filter((one) => !reached.includes(one));
    if (!this.#head.isEmpty) this.#seal(this.#upTo + 1);
    for (const { sealed } of reached) sealed.resolve();
  }

  /** The full head goes to be flushed; the next one begins with the record `from`. */
  async #roll(from: number): Promise<void> {
    this.#seal(from);
    await this.#options.drain();
  }

  #seal(from: number): void {
    if (this.#head.isEmpty) this.#options.discard(this.#head);
    else this.#options.seal(this.#head);
    this.#head = this.#makeHead(from);
    this.#headFrom = from;
  }

  #makeHead(from = this.#headFrom): Head {
    const { planned, makeHead } = this.#options;
    this.#isPlanned = this.#isWithinPlan(from) && from <= this.#firstFrom;
    return makeHead(this.#isPlanned ? planned?.ulid : undefined);
  }

  #isWithinPlan(sequence: number): boolean {
    return sequence <= (this.#options.planned?.upTo ?? 0);
  }

  async #quarantine(record: StoredRecord, cause: unknown): Promise<void> {
    const { quarantine, log, metrics } = this.#options;
    const { sequence, labels, receivedMs, body } = record;
    const error = messageOf(cause);
    const facts = JSON.stringify({ sequence, receivedMs, labels, error }, undefined, 1);
    await quarantine.put(`${sequence}.pprof`, body);
    await quarantine.put(`${sequence}.json`, new TextEncoder().encode(`${facts}\n`));
    this.#setAside.add(sequence);
    metrics.storage.quarantinedRecords.inc();
    log.error('log record cannot be applied, it is in quarantine', { sequence, error });
  }
}

/** Appends one logged record to a head and makes it visible. */
function applyRecord(
  head: Head,
  record: StoredRecord,
  inflate: (body: Uint8Array) => Uint8Array,
): void {
  const treatment = record.treatment ?? plainTreatment;
  const facts = head.kernel.scan(inflate(record.body), treatment);
  const plan = planSeries(record.labels, facts, treatment);
  const timeNs = profileTimeNs(facts.timeNs, record.receivedMs);
  head.ingest({ sequence: record.sequence, plan, facts, timeNs, uuid: record.contentKey });
  head.commit(record.sequence);
}
