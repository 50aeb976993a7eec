// Time series: what profiles add up to, by slot and group. Owns the grid, the merge over sources,
// the order of the series and the one rounding from exact sums to the doubles of the wire.
import { compareLabels, type Labels, labelsKey } from '../model/labels.ts';
import type { PointGrid, PointSeries, TimeRange } from '../model/source.ts';
import { msToNs } from '../model/time.ts';
import type { SeriesRequest, TimeSeries } from './contract.ts';
import { rangeNs } from './range.ts';
import type { Reading } from './sources.ts';
import { type SelectPlan, slotCount } from './validate.ts';

interface Slot {
  sum: bigint;
  profiles: number;
}

interface Group {
  labels: Labels;
  slots: Map<number, Slot>;
}

/** The series with the largest sums first; equal ones by labels. */
export async function timeSeriesOf(
  reading: Reading,
  plan: SelectPlan,
  request: SeriesRequest,
): Promise<TimeSeries[]> {
  const { stepMs, groupBy, callSite } = request;
  const slots = slotCount(plan.range, stepMs);
  const startMs = plan.range.startMs;
  const grid: PointGrid = { startNs: msToNs(startMs), stepNs: msToNs(stepMs), slots };
  const query = {
    selector: plan.selector,
    profileType: plan.profileType.id,
    grid,
    groupBy,
    ...(callSite === undefined ? {} : { callSite }),
  };
  const sources = await reading.open(seriesRange(plan, stepMs));
  const groups = new Map<string, Group>();
  await reading.ask(
    sources,
    { call: { points: query }, ask: (source, meter) => source.points(query, meter) },
    async (part) => {
      for (const one of part) {
        addPart(groups, one);
        await reading.meter.pause();
      }
    },
  );
  return ranked([...groups.values()], request, startMs);
}

/** The first edge looks back a whole step; what lies after the last edge belongs to no slot. */
export function seriesRange({ range }: SelectPlan, stepMs: number): TimeRange {
  const { startMs } = range;
  const endMs = startMs + (slotCount(range, stepMs) - 1) * stepMs;
  return rangeNs({ startMs: startMs - stepMs, endMs });
}

function addPart(groups: Map<string, Group>, part: PointSeries): void {
  const key = labelsKey(part.labels);
  let group = groups.get(key);
  if (group === undefined) {
    group = { labels: part.labels, slots: new Map() };
    groups.set(key, group);
  }
  for (const [i, index] of part.slots.entries()) {
    const slot = group.slots.get(index) ?? { sum: 0n, profiles: 0 };
    slot.sum += part.sums[i] ?? 0n;
    slot.profiles += part.counts[i] ?? 0;
    group.slots.set(index, slot);
  }
}

function ranked(groups: Group[], request: SeriesRequest, startMs: number): TimeSeries[] {
  const { stepMs, aggregation, limit } = request;
  const isAverage = aggregation === 'average';
  const rows = groups
    .filter(({ slots }) => slots.size > 0)
    .map(({ labels, slots }) => {
      const filled = [...slots].sort(([a], [b]) => a - b);
      const points = filled.map(([index, { sum, profiles }]) => ({
        timestampMs: startMs + index * stepMs,
        value: isAverage ? dividedOnce(sum, profiles) : Number(sum),
      }));
      // Sums are compared exactly, means as the doubles they are answered as.
      const exact = isAverage ? 0n : filled.reduce((sum, [, slot]) => sum + slot.sum, 0n);
      const rough = isAverage ? points.reduce((sum, point) => sum + point.value, 0) : 0;
      return { labels, points, exact, rough };
    })
    .sort((a, b) => {
      if (a.exact !== b.exact) return a.exact > b.exact ? -1 : 1;
      return b.rough - a.rough || compareLabels(a.labels, b.labels);
    });
  const kept = limit > 0 ? rows.slice(0, limit) : rows;
  return kept.map(({ labels, points }) => ({ labels, points }));
}

const fractionBits = 64n;

/** `sum / count` as the nearest double. `sum` is not negative, `count` a whole number from 1. */
export function dividedOnce(sum: bigint, count: number): number {
  if (sum <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(sum) / count;
  const scaled = sum << fractionBits;
  const quotient = scaled / BigInt(count);
  // The lowest bit says that something follows, so that no tie is seen where there is none.
  const sticky = scaled % BigInt(count) === 0n ? 0n : 1n;
  return Number(quotient | sticky) / 2 ** Number(fractionBits);
}
