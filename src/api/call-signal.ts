// When the work for a request ends early: its client went away, or the time that the client gave is
// over. Owns the reasons, which are what the client is told.
import type { Platform } from '../platform.ts';
import { Refusal } from './errors.ts';

/**
 * Runs `work` with a signal that is aborted when the client leaves or after `timeoutMs`. Waits for
 * the work in any case; what it throws once the signal is aborted becomes the signal's reason.
 */
export async function withSignal<T>(
  request: Request,
  sleep: Platform['sleep'],
  timeoutMs: number | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const done = new AbortController();
  const gone = () => controller.abort(new Refusal(499, 'canceled', 'the client went away'));
  if (request.signal.aborted) gone();
  request.signal.addEventListener('abort', gone, { once: true });
  if (timeoutMs !== undefined) {
    const late = () => {
      const message = `the call took more than the ${timeoutMs} ms that it was given`;
      controller.abort(new Refusal(504, 'deadline_exceeded', message));
    };
    // Rejects when the work is done first: then there is nothing to end.
    sleep(Math.min(timeoutMs, timerMsMax), done.signal).then(late, () => undefined);
  }
  try {
    return await work(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    request.signal.removeEventListener('abort', gone);
    done.abort();
  }
}

/** Timers count in 31 bits; a call that may take this long has no deadline. */
const timerMsMax = 2 ** 31 - 1;
