// What `meta.json` alone decides: which datasets a selector and a time range mean, which matchers
// are left for the label sets, and which labels a dataset implies. No file is opened for any of it.
import { type Label, type Labels, labelNames, labelValue, sortLabels } from '../model/labels.ts';
import type { Matcher, Selector } from '../model/matcher.ts';
import { parseProfileType } from '../model/profile-type.ts';
import { rangesOverlap, type TimeRange } from '../model/source.ts';
import type { BlockMeta, Dataset } from './meta.ts';

export interface Selection {
  /** In row order; all series of them that match `open` are meant. */
  datasets: readonly Dataset[];
  /** Matchers that only label sets decide. Empty: all series of the datasets are meant. */
  open: readonly Matcher[];
}

const nsPerMs = 1_000_000n;
const certain: ReadonlySet<string> = new Set([labelNames.serviceName, labelNames.profileType]);
const derived: ReadonlySet<string> = new Set([
  ...certain,
  labelNames.name,
  labelNames.type,
  labelNames.unit,
  labelNames.periodType,
  labelNames.periodUnit,
]);

/** Datasets with a profile in the range, as far as milliseconds tell, that no matcher rules out. */
export function selectDatasets(meta: BlockMeta, selector: Selector, range: TimeRange): Selection {
  const open = new Set<Matcher>();
  const datasets = meta.datasets.filter((dataset) => {
    if (!rangesOverlap(rangeOf(dataset), range)) return false;
    const labels = impliedLabels(dataset);
    const undecided = selector.filter((matcher) => !knowsName(dataset, matcher.name));
    const rest = selector.filter((matcher) => !undecided.includes(matcher));
    if (!rest.every((matcher) => matcher.matches(labelValue(labels, matcher.name)))) return false;
    for (const matcher of undecided) open.add(matcher);
    return true;
  });
  return { datasets, open: [...open] };
}

/** First and last profile: milliseconds were rounded down, so the last may be almost one later. */
export function rangeOf(times: { minTime: number; maxTime: number }): TimeRange {
  return {
    startNs: BigInt(times.minTime) * nsPerMs,
    endNs: BigInt(times.maxTime) * nsPerMs + nsPerMs - 1n,
  };
}

/** True when no profile of the dataset can be outside the range. */
export function isInside(dataset: Dataset, range: TimeRange): boolean {
  const { startNs, endNs } = rangeOf(dataset);
  return range.startNs <= startNs && endNs <= range.endNs;
}

/** True when the dataset implies the value of this label for all its series, absence included. */
export function knowsName(dataset: Dataset, name: string): boolean {
  return isExact(dataset) ? derived.has(name) : certain.has(name);
}

/** The labels that all series of the dataset share because of its name and type; sorted. */
export function impliedLabels(dataset: Dataset): Labels {
  const { serviceName, profileType } = dataset;
  const labels: Label[] = [];
  const add = (name: string, value: string) => {
    if (value !== '') labels.push({ name, value });
  };
  add(labelNames.serviceName, serviceName);
  add(labelNames.profileType, profileType);
  const type = isExact(dataset) ? parseProfileType(profileType) : undefined;
  if (type !== undefined) {
    add(labelNames.name, type.name);
    add(labelNames.type, type.sampleType);
    add(labelNames.unit, type.sampleUnit);
    add(labelNames.periodType, type.periodType);
    add(labelNames.periodUnit, type.periodUnit);
  }
  return sortLabels(labels);
}

/** A part with a colon in it makes an id of more parts, and nobody can tell which they were. */
function isExact({ profileType }: Dataset): boolean {
  return profileType.split(':').length === 5;
}
