// Sums of profiles on a grid of times, by group of labels: what a source answers to `points`. Owns
// which slot a time falls into. Sums are of any size, so that nothing overflows or is rounded.
import { type Labels, labelsKey } from './labels.ts';
import type { PointGrid, PointSeries } from './source.ts';

export interface PointGroup {
  /** Adds one profile; one that falls past the last slot, or before the first, is left out. */
  add(timeNs: bigint, value: bigint): void;
}

export interface PointSums {
  /** The group that a series with these labels belongs to. */
  group(labels: Labels): PointGroup;
  /** Groups with at least one profile. */
  finish(): PointSeries[];
}

interface Slot {
  sum: bigint;
  count: number;
}

/** Sums of no profiles yet; groups are told apart by the labels of `groupBy`. */
export function pointSums(grid: PointGrid, groupBy: readonly string[]): PointSums {
  const groups = new Map<string, { labels: Labels; slots: Map<number, Slot> }>();
  const names = new Set(groupBy);
  return {
    group(seriesLabels) {
      const labels = seriesLabels.filter(({ name }) => names.has(name));
      const key = labelsKey(labels);
      const { slots } = groups.get(key) ?? { slots: new Map<number, Slot>() };
      if (!groups.has(key)) groups.set(key, { labels, slots });
      return {
        add(timeNs, value) {
          const index = slotOf(grid, timeNs);
          if (index === undefined) return;
          const slot = slots.get(index);
          if (slot === undefined) slots.set(index, { sum: value, count: 1 });
          else {
            slot.sum += value;
            slot.count++;
          }
        },
      };
    },
    finish: () =>
      [...groups.values()]
        .filter(({ slots }) => slots.size > 0)
        .map(({ labels, slots }) => {
          const ordered = [...slots].sort(([a], [b]) => a - b);
          return {
            labels,
            slots: Uint32Array.from(ordered, ([index]) => index),
            sums: ordered.map(([, { sum }]) => sum),
            counts: Uint32Array.from(ordered, ([, { count }]) => count),
          };
        }),
  };
}

/** Slot of a time, as `PointGrid` says; undefined outside the grid. */
export function slotOf({ startNs, stepNs, slots }: PointGrid, timeNs: bigint): number | undefined {
  const sinceNs = timeNs - startNs;
  if (sinceNs < -stepNs) return undefined;
  // Right edges: rounded up.
  const index = sinceNs <= 0n ? 0 : Number((sinceNs + stepNs - 1n) / stepNs);
  return index < slots ? index : undefined;
}
