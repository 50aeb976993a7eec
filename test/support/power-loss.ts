// Stops a piece of work before each of its operations on a model disk and looks at what a power
// loss may have left. Owns the loops; what is allowed to be left is the caller's.

import type { ModelDisk } from './model-disk.ts';
import { extremeSeeds } from './model-disk-choice.ts';

export interface PowerLossCase<State> {
  /** A disk and whatever notes the work keeps; the same each time. */
  start(): Promise<{ disk: ModelDisk; state: State }> | { disk: ModelDisk; state: State };
  /** Uses the disk and notes what it was promised. Rejects for what it did not expect. */
  work(disk: ModelDisk, state: State): Promise<void>;
  /** What is wrong with a disk after a power loss, one line each. */
  check(disk: ModelDisk, state: State): Promise<string[]>;
  /** Fates to try at a stop, by `createChoice`; default: the extremes and six random ones. */
  seedsAt?: (index: number) => number[];
  /** The first operation to stop in place of; default 0. */
  firstStop?: number;
  /** How many operations from one stop to the next; default 1. */
  stride?: number;
  /** An fsync call that does nothing, by its site. */
  ignoredSync?: string | undefined;
  /** Give up after so many problems; default 5, which is enough to read. */
  problemsMax?: number;
}

/** Every problem found, with the operation and the seed that show it. */
export async function powerLossProblems<State>(test: PowerLossCase<State>): Promise<string[]> {
  const problems: string[] = [];
  const { seedsAt = (index) => seeds(index, extremeSeeds, 6), problemsMax = 5 } = test;
  const stride = test.stride ?? 1;
  for (let index = test.firstStop ?? 0; problems.length < problemsMax; index += stride) {
    const { disk, state } = await runUntil(test, index);
    for (const seed of seedsAt(index)) {
      const found = await test.check(disk.crash(seed), state);
      problems.push(...found.map((text) => `stopped at ${index}, seed ${seed}: ${text}`));
      if (problems.length >= problemsMax) break;
    }
    if (!disk.control.isStopped) break;
  }
  return problems;
}

/** The first `extremes` of the extreme fates and `random` others that differ from stop to stop. */
export function seeds(index: number, extremes: number, random: number): number[] {
  return Array.from({ length: extremes + random }, (_, nth) =>
    nth < extremes ? nth : extremeSeeds + index * random + nth - extremes,
  );
}

/** The sites of all fsync calls of a whole run, each once, in the order of first use. */
export async function syncSites<State>(test: PowerLossCase<State>): Promise<string[]> {
  const { disk, state } = await test.start();
  disk.control.isTracing = true;
  await test.work(disk, state);
  return [...new Set(disk.control.syncSites)];
}

async function runUntil<State>(test: PowerLossCase<State>, index: number) {
  const { disk, state } = await test.start();
  if (test.ignoredSync !== undefined) disk.control.ignoreSync(test.ignoredSync);
  disk.control.stopAt(index);
  await Promise.race([test.work(disk, state), disk.control.stopped]);
  return { disk, state };
}
