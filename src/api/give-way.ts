// How a request that takes long lets others have their turn. Owns the length of a slice.
import type { Platform } from '../platform.ts';

/** A push takes a few turns of the loop, and each may come after a slice. */
const sliceMs = 3;

/** Answers what is awaited between steps of work; it yields once a slice is over. */
export function createGiveWay({
  clock,
  yield: yieldTurn,
}: Pick<Platform, 'clock' | 'yield'>): () => Promise<void> {
  let startMs = clock.monotonicMs();
  return async () => {
    if (clock.monotonicMs() - startMs < sliceMs) return;
    await yieldTurn();
    startMs = clock.monotonicMs();
  };
}
