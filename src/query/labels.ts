// Label calls: names, values, series and profile types over all sources. Owns how lists of
// selectors are read and what a missing range means; `model/label-queries.ts` owns the answers.
import { Failure } from '../errors.ts';
import {
  distinctNames,
  distinctProfileTypes,
  distinctSeries,
  distinctValues,
} from '../model/label-queries.ts';
import { type Labels, labelNames, labelsKey } from '../model/labels.ts';
import { parseSelector, type Selector } from '../model/matcher.ts';
import { parseProfileType } from '../model/profile-type.ts';
import type { TimeRange } from '../model/source.ts';
import { nsToMs } from '../model/time.ts';
import type { LabelRequest, MsRange } from './contract.ts';
import { allTime, lastHour, rangeNs, seenRange } from './range.ts';
import type { Reading } from './sources.ts';
import type { Planning } from './validate.ts';

/** Strings of one `matchers` list. */
const matchersMax = 100;

export interface LabelPlan {
  /** Undefined: everything there is. */
  range: TimeRange | undefined;
  /** One of them must match; none: all series. */
  selectors: readonly Selector[];
}

/** Undefined: the answer is empty. Throws `invalid`. */
export function planLabels(request: LabelRequest, planning: Planning): LabelPlan | undefined {
  const seen = request.range && seenRange(request.range, planning.limits, planning.nowMs);
  if (request.range !== undefined && seen === undefined) return undefined;
  const { matchers, any } = request;
  if (matchers.length > matchersMax) {
    throw new Failure('invalid', `${matchers.length} matchers are given, limit ${matchersMax}`);
  }
  const parsed = matchers.map(parseSelector);
  // An alternative that matches everything makes the others void.
  const isAll = parsed.length === 0 || (any && parsed.some((selector) => selector.length === 0));
  const selectors = isAll ? [] : any ? parsed : [parsed.flat()];
  return { range: seen && rangeNs(seen), selectors };
}

/** Of the last hour without a range, as health checks ask; ids that are malformed are left out. */
export async function profileTypes(
  reading: Reading,
  range: MsRange | undefined,
  { limits, nowMs }: Planning,
): Promise<string[]> {
  const seen = range ? seenRange(range, limits, nowMs) : lastHour(nowMs);
  if (seen === undefined) return [];
  const plan = { range: rangeNs(seen), selectors: [] };
  const sets = await labelSets(reading, plan, [labelNames.profileType]);
  return distinctProfileTypes(sets).filter((id) => parseProfileType(id) !== undefined);
}

/** Sorted, the server's own (`__…__`) among them. */
export async function namesOf(reading: Reading, plan: LabelPlan): Promise<string[]> {
  return distinctNames(await labelSets(reading, plan, undefined), []);
}

/** Sorted. `name` is not empty. */
export async function valuesOf(reading: Reading, plan: LabelPlan, name: string): Promise<string[]> {
  return distinctValues(await labelSets(reading, plan, [name]), name, []);
}

/** Distinct label sets, cut down to `names` when any are given, sorted. */
export async function seriesOf(
  reading: Reading,
  plan: LabelPlan,
  names: readonly string[],
): Promise<Labels[]> {
  const sets = await labelSets(reading, plan, names.length > 0 ? names : undefined);
  return distinctSeries(sets, [], names);
}

/** Times of the first and the last profile, rounded down; undefined without data. */
export async function statsOf(reading: Reading): Promise<MsRange | undefined> {
  const sources = await reading.open(undefined);
  if (sources.length === 0) return undefined;
  let { startNs, endNs } = (sources[0] as (typeof sources)[number]).source.range;
  for (const { source } of sources) {
    if (source.range.startNs < startNs) startNs = source.range.startNs;
    if (source.range.endNs > endNs) endNs = source.range.endNs;
  }
  return { startMs: nsToMs(startNs), endMs: nsToMs(endNs) };
}

/** Distinct sets that match, over all sources, without what nobody asked for. */
async function labelSets(
  reading: Reading,
  plan: LabelPlan,
  names: readonly string[] | undefined,
): Promise<Labels[]> {
  const range = plan.range ?? allTime;
  const wanted = names && new Set(names);
  const alternatives = plan.selectors.length > 0 ? plan.selectors : [[]];
  const found = new Map<string, Labels>();
  const sources = await reading.open(plan.range);
  for (const selector of alternatives) {
    const query = { ...range, selector, names };
    await reading.ask(
      sources,
      { call: { series: query }, ask: (source, meter) => source.series(query, meter) },
      async (sets) => {
        for (const labels of sets) {
          const kept = wanted ? labels.filter(({ name }) => wanted.has(name)) : labels;
          found.set(labelsKey(kept), kept);
        }
        await reading.meter.pause();
      },
    );
  }
  return [...found.values()];
}
