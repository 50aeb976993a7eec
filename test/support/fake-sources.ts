// Sources in memory, cut out of the rows of a query model: for tests of the engine that need no
// head and no block. Owns the split of rows into sources and what each answers; counts what is open
// and asked, and fails where a test says so.
import type { Labels } from '../../src/model/labels.ts';
import { selectorMatches } from '../../src/model/matcher.ts';
import {
  type FunctionTree,
  type OpenSources,
  type PointQuery,
  type PointSeries,
  type QueryMeter,
  rangesOverlap,
  type Source,
  type SourceProvider,
  type StackPart,
  type StackQuery,
  type TimeRange,
} from '../../src/model/source.ts';
import { encodePprof, type PprofInput } from '../fixtures/pprof-writer.ts';
import type { ModelFrame, ModelRow, ModelSample } from './query-model-rows.ts';

const labelsOf = (row: ModelRow): Labels => row.labels.map(([name, value]) => ({ name, value }));
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const key = (parts: unknown) => JSON.stringify(parts);

/** Before a source answers: may throw, wait, or count with the meter. */
export type BeforeAnswer = (source: string, meter: QueryMeter) => Promise<void> | void;

/** One source over some rows; all are of one tenant, and there is at least one. */
export function fakeSource(name: string, rows: readonly ModelRow[], before: BeforeAnswer): Source {
  const times = rows.map(({ timeNs }) => timeNs).sort((a, b) => (a < b ? -1 : 1));
  const range: TimeRange = { startNs: times[0] as bigint, endNs: times.at(-1) as bigint };
  return {
    name,
    range,
    memoryOf: () => 1,
    async series({ selector }, meter) {
      await before(name, meter);
      const sets = rows.map(labelsOf).filter((labels) => selectorMatches(selector, labels));
      return [...new Map(sets.map((labels) => [key(labels), labels])).values()];
    },
    async stacks(query, meter) {
      await before(name, meter);
      const samples = selectSamples(rows, query);
      if (samples.length === 0) return undefined;
      return query.shape === 'functions' ? treePart(samples) : pprofPart(samples);
    },
    async points(query, meter) {
      await before(name, meter);
      return pointsOf(rows, query);
    },
  };
}

function isUnder({ frames }: ModelSample, callSite: readonly string[] | undefined): boolean {
  return (callSite ?? []).every((name, i) => frames[i]?.name === name);
}

function selectSamples(rows: readonly ModelRow[], query: StackQuery): ModelSample[] {
  const { callSite, profileIds, spanIds, traceIds } = query.filter;
  const ids = profileIds?.map(hexOf);
  const traces = traceIds?.map(hexOf);
  return rows
    .filter((row) => selectorMatches(query.selector, labelsOf(row)))
    .filter(({ timeNs }) => timeNs >= query.startNs && timeNs <= query.endNs)
    .filter(({ profileId }) => ids === undefined || ids.includes(profileId))
    .flatMap(({ samples }) => samples)
    .filter((one) => isUnder(one, callSite))
    .filter(({ spanId }) => spanIds === undefined || spanIds.includes(spanId))
    .filter(({ traceId }) => traces === undefined || traces.includes(traceId));
}

/** Siblings may share a name in parts, and here all of them do: each sample has its own path. */
function treePart(samples: readonly ModelSample[]): StackPart {
  const names: string[] = [];
  const ids = new Map<string, number>();
  const nodes = [{ parent: 0, name: 0, self: 0n }];
  for (const { frames, value } of samples) {
    let parent = 0;
    for (const { name } of frames) {
      if (!ids.has(name)) ids.set(name, names.push(name) - 1);
      parent = nodes.push({ parent, name: ids.get(name) as number, self: 0n }) - 1;
    }
    (nodes[parent] as (typeof nodes)[number]).self += value;
  }
  const encoded = names.map((name) => Buffer.from(name));
  const offsets = new Uint32Array(names.length + 1);
  for (const [i, one] of encoded.entries()) offsets[i + 1] = (offsets[i] ?? 0) + one.length;
  const tree: FunctionTree = {
    parents: Uint32Array.from(nodes, ({ parent }) => parent),
    nameIds: Uint32Array.from(nodes, ({ name }) => name),
    self: BigInt64Array.from(nodes, ({ self }) => self),
    names: { offsets, bytes: Uint8Array.from(Buffer.concat(encoded)) },
  };
  return { shape: 'functions', tree };
}

/** Stacks are merged, as the contract says; every frame is a location of its own. */
function pprofPart(samples: readonly ModelSample[]): StackPart {
  const ids = new Map<string, number>();
  const functions: NonNullable<PprofInput['functions']>[number][] = [];
  const locations: NonNullable<PprofInput['locations']>[number][] = [];
  const locationOf = ({ name, file, line }: ModelFrame): number => {
    const known = ids.get(key([name, file, `${line}`]));
    if (known !== undefined) return known;
    const id = functions.push({ id: functions.length + 1, name, file });
    locations.push({ id, lines: [{ function: id, line }] });
    ids.set(key([name, file, `${line}`]), id);
    return id;
  };
  const stacks = new Map<string, { locations: number[]; values: [bigint] }>();
  for (const { frames, value } of samples) {
    const path = frames.map(locationOf).reverse();
    const stack = stacks.get(path.join()) ?? { locations: path, values: [0n] };
    stack.values[0] += value;
    stacks.set(path.join(), stack);
  }
  // A header that nobody asked for: the engine must put its own in place.
  const profile = encodePprof({
    sampleTypes: [['made', 'up']],
    samples: [...stacks.values()],
    functions,
    locations,
    timeNs: 12345n,
    period: 77,
    periodType: ['made', 'up'],
    comments: [],
  });
  return { shape: 'pprof', profile };
}

function pointsOf(rows: readonly ModelRow[], query: PointQuery): PointSeries[] {
  const { startNs, stepNs, slots } = query.grid;
  const groups = new Map<string, { labels: Labels; slots: Map<number, [bigint, number]> }>();
  for (const row of rows) {
    const labels = labelsOf(row);
    const after = row.timeNs - startNs;
    if (after < -stepNs || !selectorMatches(query.selector, labels)) continue;
    const slot = after <= 0n ? 0 : Number((after + stepNs - 1n) / stepNs);
    if (slot >= slots) continue;
    const kept = labels.filter(({ name }) => query.groupBy.includes(name));
    const group = groups.get(key(kept)) ?? { labels: kept, slots: new Map() };
    groups.set(key(kept), group);
    const [sum, count] = group.slots.get(slot) ?? [0n, 0];
    const samples = row.samples.filter((one) => isUnder(one, query.callSite));
    group.slots.set(slot, [samples.reduce((total, { value }) => total + value, sum), count + 1]);
  }
  return [...groups.values()].map(({ labels, slots: filled }) => {
    const sorted = [...filled].sort(([a], [b]) => a - b);
    return {
      labels,
      slots: Uint32Array.from(sorted, ([slot]) => slot),
      sums: sorted.map(([, [sum]]) => sum),
      counts: Uint32Array.from(sorted, ([, [, count]]) => count),
    };
  });
}

/** A provider over rows, `rowsPerSource` of a tenant in each source. */
export class FakeProvider implements SourceProvider {
  openCount = 0;
  readonly opened: (TimeRange | undefined)[] = [];
  before: BeforeAnswer = () => undefined;
  readonly #rows: readonly ModelRow[];
  readonly #rowsPerSource: number;

  constructor(rows: readonly ModelRow[], rowsPerSource: number) {
    this.#rows = rows;
    this.#rowsPerSource = rowsPerSource;
  }

  async open(tenant: string, range: TimeRange | undefined): Promise<OpenSources> {
    this.opened.push(range);
    this.openCount++;
    const rows = this.#rows.filter((row) => row.tenant === tenant);
    const sources: Source[] = [];
    for (let from = 0; from < rows.length; from += this.#rowsPerSource) {
      const some = rows.slice(from, from + this.#rowsPerSource);
      const name = `block ${tenant}${from / this.#rowsPerSource}`;
      const source = fakeSource(name, some, (named, meter) => this.before(named, meter));
      if (range === undefined || rangesOverlap(source.range, range)) sources.push(source);
    }
    let isOpen = true;
    const close = () => {
      if (!isOpen) throw new Error('closed twice');
      isOpen = false;
      this.openCount--;
    };
    return { sources, close };
  }
}
