// Retention of the bucket, by age: `meta.json` first, which takes a block from all readers, its
// tables 15 minutes later, when those that had opened it are done. Owns the walk over all tenants,
// bounded in requests per tick and continued by the next one.
//
// Other writers use the same layout: only folders whose `meta.json` is ours are touched, and such
// as hold nothing but our tables, untouched for a day: what a stop between the two steps leaves.
import { blockPrefix, metaFile, tenantBlocksPrefix } from '../block/files.ts';
import { parseBlockMeta } from '../block/meta.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { isFailure, messageOf } from '../errors.ts';
import type { LogFields, Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import { Attempts, Background, isDue } from './background.ts';
import {
  type BlockFolder,
  folderBytes,
  hasMeta,
  isLeftover,
  leftoverAgeMs,
  type WalkStep,
  walkTenants,
} from './block-folders.ts';
import type { SubService } from './lifecycle.ts';
import { type Doomed, type RetentionMemory, RetentionNotes } from './retention-notes.ts';
import { blockEndMs, createdMsOf } from './retention-rules.ts';

export interface BucketRetentionOptions {
  /** The whole bucket: keys are `<tenant>/phlaredb/<ULID>/<file>`. */
  bucket: Bucket;
  /** Blocks whose data ended longer ago are deleted. */
  ageMs: number;
  /** True while a query of this process reads the block. */
  isPinned: (tenant: string, ulid: string) => boolean;
  /** Told of each block whose `meta.json` is deleted, or may have been. */
  onDelete?: (tenant: string, ulid: string) => void;
  /** For a process that may be ended between any two runs. */
  memory?: RetentionMemory;
  metrics: Metrics;
  log: Logger;
}

/** A folder in the bucket, `<tenant>/phlaredb/<ULID>/`. */
interface Found {
  tenant: string;
  folder: BlockFolder;
}

const tickIntervalMs = 5 * 60_000;
/** Readers that opened a block before its `meta.json` went are done by then. */
const tablesDelayMs = 15 * 60_000;
/** A walk costs one listing per 111 blocks: the age of a month needs no finer steps. */
const cycleMsMax = 6 * 3_600_000;
/** Enough for 20,000 deletions a day at 12 requests each. */
const requestsPerTick = 1_000;
const doomedMax = 10_000;
/** Blocks whose end is known; forgotten all at once, since reading one again is a small request. */
const endsMax = 50_000;

export class BucketRetention implements SubService {
  readonly name = 'bucket-retention';
  readonly #options: BucketRetentionOptions;
  readonly #background: Background;
  readonly #notes: RetentionNotes;
  /** By prefix: when the data of a block ends; infinity for what is not ours. */
  readonly #ends = new Map<string, number>();
  #walk: AsyncGenerator<WalkStep> | undefined;
  /** Found by the walk and not looked at yet. */
  #found: Found[] = [];
  #requestsLeft = 0;
  #ranAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: BucketRetentionOptions) {
    this.#options = options;
    this.#notes = new RetentionNotes(options.memory);
    this.#background = new Background((error) => this.#note(error, {}));
  }

  async start(): Promise<void> {
    // The first tick begins the work.
  }

  /** Begins a run when one is due and does not wait for it; `idle` does. Never rejects. */
  async tick(nowMs: number): Promise<number> {
    if (this.#background.isBusy) return nowMs + tickIntervalMs;
    if (isDue(nowMs, this.#ranAtMs, tickIntervalMs)) {
      this.#ranAtMs = nowMs;
      this.#background.start((signal) => this.#run(nowMs, signal));
    }
    return this.#ranAtMs + tickIntervalMs;
  }

  /** Resolves when no run is under way. */
  idle(): Promise<void> {
    return this.#background.idle();
  }

  /** Aborts the request under way; without a memory the next start sweeps what waits. */
  stop(): Promise<void> {
    return this.#background.stop();
  }

  async #run(nowMs: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#pass(nowMs, signal);
    } finally {
      this.#notes.savePlace();
    }
  }

  async #pass(nowMs: number, signal: AbortSignal): Promise<void> {
    const attempts = new Attempts(signal, (error, fields) => this.#note(error, fields));
    this.#requestsLeft = requestsPerTick;
    for (const [prefix, doomed] of this.#notes.dueAt(nowMs)) {
      if (this.#requestsLeft > 0) await this.#deleteTables(prefix, doomed, nowMs, attempts);
    }
    this.#beginWalk(nowMs, signal);
    while (this.#requestsLeft > 0 && this.#notes.doomedCount < doomedMax) {
      const found = this.#found.shift();
      if (found === undefined) {
        if (!(await this.#advance(attempts))) return;
        continue;
      }
      const fields = { tenant: found.tenant, block: found.folder.ulid };
      await attempts.try(fields, () => this.#judge(found, nowMs, signal));
    }
  }

  #beginWalk(nowMs: number, signal: AbortSignal): void {
    const { bucket, ageMs } = this.#options;
    const cycleMs = Math.min(cycleMsMax, Math.max(tickIntervalMs, ageMs / 24));
    const { walkedAtMs, tenant } = this.#notes.place;
    const isContinued = tenant !== undefined && walkedAtMs <= nowMs;
    if (this.#walk !== undefined) return;
    if (!isContinued && !isDue(nowMs, walkedAtMs, cycleMs)) return;
    const from = isContinued ? tenant : '';
    this.#notes.setPlace({ walkedAtMs: isContinued ? walkedAtMs : nowMs, tenant: from });
    const newestMs = nowMs - Math.min(ageMs, leftoverAgeMs);
    this.#walk = walkTenants(bucket, { newestMs, signal, from });
  }

  /** Takes one step of the walk; false when there is none left for now. */
  async #advance(attempts: Attempts): Promise<boolean> {
    const walk = this.#walk;
    if (walk === undefined) return false;
    this.#requestsLeft--;
    let step: IteratorResult<WalkStep> | undefined;
    const isTaken = await attempts.try({}, async () => {
      step = await walk.next();
    });
    if (step === undefined || step.done) {
      this.#walk = undefined;
      // When the tenants could not be listed, the next tick begins again where this one was.
      if (isTaken) this.#notes.setPlace({ walkedAtMs: this.#notes.place.walkedAtMs });
      return false;
    }
    const { tenant, folders, error } = step.value;
    if (tenant !== '') this.#notes.setPlace({ ...this.#notes.place, tenant });
    this.#found = folders.map((folder) => ({ tenant, folder }));
    // The walk has gone on to the next tenant, this one's turn is the next walk.
    if (error !== undefined) await attempts.try({ tenant }, () => Promise.reject(error));
    return true;
  }

  /** Takes the first step for what is old enough. */
  async #judge({ tenant, folder }: Found, nowMs: number, signal: AbortSignal): Promise<void> {
    const { bucket, ageMs } = this.#options;
    const prefix = prefixOf(tenant, folder.ulid);
    if (this.#notes.isDoomed(prefix)) return;
    if (!hasMeta(folder)) {
      if (isLeftover(folder, nowMs - leftoverAgeMs)) {
        this.#doom({ tenant, folder }, 'leftover', nowMs);
      }
      return;
    }
    const beforeMs = nowMs - ageMs;
    // No block ends before it was made, so that most are left without reading anything.
    if (createdMsOf(folder.ulid) >= beforeMs) return;
    const endMs = this.#ends.get(prefix) ?? (await this.#readEnd(prefix, folder.ulid, signal));
    if (endMs >= beforeMs) return;
    this.#requestsLeft--;
    try {
      await bucket.delete(prefix + metaFile, { signal });
    } finally {
      // One that failed may have been done.
      this.#options.onDelete?.(tenant, folder.ulid);
    }
    this.#doom({ tenant, folder }, 'age', nowMs);
    this.#count(tenant, folder.ulid, 'age', folderBytes(folder));
  }

  /** When the data of the block ends; infinity for a folder that has to stay. */
  async #readEnd(prefix: string, ulid: string, signal: AbortSignal): Promise<number> {
    this.#requestsLeft--;
    let endMs = Number.POSITIVE_INFINITY;
    try {
      const bytes = await this.#options.bucket.get(prefix + metaFile, { signal });
      const meta = parseBlockMeta(bytes, prefix + metaFile);
      if (meta.ulid === ulid) endMs = blockEndMs(ulid, meta.maxTime);
    } catch (error) {
      // Somebody else deletes it.
      if (isFailure(error, 'missing')) return endMs;
      if (!isFailure(error, 'corrupt')) throw error;
      const fields = { folder: prefix, error: error.message };
      this.#options.log.warn('folder in the bucket is not a block of ours, it stays', fields);
    }
    if (this.#ends.size >= endsMax) this.#ends.clear();
    this.#ends.set(prefix, endMs);
    return endMs;
  }

  #doom({ tenant, folder }: Found, reason: Doomed['reason'], markedMs: number): void {
    const { ulid } = folder;
    const prefix = prefixOf(tenant, ulid);
    const dueMs = markedMs + tablesDelayMs;
    this.#ends.delete(prefix);
    const bytes = folderBytes(folder);
    this.#notes.doom(prefix, { tenant, ulid, bytes, reason, markedMs, dueMs });
  }

  /** The second step; what fails, or is pinned, is tried again after as long a wait. */
  async #deleteTables(
    prefix: string,
    doomed: Doomed,
    nowMs: number,
    attempts: Attempts,
  ): Promise<void> {
    const { tenant, ulid, reason, bytes } = doomed;
    const isFree = !this.#options.isPinned(tenant, ulid);
    let outcome = 'waits' as Outcome;
    try {
      if (isFree) {
        await attempts.try({ tenant, block: ulid }, async () => {
          outcome = await this.#deleteObjects(prefix, doomed.markedMs, attempts.signal);
        });
      }
    } finally {
      // Also when this was one failure too many.
      if (outcome !== 'waits') this.#notes.spare(prefix);
      else this.#notes.doom(prefix, { ...doomed, dueMs: nowMs + tablesDelayMs });
    }
    if (outcome === 'gone' && reason === 'leftover') this.#count(tenant, ulid, reason, bytes);
  }

  async #deleteObjects(prefix: string, markedMs: number, signal: AbortSignal): Promise<Outcome> {
    const { bucket } = this.#options;
    this.#requestsLeft--;
    const page = await bucket.list(prefix, { signal });
    const isWritten = page.objects.some(
      ({ key, modifiedMs = 0 }) => key === prefix + metaFile || modifiedMs > markedMs,
    );
    if (isWritten) return 'written again';
    for (const { key } of page.objects) {
      if (this.#requestsLeft <= 0) return 'waits';
      this.#requestsLeft--;
      await bucket.delete(key, { signal });
    }
    return page.cursor === undefined ? 'gone' : 'waits';
  }

  #count(tenant: string, ulid: string, reason: Doomed['reason'], bytes: number): void {
    const { metrics, log } = this.#options;
    metrics.retention.deletedBlocks.inc({ store: 'bucket', reason });
    metrics.retention.deletedBytes.inc({ store: 'bucket', reason }, bytes);
    log.info('block in the bucket deleted', { tenant, block: ulid, reason, bytes });
  }

  #note(error: unknown, fields: LogFields): void {
    this.#options.metrics.retention.failures.inc({ store: 'bucket' });
    const message = 'retention of the bucket failed, it is tried again';
    this.#options.log.warn(message, { ...fields, error: messageOf(error) });
  }
}

type Outcome = 'gone' | 'waits' | 'written again';

function prefixOf(tenant: string, ulid: string): string {
  return tenantBlocksPrefix(tenant) + blockPrefix(ulid);
}
