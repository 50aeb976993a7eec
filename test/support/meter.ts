// A meter without bounds, and the widest question, for tests of sources.
import type { QueryMeter, SeriesQuery } from '../../src/model/source.ts';

export const freeMeter: QueryMeter = {
  signal: new AbortController().signal,
  fetch: () => undefined,
  pause: () => Promise.resolve(),
};

export const everything: SeriesQuery = {
  selector: [],
  names: undefined,
  startNs: 0n,
  endNs: 2n ** 63n - 1n,
};
