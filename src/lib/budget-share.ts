// One user's part of a byte budget that outlives it. Owns what its leases hold, so that it comes
// back also from a user that ended without a word.
import type { ByteLease, LeaseBytes } from './byte-budget.ts';

export class BudgetShare {
  readonly #budget: LeaseBytes;
  /** Those that have taken something and not given it back. */
  readonly #held = new Set<ByteLease>();

  constructor(budget: LeaseBytes) {
    this.#budget = budget;
  }

  readonly lease: LeaseBytes = (owner) => {
    const lease = this.#budget(owner);
    return {
      take: (bytes) => {
        lease.take(bytes);
        this.#held.add(lease);
      },
      release: () => {
        lease.release();
        this.#held.delete(lease);
      },
    };
  };

  /** Gives back what the user holds, who will never do so. */
  abandon(): void {
    for (const lease of this.#held) lease.release();
    this.#held.clear();
  }
}
