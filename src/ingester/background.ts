// Work that a tick begins and does not wait for, one run at a time. Owns the promise, so that a
// stop leaves nothing running and a failure is heard; when to run is its owner's knowledge.

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
