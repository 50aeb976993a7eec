// How a request that takes long lets others have their turn. Owns the length of a slice.
import type { Platform } from '../platform.ts';

const sliceMs = 10;

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
