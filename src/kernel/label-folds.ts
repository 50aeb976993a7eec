// Which sample labels to fold when they would make too many series: a folded label is left out, and
// the samples it told apart are one series again. Owns the order and the count. What it answers
// depends on its arguments alone, because a log is replayed by it.
import { compareUtf8 } from '../lib/compare-utf8.ts';
import { type Label, labelsKey } from '../model/labels.ts';

/** Names of the sets' labels, the one with the most values first, ties by name. */
export function foldOrder(sets: readonly (readonly Label[])[]): string[] {
  return weighed(sets).map(({ name }) => name);
}

/** The fewest names, in `foldOrder`, without which there are at most `setsMax` distinct sets. */
export function labelsToFold(sets: readonly (readonly Label[])[], setsMax: number): string[] {
  if (sets.length <= setsMax) return [];
  const order = weighed(sets);
  const names = order.map(({ name }) => name);
  // A label makes as many sets as it has values, whatever becomes of the others.
  const least = order.filter(({ values }) => values > setsMax).length;
  const count = fewest(least, names.length, (folded) =>
    hasFewSets(sets, new Set(names.slice(0, folded)), setsMax),
  );
  return names.slice(0, count);
}

/**
 * The smallest number from `least` to `most` that is enough, when every number above one that is
 * enough is enough too. `most` is taken for enough.
 */
export function fewest(least: number, most: number, isEnough: (count: number) => boolean): number {
  let low = least;
  let high = most;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isEnough(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function weighed(sets: readonly (readonly Label[])[]): { name: string; values: number }[] {
  const known = new Map<string, Set<string>>();
  for (const set of sets) {
    for (const { name, value } of set) {
      const values = known.get(name);
      if (values === undefined) known.set(name, new Set([value]));
      else values.add(value);
    }
  }
  return [...known]
    .map(([name, values]) => ({ name, values: values.size }))
    .sort((a, b) => b.values - a.values || compareUtf8(a.name, b.name));
}

function hasFewSets(
  sets: readonly (readonly Label[])[],
  folded: ReadonlySet<string>,
  setsMax: number,
): boolean {
  const keys = new Set<string>();
  for (const set of sets) {
    keys.add(labelsKey(set.filter(({ name }) => !folded.has(name))));
    if (keys.size > setsMax) return false;
  }
  return true;
}
