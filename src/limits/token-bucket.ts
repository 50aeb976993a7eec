// How fast a tenant may push, in bytes: a bucket that fills at a rate up to a burst. Owns the
// arithmetic; rate and burst come with each call, because a limits file may change them.

export interface Rate {
  bytesPerSecond: number;
  /** What may come at once after a pause. */
  burstBytes: number;
}

export class TokenBucket {
  /** Undefined: full, as before the first push. */
  #bytes: number | undefined;
  #atMs: number;

  /** Times are monotonic milliseconds. */
  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** What may be taken now. */
  left(rate: Rate, nowMs: number): number {
    this.#fill(rate, nowMs);
    return this.#bytes ?? rate.burstBytes;
  }

  /**
   * Milliseconds until `bytes` can be taken, 0 when they can be now; Infinity when they never can.
   * Takes nothing.
   */
  waitMs(bytes: number, rate: Rate, nowMs: number): number {
    if (bytes > rate.burstBytes) return Number.POSITIVE_INFINITY;
    const missing = bytes - this.left(rate, nowMs);
    // Part of a byte is owed, not waited for: whoever comes when told finds enough.
    return missing < 1 ? 0 : Math.ceil((missing / rate.bytesPerSecond) * 1_000);
  }

  /** Takes what `waitMs` has answered 0 for, in the same turn. */
  take(bytes: number, rate: Rate, nowMs: number): void {
    this.#bytes = this.left(rate, nowMs) - bytes;
  }

  #fill({ bytesPerSecond, burstBytes }: Rate, nowMs: number): void {
    if (this.#bytes !== undefined) {
      const filled = this.#bytes + (Math.max(0, nowMs - this.#atMs) / 1_000) * bytesPerSecond;
      this.#bytes = Math.min(burstBytes, filled);
    }
    this.#atMs = nowMs;
  }
}
