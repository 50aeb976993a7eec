// The kernels of an app, those of heads apart from those of queries. Owns how large one may become
// and how many wait for use.
import type { Settings } from '../config/settings.ts';
import { KernelPool } from '../kernel/pool.ts';
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

/** Empty pools: a kernel is made when somebody needs it. */
export function createPools(platform: Platform, settings: Settings): Pools {
  const { headModule: head, queryModule: query, random, bounds } = platform;
  const modules = { head, query };
  const scratchMax = bounds?.scratchBytesMax ?? scratchBytesMax;
  return {
    heads: new KernelPool({
      modules,
      random,
      headBytesMax: Math.min(kernelBytesMax, 3 * settings.headBytesMax + scratchMax),
      keepIdleMax: idleHeadsMax,
      keepBytesMax: settings.memoryMax * idleHeadsShare,
    }),
    queries: new KernelPool({
      modules,
      random,
      headBytesMax: Math.min(queryBytesMax, settings.memoryMax),
      keepIdleMax: idleQueriesMax,
      keepBytesMax: settings.memoryMax * idleQueriesShare,
    }),
  };
}
