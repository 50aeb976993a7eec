// When a head that was cut by its age is written. All tenants' heads are cut at the same boundary,
// so that blocks align in UTC; writing them at the same moment would make every push wait.

/** The part of a head's age over which the flushes of one boundary are spread. */
const spreadShare = 1 / 12;
/** Data that only the log holds, and its memory, for no longer than this. */
const spreadMsMax = 5 * 60_000;

/** How long to put off the flush of a head, in milliseconds; `unit` is from 0 up to 1. */
export function flushDelayMs(headAgeMaxMs: number, unit: number): number {
  return Math.floor(unit * Math.min(headAgeMaxMs * spreadShare, spreadMsMax));
}

/** The longest that a flush is put off, whatever the age of heads. */
export const flushDelayMsMax = spreadMsMax;
