// The label side of queries: names, values, profile types and series of a number of label sets.
// Selectors are alternatives: a series counts when any of them matches; none means all.
import { compareUtf8 } from '../lib/compare-utf8.ts';
import { compareLabels, type Labels, labelNames, labelsKey, labelValue } from './labels.ts';
import { type Selector, selectorMatches } from './matcher.ts';

/** Label sets of one or more heads, in any order, possibly repeated. */
export type LabelSets = Iterable<Labels>;

function* matching(sets: LabelSets, selectors: readonly Selector[]): Generator<Labels> {
  const isAll = selectors.length === 0 || selectors.some((selector) => selector.length === 0);
  for (const labels of sets) {
    if (isAll || selectors.some((selector) => selectorMatches(selector, labels))) yield labels;
  }
}

/** Distinct label names, sorted bytewise, the server's own (`__…__`) among them. */
export function distinctNames(sets: LabelSets, selectors: readonly Selector[]): string[] {
  const names = new Set<string>();
  for (const labels of matching(sets, selectors)) for (const { name } of labels) names.add(name);
  return [...names].sort(compareUtf8);
}

/** Distinct values of one label, sorted bytewise. */
export function distinctValues(
  sets: LabelSets,
  name: string,
  selectors: readonly Selector[],
): string[] {
  const values = new Set<string>();
  for (const labels of matching(sets, selectors)) {
    const value = labelValue(labels, name);
    if (value !== '') values.add(value);
  }
  return [...values].sort(compareUtf8);
}

/** Distinct five-part profile types, sorted bytewise. */
export function distinctProfileTypes(sets: LabelSets): string[] {
  return distinctValues(sets, labelNames.profileType, []);
}

/** Distinct label sets, cut down to `names` when any are given, sorted. */
export function distinctSeries(
  sets: LabelSets,
  selectors: readonly Selector[],
  names: readonly string[],
): Labels[] {
  const wanted = new Set(names);
  const found = new Map<string, Labels>();
  for (const labels of matching(sets, selectors)) {
    const kept = wanted.size === 0 ? labels : labels.filter((label) => wanted.has(label.name));
    found.set(labelsKey(kept), kept);
  }
  return [...found.values()].sort(compareLabels);
}
