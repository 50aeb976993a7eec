// What becomes of each change that was not fsynced when the power went. Owns what a seed means.
import { createRandom, type Random } from '../fixtures/random.ts';

export type Fate = 'kept' | 'dropped' | 'torn';

export interface CrashChoice {
  readonly random: Random;
  /** For one write to a file, or one new size. */
  data(): Fate;
  /** For one change of names: true when it is kept. */
  entry(): boolean;
}

/** How many seeds are not random but the extremes, from 0 on. */
export const extremeSeeds = 4;

/**
 * Seed 0 drops everything, 1 keeps everything, 2 keeps names without their data, 3 data without
 * the names; from 4 on each change has a fate of its own.
 */
export function createChoice(seed: number): CrashChoice {
  const random = createRandom(seed);
  const always = (data: Fate, isEntryKept: boolean): CrashChoice => ({
    random,
    data: () => data,
    entry: () => isEntryKept,
  });
  if (seed === 0) return always('dropped', false);
  if (seed === 1) return always('kept', true);
  if (seed === 2) return always('dropped', true);
  if (seed === 3) return always('kept', false);
  return {
    random,
    data: () => (['kept', 'dropped', 'torn', 'torn'] as const)[random.below(4)] ?? 'torn',
    entry: () => random.below(2) === 0,
  };
}
