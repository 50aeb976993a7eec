// The time range of a query: whether it is legal, and how much of it may be seen. Owns rules 2 to
// 6 of a select (missing, reversed, too old, clamped, too long) and the way into nanoseconds.
import { Failure } from '../errors.ts';
import type { TimeRange } from '../model/source.ts';
import { msToNs } from '../model/time.ts';
import type { MsRange } from './contract.ts';
import type { QueryLimits } from './limits.ts';

const int64Max = 2n ** 63n - 1n;
const hourMs = 60 * 60 * 1000;

/** Every instant a profile can have. */
export const allTime: TimeRange = { startNs: 0n, endNs: int64Max };

/** What profile types are asked for without a range: health checks of Grafana send none. */
export function lastHour(nowMs: number): MsRange {
  return { startMs: nowMs - hourMs, endMs: nowMs };
}

/**
 * The part of the range that may be seen and is not too long; undefined when all of it is older
 * than the lookback, and the answer is then empty whatever else the request says. Throws `invalid`.
 */
export function validateRange(
  range: MsRange,
  limits: QueryLimits,
  nowMs: number,
): MsRange | undefined {
  const seen = seenRange(range, limits, nowMs);
  if (seen !== undefined) assertLength(seen, limits);
  return seen;
}

/** As `validateRange`, of any length: label calls read no profiles, and pickers ask for weeks. */
export function seenRange(range: MsRange, limits: QueryLimits, nowMs: number): MsRange | undefined {
  const { startMs, endMs } = range;
  if (startMs === 0 || endMs === 0) {
    throw new Failure('invalid', 'query has no time range: start and end are needed');
  }
  for (const [name, timeMs] of Object.entries({ start: startMs, end: endMs })) {
    if (Number.isSafeInteger(timeMs)) continue;
    throw new Failure('invalid', `${name} is ${timeMs}, want whole milliseconds below 2^53`);
  }
  if (startMs > endMs) {
    throw new Failure('invalid', `start ${startMs} is after end ${endMs}`);
  }
  const oldestMs = limits.queryLookbackMs > 0 ? nowMs - limits.queryLookbackMs : startMs;
  if (endMs < oldestMs) return undefined;
  return { startMs: Math.max(startMs, oldestMs), endMs };
}

function assertLength({ startMs, endMs }: MsRange, { queryLengthMaxMs }: QueryLimits): void {
  const lengthMs = endMs - startMs;
  if (queryLengthMaxMs === 0 || lengthMs <= queryLengthMaxMs) return;
  const message = `query is ${lengthMs} ms long, query length limit ${queryLengthMaxMs} ms`;
  throw new Failure('invalid', message, { reason: 'query_limit' });
}

/** Both ends inclusive still; what no 64-bit time can reach is cut off. */
export function rangeNs({ startMs, endMs }: MsRange): TimeRange {
  return { startNs: int64(msToNs(startMs)), endNs: int64(msToNs(endMs)) };
}

function int64(timeNs: bigint): bigint {
  if (timeNs > int64Max) return int64Max;
  return timeNs < -int64Max ? -int64Max : timeNs;
}
