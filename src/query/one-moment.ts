// Several parts of one answer, read from the same sources: they are opened once, for all ranges, so
// that a profile pushed meanwhile is in every part or in none.
import { assert } from '../errors.ts';
import { rangesOverlap, type TimeRange } from '../model/source.ts';
import type { Reading } from './sources.ts';

/**
 * The reading over what it would open now for the smallest range that holds all of `ranges`, at
 * least one; what is opened of it later is among that.
 */
export async function ofOneMoment(
  reading: Reading,
  ranges: readonly TimeRange[],
): Promise<Reading> {
  const starts = ranges.map(({ startNs }) => startNs).sort(ascending);
  const ends = ranges.map(({ endNs }) => endNs).sort(ascending);
  const [startNs] = starts;
  const endNs = ends.at(-1);
  assert(startNs !== undefined && endNs !== undefined, 'an answer without a range reads nothing');
  const opened = await reading.open({ startNs, endNs });
  return {
    ...reading,
    open: async (range) =>
      opened.filter(({ source }) => range === undefined || rangesOverlap(source.range, range)),
  };
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b);
}
