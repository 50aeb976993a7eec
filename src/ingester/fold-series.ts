// Fewer series for profiles that have more than there is room for: their sample labels are folded,
// those with the most values first, so that a label with a value for each request costs nobody his
// profiles. Owns how the room is given out; how much there is, is the caller's.
import { planSeries, type SeriesPlan } from '../head/series-plan.ts';
import { fewest, foldOrder } from '../kernel/label-folds.ts';
import type { Prepared } from './prepare.ts';

/** Profiles of a push whose labels are weighed one by one: each takes some milliseconds. */
const weighedMax = 8;
/** Names that a log record may hold of them; a profile that needs more loses all its labels. */
const namesMax = 64;

/** The series that the profiles belong to. */
export function seriesKeys(prepared: readonly Prepared[]): Set<string> {
  return new Set(prepared.flatMap(({ plan }) => keysOf(plan)));
}

/**
 * Plans profiles anew until `fits` holds for the series of all, or none has labels left to fold.
 * Room for every profile without its sample labels comes first, then as many labels as fit, in
 * order. `fits` must not come to hold by more keys.
 */
export function foldToFit(
  prepared: readonly Prepared[],
  fits: (keys: ReadonlySet<string>) => boolean,
): void {
  if (fits(seriesKeys(prepared))) return;
  const whole = prepared.map(({ plan }) => plan);
  for (const one of prepared) foldAll(one);
  const taken = new Counts();
  for (const { plan } of prepared) taken.add(keysOf(plan));
  if (!fits(taken.keys())) return;
  let weighed = 0;
  for (const [i, one] of prepared.entries()) {
    if (one.folded.room === 0) continue;
    const plan = whole[i] as SeriesPlan;
    taken.remove(keysOf(one.plan));
    const others = [...taken.keys()];
    if (fits(new Set([...others, ...keysOf(plan)]))) {
      one.plan = plan;
      one.folded.room = 0;
    } else if (weighed < weighedMax) {
      weighed += 1;
      foldSome(one, plan, (keys) => fits(new Set([...others, ...keys])));
    }
    taken.add(keysOf(one.plan));
  }
}

/** Keys and how many profiles have them. */
class Counts {
  readonly #counts = new Map<string, number>();

  add(keys: readonly string[]): void {
    for (const key of keys) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  remove(keys: readonly string[]): void {
    for (const key of keys) {
      const left = (this.#counts.get(key) ?? 0) - 1;
      if (left > 0) this.#counts.set(key, left);
      else this.#counts.delete(key);
    }
  }

  keys(): Set<string> {
    return new Set(this.#counts.keys());
  }
}

function foldAll(one: Prepared): void {
  const { treatment } = one.plan;
  const names = labelNamesOf(one).length;
  if (names === 0) return;
  one.plan = planSeries(one.labels, one.facts, { ...treatment, labelGroupsMax: 0 });
  one.folded.room = names;
}

/** Folds the fewest labels; those of a profile that needs more than a few stay folded. */
function foldSome(
  one: Prepared,
  { treatment }: SeriesPlan,
  fits: (keys: readonly string[]) => boolean,
): void {
  const names = labelNamesOf(one);
  const planOf = (count: number) => {
    const foldedLabels = names.slice(0, count);
    return planSeries(one.labels, one.facts, { ...treatment, foldedLabels });
  };
  // All of them is known to fit.
  const most = Math.min(names.length, namesMax + 1);
  const count = fewest(0, most, (folded) => fits(keysOf(planOf(folded))));
  if (count === most) return;
  one.plan = planOf(count);
  one.folded.room = count;
}

/** Sample labels in the order in which they are folded. */
function labelNamesOf({ facts, labels }: Prepared): string[] {
  if (facts.groups.length === 1) return [];
  const own = new Set(labels.map(({ name }) => name));
  const sets = facts.groups.map((group) => group.labels.filter(({ name }) => !own.has(name)));
  return foldOrder(sets);
}

function keysOf({ series }: SeriesPlan): string[] {
  return series.map(({ key }) => key);
}
