// The ingester: all tenants of the process. Owns the instances (opened once, by pushes only), the
// lifecycle with its sub-services, and what the process as a whole may hold in memory and log.
import { Failure, messageOf } from '../errors.ts';
import type { KernelPool } from '../kernel/pool.ts';
import type { Logger } from '../lib/log.ts';
import type { LimitsOf } from '../limits/limits.ts';
import type { Metrics } from '../metrics/registry.ts';
import {
  distinctNames,
  distinctProfileTypes,
  distinctSeries,
  distinctValues,
} from '../model/label-queries.ts';
import type { Label, Labels } from '../model/labels.ts';
import { parseSelector } from '../model/matcher.ts';
import type { FlushReason } from '../phlaredb/phlaredb.ts';
import type { Platform } from '../platform.ts';
import type { RecentKey, Wal } from '../wal/wal.ts';
import type { IngesterService, LabelQuery, PushedProfile } from './contract.ts';
import type { Instance } from './instance.ts';
import { Lifecycle, type SubService } from './lifecycle.ts';
import { pushProfiles } from './push.ts';

export interface IngesterOptions {
  platform: Platform;
  wal: Wal;
  pool: KernelPool;
  limitsOf: LimitsOf;
  metrics: Metrics;
  log: Logger;
  /** Makes a tenant's instance; it is started before anybody gets it. */
  createInstance: (tenant: string) => Instance;
  /** Tenants that have blocks on this machine. */
  listTenants: () => Promise<string[]>;
  /** Started first and stopped last, in this order; the failure of one is the ingester's. */
  subServices: readonly SubService[];
  memoryMax: number;
  logBytesMax: number;
  /** How long a repeated profile is known for one. */
  keyWindowMs: number;
  /** How long the last syncs of all tenants together may take at stop. */
  stopDeadlineMs: number;
}

/** Over this part of a bound the largest heads are flushed; at the bound pushes are refused. */
const pressureShare = 0.75;
/** In this time heads grow by a few MiB at most. */
const measureMs = 20;

export class Ingester implements IngesterService {
  readonly #options: IngesterOptions;
  readonly #lifecycle = new Lifecycle();
  readonly #instances = new Map<string, Instance>();
  readonly #opening = new Map<string, Promise<Instance>>();
  readonly #pushes = new Set<Promise<void>>();
  /** Last record in the log of each tenant that is not open yet. */
  readonly #loggedUpTo = new Map<string, number>();
  readonly #loggedKeys = new Map<string, RecentKey[]>();
  #reopening: Promise<void> | undefined;
  #measuredMs = Number.NEGATIVE_INFINITY;
  #measuredBytes = 0;

  constructor(options: IngesterOptions) {
    this.#options = options;
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
    await this.#readLog();
    this.#lifecycle.enter('Running');
  }

  /** Which tenants have records in the log, and which keys were seen in the last minutes. */
  async #readLog(): Promise<void> {
    const { wal, platform, keyWindowMs } = this.#options;
    for await (const { tenant, sequence } of wal.headers()) this.#loggedUpTo.set(tenant, sequence);
    const sinceMs = platform.clock.nowMs() - keyWindowMs;
    for await (const key of wal.recentKeys(sinceMs)) {
      const keys = this.#loggedKeys.get(key.tenant);
      if (keys === undefined) this.#loggedKeys.set(key.tenant, [key]);
      else keys.push(key);
    }
  }

  async push(tenant: string, profiles: readonly PushedProfile[]): Promise<void> {
    this.#assertAccepting();
    // Counted from before the first await, so that `stop` waits for it.
    const pushing = this.#push(tenant, profiles);
    this.#pushes.add(pushing);
    try {
      await pushing;
    } finally {
      this.#pushes.delete(pushing);
    }
  }

  async #push(tenant: string, profiles: readonly PushedProfile[]): Promise<void> {
    const { wal, limitsOf, metrics, platform } = this.#options;
    const { database, recentKeys } = await this.getOrCreateInstance(tenant);
    await pushProfiles(profiles, {
      tenant,
      receivedMs: platform.clock.nowMs(),
      limits: limitsOf(tenant),
      database,
      wal,
      recentKeys,
      gunzip: platform.gunzip,
      room: () => this.#room(),
      metrics,
      pause: platform.yield,
      clock: platform.clock,
    });
  }

  /** The tenant's instance, started; made by the first push, once however many come at a time. */
  getOrCreateInstance(tenant: string): Promise<Instance> {
    const open = this.#instances.get(tenant);
    if (open !== undefined) return Promise.resolve(open);
    const running = this.#opening.get(tenant);
    if (running !== undefined) return running;
    const opening = this.#open(tenant).finally(() => this.#opening.delete(tenant));
    this.#opening.set(tenant, opening);
    return opening;
  }

  async #open(tenant: string): Promise<Instance> {
    const instance = this.#options.createInstance(tenant);
    for (const { contentKey, receivedMs } of this.#loggedKeys.get(tenant) ?? []) {
      instance.recentKeys.add(contentKey, 'durable', receivedMs);
    }
    await instance.start(this.#loggedUpTo.get(tenant) ?? 0);
    this.#loggedUpTo.delete(tenant);
    this.#loggedKeys.delete(tenant);
    this.#instances.set(tenant, instance);
    this.#options.metrics.ingest.instances.set(this.#instances.size);
    return instance;
  }

  async flush(tenant?: string): Promise<void> {
    const chosen =
      tenant === undefined
        ? [...this.#instances.values()]
        : [this.#instances.get(tenant)].filter((one) => one !== undefined);
    await this.#flushAll(chosen, 'api');
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
    if (state === 'Running') return this.#options.wal.failure();
    return failure ?? `ingester is ${state.toLowerCase()}`;
  }

  async labelNames(tenant: string, query: LabelQuery): Promise<string[]> {
    return distinctNames(await this.#labelSets(tenant), query.matchers.map(parseSelector));
  }

  async labelValues(tenant: string, name: string, query: LabelQuery): Promise<string[]> {
    return distinctValues(await this.#labelSets(tenant), name, query.matchers.map(parseSelector));
  }

  async profileTypes(tenant: string): Promise<string[]> {
    return distinctProfileTypes(await this.#labelSets(tenant));
  }

  async series(
    tenant: string,
    query: LabelQuery & { labelNames: readonly string[] },
  ): Promise<Label[][]> {
    const selectors = query.matchers.map(parseSelector);
    const found = distinctSeries(await this.#labelSets(tenant), selectors, query.labelNames);
    return found.map((labels) => [...labels]);
  }

  /** Reads never open an instance. */
  async #labelSets(tenant: string): Promise<Labels[]> {
    return (await this.#instances.get(tenant)?.database.labelSets()) ?? [];
  }

  /** Drives sub-services and instances; answers when it next wants to be called. */
  async tick(nowMs: number): Promise<number> {
    let nextMs = nowMs + 60_000;
    if (this.#lifecycle.state !== 'Running') return nextMs;
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
    this.#reopening ??= this.#reopen();
    for (const instance of [...this.#instances.values()]) {
      nextMs = Math.min(nextMs, await instance.tick(nowMs));
    }
    await this.#relieve();
    this.#observe();
    return nextMs;
  }

  /**
   * Opens the tenants of an earlier run, one after the other: they may have records in the log, or
   * blocks that the bucket lacks.
   */
  async #reopen(): Promise<void> {
    const { listTenants, log } = this.#options;
    try {
      const tenants = new Set([...this.#loggedUpTo.keys(), ...(await listTenants())]);
      for (const tenant of tenants) {
        if (this.#lifecycle.state !== 'Running') return;
        await this.getOrCreateInstance(tenant);
      }
    } catch (error) {
      log.error('tenants of an earlier run are not open', { error: messageOf(error) });
      this.#reopening = undefined;
    }
  }

  /**
   * Flushes heads until memory and log are below their shares again: the largest when memory is
   * short, those that hold the oldest room when the log is.
   */
  async #relieve(): Promise<void> {
    const { log, wal } = this.#options;
    const bySize = [...this.#instances.values()].sort(
      (a, b) => b.database.bytesUsed() - a.database.bytesUsed(),
    );
    const byPin = wal.pinnedBy().flatMap((tenant) => this.#instances.get(tenant) ?? []);
    const isMemoryShort = () => {
      const { memoryUsed, memoryMax } = this.#room();
      return memoryUsed > memoryMax * pressureShare;
    };
    for (const instance of isMemoryShort() ? bySize : byPin) {
      const { logUsed, logBytesMax } = this.#room();
      const isMemory = isMemoryShort();
      if (!isMemory && logUsed <= logBytesMax * pressureShare) return;
      if (instance.database.bytesUsed() === 0) return;
      try {
        await instance.flush(isMemory ? 'memory' : 'log');
      } catch (error) {
        log.warn('pressure is not relieved', { tenant: instance.tenant, error: messageOf(error) });
        return;
      }
    }
  }

  #room() {
    const { wal, memoryMax, logBytesMax } = this.#options;
    const logUsed = wal.bytesUsed();
    const memoryUsed = this.#kernelBytes() + (wal.isDurable ? 0 : logUsed);
    return { memoryUsed, memoryMax, logUsed, logBytesMax };
  }

  /** Measured again after a while only: with many tenants it costs more than a small push. */
  #kernelBytes(): number {
    const nowMs = this.#options.platform.clock.monotonicMs();
    if (nowMs >= this.#measuredMs + measureMs) {
      this.#measuredMs = nowMs;
      this.#measuredBytes = this.#options.pool.bytesReserved();
    }
    return this.#measuredBytes;
  }

  #observe(): void {
    const { metrics, wal, pool } = this.#options;
    metrics.storage.logBytes.set(wal.bytesUsed());
    metrics.head.bytes.set({ type: 'kernel' }, pool.bytesReserved());
    for (const { tenant, database } of this.#instances.values()) {
      const { series, rows, samples } = database.liveStats();
      metrics.head.series.set({ tenant }, series);
      metrics.head.profiles.set({ tenant }, rows);
      metrics.head.samples.set({ tenant }, samples);
    }
  }

  /**
   * Refuses new pushes, waits for those under way, flushes and ships every tenant, stops the
   * sub-services in reverse order. Rejects with everything that went wrong, after all of it ran.
   */
  async stop(): Promise<void> {
    const { subServices, stopDeadlineMs, platform, log } = this.#options;
    if (this.#lifecycle.state === 'New' || this.#lifecycle.state === 'Terminated') return;
    const isFailed = this.#lifecycle.state === 'Failed';
    if (!isFailed) this.#lifecycle.enter('Stopping');
    await Promise.allSettled([...this.#pushes, ...this.#opening.values(), this.#reopening]);
    const failures: unknown[] = [];
    const deadlineMs = platform.clock.monotonicMs() + stopDeadlineMs;
    for (const instance of this.#instances.values()) {
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

  #assertAccepting(): void {
    const reason = this.notReadyReason();
    if (reason !== undefined) {
      throw new Failure('unavailable', `not ready: ${reason}`, { retryAfterSeconds: 5 });
    }
  }
}
