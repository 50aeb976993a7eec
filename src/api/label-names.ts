// Which label names a client is shown. Names with dots and the like are for clients that say in
// `Accept` that they can take them; the others get what Prometheus always allowed.
import { compareLabels, type Label, type Labels, labelsKey } from '../model/labels.ts';

const legacyName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const capability = /;\s*allow-utf8-labelnames\s*=\s*"?true"?\s*(?:[;,]|$)/i;

/** True when a media type of the Accept header carries `allow-utf8-labelnames=true`. */
export function takesAnyLabelName(accept: string | null): boolean {
  return accept !== null && capability.test(accept);
}

/** The names that are shown, in the order given. */
export function shownNames(names: readonly string[], accept: string | null): string[] {
  if (takesAnyLabelName(accept)) return [...names];
  return names.filter((name) => legacyName.test(name));
}

/** The sets without the names that are not shown, sorted; sets that become equal are one. */
export function shownSets(sets: readonly Labels[], accept: string | null): Label[][] {
  if (takesAnyLabelName(accept)) return sets.map((labels) => [...labels]);
  const shown = new Map<string, Label[]>();
  for (const labels of sets) {
    const kept = labels.filter(({ name }) => legacyName.test(name));
    shown.set(labelsKey(kept), kept);
  }
  return [...shown.values()].sort(compareLabels);
}
