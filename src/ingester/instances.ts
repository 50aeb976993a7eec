// The open tenants of a process. Owns that an instance is made once, by pushes and at start only,
// that it knows what the log has of its tenant, and that an idle one is closed again.
import { Failure, messageOf } from '../errors.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Platform } from '../platform.ts';
import type { Wal } from '../wal/wal.ts';
import type { Instance } from './instance.ts';

export interface InstancesOptions {
  platform: Platform;
  wal: Wal;
  metrics: Metrics;
  log: Logger;
  /** Makes a tenant's instance; it is started before anybody gets it. */
  createInstance: (tenant: string) => Instance;
  /** Tenants that have blocks on this machine. */
  listTenants: () => Promise<string[]>;
  /** How long a repeated profile is known for one. */
  keyWindowMs: number;
  /** How long a tenant without data in memory stays open. */
  idleMs: number;
}

/** A millisecond's worth: others push while a tenant with many is opened. */
const keysPerSlice = 1_000;

export class Instances {
  readonly #options: InstancesOptions;
  readonly #open = new Map<string, Instance>();
  readonly #opening = new Map<string, Promise<Instance>>();
  /** Those of `#opening`, before they are ready for anybody. */
  readonly #starting = new Map<string, Instance>();
  /** Last record in the log of each tenant that is not open yet. */
  readonly #loggedUpTo = new Map<string, number>();
  /** What the log has received since then is known to those that are opened. */
  #keysSinceMs = Number.POSITIVE_INFINITY;
  #reopening: Promise<void> | undefined;
  #isClosing = false;
  #isClosed = false;

  constructor(options: InstancesOptions) {
    this.#options = options;
  }

  /** Which tenants have records in the log, and since when keys count as seen. */
  readLog(): void {
    const { wal, platform, keyWindowMs } = this.#options;
    for (const [tenant, sequence] of wal.newestHeld()) this.#loggedUpTo.set(tenant, sequence);
    this.#keysSinceMs = platform.clock.nowMs() - keyWindowMs;
  }

  /** The tenant's instance if it has one, or records in the log to make one of. */
  async find(tenant: string): Promise<Instance | undefined> {
    this.#assertOpen();
    const isKnown = this.#opening.has(tenant) || this.#loggedUpTo.has(tenant);
    return isKnown ? this.getOrCreate(tenant) : this.#open.get(tenant);
  }

  /** The tenant's instance if it is open. */
  get(tenant: string): Instance | undefined {
    return this.#open.get(tenant);
  }

  /**
   * True while nobody may touch the tenant's blocks: it is being opened, or has records in the log
   * that it was not opened for yet, and only its blocks tell which of those they hold.
   */
  isUnsettled(tenant: string): boolean {
    return this.#opening.has(tenant) || this.#loggedUpTo.has(tenant);
  }

  /** A block of the tenant was deleted. */
  forgetBlock(tenant: string, ulid: string): void {
    for (const instance of [this.#open.get(tenant), this.#starting.get(tenant)]) {
      instance?.database.forget(ulid);
    }
  }

  all(): Iterable<Instance> {
    return this.#open.values();
  }

  /** True while tenants with records in the log are not open. */
  get hasUnopened(): boolean {
    return this.#loggedUpTo.size > 0;
  }

  get count(): number {
    return this.#open.size;
  }

  /** The tenant's instance, started; made once however many ask at a time. */
  getOrCreate(tenant: string): Promise<Instance> {
    const open = this.#open.get(tenant);
    if (open !== undefined) return Promise.resolve(open);
    const running = this.#opening.get(tenant);
    if (running !== undefined) return running;
    const opening = this.#start(tenant).finally(() => this.#opening.delete(tenant));
    this.#opening.set(tenant, opening);
    return opening;
  }

  /** Runs a call on the tenant's instance, which stays open meanwhile. */
  async use<T>(tenant: string, call: (instance: Instance) => Promise<T>): Promise<T> {
    let instance = await this.getOrCreate(tenant);
    // An idle one may have been unloaded in the turn in which this call was resumed.
    while (instance !== this.#open.get(tenant)) instance = await this.getOrCreate(tenant);
    return instance.use(() => call(instance));
  }

  /**
   * Opens, once and in the background, the tenants of an earlier run, one after the other: they may
   * have records in the log, or blocks that the bucket lacks.
   */
  reopen(): void {
    this.#reopening ??= this.#reopen();
  }

  async #reopen(): Promise<void> {
    const { listTenants, log } = this.#options;
    try {
      const tenants = new Set([...this.#loggedUpTo.keys(), ...(await listTenants())]);
      for (const tenant of tenants) {
        if (this.#isClosing) return;
        await this.getOrCreate(tenant);
      }
    } catch (error) {
      log.error('tenants of an earlier run are not open', { error: messageOf(error) });
      this.#reopening = undefined;
    }
  }

  /** Closes an instance that is idle. */
  async unloadIdle(instance: Instance): Promise<void> {
    if (!instance.isIdle(this.#options.idleMs)) return;
    const { tenant } = instance;
    const { metrics, log } = this.#options;
    // Out of the map first: whoever pushes from here on opens another.
    this.#open.delete(tenant);
    metrics.ingest.instances.set(this.#open.size);
    metrics.ingest.activeSeries.remove({ tenant });
    for (const name of ['series', 'profiles', 'samples'] as const) {
      metrics.head[name].remove({ tenant });
    }
    for (const name of ['unshippedBlocks', 'shipperMinTime', 'shipperMaxSyncTime'] as const) {
      metrics.storage[name].remove({ tenant });
    }
    await instance.database.close();
    log.debug('tenant unloaded', { tenant });
  }

  /**
   * Waits for the tenants of an earlier run to be open; resolves to all that are, and to how many
   * could not be opened although they have records in the log. Rejects with `unavailable` when all
   * were stopped meanwhile: then none is open, and what they could not write is in the log.
   */
  async reopened(): Promise<{ instances: readonly Instance[]; unopenedCount: number }> {
    this.#assertOpen();
    this.reopen();
    await this.#reopening;
    this.#assertOpen();
    return { instances: [...this.#open.values()], unopenedCount: this.#loggedUpTo.size };
  }

  /** Opens no more by itself; resolves when nothing is being opened. */
  async settled(): Promise<void> {
    this.#isClosing = true;
    await Promise.allSettled([...this.#opening.values(), this.#reopening]);
  }

  /** Forgets all, after they were stopped; whoever asks from here on is refused. */
  clear(): void {
    this.#open.clear();
    this.#isClosed = true;
  }

  /** What a stop could not write is in the log alone: nobody may be told that there is nothing. */
  #assertOpen(): void {
    if (this.#isClosed) throw new Failure('unavailable', 'ingester is stopped');
  }

  /** The log has them in no order of time: they are known for a window from now on. */
  async #addRecentKeys({ tenant, recentKeys }: Instance): Promise<void> {
    const { wal, platform } = this.#options;
    const monotonicMs = platform.clock.monotonicMs();
    if (platform.keyLookup !== undefined) {
      recentKeys.addEarlier(platform.keyLookup.keysSince(this.#keysSinceMs), monotonicMs);
      return;
    }
    let count = 0;
    for (const { contentKey } of wal.recentKeys(this.#keysSinceMs, tenant)) {
      recentKeys.add(contentKey, 'durable', monotonicMs);
      if (++count % keysPerSlice === 0) await platform.yield();
    }
  }

  async #start(tenant: string): Promise<Instance> {
    const instance = this.#options.createInstance(tenant);
    this.#starting.set(tenant, instance);
    try {
      await this.#addRecentKeys(instance);
      await instance.start(this.#loggedUpTo.get(tenant) ?? 0);
    } finally {
      this.#starting.delete(tenant);
    }
    this.#loggedUpTo.delete(tenant);
    this.#open.set(tenant, instance);
    this.#options.metrics.ingest.instances.set(this.#open.size);
    return instance;
  }
}
