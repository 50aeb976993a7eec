// Time in its two units: milliseconds as numbers for clocks and ranges, nanoseconds as 64-bit
// integers for profiles. Owns the only conversions between them.

const nsPerMs = 1_000_000n;

/**
 * 1971-01-01. Times before it are clocks that were never set, and times in another unit: the
 * milliseconds of this century are minutes of 1970 when they are taken for nanoseconds.
 */
const ownTimeMinNs = 365n * 86_400n * 1_000_000_000n;

/** False for a profile without a time, and for one of 1970 or before. */
export function hasOwnTime(timeNs: bigint): boolean {
  return timeNs >= ownTimeMinNs;
}

/** The time a profile is stored under: its own, or that of its receipt when it has none. */
export function profileTimeNs(timeNs: bigint, receivedMs: number): bigint {
  return hasOwnTime(timeNs) ? timeNs : BigInt(receivedMs) * nsPerMs;
}

/** Whole milliseconds, rounded down. */
export function nsToMs(timeNs: bigint): number {
  return Number(timeNs / nsPerMs);
}

/** The same instant in nanoseconds. `timeMs` is a whole number. */
export function msToNs(timeMs: number): bigint {
  return BigInt(timeMs) * nsPerMs;
}

/**
 * From the first nanosecond of `minMs` to the last one of `maxMs`: what times that were rounded
 * down to milliseconds can have been.
 */
export function msRange(minMs: number, maxMs: number): { startNs: bigint; endNs: bigint } {
  return { startNs: BigInt(minMs) * nsPerMs, endNs: BigInt(maxMs) * nsPerMs + (nsPerMs - 1n) };
}
