// Sorting that others can have their turn beside: runs of a bounded length by the runtime's own
// sort, then merged. Stable, as that one is.
import { Pace, type Steps } from './steps.ts';

const runLength = 1 << 10;
const unitsOfComparison = 8;

/** The items in order; may be the same array, sorted. */
export function* sortedInSteps<Item>(
  items: Item[],
  compare: (a: Item, b: Item) => number,
): Steps<Item[]> {
  if (items.length <= runLength) return items.sort(compare);
  const pace = new Pace();
  let sorted: Item[] = [];
  for (let at = 0; at < items.length; at += runLength) {
    for (const item of items.slice(at, at + runLength).sort(compare)) sorted.push(item);
    yield;
  }
  for (let width = runLength; width < items.length; width *= 2) {
    const merged: Item[] = [];
    for (let at = 0; at < items.length; at += 2 * width) {
      const middle = Math.min(at + width, items.length);
      const end = Math.min(at + 2 * width, items.length);
      let left = at;
      let right = middle;
      while (left < middle || right < end) {
        const isLeft =
          right === end ||
          (left < middle && compare(sorted[left] as Item, sorted[right] as Item) <= 0);
        merged.push(sorted[isLeft ? left++ : right++] as Item);
        if (pace.spend(unitsOfComparison)) yield;
      }
    }
    sorted = merged;
  }
  return sorted;
}
