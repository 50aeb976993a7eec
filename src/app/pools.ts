// The kernels of an app, those of heads apart from those of queries. Owns how large one may become
// and how many wait for use.
import type { Settings } from '../config/settings.ts';
import { KernelPool, type KernelPoolOptions } from '../kernel/pool.ts';
import { PoolShare } from '../kernel/pool-share.ts';
import { defaultLimits } from '../limits/limits.ts';
import type { Platform } from '../platform.ts';
import { kernelBytesMax, scratchBytesMax } from './bounds.ts';

export interface Pools {
  heads: KernelPool;
  queries: KernelPool;
}

/** Instances kept ready for the next head. */
const idleHeadsMax = 4;
/** What they may hold of the memory: it counts as used, though nothing is in it. */
const idleHeadsShare = 1 / 8;
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
  return { heads: new KernelPool(heads), queries: new KernelPool(queries) };
}

/** One app's part of pools that others use as well, and that outlive it. */
export class PoolShares implements Pools {
  readonly heads: PoolShare;
  readonly queries: PoolShare;

  constructor(pools: Pools, platform: Platform, settings: Settings) {
    const { heads, queries } = optionsOf(platform, settings);
    this.heads = new PoolShare(pools.heads, heads);
    this.queries = new PoolShare(pools.queries, queries);
  }

  /** Takes back what the app has, which will never run again. */
  abandon(): void {
    this.heads.abandon();
    this.queries.abandon();
  }
}
