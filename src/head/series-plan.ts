// From one scanned pprof to the series it becomes: one label set per (sample-label group, sample
// type). Pure: the ingester checks the plan against limits, the head then carries it out.
import { noSeries, type ScanFacts } from '../kernel/facts.ts';
import { isControlLabel, type Label, type Labels, labelsKey, sortLabels } from '../model/labels.ts';
import { isTypeLabel, seriesLabels } from '../model/profile-type.ts';

export interface SeriesPlan {
  /** For each scanned group the group whose rows it shares: groups whose labels end up equal. */
  groupTargets: Uint32Array;
  /** Labels of each target group, before those of the sample type: what label limits are about. */
  groupLabels: Labels[];
  /** Final label sets, each to be one series. */
  series: { labels: Labels; key: string }[];
  /** Per (group, sample type), row-major: an index into `series`, or `noSeries`. */
  slots: Uint32Array;
}

/**
 * Plans the rows of a profile whose final labels are `labels`. A label of the profile wins over a
 * sample label of the same name; a type without any non-zero sample gets no series.
 */
export function planSeries(labels: Labels, facts: ScanFacts): SeriesPlan {
  const { groups, sampleTypes, periodType } = facts;
  const groupTargets = new Uint32Array(groups.length);
  const groupLabels: Labels[] = [];
  const labelsOfTarget = new Map<number, Labels>();
  const targets = new Map<string, number>();
  const names = new Set(labels.map((label) => label.name));
  for (const [g, group] of groups.entries()) {
    const own = group.labels.length === 0 ? [] : sampleOwnLabels(group.labels, names);
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
  return { groupTargets, groupLabels, series, slots };
}

/** The labels a sample adds: not the profile's, not control labels, not the server's own. */
function sampleOwnLabels(sample: readonly Label[], names: ReadonlySet<string>): Label[] {
  return sample.filter(
    ({ name, value }) =>
      value !== '' && !names.has(name) && !isTypeLabel(name) && !isControlLabel(name),
  );
}
