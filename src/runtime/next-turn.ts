// One turn of the event loop for everybody else, as `Platform.yield`. Owns that sockets are looked
// at between slices of long work, on every runtime.
import { setImmediate as nextImmediate, setTimeout as wait } from 'node:timers/promises';

/** Work between two turns that wait: at least this long, because waiting takes a millisecond. */
const busyMs = 4;

/**
 * Deno's loop is a task of tokio, which looks at sockets when no task is ready, or else at every
 * 61st: with `setImmediate` alone, the slices of a flush held requests up for 300 ms.
 * https://docs.rs/tokio/latest/tokio/runtime/struct.Builder.html#method.event_interval
 */
function createDenoTurn(monotonicMs: () => number): () => Promise<void> {
  let waitedMs = monotonicMs();
  return async () => {
    if (monotonicMs() - waitedMs < busyMs) return nextImmediate();
    // Nothing is ready until the timer is: the runtime has to wait, and looks at its sockets.
    await wait(0);
    waitedMs = monotonicMs();
  };
}

/** The turn that suits the runtime. */
export function createTurn(monotonicMs: () => number): () => Promise<void> {
  return 'Deno' in globalThis ? createDenoTurn(monotonicMs) : () => nextImmediate();
}
