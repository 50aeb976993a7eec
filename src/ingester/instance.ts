// One tenant: its database, its shipper, and the times at which either has something to do. Owns
// the rule of one sync at a time, and a stop that leaves nothing running.
import { Failure, messageOf } from '../errors.ts';
import type { Logger } from '../lib/log.ts';
import { ActiveSeries } from '../limits/active-series.ts';
import { TokenBucket } from '../limits/token-bucket.ts';
import type { FlushReason, Phlaredb } from '../phlaredb/phlaredb.ts';
import type { Platform } from '../platform.ts';
import type { Shipper } from '../shipper/shipper.ts';
import type { RecentKeys } from './recent-keys.ts';

export interface InstanceOptions {
  tenant: string;
  database: Phlaredb;
  recentKeys: RecentKeys;
  /** Undefined: blocks stay local. */
  shipper: Shipper | undefined;
  shipIntervalMs: number;
  platform: Pick<Platform, 'clock' | 'sleep'>;
  log: Logger;
}

export class Instance {
  readonly tenant: string;
  readonly database: Phlaredb;
  readonly recentKeys: RecentKeys;
  /** Both hold nothing any more by the time an instance is idle for long enough to be closed. */
  readonly bucket: TokenBucket;
  readonly activeSeries = new ActiveSeries();
  readonly #options: InstanceOptions;
  #abort = new AbortController();
  #syncing: Promise<void> | undefined;
  /** A flush that ends while a sync runs asks for another one. */
  #isSyncWanted = false;
  #shipAtMs = 0;
  #isStopping = false;
  /** Whether the last sync left nothing to ship. */
  #isShipped = false;
  #users = 0;
  /** Monotonic: its keys must outlive a wall clock that is set. */
  #usedMs: number;

  constructor(options: InstanceOptions) {
    this.tenant = options.tenant;
    this.database = options.database;
    this.recentKeys = options.recentKeys;
    this.#options = options;
    this.bucket = new TokenBucket(options.platform.clock.monotonicMs());
    this.#usedMs = options.platform.clock.monotonicMs();
  }

  /** Runs a call that must not meet an unloaded instance. */
  async use<T>(call: () => Promise<T>): Promise<T> {
    this.#users++;
    try {
      return await call();
    } finally {
      this.#users--;
      this.#usedMs = this.#options.platform.clock.monotonicMs();
    }
  }

  /** When it was used last, in monotonic time. */
  get usedMs(): number {
    return this.#usedMs;
  }

  /** True when nobody has used it for `idleMs` and all it had is in the bucket, if there is one. */
  isIdle(idleMs: number): boolean {
    const { clock } = this.#options.platform;
    const isUsed = this.#users > 0 || clock.monotonicMs() - this.#usedMs < idleMs;
    const isShipped = this.#options.shipper === undefined || this.#isShipped;
    return !isUsed && isShipped && this.#syncing === undefined && this.database.isEmpty;
  }

  /** `loggedUpTo`: the last of the tenant's records in the log, 0 when it has none. */
  async start(loggedUpTo: number): Promise<void> {
    await this.database.start(loggedUpTo);
  }

  /** Writes the heads to blocks and starts shipping them. Resolves once the blocks are in place. */
  async flush(reason: FlushReason): Promise<void> {
    await this.database.flush(reason);
    this.#startSync();
  }

  /** See `Phlaredb.relog`. */
  relog(): Promise<boolean> {
    return this.database.relog();
  }

  /** Flushes and ships what is due. Answers when it next wants to be called. */
  async tick(nowMs: number): Promise<number> {
    const blocksBefore = this.database.blocks.length;
    let nextMs: number;
    try {
      nextMs = await this.database.tick(nowMs);
    } catch (error) {
      // The queue has logged the failure and planned the retry; shipping goes on meanwhile.
      this.#options.log.debug('flush is retried', { error: messageOf(error) });
      nextMs = nowMs;
    }
    if (nowMs >= this.#shipAtMs || this.database.blocks.length > blocksBefore) this.#startSync();
    return this.#options.shipper === undefined ? nextMs : Math.min(nextMs, this.#shipAtMs);
  }

  /**
   * Aborts the running sync, flushes, ships for at most `deadlineMs`, and gives everything back.
   * Rejects with all that went wrong; a block that could not be shipped is `unavailable`.
   */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopping = true;
    this.#abort.abort(new Failure('unavailable', 'the instance is stopping'));
    await this.#syncing;
    const failures: unknown[] = [];
    await this.database.flush('stop').catch((error: unknown) => failures.push(error));
    await this.#lastSync(deadlineMs).catch((error: unknown) => failures.push(error));
    await this.database.close();
    if (failures.length === 0) return;
    const message = `tenant ${this.tenant}: ${failures.map(messageOf).join('; ')}`;
    throw new Failure('unavailable', message, { cause: failures[0] });
  }

  /** Resolves when no sync is running. */
  async idle(): Promise<void> {
    while (this.#syncing !== undefined) await this.#syncing;
  }

  #startSync(): void {
    const { shipper, shipIntervalMs, platform } = this.#options;
    if (shipper === undefined || this.#isStopping) return;
    this.#shipAtMs = platform.clock.nowMs() + shipIntervalMs;
    if (this.#syncing !== undefined) {
      this.#isSyncWanted = true;
      return;
    }
    this.#isSyncWanted = false;
    this.#isShipped = false;
    this.#syncing = this.#sync(shipper, this.#abort.signal).finally(() => {
      this.#syncing = undefined;
      if (this.#isSyncWanted) this.#startSync();
    });
  }

  /** Never rejects: what failed is counted and logged by the shipper, and tried again. */
  async #sync(shipper: Shipper, signal: AbortSignal): Promise<void> {
    try {
      const { database } = this;
      const { failed, pending } = await shipper.sync(signal, (ulid) => database.isPending(ulid));
      this.#isShipped = failed.length === 0 && pending.length === 0;
    } catch (error) {
      this.#isShipped = false;
      if (!signal.aborted) this.#options.log.warn('sync failed', { error: messageOf(error) });
    }
  }

  async #lastSync(deadlineMs: number): Promise<void> {
    const { shipper, platform } = this.#options;
    if (shipper === undefined) return;
    const finished = new AbortController();
    const deadline = new AbortController();
    const timer = platform.sleep(deadlineMs, finished.signal).then(
      () => deadline.abort(new Failure('unavailable', `not shipped within ${deadlineMs} ms`)),
      () => {
        // The sync ended first: the timer is not needed any more.
      },
    );
    await this.#sync(shipper, deadline.signal);
    finished.abort();
    await timer;
    const unshipped = await shipper.unshipped();
    if (unshipped.length === 0) return;
    const { maxSyncTime } = await shipper.timestamps();
    const isNone = maxSyncTime === undefined;
    const upTo = isNone ? '' : `; all is there up to ${new Date(maxSyncTime).toISOString()}`;
    const names = unshipped.slice(0, 3).join(' ');
    throw new Failure(
      'unavailable',
      `${unshipped.length} blocks are not in the bucket: ${names}${upTo}`,
    );
  }
}
