// Which sample labels to fold when they would make too many series: a folded label is left out, and
// the samples it told apart are one series again. Owns the order and the count. What it answers
// depends on its arguments alone, because a log is replayed by it.
import { compareUtf8 } from '../lib/compare-utf8.ts';
import { type Label, labelsKey } from '../model/labels.ts';

/** Names of the sets' labels, the one with the most values first, ties by name. */
export function foldOrder(sets: readonly (readonly Label[])[]): string[] {
  const values = new Map<string, Set<string>>();
  for (const set of sets) {
    for (const { name, value } of set) {
      const known = values.get(name);
      if (known === undefined) values.set(name, new Set([value]));
      else known.add(value);
    }
  }
  return [...values]
    .sort((a, b) => b[1].size - a[1].size || compareUtf8(a[0], b[0]))
    .map(([name]) => name);
}

/** The fewest names, in `foldOrder`, without which there are at most `setsMax` distinct sets. */
export function labelsToFold(sets: readonly (readonly Label[])[], setsMax: number): string[] {
  if (sets.length <= setsMax) return [];
  const order = foldOrder(sets);
  const count = fewest(order.length, (folded) => {
    const names = new Set(order.slice(0, folded));
    return countSets(sets, names) <= setsMax;
  });
  return order.slice(0, count);
}

/**
 * The smallest number up to `most` that is enough, when every number above one that is enough is
 * enough too. `most` is taken for enough.
 */
export function fewest(most: number, isEnough: (count: number) => boolean): number {
  let low = 0;
  let high = most;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isEnough(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function countSets(sets: readonly (readonly Label[])[], folded: ReadonlySet<string>): number {
  const keys = new Set<string>();
  for (const set of sets) keys.add(labelsKey(set.filter(({ name }) => !folded.has(name))));
  return keys.size;
}
