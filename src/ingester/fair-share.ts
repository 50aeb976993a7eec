// What each of many may hold of something that is short, so that who holds least is asked last.

/**
 * The level at which holdings would have to be cut so that together they are `bytesMax`; infinite
 * when they fit. Max-min fairness: what small ones leave is shared by the larger ones.
 * https://en.wikipedia.org/wiki/Max-min_fairness
 */
export function fairLevel(held: readonly number[], bytesMax: number): number {
  const ascending = held.toSorted((a, b) => a - b);
  let left = bytesMax;
  for (const [at, bytes] of ascending.entries()) {
    const level = left / (ascending.length - at);
    if (bytes > level) return Math.max(0, level);
    left -= bytes;
  }
  return Number.POSITIVE_INFINITY;
}
