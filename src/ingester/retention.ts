// Retention of local blocks: by age, by bytes, by free disk. Owns the promise that a block which is
// not in the bucket is never deleted while a bucket is configured, and the word to admission when
// the disk is full all the same. Without a bucket the rules delete the only copy there is.
//
// A block goes in an order that a crash at any point leaves readable: `meta.json`, then the list,
// then the tables; what a crash left of it is swept a day later.
import { blockKey, metaFile } from '../block/files.ts';
import type { BlockMeta } from '../block/meta.ts';
import type { Bucket } from '../bucket/bucket.ts';
import type { Settings } from '../config/settings.ts';
import { Failure, messageOf } from '../errors.ts';
import type { LogFields, Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import { Background, isDue } from './background.ts';
import {
  deleteFolder,
  folderBytes,
  isLeftover,
  leftoverAgeMs,
  pagesOfFolders,
} from './block-folders.ts';
import type { SubService } from './lifecycle.ts';
import {
  type DiskLevel,
  type DiskUsage,
  diskBounds,
  diskLevelOf,
  diskLevels,
  freeTarget,
  type LocalBlock,
  Stock,
} from './retention-rules.ts';

/** What retention asks of the tenants; all of it is local but for nothing. */
export interface RetainedBlocks {
  /** Tenants that have blocks on this machine. */
  tenants(): Promise<string[]>;
  /** The tenant's list of local blocks. */
  blocks(tenant: string): Promise<readonly BlockMeta[]>;
  /**
   * ULIDs of local blocks not known to be in the bucket. Asked after `blocks`, and only when a
   * bucket is configured: a block that comes later is in neither answer.
   */
  unshipped(tenant: string): Promise<Iterable<string>>;
  /** True while a query reads the block. Who pins a block does so in the turn it lists it. */
  isPinned(tenant: string, ulid: string): boolean;
  /** Takes the block off the list: no query finds it any more. */
  forget(tenant: string, ulid: string): void;
  /** The tenant's blocks: keys are `<ULID>/<file>`. */
  folder(tenant: string): Bucket;
}

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

type Reason = 'age' | 'bytes' | 'disk' | 'leftover';

/** One pass over all tenants. */
interface Pass {
  nowMs: number;
  stock: Stock;
  signal: AbortSignal;
  failures: number;
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
/** A disk that fails this often in a pass fails for all blocks. */
const failuresMax = 10;

export class Retention implements SubService {
  readonly name = 'retention';
  readonly #options: RetentionOptions;
  readonly #background: Background;
  /** Blocks whose `meta.json` is deleted and whose tables were pinned, or failed to go. */
  readonly #unfinished = new Map<string, LocalBlock>();
  #isMeasurable = false;
  #failure: string | undefined;
  #runAtMs = Number.NEGATIVE_INFINITY;
  #passAtMs = Number.NEGATIVE_INFINITY;
  #sweepAtMs = Number.NEGATIVE_INFINITY;
  /** How pressed the disk was when the last pass began, or has become at best since. */
  #level: DiskLevel = diskLevels.ease;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#background = new Background((error) => this.#note('retention pass failed', error));
  }

  async start(): Promise<void> {
    // The first tick begins the work.
  }

  /** Begins a pass when one is due and does not wait for it; `idle` does. Never rejects. */
  async tick(nowMs: number): Promise<number> {
    const intervalMs = this.#isMeasurable ? watchIntervalMs : passIntervalMs;
    if (!this.#background.isBusy && isDue(nowMs, this.#runAtMs, intervalMs)) {
      this.#runAtMs = nowMs;
      this.#background.start((signal) => this.#run(nowMs, signal));
    }
    return this.#runAtMs + intervalMs;
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
   * that would change it. Undefined otherwise. At most 15 seconds old.
   */
  diskFailure(): string | undefined {
    return this.#failure;
  }

  async #run(nowMs: number, signal: AbortSignal): Promise<void> {
    const level = diskLevelOf(await this.#measure(), this.#options.settings);
    const isFull = this.#failure !== undefined;
    const intervalMs = isFull ? fullPassIntervalMs : passIntervalMs;
    const isWorse = level > this.#level;
    this.#level = level;
    if (isWorse || isDue(nowMs, this.#passAtMs, intervalMs)) {
      this.#passAtMs = nowMs;
      try {
        await this.#pass(nowMs, signal);
      } catch (error) {
        if (!signal.aborted) this.#note('retention pass failed', error);
      }
    }
    this.#judge(await this.#measure());
  }

  async #pass(nowMs: number, signal: AbortSignal): Promise<void> {
    const stock = new Stock();
    const pass: Pass = { nowMs, stock, signal, failures: 0, restricted: new Set() };
    for (const tenant of await this.#options.blocks.tenants()) {
      await this.#try(pass, { tenant }, async () => {
        stock.add(tenant, await this.#options.blocks.blocks(tenant));
      });
    }
    for (const block of [...this.#unfinished.values()]) await this.#finish(pass, block);
    await this.#deleteByAge(pass);
    await this.#deleteByBytes(pass);
    await this.#deleteByDisk(pass);
    this.#options.metrics.retention.localBytes.set(stock.bytes);
    if (isDue(nowMs, this.#sweepAtMs, sweepIntervalMs)) {
      this.#sweepAtMs = nowMs;
      for (const tenant of stock.tenants) await this.#sweep(pass, tenant);
    }
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
      await this.#try(pass, { tenant }, async () => {
        const kept = new Set(isBucketConfigured ? await blocks.unshipped(tenant) : []);
        mayGo = (ulid) => !kept.has(ulid) && !blocks.isPinned(tenant, ulid);
      });
      pass.stock.restrict(tenant, mayGo);
    }
  }

  /** True when the block is gone, though its tables may follow later. */
  async #delete(pass: Pass, block: LocalBlock, reason: Reason): Promise<boolean> {
    const { tenant, ulid, bytes } = block;
    const { blocks, metrics, log } = this.#options;
    const { signal, stock } = pass;
    const isDeleted =
      !blocks.isPinned(tenant, ulid) &&
      (await this.#try(pass, { tenant, block: ulid }, () =>
        blocks.folder(tenant).delete(blockKey(ulid, metaFile), { signal }),
      ));
    if (!isDeleted) {
      stock.skip(block);
      return false;
    }
    blocks.forget(tenant, ulid);
    stock.remove(block);
    metrics.retention.deletedBlocks.inc({ store: 'local', reason });
    metrics.retention.deletedBytes.inc({ store: 'local', reason }, bytes);
    log.info('local block deleted', { tenant, block: ulid, reason, bytes });
    this.#unfinished.set(`${tenant}/${ulid}`, block);
    await this.#finish(pass, block);
    return true;
  }

  /** Deletes the tables of a block that is off the list, unless a query still reads them. */
  async #finish(pass: Pass, { tenant, ulid }: LocalBlock): Promise<void> {
    const { blocks } = this.#options;
    if (blocks.isPinned(tenant, ulid)) return;
    const isDone = await this.#try(pass, { tenant, block: ulid }, () =>
      deleteFolder(blocks.folder(tenant), ulid, pass.signal),
    );
    if (isDone) this.#unfinished.delete(`${tenant}/${ulid}`);
  }

  /** Deletes what crashes left of the tenant's blocks. */
  async #sweep(pass: Pass, tenant: string): Promise<void> {
    const { blocks, metrics, log } = this.#options;
    const { signal } = pass;
    const newestMs = pass.nowMs - leftoverAgeMs;
    await this.#try(pass, { tenant }, async () => {
      const listed = new Set((await blocks.blocks(tenant)).map(({ ulid }) => ulid));
      const folder = blocks.folder(tenant);
      for await (const found of pagesOfFolders(folder, '', { newestMs, signal })) {
        for (const leftover of found) {
          const { ulid } = leftover;
          if (listed.has(ulid) || !isLeftover(leftover, newestMs)) continue;
          if (blocks.isPinned(tenant, ulid)) continue;
          await deleteFolder(folder, ulid, signal);
          const labels = { store: 'local', reason: 'leftover' satisfies Reason };
          metrics.retention.deletedBlocks.inc(labels);
          metrics.retention.deletedBytes.inc(labels, folderBytes(leftover));
          log.info('leftover of a local block deleted', { tenant, block: ulid });
        }
      }
    });
  }

  /** Runs one step; false when it failed. A pass with too many failures is given up. */
  async #try(pass: Pass, fields: LogFields, step: () => Promise<void>): Promise<boolean> {
    try {
      await step();
      return true;
    } catch (error) {
      pass.signal.throwIfAborted();
      this.#note('retention step failed', error, fields);
      pass.failures++;
      if (pass.failures < failuresMax) return false;
      throw new Failure('unavailable', `retention failed ${failuresMax} times, limit of a pass`);
    }
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
