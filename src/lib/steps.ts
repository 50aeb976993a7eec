// Long work in steps. A generator yields where others may have their turn, and returns its result;
// who runs it decides whether they get one. Owns how often a generator yields, which is by the work
// it did and not by a clock, so that it stays a pure function.

export type Steps<Result> = Generator<undefined, Result, undefined>;

/** Some 0.2 ms of reading: the clock is looked at that often. */
const unitsOfStep = 1 << 14;

/** Counts work, in what a byte read or ten instructions take. */
export class Pace {
  #units = 0;

  /** Whether it is time to yield. */
  spend(units: number): boolean {
    this.#units += units;
    if (this.#units < unitsOfStep) return false;
    this.#units = 0;
    return true;
  }
}

/** Runs work to its end at once. */
export function finish<Result>(steps: Steps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Runs work to its end, and awaits `giveWay` at each step. */
export async function inTurns<Result>(
  steps: Steps<Result>,
  giveWay: () => Promise<void>,
): Promise<Result> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await giveWay();
  }
}

/** Collects what a generator yields that pauses between, by yielding undefined. */
export function collect<Item extends object>(items: Iterable<Item | undefined>): Item[] {
  const all: Item[] = [];
  for (const item of items) if (item !== undefined) all.push(item);
  return all;
}
