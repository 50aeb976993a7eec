// From when there is data on this machine, and up to when it is in the bucket for certain. Pure.

/** Milliseconds since the epoch; undefined when no block tells. */
export interface Timestamps {
  /** The smallest time that any local block has. */
  minTime: number | undefined;
  /**
   * The largest time up to which everything local is in the bucket: that of the newest block there,
   * or less when a block with older data is not, because blocks overtake each other.
   */
  maxSyncTime: number | undefined;
}

/** Adds up the blocks of one tenant, in any order. */
export class ShippedTimes {
  #minTime: number | undefined;
  #uploadedMaxTime: number | undefined;
  #missingMinTime = Number.POSITIVE_INFINITY;

  add({ minTime, maxTime }: { minTime: number; maxTime: number }, isUploaded: boolean): void {
    this.#minTime = Math.min(this.#minTime ?? minTime, minTime);
    if (isUploaded) this.#uploadedMaxTime = Math.max(this.#uploadedMaxTime ?? maxTime, maxTime);
    else this.#missingMinTime = Math.min(this.#missingMinTime, minTime);
  }

  get timestamps(): Timestamps {
    const uploaded = this.#uploadedMaxTime;
    const maxSyncTime =
      uploaded === undefined ? undefined : Math.min(uploaded, this.#missingMinTime - 1);
    return { minTime: this.#minTime, maxSyncTime };
  }
}
