// One at a time among those who cannot tell each other that they have ended: a turn is a lease.
// Owns that nobody waits for ever for one who is gone; two may work at once when one takes longer.

export interface LeasedTurnOptions {
  nowMs: () => number;
  sleep: (ms: number) => Promise<void>;
  /** After this long a turn is taken for given back. */
  leaseMs: number;
}

/** Waiting is by looking: a promise of one who has ended would never settle. */
const lookMs = 25;

export class LeasedTurn {
  readonly #options: LeasedTurnOptions;
  #holder: { untilMs: number } | undefined;

  constructor(options: LeasedTurnOptions) {
    this.#options = options;
  }

  /** Calls `work` when nobody else has the turn; answers or throws what it does. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const { nowMs, sleep, leaseMs } = this.#options;
    while (this.#holder !== undefined && nowMs() < this.#holder.untilMs) await sleep(lookMs);
    const own = { untilMs: nowMs() + leaseMs };
    this.#holder = own;
    try {
      return await work();
    } finally {
      if (this.#holder === own) this.#holder = undefined;
    }
  }
}
