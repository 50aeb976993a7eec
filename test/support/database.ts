// One tenant's database with the push path in front of it, over memory, with faults to order.
import { initParquet } from '../../src/block/parquet.ts';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import { inflateBody } from '../../src/ingester/prepare.ts';
import { pushProfiles } from '../../src/ingester/push.ts';
import { RecentKeys } from '../../src/ingester/recent-keys.ts';
import type { AppendPlan } from '../../src/kernel/facts.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { KernelPool } from '../../src/kernel/pool.ts';
import { createByteBudget } from '../../src/lib/byte-budget.ts';
import { createLogger } from '../../src/lib/log.ts';
import { ActiveSeries } from '../../src/limits/active-series.ts';
import { defaultLimits } from '../../src/limits/limits.ts';
import { TokenBucket } from '../../src/limits/token-bucket.ts';
import { createMetrics } from '../../src/metrics/registry.ts';
import { createFingerprint } from '../../src/model/fingerprint.ts';
import type { Label } from '../../src/model/labels.ts';
import { Phlaredb } from '../../src/phlaredb/phlaredb.ts';
import type { Platform } from '../../src/platform.ts';
import { gunzip } from '../../src/runtime/gzip.ts';
import type { MemoryWal } from '../../src/wal/memory.ts';
import type { FlushPlans } from '../../src/wal/wal.ts';
import { memoryPlatform } from './memory-platform.ts';

export interface DatabaseOptions {
  headBytesMax?: number;
  /** Linear memory of one kernel. */
  kernelBytesMax?: number;
  /** The last record that the log has of the tenant. */
  loggedUpTo?: number;
  /** The log of an earlier database, its plans and its blocks. */
  wal?: MemoryWal;
  plans?: FlushPlans;
  blocks?: MemoryBucket;
  onStored?: () => void;
  /** Called before each append of a kernel; what it throws is what the append throws. */
  beforeAppend?: (plan: AppendPlan) => void;
}

const endlessRoom = {
  memoryUsed: 0,
  memoryMax: 1e12,
  logUsed: 0,
  logBytesMax: 1e12,
  logBytesOf: () => 0,
  tenantCount: 1,
  memoryHeld: () => [],
  logHeld: () => [],
  disk: undefined,
};

let databases = 0;

/** A started database and the handles a test needs. */
export async function openDatabase(options: DatabaseOptions = {}) {
  const platform = await memoryPlatform(options.wal === undefined ? {} : { wal: options.wal });
  const { wal, clock } = platform;
  const metrics = createMetrics({ processMetrics: false });
  const log = createLogger({
    level: 'debug',
    format: 'json',
    nowMs: clock.nowMs,
    sink: platform.logLine,
  });
  const pool = new ArmedPool(options, platform);
  const { plans, onStored, blocks = new MemoryBucket() } = options;
  const quarantine = new MemoryBucket();
  const recentKeys = new RecentKeys({ windowMs: 900_000, keysMax: 1_000 }, clock.monotonicMs());
  // Databases over the same log must not give the same names.
  databases += 1;
  let count = databases * 1_000;
  const database = new Phlaredb({
    tenant: 'a',
    blocks,
    plans,
    onStored,
    quarantine,
    sleep: platform.sleep,
    wal,
    pool,
    parquet: initParquet(platform.parquetModule),
    randomUnit: () => 0.5,
    clock,
    pause: platform.yield,
    metrics,
    log,
    fingerprint: await createFingerprint(),
    nextUlid: () => `01J${String(++count).padStart(23, '0')}`,
    inflate: (body) => inflateBody(body, 2 ** 26, gunzip),
    headAgeMaxMs: 3_600_000,
    headBytesMax: options.headBytesMax ?? 2 ** 28,
  });
  await database.start(options.loggedUpTo ?? 0);
  const push = (service: string, body: Uint8Array, labels: readonly Label[] = []) =>
    pushProfiles(
      [
        {
          labels: [
            { name: '__name__', value: 'cpu' },
            { name: 'service_name', value: service },
            ...labels,
          ],
          body,
        },
      ],
      {
        tenant: 'a',
        receivedMs: clock.nowMs(),
        limits: { ...defaultLimits, rejectOlderThanMs: 0, rejectNewerThanMs: 0 },
        database,
        wal,
        recentKeys,
        bucket: new TokenBucket(0),
        activeSeries: new ActiveSeries(),
        inflated: createByteBudget(2 ** 30, 'inflated')(),
        gunzip,
        room: () => endlessRoom,
        metrics,
        pause: platform.yield,
        clock,
      },
    );
  return { platform, database, pool, blocks, quarantine, metrics, push };
}

class ArmedPool extends KernelPool {
  readonly #beforeAppend: ((plan: AppendPlan) => void) | undefined;

  constructor(options: DatabaseOptions, { headModule, queryModule, random }: Platform) {
    const modules = { head: headModule, query: queryModule };
    super({ modules, random, headBytesMax: options.kernelBytesMax ?? 2 ** 28, keepIdleMax: 2 });
    this.#beforeAppend = options.beforeAppend;
  }

  override acquire(): Kernel {
    const kernel = super.acquire();
    const before = this.#beforeAppend;
    if (before === undefined) return kernel;
    const append = Object.getPrototypeOf(kernel).append as Kernel['append'];
    kernel.append = (plan) => {
      before(plan);
      return append.call(kernel, plan);
    };
    return kernel;
  }
}
