// The ingester: all tenants of the process. Owns the instances (opened once, by pushes only), the
// lifecycle with its sub-services, and what the process as a whole may hold in memory and log.
import { Failure, messageOf } from '../errors.ts';
import type { KernelPool } from '../kernel/pool.ts';
import type { LeaseBytes } from '../lib/byte-budget.ts';
import type { LimitsOf } from '../limits/limits.ts';
import type { FlushReason, Phlaredb } from '../phlaredb/phlaredb.ts';
import type { IngesterService, PushedProfile } from './contract.ts';
import type { Instance } from './instance.ts';
import { Instances, type InstancesOptions } from './instances.ts';
import { Lifecycle, type SubService } from './lifecycle.ts';
import { pushProfiles } from './push.ts';
import type { AskKnown } from './push-context.ts';
import type { DiskRoom } from './retention-rules.ts';

export interface IngesterOptions extends InstancesOptions {
  pool: KernelPool;
  limitsOf: LimitsOf;
  /** Started first and stopped last, in this order; the failure of one is the ingester's. */
  subServices: readonly SubService[];
  memoryMax: number;
  /** Counts what profiles of pushes under way inflate to. */
  leaseInflated: LeaseBytes;
  /** Memory that is neither a head's nor the log's and counts as used; 0 where there is enough. */
  otherMemoryBytes: () => number;
  logBytesMax: number;
  /** Why the disk takes no more, in one line; undefined when it does. */
  diskFailure: () => string | undefined;
  /** How full the disk is and who holds what of it; undefined when it is not watched. */
  diskRoom: () => DiskRoom | undefined;
  /** How long the last syncs of all tenants together may take at stop. */
  stopDeadlineMs: number;
}

/** Over this part of a bound the largest heads are flushed; at the bound pushes are refused. */
const pressureShare = 0.75;
/** With less than this part of the memory a tenant does not make it short. */
const heldShareMin = 1 / 16;
/** Tenants with less in the log are not worth a block when only the log is short. */
const relogBytesMax = 256 * 1024;
/** Of the log, logged again at a time: a part of the segment that this frees. */
const relogShare = 1 / 128;
/** What fails for so many tenants fails for all, until the next tick. */
const reliefFailuresMax = 3;
/** In this time heads grow by a few MiB at most. */
const measureMs = 20;

export class Ingester implements IngesterService {
  readonly #options: IngesterOptions;
  readonly #lifecycle = new Lifecycle();
  readonly #instances: Instances;
  readonly #pushes = new Set<Promise<void>>();
  #ticking: Promise<unknown> = Promise.resolve();
  #measuredMs = Number.NEGATIVE_INFINITY;
  #measuredBytes = 0;

  constructor(options: IngesterOptions) {
    this.#options = options;
    this.#instances = new Instances(options);
  }

  async start(): Promise<void> {
    this.#lifecycle.enter('Starting');
    for (const service of this.#options.subServices) {
      try {
        await service.start();
      } catch (error) {
        this.#lifecycle.fail(service.name, error);
        throw error;
      }
    }
    this.#instances.readLog();
    this.#lifecycle.enter('Running');
  }

  /** `known` tells of profiles that were stored elsewhere: they are not stored again. */
  async push(tenant: string, profiles: readonly PushedProfile[], known?: AskKnown): Promise<void> {
    this.#assertAccepting();
    // Counted from before the first await, so that `stop` waits for it.
    const pushing = this.#push(tenant, profiles, known);
    this.#pushes.add(pushing);
    try {
      await pushing;
    } finally {
      this.#pushes.delete(pushing);
    }
  }

  async #push(
    tenant: string,
    profiles: readonly PushedProfile[],
    known: AskKnown | undefined,
  ): Promise<void> {
    const { wal, limitsOf, metrics, platform } = this.#options;
    const inflated = this.#options.leaseInflated();
    const push = ({ database, recentKeys, bucket, activeSeries }: Instance) =>
      pushProfiles(profiles, {
        tenant,
        receivedMs: platform.clock.nowMs(),
        limits: limitsOf(tenant),
        database,
        wal,
        recentKeys,
        bucket,
        activeSeries,
        inflated,
        gunzip: platform.gunzip,
        room: () => this.#room(),
        metrics,
        pause: platform.yield,
        clock: platform.clock,
        known,
      });
    try {
      await this.#instances.use(tenant, push);
    } finally {
      inflated.release();
    }
  }

  /** For each content key whether its profile was stored lately; opens the tenant. */
  knows(tenant: string, keys: readonly Uint8Array[]): Promise<boolean[]> {
    this.#assertAccepting();
    return this.#instances.use(tenant, async ({ recentKeys }) => {
      // One that is on its way is known when it has arrived, and not when it is refused.
      for (const key of keys) {
        const known = recentKeys.get(key);
        if (known !== 'durable') await known?.catch(() => undefined);
      }
      return keys.map((key) => recentKeys.get(key) === 'durable');
    });
  }

  /** True when all that the tenant has acknowledged here is in blocks, and the log knows it. */
  isDrained(tenant: string): boolean {
    const database = this.#instances.get(tenant)?.database;
    return !this.#options.wal.newestHeld().has(tenant) && (database?.isEmpty ?? true);
  }

  async flush(tenant?: string): Promise<void> {
    if (tenant !== undefined) {
      const instance = await this.#instances.find(tenant);
      return this.#flushAll(instance === undefined ? [] : [instance], 'api');
    }
    const { instances, unopenedCount } = await this.#instances.reopened();
    await this.#flushAll(instances, 'api');
    if (unopenedCount === 0) return;
    const message = `${unopenedCount} tenants have records in the log and could not be opened`;
    throw new Failure('unavailable', message, { retryAfterSeconds: 5 });
  }

  async #flushAll(instances: readonly Instance[], reason: FlushReason): Promise<void> {
    const failures: unknown[] = [];
    for (const instance of instances) {
      // One tenant's failure must not keep the others' heads in memory.
      await instance.flush(reason).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) {
      const counts = `${failures.length} of ${instances.length} tenants not flushed`;
      throw new Failure('unavailable', `${counts}: ${messageOf(failures[0])}`, {
        cause: failures[0],
        retryAfterSeconds: 5,
      });
    }
  }

  notReadyReason(): string | undefined {
    const { state, failure } = this.#lifecycle;
    if (state === 'Running') return this.#options.wal.failure() ?? this.#options.diskFailure();
    return failure ?? `ingester is ${state.toLowerCase()}`;
  }

  /** Bytes that heads and others hold, and the log while it is in memory; measured now and then. */
  get memoryUsed(): number {
    const { wal } = this.#options;
    return this.#headBytes() + (wal.isDurable ? 0 : wal.bytesUsed());
  }

  /** The database of a tenant that is open, or has records in the log. */
  async findDatabase(tenant: string): Promise<Phlaredb | undefined> {
    return (await this.#instances.find(tenant))?.database;
  }

  /** True while the tenant's blocks must stay as they are: see `Instances`. */
  isUnsettled(tenant: string): boolean {
    return this.#instances.isUnsettled(tenant);
  }

  /** Retention deleted a local block. */
  forgetBlock(tenant: string, ulid: string): void {
    this.#instances.forgetBlock(tenant, ulid);
  }

  /** The database of a tenant that is open. */
  databaseOf(tenant: string): Phlaredb | undefined {
    return this.#instances.get(tenant)?.database;
  }

  /** Drives sub-services and instances; answers when it next wants to be called. */
  tick(nowMs: number): Promise<number> {
    const ticking = this.#tick(nowMs);
    this.#ticking = ticking;
    return ticking;
  }

  async #tick(nowMs: number): Promise<number> {
    let nextMs = Number.POSITIVE_INFINITY;
    if (!this.#isRunning) return nextMs;
    for (const service of this.#options.subServices) {
      try {
        nextMs = Math.min(nextMs, await service.tick(nowMs));
      } catch (error) {
        this.#lifecycle.fail(service.name, error);
        this.#options.log.error('sub-service failed', {
          service: service.name,
          error: messageOf(error),
        });
        return nextMs;
      }
    }
    this.#instances.reopen();
    for (const instance of [...this.#instances.all()]) {
      // A stop flushes what is left, all tenants in one go.
      if (!this.#isRunning) return nextMs;
      nextMs = Math.min(nextMs, await instance.tick(nowMs));
      await this.#instances.unloadIdle(instance);
    }
    await this.#relieve();
    this.#observe();
    return nextMs;
  }

  /** When a tick next has something to do for a tenant, in wall time. */
  dueAtMs(nowMs: number): number {
    if (this.#instances.hasUnopened || this.#hasPressure()) return nowMs;
    const instances = [...this.#instances.all()];
    return Math.min(...instances.map(({ database }) => database.dueAtMs(nowMs)));
  }

  /** True when a flush would help: others may share the memory, and small heads give little. */
  #hasPressure(): boolean {
    const { memoryUsed, memoryMax, logUsed, logBytesMax } = this.#room();
    const databases = [...this.#instances.all()].map(({ database }) => database);
    const isMemoryShort = memoryUsed > memoryMax * pressureShare;
    const heldMin = memoryMax * heldShareMin;
    if (isMemoryShort && databases.some((one) => one.bytesUsed() >= heldMin)) return true;
    return logUsed > logBytesMax * pressureShare && databases.some((one) => !one.isEmpty);
  }

  /**
   * Flushes heads until memory and log are below their shares again: the largest when memory is
   * short, those that hold the oldest room when the log is; of these, small ones are logged again.
   */
  async #relieve(): Promise<void> {
    const { log, metrics, wal } = this.#options;
    let failures = 0;
    let relogBytes = this.#options.logBytesMax * relogShare;
    const open = [...this.#instances.all()];
    const isMemoryRelieved = this.#letSmallHeadsGo(open);
    const bySize = open.toSorted((a, b) => b.database.bytesUsed() - a.database.bytesUsed());
    const byTenant = new Map(open.map((instance) => [instance.tenant, instance]));
    const byPin = wal.pinnedBy().flatMap((tenant) => byTenant.get(tenant) ?? []);
    const isMemoryShort = () => {
      const { memoryUsed, memoryMax } = this.#room();
      return !isMemoryRelieved && memoryUsed > memoryMax * pressureShare;
    };
    for (const instance of isMemoryShort() ? bySize : byPin) {
      const { logUsed, logBytesMax } = this.#room();
      const isMemory = isMemoryShort();
      if (!this.#isRunning) return;
      if (!isMemory && logUsed <= logBytesMax * pressureShare) return;
      const { database } = instance;
      // Records that no head was needed of take memory only when they are flushed.
      if (database.bytesUsed() === 0 && (isMemory || database.isEmpty)) continue;
      const { tenant } = instance;
      const bytes = wal.bytesUsedBy(tenant);
      try {
        const isSmall = !isMemory && bytes <= Math.min(relogBytes, relogBytesMax);
        if (isSmall && (await instance.relog())) {
          relogBytes -= bytes;
          metrics.storage.relogged.inc();
        } else {
          await instance.flush(isMemory ? 'memory' : 'log');
        }
      } catch (error) {
        // One tenant's failure is no reason to let the others fill memory and log.
        log.warn('pressure is not relieved', { tenant, error: messageOf(error) });
        failures += 1;
        if (failures === reliefFailuresMax) return;
      }
    }
  }

  /**
   * Of small tenants, those first that were not used for longest: the log has what is in them. True
   * when that is enough, though what is given back shows only when the pool has no use for it.
   */
  #letSmallHeadsGo(open: readonly Instance[]): boolean {
    const { wal, memoryMax, metrics } = this.#options;
    let excess = this.memoryUsed - memoryMax * pressureShare;
    if (excess <= 0) return false;
    for (const { database, tenant } of open.toSorted((a, b) => a.usedMs - b.usedMs)) {
      if (excess <= 0) break;
      if (wal.bytesUsedBy(tenant) > relogBytesMax) continue;
      const bytes = database.bytesUsed();
      if (!database.sleep()) continue;
      excess -= bytes;
      metrics.storage.headsLetGo.inc();
    }
    this.#measuredMs = Number.NEGATIVE_INFINITY;
    return excess <= 0;
  }

  #room() {
    const { wal, memoryMax, logBytesMax } = this.#options;
    const logUsed = wal.bytesUsed();
    const { memoryUsed } = this;
    const logBytesOf = (tenant: string) => wal.bytesUsedBy(tenant);
    const tenantCount = this.#instances.count;
    const disk = this.#options.diskRoom();
    const open = () => [...this.#instances.all()];
    const memoryHeld = () => open().map(({ database }) => database.bytesUsed());
    const logHeld = () => open().map(({ tenant }) => logBytesOf(tenant));
    const held = { tenantCount, memoryHeld, logHeld, logBytesOf };
    return { memoryUsed, memoryMax, logUsed, logBytesMax, disk, ...held };
  }

  /** Measured again after a while only: with many tenants it costs more than a small push. */
  #headBytes(): number {
    const nowMs = this.#options.platform.clock.monotonicMs();
    if (nowMs >= this.#measuredMs + measureMs) {
      this.#measuredMs = nowMs;
      let bytes = this.#options.pool.bytesReserved() + this.#options.otherMemoryBytes();
      for (const { database } of this.#instances.all()) bytes += database.labelBytes();
      this.#measuredBytes = bytes;
    }
    return this.#measuredBytes;
  }

  #observe(): void {
    const { metrics, wal, pool } = this.#options;
    metrics.storage.logBytes.set(wal.bytesUsed());
    metrics.head.bytes.set({ type: 'kernel' }, pool.bytesReserved());
    let labelBytes = 0;
    const nowMs = this.#options.platform.clock.monotonicMs();
    for (const { tenant, database, activeSeries } of this.#instances.all()) {
      metrics.ingest.activeSeries.set({ tenant }, activeSeries.count(nowMs));
      labelBytes += database.labelBytes();
      const { series, rows, samples } = database.liveStats();
      metrics.head.series.set({ tenant }, series);
      metrics.head.profiles.set({ tenant }, rows);
      metrics.head.samples.set({ tenant }, samples);
    }
    metrics.head.bytes.set({ type: 'labels' }, labelBytes);
  }

  /**
   * Refuses new pushes, waits for those and a tick under way, flushes and ships every tenant, stops
   * the sub-services in reverse order. Rejects with all that went wrong, after all of it ran.
   */
  async stop(): Promise<void> {
    const { subServices, stopDeadlineMs, platform, log } = this.#options;
    if (this.#lifecycle.state === 'New' || this.#lifecycle.state === 'Terminated') return;
    const isFailed = this.#lifecycle.state === 'Failed';
    if (!isFailed) this.#lifecycle.enter('Stopping');
    await Promise.allSettled([...this.#pushes, this.#ticking, this.#instances.settled()]);
    const failures: unknown[] = [];
    const deadlineMs = platform.clock.monotonicMs() + stopDeadlineMs;
    for (const instance of this.#instances.all()) {
      const leftMs = Math.max(0, deadlineMs - platform.clock.monotonicMs());
      await instance.stop(leftMs).catch((error: unknown) => failures.push(error));
    }
    this.#instances.clear();
    for (const service of [...subServices].reverse()) {
      await service.stop().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) {
      const message = failures.map(messageOf).join('; ');
      this.#lifecycle.fail('stop', message);
      log.error('stopped with failures', { failures: failures.length, error: message });
      throw new Failure('unavailable', message, { cause: failures[0] });
    }
    if (!isFailed) this.#lifecycle.enter('Terminated');
  }

  get #isRunning(): boolean {
    return this.#lifecycle.state === 'Running';
  }

  #assertAccepting(): void {
    const reason = this.notReadyReason();
    if (reason !== undefined) {
      throw new Failure('unavailable', `not ready: ${reason}`, { retryAfterSeconds: 5 });
    }
  }
}
