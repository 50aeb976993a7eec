// Many things at once, but never more than so many; and one thing at a time. Owns the bound.

/**
 * Calls `work` for every item, in order of start, at most `limit` at once. After a failure no
 * further item is started; the first failure is thrown once those under way have settled.
 */
export async function forEachBounded<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const runOne = async () => {
    for (let next = iterator.next(); !next.done; next = iterator.next()) {
      if (failures.length > 0) return;
      try {
        await work(next.value);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, limit) }, runOne));
  if (failures.length > 0) throw failures[0];
}

/** Runs calls one after another, in the order they were asked for; a failure stops none. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    // Only the order is kept here: whoever asked for `result` sees its failure.
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}
