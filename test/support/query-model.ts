// The oracle of queries: keeps every pushed pprof as plain rows and answers each call of the query
// engine by brute force, with the rules of the wire. Shares no code with the product, knows no
// heads and no blocks, and checks no limits: ask it only what is legal.
import { nearestQuotient } from './nearest-quotient.ts';
import {
  compareBytes,
  type ModelPush,
  type ModelRow,
  type ModelSample,
  rowsOf,
} from './query-model-rows.ts';
import {
  modelCallTree,
  modelDiff,
  modelFlameGraph,
  modelTreeBytes,
  type WeightedStack,
} from './query-model-tree.ts';

export interface ModelMatcher {
  name: string;
  operator: '=' | '!=' | '=~' | '!~';
  value: string;
}

/** Milliseconds, both ends inclusive. */
export interface ModelRange {
  startMs: number;
  endMs: number;
}

export interface ModelSelect {
  tenants: readonly string[];
  /** Five or six parts. */
  profileType: string;
  /** All must match. */
  matchers: readonly ModelMatcher[];
  range: ModelRange;
  callSite?: readonly string[];
  /** Hex digits, with or without hyphens; in any case. So are the others. */
  profileIds?: readonly string[];
  spanIds?: readonly string[];
  traceIds?: readonly string[];
}

export interface ModelSeriesSelect extends ModelSelect {
  stepMs: number;
  groupBy: readonly string[];
  aggregation: 'sum' | 'average';
  limit: number;
}

export interface ModelLabelSelect {
  tenants: readonly string[];
  /** Undefined: everything. */
  range: ModelRange | undefined;
  /** Selectors, of which all (`any` false) or one must match; none: all series. */
  selectors: readonly (readonly ModelMatcher[])[];
  any: boolean;
  /**
   * Which rows are seen, as labels are looked up by head and block: default those in the range. An
   * answer that must hold for any cut into blocks lies between this default and `() => true`.
   */
  sees?: (row: ModelRow) => boolean;
}

/** The selector of the matchers, as clients write it. */
export function selectorText(matchers: readonly ModelMatcher[]): string {
  const quote = (name: string) => (/^[a-zA-Z_]\w*$/.test(name) ? name : JSON.stringify(name));
  const parts = matchers.map(
    ({ name, operator, value }) => `${quote(name)}${operator}${JSON.stringify(value)}`,
  );
  return `{${parts.join(', ')}}`;
}

/** What is left of a range under a lookback; undefined: nothing. */
export function clampedRange(
  { startMs, endMs }: ModelRange,
  nowMs: number,
  lookbackMs: number,
): ModelRange | undefined {
  const oldest = nowMs - lookbackMs;
  return endMs < oldest ? undefined : { startMs: Math.max(startMs, oldest), endMs };
}

const labelOf = (row: ModelRow, name: string) =>
  row.labels.find(([one]) => one === name)?.[1] ?? '';

function matches(row: ModelRow, matchers: readonly ModelMatcher[]): boolean {
  return matchers.every(({ name, operator, value }) => {
    const found = labelOf(row, name);
    if (operator === '=') return found === value;
    if (operator === '!=') return found !== value;
    return new RegExp(`^(?:${value})$`, 's').test(found) === (operator === '=~');
  });
}

const inRange = (timeNs: bigint, startMs: number, endMs: number) =>
  timeNs >= BigInt(startMs) * 1_000_000n && timeNs <= BigInt(endMs) * 1_000_000n;

/** How a pprof's stack is spelled in the answers of `pprof`. */
export const spellStack = (frames: ModelSample['frames']) =>
  frames.map(({ name, file, line }) => `${name}|${file}|${line}`).join('\n');

export class QueryModel {
  readonly rows: ModelRow[] = [];

  /** Files what the push makes. Give a re-send only once. */
  push(push: ModelPush): ModelRow[] {
    const rows = rowsOf(push);
    this.rows.push(...rows);
    return rows;
  }

  /** Rows of the type, the tenants, the range, the matchers and the profile ids. */
  selected({ tenants, profileType, matchers, range, profileIds }: ModelSelect): ModelRow[] {
    const type = profileType.split(':').slice(0, 5).join(':');
    const ids = profileIds?.map((id) => id.replaceAll('-', '').toLowerCase());
    return this.rows.filter(
      (row) =>
        tenants.includes(row.tenant) &&
        row.profileType === type &&
        matches(row, matchers) &&
        inRange(row.timeNs, range.startMs, range.endMs) &&
        (ids === undefined || ids.includes(row.profileId)),
    );
  }

  #samples(select: ModelSelect): ModelSample[] {
    const { callSite, spanIds, traceIds } = select;
    const spans = spanIds?.map((id) => BigInt(`0x${id}`));
    const traces = traceIds?.map((id) => id.toLowerCase());
    return this.selected(select)
      .flatMap(({ samples }) => samples)
      .filter((one) => isUnder(one, callSite))
      .filter(({ spanId }) => spans === undefined || (spanId !== 0n && spans.includes(spanId)))
      .filter(({ traceId }) => traces === undefined || traces.includes(traceId));
  }

  /** Selected stacks by function name, for whatever else a test wants to know. */
  stacks(select: ModelSelect): WeightedStack[] {
    return this.#samples(select).map(({ frames, value }) => ({
      names: frames.map(({ name }) => name),
      values: [value],
    }));
  }

  /** `maxNodes` < 1: all nodes. Put in the default where the request has none. */
  flameGraph(select: ModelSelect, maxNodes: number) {
    return modelFlameGraph(this.stacks(select), maxNodes);
  }

  treeBytes(select: ModelSelect, maxNodes: number) {
    return modelTreeBytes(this.stacks(select), maxNodes);
  }

  callTree(select: ModelSelect, maxNodes: number) {
    return modelCallTree(this.stacks(select), maxNodes);
  }

  diff(left: ModelSelect, right: ModelSelect, maxNodes: number) {
    const side = (select: ModelSelect, put: (value: bigint) => bigint[]) =>
      this.stacks(select).map(({ names, values }) => ({ names, values: put(values[0] ?? 0n) }));
    const stacks = [...side(left, (value) => [value, 0n]), ...side(right, (value) => [0n, value])];
    return modelDiff(stacks, maxNodes);
  }

  /** Values by `spellStack`: what an untruncated pprof must add up to. */
  pprof(select: ModelSelect): Map<string, bigint> {
    const sums = new Map<string, bigint>();
    for (const { frames, value } of this.#samples(select)) {
      const key = spellStack(frames);
      sums.set(key, (sums.get(key) ?? 0n) + value);
    }
    return sums;
  }

  timeSeries(select: ModelSeriesSelect) {
    const { range, stepMs, groupBy, aggregation, limit, callSite } = select;
    const from = { ...select, range: { ...range, startMs: range.startMs - stepMs } };
    type Group = { labels: [string, string][]; slots: Map<number, { sum: bigint; count: bigint }> };
    const groups = new Map<string, Group>();
    for (const row of this.selected(from)) {
      const edgeMs = edgeOf(row.timeNs, range, stepMs);
      if (edgeMs === undefined) continue;
      const labels = row.labels.filter(([name]) => groupBy.includes(name));
      const key = JSON.stringify(labels);
      const group = groups.get(key) ?? { labels, slots: new Map() };
      groups.set(key, group);
      const slot = group.slots.get(edgeMs) ?? { sum: 0n, count: 0n };
      group.slots.set(edgeMs, slot);
      slot.count++;
      for (const one of row.samples) if (isUnder(one, callSite)) slot.sum += one.value;
    }
    const series = [...groups.values()].map(({ labels, slots }) => {
      const ordered = [...slots].sort(([a], [b]) => a - b);
      const points = ordered.map(([timestampMs, { sum, count }]) => ({
        timestampMs,
        value: aggregation === 'sum' ? Number(sum) : nearestQuotient(sum, count),
      }));
      const sums = ordered.map(([, { sum }]) => sum);
      return { labels, points, sum: sums.reduce((a, b) => a + b, 0n) };
    });
    const weight = ({ points }: (typeof series)[number]) =>
      points.reduce((sum, { value }) => sum + value, 0);
    series.sort((a, b) => {
      const order = aggregation === 'sum' ? Number(b.sum - a.sum) : weight(b) - weight(a);
      return order || comparePairs(a.labels, b.labels);
    });
    const kept = limit > 0 ? series.slice(0, limit) : series;
    return kept.map(({ labels, points }) => ({ labels, points }));
  }

  #seen({ tenants, range, selectors, any, sees }: ModelLabelSelect): ModelRow[] {
    const isSeen =
      sees ?? (({ timeNs }) => range === undefined || inRange(timeNs, range.startMs, range.endMs));
    const isMeant = (row: ModelRow) =>
      any && selectors.length > 0
        ? selectors.some((matchers) => matches(row, matchers))
        : selectors.every((matchers) => matches(row, matchers));
    return this.rows.filter((row) => tenants.includes(row.tenant) && isSeen(row) && isMeant(row));
  }

  labelNames(select: ModelLabelSelect): string[] {
    return distinct(this.#seen(select).flatMap(({ labels }) => labels.map(([name]) => name)));
  }

  labelValues(select: ModelLabelSelect, name: string): string[] {
    return distinct(this.#seen(select).map((row) => labelOf(row, name))).filter(Boolean);
  }

  profileTypes(tenants: readonly string[], range: ModelRange, sees?: ModelLabelSelect['sees']) {
    const select = { tenants, range, selectors: [], any: false };
    return this.labelValues(sees ? { ...select, sees } : select, '__profile_type__').filter((id) =>
      [5, 6].includes(id.split(':').length),
    );
  }

  /** `labelNames` empty: whole label sets. */
  series(select: ModelLabelSelect, labelNames: readonly string[]): [string, string][][] {
    const sets = this.#seen(select).map(({ labels }) =>
      labels.filter(([name]) => labelNames.length === 0 || labelNames.includes(name)),
    );
    const byText = new Map(sets.map((set) => [JSON.stringify(set), set]));
    return [...byText.values()].sort(comparePairs);
  }

  /** Times of the first and the last profile in milliseconds, rounded down. */
  profileStats(tenant: string): ModelRange | undefined {
    const times = this.rows.filter((row) => row.tenant === tenant).map(({ timeNs }) => timeNs);
    if (times.length === 0) return undefined;
    const sorted = times.sort((a, b) => (a < b ? -1 : 1));
    const ms = (timeNs: bigint | undefined) => Number((timeNs ?? 0n) / 1_000_000n);
    return { startMs: ms(sorted[0]), endMs: ms(sorted.at(-1)) };
  }
}

/** Stacks that begin with the names, root first. */
function isUnder({ frames }: ModelSample, callSite: readonly string[] | undefined): boolean {
  return (callSite ?? []).every((name, i) => frames[i]?.name === name);
}

/** The first edge at or after the time: `start`, `start + step`, … up to the end. */
function edgeOf(timeNs: bigint, range: ModelRange, stepMs: number): number | undefined {
  for (let edgeMs = range.startMs; edgeMs <= range.endMs; edgeMs += stepMs) {
    if (timeNs <= BigInt(edgeMs) * 1_000_000n) return edgeMs;
  }
  return undefined;
}

const distinct = (texts: readonly string[]) => [...new Set(texts)].sort(compareBytes);

function comparePairs(a: readonly [string, string][], b: readonly [string, string][]): number {
  for (const [i, [name, value]] of a.entries()) {
    const other = b[i];
    if (other === undefined) return 1;
    const order = compareBytes(name, other[0]) || compareBytes(value, other[1]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
