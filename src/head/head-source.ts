// A head, live or sealed, as a source of queries. Owns which rows a query sees: those committed
// when the source was opened, whatever is appended, sealed or flushed meanwhile. Whoever opens it
// pins the head first.
import { partHeader, spanFilterOf } from '../kernel/source-parts.ts';
import { StackSums } from '../kernel/stack-sums.ts';
import { toHex } from '../lib/hex.ts';
import type { Labels } from '../model/labels.ts';
import { type Selector, selectorMatches } from '../model/matcher.ts';
import { pointSums } from '../model/point-sums.ts';
import type {
  PointQuery,
  PointSeries,
  QueryMeter,
  SampleFilter,
  SeriesQuery,
  Source,
  SourceCall,
  StackPart,
  StackQuery,
  TimeRange,
} from '../model/source.ts';
import type { Head } from './head.ts';
import type { Series } from './series.ts';

/** Rows of one step: 8 ms when each has the most samples that a profile may have. */
const rowsAtOnce = 256;
/** What a stack, a location or a function adds to an answer, about. */
const answerRowBytes = 96;
/** Rows looked at between two pauses, at some 20 ns each. */
const rowsLookedAt = 100_000;

export class HeadSource implements Source {
  readonly name: string;
  readonly #head: Head;
  /** Rows from here on came later. */
  readonly #rowsEnd: number;

  constructor(head: Head, name: string) {
    this.name = name;
    this.#head = head;
    this.#rowsEnd = head.rows;
  }

  /** Looks at every row. */
  get range(): TimeRange {
    const { series } = this.#head;
    let startNs = series.timeNs(0);
    let endNs = startNs;
    for (let row = 1; row < this.#rowsEnd; row++) {
      const timeNs = series.timeNs(row);
      if (timeNs < startNs) startNs = timeNs;
      if (timeNs > endNs) endNs = timeNs;
    }
    return { startNs, endNs };
  }

  memoryOf(call: SourceCall): number {
    if ('series' in call) return 0;
    // Sums are in the head's own memory; a copy of what they make is answered.
    const { stacks, locations, functions } = this.#head.kernel.stats();
    return (stacks + locations + functions) * answerRowBytes;
  }

  async series(query: SeriesQuery, meter: QueryMeter): Promise<Labels[]> {
    const found: Labels[] = [];
    for (const series of await this.#matching(query.selector, meter)) found.push(series.labels);
    return found;
  }

  async stacks(query: StackQuery, meter: QueryMeter): Promise<StackPart | undefined> {
    const rows: number[] = [];
    for (const series of await this.#matching(query.selector, meter)) {
      for (const row of await this.#rowsOf(series, query, query.filter, meter)) rows.push(row);
    }
    if (rows.length === 0) return undefined;
    const sums = new StackSums(this.#head.kernel);
    try {
      await this.#add(sums, Uint32Array.from(rows), query.filter, meter);
      if (sums.isEmpty) return undefined;
      while (sums.step()) await meter.pause();
      return query.shape === 'functions'
        ? { shape: 'functions', tree: sums.functionTree() }
        : { shape: 'pprof', profile: sums.pprof(partHeader(query)) };
    } finally {
      sums.release();
    }
  }

  async points(query: PointQuery, meter: QueryMeter): Promise<PointSeries[]> {
    const { grid, callSite } = query;
    const range = {
      startNs: grid.startNs - grid.stepNs,
      endNs: grid.startNs + BigInt(grid.slots - 1) * grid.stepNs,
    };
    const points = pointSums(grid, query.groupBy);
    const matching = await this.#matching(query.selector, meter);
    const sums = new StackSums(this.#head.kernel);
    try {
      if (callSite !== undefined) sums.maskCallSite(callSite);
      for (const series of matching) {
        const rows = Uint32Array.from(await this.#rowsOf(series, range, {}, meter));
        const group = points.group(series.labels);
        for (let at = 0; at < rows.length; at += rowsAtOnce) {
          const some = rows.subarray(at, at + rowsAtOnce);
          const totals = sums.rowTotals(some);
          for (const [i, row] of some.entries()) {
            // A profile without stacks under a call site is a point of 0: it counts in means.
            group.add(this.#head.series.timeNs(row), totals[i] as bigint);
          }
          await meter.pause();
        }
      }
    } finally {
      sums.release();
    }
    return points.finish();
  }

  async #add(sums: StackSums, rows: Uint32Array, filter: SampleFilter, meter: QueryMeter) {
    if (filter.callSite !== undefined) sums.maskCallSite(filter.callSite);
    const spans = spanFilterOf(filter);
    for (let at = 0; at < rows.length; at += rowsAtOnce) {
      sums.addRows(rows.subarray(at, at + rowsAtOnce), spans);
      await meter.pause();
    }
  }

  /** Series that match and have a visible row. */
  async #matching(selector: Selector, meter: QueryMeter): Promise<Series[]> {
    const found: Series[] = [];
    let looked = 0;
    for (const series of this.#head.series.all()) {
      if (++looked % 1_000 === 0) await meter.pause();
      if (!series.rows.some((row) => row < this.#rowsEnd)) continue;
      if (selectorMatches(selector, series.labels)) found.push(series);
    }
    return found;
  }

  /** Visible rows of a series in the range, in the order they lie in. */
  async #rowsOf(
    series: Series,
    range: TimeRange,
    { profileIds }: SampleFilter,
    meter: QueryMeter,
  ): Promise<number[]> {
    const index = this.#head.series;
    const wanted = profileIds && new Set(profileIds.map(toHex));
    // One turn: a flush sorts the rows of a sealed head in place.
    const rows = series.rows.filter((row) => {
      if (row >= this.#rowsEnd) return false;
      const timeNs = index.timeNs(row);
      if (timeNs < range.startNs || timeNs > range.endNs) return false;
      return wanted === undefined || wanted.has(toHex(index.uuid(row)));
    });
    if (series.rows.length > rowsLookedAt / 100) await meter.pause();
    return rows;
  }
}
