// Sums of profiles on a grid of time, by group of series: what a chart needs of one block. Owns the
// grid's arithmetic and the groups; rows come from whoever reads them.
import { type Labels, labelsKey } from '../model/labels.ts';
import type { PointGrid, PointSeries, TimeRange } from '../model/source.ts';

/** The times that have a slot. */
export function gridRange({ startNs, stepNs, slots }: PointGrid): TimeRange {
  return { startNs: startNs - stepNs, endNs: startNs + BigInt(slots - 1) * stepNs };
}

/** The slot of a profile: that of the first edge not before it. Undefined: outside the grid. */
export function slotOf(grid: PointGrid, timeNs: bigint): number | undefined {
  const since = timeNs - grid.startNs;
  if (since < -grid.stepNs) return undefined;
  if (since <= 0n) return grid.slots > 0 ? 0 : undefined;
  const slot = (since + grid.stepNs - 1n) / grid.stepNs;
  return slot < BigInt(grid.slots) ? Number(slot) : undefined;
}

interface Group {
  labels: Labels;
  /** By slot; only those with a profile. */
  slots: Map<number, { sum: bigint; count: number }>;
}

/** Groups by the labels that tell them apart, in the order of their making. */
export class PointGroups {
  readonly #grid: PointGrid;
  readonly #names: ReadonlySet<string>;
  readonly #groups: Group[] = [];
  readonly #numbers = new Map<string, number>();

  constructor(grid: PointGrid, groupBy: readonly string[]) {
    this.#grid = grid;
    this.#names = new Set(groupBy);
  }

  /** The number of the group that series with these labels belong to. */
  groupOf(series: Labels): number {
    const labels = series.filter((label) => this.#names.has(label.name));
    const key = labelsKey(labels);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#groups.push({ labels, slots: new Map() }) - 1;
    this.#numbers.set(key, number);
    return number;
  }

  add(group: number, timeNs: bigint, total: bigint): void {
    const slot = slotOf(this.#grid, timeNs);
    if (slot === undefined) return;
    const slots = (this.#groups[group] as Group).slots;
    const point = slots.get(slot);
    if (point === undefined) slots.set(slot, { sum: total, count: 1 });
    else {
      point.sum += total;
      point.count++;
    }
  }

  /** Groups that have a profile in the grid. */
  finish(): PointSeries[] {
    return this.#groups
      .filter(({ slots }) => slots.size > 0)
      .map(({ labels, slots }) => {
        const points = [...slots].sort(([a], [b]) => a - b);
        return {
          labels,
          slots: Uint32Array.from(points, ([slot]) => slot),
          sums: points.map(([, { sum }]) => sum),
          counts: Uint32Array.from(points, ([, { count }]) => count),
        };
      });
  }
}
