// Retention of local blocks: by age, by bytes, by free disk. Owns the promise that a block which is
// not in the bucket is never deleted while a bucket is configured, and the word to admission when
// the disk is full all the same. Without a bucket the rules delete the only copy there is.
import type { Settings } from '../config/settings.ts';
import { messageOf } from '../errors.ts';
import type { LogFields, Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import { Attempts, Background, isDue } from './background.ts';
import type { SubService } from './lifecycle.ts';
import { LocalDeletion, type LocalReason, type RetainedBlocks } from './local-deletion.ts';
import {
  type DiskLevel,
  type DiskRoom,
  type DiskUsage,
  diskBounds,
  diskLevelOf,
  diskLevels,
  diskRoomOf,
  freeTarget,
  type LocalBlock,
  Stock,
} from './retention-rules.ts';

export type RetentionSettings = Pick<
  Settings,
  'retentionLocalAge' | 'retentionBytes' | 'retentionDiskFreePercent' | 'retentionDiskFreeBytes'
>;

export interface RetentionOptions {
  blocks: RetainedBlocks;
  isBucketConfigured: boolean;
  /** Of the disk that holds the blocks; undefined where the runtime cannot tell. */
  diskUsage: () => Promise<DiskUsage | undefined>;
  settings: RetentionSettings;
  metrics: Metrics;
  log: Logger;
}

/** One pass over all tenants. */
interface Pass {
  nowMs: number;
  stock: Stock;
  attempts: Attempts;
  /** Tenants of which the stock holds only blocks that may go. */
  restricted: Set<string>;
}

const passIntervalMs = 5 * 60_000;
/** While pushes are refused, everybody waits for the next pass. */
const fullPassIntervalMs = 60_000;
/** A disk can fill between two passes; measuring it costs one call of the system. */
const watchIntervalMs = 15_000;
/** Every folder of every tenant is listed: not more often than leftovers can turn up. */
const sweepIntervalMs = 6 * 3_600_000;

export class Retention implements SubService {
  readonly name = 'retention';
  readonly #options: RetentionOptions;
  readonly #background: Background;
  readonly #deletion: LocalDeletion;
  #isMeasurable = false;
  #failure: string | undefined;
  /** The last measure, and what each tenant held after the last pass. */
  #usage: DiskUsage | undefined;
  #held: ReadonlyMap<string, number> = new Map();
  #ranAtMs = Number.NEGATIVE_INFINITY;
  #passedAtMs = Number.NEGATIVE_INFINITY;
  #sweptAtMs = Number.NEGATIVE_INFINITY;
  /** At the last measure before a pass: the disk getting worse is a reason for another pass. */
  #level: DiskLevel = diskLevels.ease;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#deletion = new LocalDeletion(options);
    this.#background = new Background((error) => this.#note('retention pass failed', error));
  }

  async start(): Promise<void> {
    // The first tick begins the work.
  }

  /** Begins a pass when one is due and does not wait for it; `idle` does. Never rejects. */
  async tick(nowMs: number): Promise<number> {
    const intervalMs = this.#isMeasurable ? watchIntervalMs : passIntervalMs;
    if (this.#background.isBusy) return nowMs + intervalMs;
    if (isDue(nowMs, this.#ranAtMs, intervalMs)) {
      this.#ranAtMs = nowMs;
      this.#background.start((signal) => this.#run(nowMs, signal));
    }
    return this.#ranAtMs + intervalMs;
  }

  /** Resolves when no pass is under way. */
  idle(): Promise<void> {
    return this.#background.idle();
  }

  /** Aborts a pass between two deletions. */
  stop(): Promise<void> {
    return this.#background.stop();
  }

  /**
   * Why pushes have to be refused, in one line: the disk is nearly full and no block may be deleted
   * that would change it. Undefined otherwise. Measured every 15 seconds and after each pass.
   */
  diskFailure(): string | undefined {
    return this.#failure;
  }

  /**
   * How near the disk is to that, and who holds what of it: blocks of the last pass, so what was
   * written since, within five minutes, is not counted. Undefined when it cannot be measured, or
   * the rules for it are off.
   */
  diskRoom(): DiskRoom | undefined {
    if (this.#usage === undefined) return undefined;
    return diskRoomOf(this.#usage, this.#options.settings, this.#held);
  }

  async #run(nowMs: number, signal: AbortSignal): Promise<void> {
    const level = diskLevelOf(await this.#measure(), this.#options.settings);
    const isRefusing = this.#failure !== undefined;
    const intervalMs = isRefusing ? fullPassIntervalMs : passIntervalMs;
    const isWorse = level > this.#level;
    this.#level = level;
    if (isWorse || isDue(nowMs, this.#passedAtMs, intervalMs)) {
      this.#passedAtMs = nowMs;
      try {
        await this.#pass(nowMs, signal);
      } catch (error) {
        if (!signal.aborted) this.#note('retention pass failed', error);
      }
    }
    this.#judge(await this.#measure());
  }

  async #pass(nowMs: number, signal: AbortSignal): Promise<void> {
    const attempts = new Attempts(signal, (error, fields) =>
      this.#note('retention step failed', error, fields),
    );
    const stock = new Stock();
    const pass: Pass = { nowMs, stock, attempts, restricted: new Set() };
    const { blocks, metrics } = this.#options;
    for (const tenant of await blocks.tenants()) {
      await attempts.try({ tenant }, async () => stock.add(tenant, await blocks.blocks(tenant)));
    }
    await this.#deletion.finish(attempts);
    await this.#deleteByAge(pass);
    await this.#deleteByBytes(pass);
    await this.#deleteByDisk(pass);
    metrics.retention.localBytes.set(stock.bytes);
    this.#held = stock.bytesByTenant();
    if (!isDue(nowMs, this.#sweptAtMs, sweepIntervalMs)) return;
    this.#sweptAtMs = nowMs;
    for (const tenant of stock.tenants) await this.#deletion.sweep(attempts, tenant, nowMs);
  }

  async #deleteByAge(pass: Pass): Promise<void> {
    const { retentionLocalAge } = this.#options.settings;
    if (retentionLocalAge === 'off') return;
    const beforeMs = pass.nowMs - retentionLocalAge;
    const tenants = new Set(pass.stock.endedBefore(beforeMs).map(({ tenant }) => tenant));
    await this.#restrict(pass, [...tenants]);
    for (const block of pass.stock.endedBefore(beforeMs)) await this.#delete(pass, block, 'age');
  }

  async #deleteByBytes(pass: Pass): Promise<void> {
    const { stock } = pass;
    const { retentionBytes } = this.#options.settings;
    if (retentionBytes === 'off' || stock.bytes <= retentionBytes) return;
    await this.#restrict(pass, stock.tenants);
    while (stock.bytes > retentionBytes) {
      const block = stock.next();
      if (block === undefined) {
        const fields = { bytes: stock.bytes, limit: retentionBytes };
        this.#options.log.warn('blocks are over their bytes and none may be deleted', fields);
        return;
      }
      await this.#delete(pass, block, 'bytes');
    }
  }

  /** Deletes one block at a time, until the disk has what it needs or no longer gains by it. */
  async #deleteByDisk(pass: Pass): Promise<void> {
    const { settings, log } = this.#options;
    const usage = await this.#measure();
    if (usage === undefined || diskLevelOf(usage, settings) === diskLevels.ease) return;
    const { stock } = pass;
    await this.#restrict(pass, stock.tenants);
    const bounds = diskBounds(settings, usage.totalBytes);
    let { freeBytes } = usage;
    const target = freeTarget(bounds, freeBytes, stock.deletableBytes);
    if (target === undefined) {
      const deletable = stock.deletableBytes;
      const fields = { free: freeBytes, bound: bounds.lowBytes, deletable };
      log.warn('free disk is low and blocks that may be deleted cannot make up for it', fields);
      return;
    }
    while (freeBytes < target) {
      const block = stock.next();
      if (block === undefined) return;
      if (!(await this.#delete(pass, block, 'disk'))) continue;
      const after = await this.#measure();
      if (after === undefined) return;
      if (after.freeBytes <= freeBytes) {
        // The system may tell late, or others write as fast: deleting on could empty the store.
        log.warn('free disk does not grow, waiting for the next pass', { free: after.freeBytes });
        return;
      }
      freeBytes = after.freeBytes;
    }
  }

  /** Leaves in stock what may go: nothing pinned, and with a bucket nothing that is not in it. */
  async #restrict(pass: Pass, tenants: readonly string[]): Promise<void> {
    const { blocks, isBucketConfigured } = this.#options;
    for (const tenant of tenants) {
      if (pass.restricted.has(tenant)) continue;
      pass.restricted.add(tenant);
      let mayGo = (_ulid: string) => false;
      await pass.attempts.try({ tenant }, async () => {
        const kept = new Set(isBucketConfigured ? await blocks.unshipped(tenant) : []);
        mayGo = (ulid) => !kept.has(ulid) && !blocks.isPinned(tenant, ulid);
      });
      pass.stock.restrict(tenant, mayGo);
    }
  }

  /** True when the block is gone. */
  async #delete(pass: Pass, block: LocalBlock, reason: LocalReason): Promise<boolean> {
    const isGone = await this.#deletion.delete(pass.attempts, block, reason);
    if (isGone) pass.stock.remove(block);
    else pass.stock.skip(block);
    return isGone;
  }

  #note(message: string, error: unknown, fields: LogFields = {}): void {
    this.#options.metrics.retention.failures.inc({ store: 'local' });
    this.#options.log.warn(message, { ...fields, error: messageOf(error) });
  }

  async #measure(): Promise<DiskUsage | undefined> {
    try {
      const usage = await this.#options.diskUsage();
      this.#isMeasurable = usage !== undefined;
      if (usage !== undefined) this.#options.metrics.retention.diskFreeBytes.set(usage.freeBytes);
      return usage;
    } catch (error) {
      this.#note('free disk cannot be measured', error);
      return undefined;
    }
  }

  /** Without a measure nothing is refused: the log says by itself when it cannot write. */
  #judge(usage: DiskUsage | undefined): void {
    const { settings } = this.#options;
    this.#usage = usage;
    const isFull = diskLevelOf(usage, settings) === diskLevels.full;
    if (usage === undefined || !isFull) {
      this.#failure = undefined;
      return;
    }
    const { floorBytes } = diskBounds(settings, usage.totalBytes);
    const bounds = `free disk is ${usage.freeBytes} bytes, floor ${floorBytes}`;
    this.#failure = `${bounds}, and no block may be deleted that would help`;
  }
}
