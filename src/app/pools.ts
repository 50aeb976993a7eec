// What of an app's memory others of its process may share: kernels, those of heads apart from those
// of queries, and bytes of requests under way. Owns how large each may become.
import { tenantShare } from '../api/inflight.ts';
import { initParquet } from '../block/parquet.ts';
import type { Settings } from '../config/settings.ts';
import { KernelPool, type KernelPoolOptions } from '../kernel/pool.ts';
import { PoolShare } from '../kernel/pool-share.ts';
import { BudgetShare } from '../lib/budget-share.ts';
import { createByteBudget, type LeaseBytes } from '../lib/byte-budget.ts';
import { defaultLimits } from '../limits/limits.ts';
import type { Platform } from '../platform.ts';
import { kernelBytesMax, requestBytesMaxDefault, scratchBytesMax } from './bounds.ts';

export interface Pools {
  heads: KernelPool;
  queries: KernelPool;
  /** Bodies of requests, as received and inflated. */
  bodies: LeaseBytes;
  /** What profiles of pushes under way inflate to. */
  inflated: LeaseBytes;
}

/** Instances kept ready for the next head: small ones come and go by the dozen. */
const idleHeadsMax = 64;
/** What they may hold of the memory: it counts as used, though nothing is in it. */
const idleHeadsShare = 1 / 8;
/** What pushes under way may inflate to, beside the memory's bound: bodies can be small bombs. */
const inflatedShare = 1 / 4;
/** What the codec takes to write a block, counted before it does: it must have room by then. */
const codecBytesMin = 24 * 1024 * 1024;
/** One merge of a query, or the symbols of one block. */
const queryBytesMax = 1024 * 1024 * 1024;
/**
 * As many as two queries use at a time: one for each block that they read, one for the merge. A new
 * one took 30 ms on Bun beside others, as if its engine collected all garbage for a new memory.
 */
const idleQueriesMax = 2 * (defaultLimits.querySourcesParallelMax + 1);
/** What waiting kernels of queries may hold, as a part of the memory. */
const idleQueriesShare = 1 / 16;

interface PoolsOptions {
  heads: KernelPoolOptions;
  queries: KernelPoolOptions;
}

function optionsOf(platform: Platform, settings: Settings): PoolsOptions {
  const { headModule: head, queryModule: query, random, bounds } = platform;
  const shared = { modules: { head, query }, random };
  const scratchMax = bounds?.scratchBytesMax ?? scratchBytesMax;
  return {
    heads: {
      ...shared,
      headBytesMax: Math.min(kernelBytesMax, 3 * settings.headBytesMax + scratchMax),
      keepIdleMax: idleHeadsMax,
      keepBytesMax: settings.memoryMax * idleHeadsShare,
    },
    queries: {
      ...shared,
      headBytesMax: Math.min(queryBytesMax, settings.memoryMax),
      keepIdleMax: idleQueriesMax,
      keepBytesMax: settings.memoryMax * idleQueriesShare,
    },
  };
}

/** Empty pools: a kernel is made when somebody needs it. */
export function createPools(platform: Platform, settings: Settings): Pools {
  const { heads, queries } = optionsOf(platform, settings);
  const bodyBytesMax = platform.bounds?.requestBytesMax ?? requestBytesMaxDefault;
  return {
    heads: new KernelPool(heads),
    queries: new KernelPool(queries),
    bodies: createByteBudget(bodyBytesMax, 'body', tenantShare),
    inflated: createByteBudget(settings.memoryMax * inflatedShare, 'inflated'),
  };
}

/** What counts as used beside heads where memory is small: it never shrinks, or is for a moment. */
export function otherBytes({ bounds, parquetModule }: Platform, { queries }: Pools): number {
  if (bounds === undefined) return 0;
  const codecBytes = initParquet(parquetModule).memoryBytes();
  return Math.max(codecBytesMin, codecBytes) + queries.bytesReserved();
}

/** One app's part of pools that others use as well, and that outlive it. */
export class PoolShares implements Pools {
  readonly heads: PoolShare;
  readonly queries: PoolShare;
  readonly bodies: LeaseBytes;
  readonly inflated: LeaseBytes;
  readonly #budgets: readonly BudgetShare[];

  constructor(pools: Pools, platform: Platform, settings: Settings) {
    const { heads, queries } = optionsOf(platform, settings);
    this.heads = new PoolShare(pools.heads, heads);
    this.queries = new PoolShare(pools.queries, queries);
    const bodies = new BudgetShare(pools.bodies);
    const inflated = new BudgetShare(pools.inflated);
    this.#budgets = [bodies, inflated];
    this.bodies = bodies.lease;
    this.inflated = inflated.lease;
  }

  /** Takes back what the app has, which will never run again. */
  abandon(): void {
    this.heads.abandon();
    this.queries.abandon();
    for (const budget of this.#budgets) budget.abandon();
  }
}
