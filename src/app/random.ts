// What the rooms need of randomness, made of the platform's bytes.
import { monotonicFactory } from 'ulid';
import type { Platform } from '../platform.ts';

/** ULIDs that grow even when the clock stands still or jumps back. */
export function ulids(platform: Platform): () => string {
  const next = monotonicFactory(() => randomUnit(platform));
  let lastMs = 0;
  return () => {
    lastMs = Math.max(lastMs, platform.clock.nowMs());
    return next(lastMs);
  };
}

/** A number from 0 up to, but not including, 1. */
export function randomUnit(platform: Platform): number {
  const bytes = platform.random(new Uint8Array(4));
  return new DataView(bytes.buffer).getUint32(0) / 2 ** 32;
}
