// How the benches measure: everything that is compared runs in one process, in turns, and medians
// are divided. Absolute times of a shared machine move by a factor of two, ratios hardly.
import { createRandom } from '../fixtures/random.ts';

/** One figure of one runtime. */
export interface Row {
  /** The same on every runtime: rows of one name share a line of the table. */
  name: string;
  value: number;
  /** `value` as shown, with its unit. */
  text: string;
  /** What the design asks for, as shown; absent: a figure to know, not to gate. */
  budget?: string;
}

export interface BenchOptions {
  /** Few passes, small data: only to see that the benches run. */
  isSmoke: boolean;
  /** Path of the compiled naive scanner. */
  naiveScan: string;
}

/** A figure with two or three digits that matter. */
export function row(name: string, value: number, unit: string, budget?: string): Row {
  if (!Number.isFinite(value)) throw new Error(`${name} is ${value}`);
  const digits = value >= 100 || value === 0 ? 0 : value >= 10 ? 1 : 2;
  const text = `${value.toFixed(digits)}${unit}`;
  return budget === undefined ? { name, value, text } : { name, value, text, budget };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted[sorted.length >> 1];
  if (middle === undefined) throw new Error('no values to take the median of');
  return middle;
}

/** Returns the time in ms that its own part took, when not all of the call is to be counted. */
export type Contestant = () => number | undefined | Promise<number | undefined>;

/**
 * Runs each contestant once per pass, in another order each time so that none profits from what
 * runs before it, and answers the median milliseconds of each. One pass before is not counted.
 */
export async function interleave<Name extends string>(
  passes: number,
  contestants: Readonly<Record<Name, Contestant>>,
): Promise<Record<Name, number>> {
  const entries = Object.entries<Contestant>(contestants);
  const times = new Map<string, number[]>(entries.map(([name]) => [name, []]));
  const random = createRandom(1);
  for (let pass = -1; pass < passes; pass++) {
    random.shuffle(entries);
    for (const [name, run] of entries) {
      const startMs = performance.now();
      const own = await run();
      const ms = own ?? performance.now() - startMs;
      if (pass >= 0) times.get(name)?.push(ms);
    }
  }
  const medians = [...times].map(([name, list]) => [name, median(list)]);
  return Object.fromEntries(medians) as Record<Name, number>;
}

/** Milliseconds that the work took on all items. */
export function timedEach<Item>(items: readonly Item[], work: (item: Item) => void): number {
  const startMs = performance.now();
  for (const item of items) work(item);
  return performance.now() - startMs;
}
