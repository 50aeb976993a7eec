// The series that a tenant has pushed lately: what its series limit counts. Owns recency and the
// size of their labels; independent of heads, which keep a series until they are flushed.

/** Of a series in the sense of the limit, as in Pyroscope. */
const idleMs = 10 * 60_000;
/** A character of a label takes two bytes of memory at the most. */
const characterBytes = 2;

export interface SeriesCounts {
  /** Series that are active now. */
  active: number;
  /** Of the keys asked for, those that are not. */
  added: number;
  /** Label bytes of the active ones and the added ones together. */
  labelBytes: number;
}

export class ActiveSeries {
  /** When each was pushed last, by key (`labelsKey`); the one idle for longest comes first. */
  readonly #pushedMs = new Map<string, number>();
  #labelBytes = 0;

  /** What there would be with these keys. Times are monotonic milliseconds. */
  counts(keys: ReadonlySet<string>, nowMs: number): SeriesCounts {
    this.#forgetIdle(nowMs);
    let added = 0;
    let labelBytes = this.#labelBytes;
    for (const key of keys) {
      if (this.#pushedMs.has(key)) continue;
      added += 1;
      labelBytes += key.length * characterBytes;
    }
    return { active: this.#pushedMs.size, added, labelBytes };
  }

  /** Series that are active now. */
  count(nowMs: number): number {
    this.#forgetIdle(nowMs);
    return this.#pushedMs.size;
  }

  /** Notes that the series were pushed. */
  touch(keys: Iterable<string>, nowMs: number): void {
    for (const key of keys) {
      // Out and in again: the map's order is the order of the last pushes.
      if (!this.#pushedMs.delete(key)) this.#labelBytes += key.length * characterBytes;
      this.#pushedMs.set(key, nowMs);
    }
  }

  #forgetIdle(nowMs: number): void {
    for (const [key, pushedMs] of this.#pushedMs) {
      if (nowMs - pushedMs < idleMs) return;
      this.#pushedMs.delete(key);
      this.#labelBytes -= key.length * characterBytes;
    }
  }
}
