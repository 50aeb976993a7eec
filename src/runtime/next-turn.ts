// One turn of the event loop for everybody else, as `Platform.yield`. Owns that sockets are looked
// at between slices of long work, on every runtime.
import { setImmediate as nextImmediate, setTimeout as wait } from 'node:timers/promises';

/**
 * Deno's loop is a task of tokio, which looks at sockets when no task is ready, or else at every
 * 61st: with `setImmediate` the slices of a flush held requests up for 300 ms. While a timer is
 * waited for, a millisecond, nothing is ready.
 * https://docs.rs/tokio/latest/tokio/runtime/struct.Builder.html#method.event_interval
 */
const denoTurn = async () => {
  await wait(0);
};

/** The turn that suits the runtime. */
export function createTurn(): () => Promise<void> {
  return 'Deno' in globalThis ? denoTurn : () => nextImmediate();
}
