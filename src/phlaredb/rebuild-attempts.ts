// A rebuild, tried again until the log and the disk let it: pushes go on meanwhile, and nobody who
// waits for the head can do anything about a failure. Owns the waits between attempts and when it
// is given up; what becomes of the head is its owner's.
import { Failure, messageOf } from '../errors.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Logger } from '../lib/log.ts';
import type { ColdLog } from './cold-log.ts';
import type { Rebuild, Rebuilt } from './rebuild.ts';

export interface RebuildAttemptsOptions {
  /** What the records waited in, if they did; it may have planned a block. */
  cold: ColdLog | undefined;
  /** Resolves when no record is being logged again: either no copy is found then, or all. */
  relogged: () => Promise<void>;
  /** Takes the head in its turn; false when records have come that are not in it. */
  adopt: (rebuilt: Rebuilt) => boolean;
  /** Told, instead of `adopt`, that the records stay in the log. */
  giveUp: (failure: Failure) => void;
  /** Awaited before records that came meanwhile are read. */
  pause: () => Promise<void>;
  /** Rejects when the signal is aborted. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  randomUnit: () => number;
  /** Aborted when the owner is to end: what fails then is not tried again. */
  stopping: AbortSignal;
  log: Logger;
}

const waits = { baseMs: 500, maxMs: 30_000 };

/** Never rejects; calls `adopt` until it takes the head, or `giveUp` once. */
export async function attemptRebuild(
  rebuild: Rebuild,
  options: RebuildAttemptsOptions,
): Promise<void> {
  const { cold, relogged, adopt, giveUp, pause, log } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      await relogged();
      rebuild.skip((await cold?.settlePlan()) ?? 0);
      // Nothing awaits from the last record to the end: a push either was read or finds the head.
      if (adopt(await rebuild.catchUp())) return;
      attempt = 0;
      await pause();
    } catch (error) {
      log.error('head cannot be rebuilt', { error: messageOf(error), attempts: attempt });
      if (!(await isStoppedBeforeRetry(attempt, options))) continue;
      // What was not applied stays in the log, and whoever waits for it has to hear so.
      const message = `head is not rebuilt, its records stay in the log: ${messageOf(error)}`;
      giveUp(new Failure('unavailable', message, { cause: error }));
      rebuild.drop();
      return;
    }
  }
}

async function isStoppedBeforeRetry(
  attempt: number,
  { sleep, randomUnit: random, stopping }: RebuildAttemptsOptions,
): Promise<boolean> {
  try {
    await sleep(backoffMs(attempt, { ...waits, random }), stopping);
  } catch (error) {
    if (!stopping.aborted) throw error;
  }
  return stopping.aborted;
}
