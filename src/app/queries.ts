// The query engine over what the ingester holds, what lies on this machine and what the bucket has.
import xxhash from 'xxhash-wasm';
import { BlockCache } from '../block/block-cache.ts';
import { BlockSource } from '../block/block-source.ts';
import { initParquet } from '../block/parquet.ts';
import type { Settings } from '../config/settings.ts';
import type { Ingester } from '../ingester/ingester.ts';
import type { OpenOtherHeads } from '../ingester/other-heads.ts';
import { TenantSources } from '../ingester/tenant-sources.ts';
import type { KernelPool } from '../kernel/pool.ts';
import { MemoryBudget } from '../lib/memory-budget.ts';
import type { LimitsOf } from '../limits/limits.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Pins } from '../phlaredb/pins.ts';
import type { Platform } from '../platform.ts';
import type { QueryService } from '../query/contract.ts';
import { createQueries } from '../query/service.ts';
import type { Folders } from './folders.ts';

/** What is kept of blocks, as a part of `memoryMax`. */
const cacheShare = 1 / 8;
/**
 * What all queries may take while they read, by estimate, and what one block, or one merge, may.
 * Less than there is: collectors leave about as much lying around.
 */
const queriesShare = 1 / 8;
const oneShare = 3 / 4;

export interface QueriesParts {
  platform: Platform;
  settings: Settings;
  metrics: Metrics;
  folders: Folders;
  pins: Pins;
  limitsOf: LimitsOf;
  pool: KernelPool;
  ingester: () => Pick<Ingester, 'findDatabase' | 'memoryUsed'>;
  /** Heads in other processes; undefined: there are none. */
  otherHeads: OpenOtherHeads | undefined;
}

/** `sources` is told of local blocks that go. */
export async function createQueryEngine(
  parts: QueriesParts,
): Promise<{ queries: QueryService; sources: TenantSources }> {
  const { platform, settings, metrics, folders, pins, limitsOf, pool, ingester, otherHeads } =
    parts;
  const { memoryMax } = settings;
  const memory = new MemoryBudget({
    what: 'queries',
    // Heads come first: what they need, queries do without.
    bytesMax: () => Math.min(memoryMax * queriesShare, memoryMax - ingester().memoryUsed),
    oneBytesMax: Math.floor(memoryMax * oneShare),
  });
  const shared = {
    parquet: initParquet(platform.parquetModule),
    hasher: await xxhash(),
    kernels: pool,
    cache: new BlockCache({
      bytesMax: platform.bounds?.cacheBytesMax ?? memoryMax * cacheShare,
      onGet: (kind, isHit) =>
        metrics.query.cacheGets.inc({ kind, outcome: isHit ? 'hit' : 'miss' }),
    }),
  };
  const sources = new TenantSources({
    findDatabase: (tenant) => ingester().findDatabase(tenant),
    // Where there is one bucket, all that is in it is listed there.
    localBlocks: platform.flushPlans ? undefined : (tenant) => folders.of(tenant).blocks,
    remoteBlocks: folders.remoteBlocksOf,
    openBlock: (blocks, meta) => new BlockSource(shared, blocks, meta),
    otherHeads,
    pins,
    clock: platform.clock,
  });
  const queries = createQueries({
    provider: sources,
    pool,
    limitsOf,
    clock: platform.clock,
    yield: platform.yield,
    metrics: metrics.query,
    memory,
  });
  return { queries, sources };
}
