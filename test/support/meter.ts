// A meter without bounds, and the widest question, for tests of sources.
import type { Labels } from '../../src/model/labels.ts';
import type { SeriesQuery, SourceMeter } from '../../src/model/source.ts';
import { openHeads } from '../../src/phlaredb/head-sources.ts';
import type { Phlaredb } from '../../src/phlaredb/phlaredb.ts';

export const freeMeter: SourceMeter = {
  signal: new AbortController().signal,
  fetch: () => undefined,
  takes: () => undefined,
  pause: () => Promise.resolve(),
};

export const everything: SeriesQuery = {
  selector: [],
  names: undefined,
  startNs: 0n,
  endNs: 2n ** 63n - 1n,
};

/** Label sets of all series that have visible rows in heads. */
export async function visibleSets(database: Phlaredb): Promise<Labels[]> {
  await database.ready();
  const { sources, close } = openHeads(database.snapshot().heads);
  const sets = await Promise.all(sources.map((source) => source.series(everything, freeMeter)));
  close();
  return sets.flat();
}
