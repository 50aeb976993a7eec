// One call of the engine from beginning to end: limits, meter, attempt, and what the metrics say
// about it. Owns the outcome names.
import { isFailure } from '../errors.ts';
import type { MemoryBudget } from '../lib/memory-budget.ts';
import { Turns } from '../lib/turns.ts';
import type { LimitsOf } from '../limits/limits.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { SourceProvider } from '../model/source.ts';
import type { Clock } from '../platform.ts';
import type { QueryContext } from './contract.ts';
import { limitsOfTenants } from './limits.ts';
import { Meter } from './meter.ts';
import { type Reading, read } from './sources.ts';
import type { Kernels } from './stacks.ts';
import type { Planning } from './validate.ts';

export interface QueriesOptions {
  provider: SourceProvider;
  /** Lends kernels for merges. */
  pool: Kernels;
  limitsOf: LimitsOf;
  clock: Clock;
  /** `Platform.yield`. */
  yield: () => Promise<void>;
  metrics?: Metrics['query'] | undefined;
  /** What all queries may take together while they read. */
  memory: MemoryBudget;
}

/** Each holds kernels and takes turns with the others: more at a time would only be slower. */
const queriesAtOnce = 8;
const queriesWaiting = 256;

/** The turns that all calls of an engine take. */
export function queryTurns(): Turns {
  return new Turns({ what: 'queries', runningMax: queriesAtOnce, waitingMax: queriesWaiting });
}

/** What the work of a call is given. */
export interface Call {
  planning: Planning;
  kernels: Kernels;
  /** Runs an attempt over the sources; twice when a block was deleted meanwhile. */
  read<T>(attempt: (reading: Reading) => Promise<T>): Promise<T>;
}

/** Runs one call and counts it, whatever it comes to. */
export async function runCall<T>(
  options: QueriesOptions & { turns: Turns },
  kind: string,
  { tenants, signal }: QueryContext,
  work: (call: Call) => Promise<T>,
): Promise<T> {
  const { provider, pool, clock, metrics } = options;
  const facts = { sourceCount: 0 };
  const distinct = [...new Set(tenants)];
  let meter: Meter | undefined;
  let outcome = 'ok';
  let endTurn: (() => void) | undefined;
  try {
    const limits = limitsOfTenants(distinct, options.limitsOf);
    const own = new Meter({ signal, clock, yield: options.yield, limits });
    meter = own;
    endTurn = await options.turns.take(signal);
    await own.pause();
    const parallelMax = limits.querySourcesParallelMax;
    const reads = { provider, tenants: distinct, meter: own, parallelMax, memory: options.memory };
    return await work({
      planning: { limits, nowMs: Math.floor(clock.nowMs()) },
      kernels: pool,
      read: (attempt) => read(reads, facts, attempt),
    });
  } catch (error) {
    outcome = signal.aborted ? 'aborted' : isFailure(error) ? error.kind : 'internal';
    throw error;
  } finally {
    endTurn?.();
    metrics?.queries.inc({ kind, outcome });
    metrics?.seconds.observe({ kind }, (meter?.elapsedMs ?? 0) / 1000);
    metrics?.sources.observe({ kind }, facts.sourceCount);
    metrics?.fetchedBytes.inc({ kind }, meter?.bytesFetched ?? 0);
  }
}
