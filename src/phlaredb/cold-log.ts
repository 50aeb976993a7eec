// Records that wait in the log until a query or a flush needs a head of them: an object that is
// ended whenever it is idle finds them at every start, and a small tenant's head is let go when
// memory is short. Owns when their flush is due, and what became of a block that was planned.
import { blockKey, metaFile } from '../block/files.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { isFailure } from '../errors.ts';
import type { Clock } from '../platform.ts';
import type { FlushPlan, FlushPlans, Wal } from '../wal/wal.ts';
import { flushDelayMs } from './flush-spread.ts';

export interface ColdLogOptions {
  tenant: string;
  /** Of the tenant: keys are `<ULID>/<file>`. */
  blocks: Bucket;
  wal: Wal;
  plans?: FlushPlans | undefined;
  clock: Clock;
  randomUnit: () => number;
  headAgeMaxMs: number;
  headBytesMax: number;
}

export interface ColdLog {
  /** When the oldest of the records was received. */
  readonly oldestMs: number;
  /** The block that some of them were to become. */
  readonly plan: FlushPlan | undefined;
  /**
   * Releases the records of the plan when its block is there; answers the last of them, else 0.
   * Rejects when nobody can tell. What it answered once, it answers again: a block that appears
   * later is the one that was written again in the meantime.
   */
  settlePlan(): Promise<number>;
  /** Why they are to be flushed by now; undefined when they are not. */
  dueReason(nowMs: number): 'max-duration' | 'max-block-bytes' | undefined;
  /** When they are to be flushed, as far as is known. */
  dueAtMs(nowMs: number): number;
}

/** Undefined when the log holds nothing of the tenant. Reads one header. */
export async function findColdLog(options: ColdLogOptions): Promise<ColdLog | undefined> {
  const { tenant, wal, plans } = options;
  for await (const { receivedMs } of wal.headers(tenant)) {
    return createColdLog(options, receivedMs, plans?.planOf(tenant));
  }
  return undefined;
}

/** Of records of which the first was received at `oldestMs`. */
export function createColdLog(
  options: ColdLogOptions,
  oldestMs: number,
  plan: FlushPlan | undefined,
): ColdLog {
  const { tenant, wal, headAgeMaxMs, headBytesMax, randomUnit } = options;
  // As a head that is cut by its age, and written a while later.
  const boundaryMs = Math.floor(oldestMs / headAgeMaxMs) * headAgeMaxMs + headAgeMaxMs;
  const flushAtMs = boundaryMs + flushDelayMs(headAgeMaxMs, randomUnit());
  // A profile takes about as much in a head as its compressed bytes in the log.
  const isFull = () => wal.bytesUsedBy(tenant) >= headBytesMax;
  let settledUpTo: number | undefined;
  return {
    oldestMs,
    plan,
    settlePlan: async () => {
      settledUpTo ??= await settlePlan(plan, options);
      return settledUpTo;
    },
    dueReason: (nowMs) => {
      if (isFull()) return 'max-block-bytes';
      return plan !== undefined || nowMs >= flushAtMs ? 'max-duration' : undefined;
    },
    dueAtMs: (nowMs) => (isFull() || plan !== undefined ? nowMs : flushAtMs),
  };
}

/** `meta.json` is written last: with it, all of the block is there. */
async function settlePlan(
  plan: FlushPlan | undefined,
  { blocks, wal, tenant }: ColdLogOptions,
): Promise<number> {
  if (plan === undefined) return 0;
  try {
    await blocks.head(blockKey(plan.ulid, metaFile));
  } catch (error) {
    if (isFailure(error, 'missing')) return 0;
    throw error;
  }
  await wal.release(tenant, plan.upTo, plan.ulid);
  return plan.upTo;
}
