// From one scanned pprof to the series it becomes: one label set per (sample-label group, sample
// type). Pure: the ingester checks the plan against limits, the head then carries it out.
import { noSeries, type ScanFacts } from '../kernel/facts.ts';
import { labelsToFold } from '../kernel/label-folds.ts';
import { isControlLabel, type Label, type Labels, labelsKey, sortLabels } from '../model/labels.ts';
import { isTypeLabel, seriesLabels } from '../model/profile-type.ts';
import type { Treatment } from '../model/treatment.ts';

export interface SeriesPlan {
  /** For each scanned group the group whose rows it shares: groups whose labels end up equal. */
  groupTargets: Uint32Array;
  /** Labels of each target group, before those of the sample type: what label limits are about. */
  groupLabels: Labels[];
  /** Final label sets, each to be one series. */
  series: { labels: Labels; key: string }[];
  /** Per (group, sample type), row-major: an index into `series`, or `noSeries`. */
  slots: Uint32Array;
  /** What it was made with. */
  treatment: Treatment;
  /** Sample labels that are folded because the profile has too many sets of them. */
  excessLabels: string[];
}

/** Characters of the label sets of one profile together: a short text can be in many of them. */
const labelCharsMax = 8 * 1024 * 1024;
/** What a sample type adds to a set, about. */
const typeLabelChars = 200;

/**
 * Plans the rows of a profile whose final labels are `labels`. A label of the profile wins over a
 * sample label of the same name; a type without any non-zero sample gets no series. Past the bounds
 * of the treatment sample labels are folded, those with the most values first. Depends on the
 * arguments alone.
 */
export function planSeries(labels: Labels, facts: ScanFacts, treatment: Treatment): SeriesPlan {
  const { groups, sampleTypes, periodType } = facts;
  const { sets, excessLabels } = sampleSets(labels, facts, treatment);
  const groupTargets = new Uint32Array(groups.length);
  const groupLabels: Labels[] = [];
  const labelsOfTarget = new Map<number, Labels>();
  const targets = new Map<string, number>();
  for (const [g, own] of sets.entries()) {
    const merged = own.length === 0 ? labels : sortLabels([...labels, ...own]);
    const key = labelsKey(merged);
    const target = targets.get(key) ?? g;
    groupTargets[g] = target;
    if (target !== g) continue;
    targets.set(key, g);
    labelsOfTarget.set(g, merged);
    groupLabels.push(merged);
  }
  const series: SeriesPlan['series'] = [];
  const seriesByKey = new Map<string, number>();
  const slots = new Uint32Array(groups.length * sampleTypes.length).fill(noSeries);
  for (const [g, group] of groups.entries()) {
    const target = groupTargets[g] as number;
    for (const [t, type] of sampleTypes.entries()) {
      if (group.sampleCounts[t] === 0) continue;
      const slot = target * sampleTypes.length + t;
      if (slots[slot] !== noSeries) continue;
      const set = seriesLabels(labelsOfTarget.get(target) as Labels, type, periodType);
      const key = labelsKey(set);
      let index = seriesByKey.get(key);
      if (index === undefined) {
        index = series.push({ labels: set, key }) - 1;
        seriesByKey.set(key, index);
      }
      slots[slot] = index;
    }
  }
  return { groupTargets, groupLabels, series, slots, treatment, excessLabels };
}

/** The labels that each group adds to those of the profile. */
function sampleSets(
  labels: Labels,
  { groups, sampleTypes, ignoredLabels }: ScanFacts,
  { labelGroupsMax, foldedLabels }: Treatment,
): { sets: Label[][]; excessLabels: string[] } {
  const names = new Set([...labels.map(({ name }) => name), ...foldedLabels]);
  const sets = groups.map((group) => sampleOwnLabels(group.labels, names));
  // The base group is there even when no sample is in it.
  const used = sets.filter((_, g) => g > 0 || groups[0]?.sampleCounts.some((count) => count > 0));
  const chars = charsOf(labels) + Math.max(0, ...used.map(charsOf)) + typeLabelChars;
  const charsSets = Math.max(1, Math.floor(labelCharsMax / (chars * sampleTypes.length)));
  const folded = labelsToFold(used, Math.min(labelGroupsMax, charsSets));
  if (folded.length === 0) return { sets, excessLabels: ignoredLabels };
  const excess = new Set(folded);
  return {
    sets: sets.map((set) => set.filter(({ name }) => !excess.has(name))),
    excessLabels: [...ignoredLabels, ...folded],
  };
}

function charsOf(labels: Labels): number {
  return labels.reduce((sum, { name, value }) => sum + name.length + value.length, 0);
}

/** The labels a sample adds: not the profile's, not control labels, not the server's own. */
function sampleOwnLabels(sample: readonly Label[], without: ReadonlySet<string>): Label[] {
  return sample.filter(
    ({ name, value }) =>
      value !== '' && !without.has(name) && !isTypeLabel(name) && !isControlLabel(name),
  );
}
