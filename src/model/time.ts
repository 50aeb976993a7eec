// Time in its two units: milliseconds as numbers for clocks and ranges, nanoseconds as 64-bit
// integers for profiles. Owns the only conversions between them.

const nsPerMs = 1_000_000n;

/** The time a profile is stored under: its own, or that of its receipt when it carries none. */
export function profileTimeNs(timeNs: bigint, receivedMs: number): bigint {
  return timeNs > 0n ? timeNs : BigInt(receivedMs) * nsPerMs;
}

/** Whole milliseconds, rounded down. */
export function nsToMs(timeNs: bigint): number {
  return Number(timeNs / nsPerMs);
}

/** The same instant in nanoseconds. `timeMs` is a whole number. */
export function msToNs(timeMs: number): bigint {
  return BigInt(timeMs) * nsPerMs;
}
