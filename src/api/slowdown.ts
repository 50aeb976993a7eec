// How long whoever shows wrong keys waits for the answer. Owns the count of failures by source.
// Only refusals wait, so that an honest client is never slower for what others try, and so many at
// the most that waiting costs no memory. Keys are safe for their length; this keeps guessers from
// taking the server's time and filling its log.
import type { Platform } from '../platform.ts';

export interface Slowdown {
  /** Resolves when a refusal may be answered; `source` is an address, or undefined: not known. */
  wait(source: string | undefined): Promise<void>;
}

/** An agent with an old key tries a few times a minute: it is answered at once. */
const freeFailures = 5;
const firstWaitMs = 100;
const waitMsMax = 5_000;
/** After this long without a failure a source begins anew. */
const forgetMs = 60_000;
const sourcesMax = 1_024;
const waitingMax = 256;

interface Source {
  failures: number;
  lastMs: number;
}

/** Sources are forgotten in the order of their last failure. */
export function createSlowdown({ clock, sleep }: Pick<Platform, 'clock' | 'sleep'>): Slowdown {
  const sources = new Map<string, Source>();
  let waiting = 0;

  const failuresOf = (name: string): number => {
    const nowMs = clock.monotonicMs();
    const known = sources.get(name);
    const failures = known !== undefined && nowMs - known.lastMs < forgetMs ? known.failures : 0;
    sources.delete(name);
    sources.set(name, { failures: failures + 1, lastMs: nowMs });
    if (sources.size > sourcesMax) {
      for (const oldest of sources.keys()) {
        sources.delete(oldest);
        break;
      }
    }
    return failures;
  };

  return {
    async wait(source) {
      const doublings = failuresOf(source ?? '') - freeFailures;
      if (doublings < 0 || waiting >= waitingMax) return;
      waiting += 1;
      try {
        await sleep(Math.min(waitMsMax, firstWaitMs * 2 ** Math.min(doublings, 16)));
      } finally {
        waiting -= 1;
      }
    },
  };
}
