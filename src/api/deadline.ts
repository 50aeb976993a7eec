// The time that bodies may take to arrive. Owns one watch for all requests: a timer per request
// would cost Deno a tenth of the time that inflating a usual body takes.
import type { Platform } from '../platform.ts';

export type DeadlinePlatform = Pick<Platform, 'clock' | 'sleep'>;

/** Answers as `work` does, or rejects with what `onLate` makes when it takes too long. */
export type Within = <T>(work: Promise<T>, onLate: () => Error) => Promise<T>;

interface Waiting {
  sinceMs: number;
  fail: (error: unknown) => void;
  onLate: () => Error;
}

// How exact the watch is: a tenth of the time, and no more than this.
const stepMsMax = 1_000;

/**
 * Bounds promises to about `timeMsMax`: it is never shorter, and at most a tenth or a second
 * longer. What is late keeps running. Sleeps only while something is waited for, and one step more.
 */
export function createDeadline(platform: DeadlinePlatform, timeMsMax: number): Within {
  const { clock, sleep } = platform;
  const stepMs = Math.min(stepMsMax, Math.max(1, Math.ceil(timeMsMax / 10)));
  const waiting = new Set<Waiting>();
  let isWatching = false;

  const failLate = () => {
    const startedMs = clock.monotonicMs() - timeMsMax;
    for (const entry of waiting) {
      // In order of start: the first that is in time ends the search.
      if (entry.sinceMs > startedMs) return;
      waiting.delete(entry);
      entry.fail(entry.onLate());
    }
  };
  const watch = async () => {
    isWatching = true;
    try {
      while (waiting.size > 0) {
        await sleep(stepMs);
        failLate();
      }
    } catch (error) {
      for (const entry of waiting) entry.fail(error);
      waiting.clear();
    } finally {
      isWatching = false;
    }
  };

  return <T>(work: Promise<T>, onLate: () => Error) =>
    new Promise<T>((resolve, reject) => {
      const entry = { sinceMs: clock.monotonicMs(), fail: reject, onLate };
      waiting.add(entry);
      work.then(resolve, reject).finally(() => waiting.delete(entry));
      // It cannot reject: its own failures go to those that wait.
      if (!isWatching) void watch();
    });
}
