// Work that a tick begins and does not wait for, one run at a time, in steps that may fail one by
// one. Owns the promise, so that a stop leaves nothing running and every failure is heard; when to
// run, and what, is its owner's knowledge.
import { Failure, messageOf } from '../errors.ts';
import type { LogFields } from '../lib/log.ts';

/** What fails this often in a run fails for all. */
const failuresMax = 10;

export class Background {
  readonly #onError: (error: unknown) => void;
  readonly #abort = new AbortController();
  #running: Promise<void> | undefined;

  /** `onError` hears what a run rejected with, unless `stop` was the reason. */
  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Starts `work`, unless the last run is still under way or `stop` was called. */
  start(work: (signal: AbortSignal) => Promise<void>): void {
    const { signal } = this.#abort;
    if (this.#running !== undefined || signal.aborted) return;
    this.#running = work(signal)
      .catch((error: unknown) => {
        if (!signal.aborted) this.#onError(error);
      })
      .finally(() => {
        this.#running = undefined;
      });
  }

  get isBusy(): boolean {
    return this.#running !== undefined;
  }

  /** Resolves when nothing runs. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Aborts the run and waits for its end; nothing starts any more. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await this.idle();
  }
}

/** True when `intervalMs` went by since `lastMs`, or the wall clock jumped back behind it. */
export function isDue(nowMs: number, lastMs: number, intervalMs: number): boolean {
  return nowMs >= lastMs + intervalMs || nowMs < lastMs;
}

/** The steps of one run: each may fail without the others, up to a number. */
export class Attempts {
  readonly signal: AbortSignal;
  readonly #onFailure: (error: unknown, fields: LogFields) => void;
  #failures = 0;

  /** `onFailure` hears of each step that failed. */
  constructor(signal: AbortSignal, onFailure: (error: unknown, fields: LogFields) => void) {
    this.signal = signal;
    this.#onFailure = onFailure;
  }

  /** Runs one step; false when it failed. Throws when too many have, or the run is aborted. */
  async try(fields: LogFields, step: () => Promise<void>): Promise<boolean> {
    this.signal.throwIfAborted();
    try {
      await step();
      return true;
    } catch (error) {
      this.signal.throwIfAborted();
      this.#onFailure(error, fields);
      this.#failures++;
      if (this.#failures < failuresMax) return false;
      const message = `${this.#failures} steps failed, limit ${failuresMax}: ${messageOf(error)}`;
      throw new Failure('unavailable', message, { cause: error });
    }
  }
}
