// Which pages of a row group are worth decoding: those with wanted rows, in runs that begin and end
// with a page in every column. Plain data. A service has a small part of a row group, and a page is
// a fifth of one.
import type { ChunkPages } from './pages.ts';
import type { RowRange } from './read-plan.ts';

/** Wanted rows among those that are decoded. */
export interface RowSlice {
  /** Where they begin in the decoded columns. */
  at: number;
  /** Row number in the table. */
  row: number;
  count: number;
}

export interface PagePick {
  /** Rows to decode, counted from the group's first; ascending, apart. */
  runs: readonly RowRange[];
  /** Of all runs together. */
  rows: number;
  slices: readonly RowSlice[];
}

/**
 * The runs of pages that hold `wanted`, ascending ranges counted from the group's first row, of
 * which the group has `groupRows` and the table `firstRow` before it.
 */
export function pickPages(
  chunks: readonly ChunkPages[],
  wanted: readonly RowRange[],
  groupRows: number,
  firstRow: number,
): PagePick {
  const edges = commonEdges(chunks, groupRows);
  const runs: [from: number, count: number][] = [];
  const slices: RowSlice[] = [];
  let [rows, edge] = [0, 0];
  for (const [from, count] of wanted) {
    while ((edges[edge + 1] ?? groupRows) <= from) edge++;
    let last = edge;
    while ((edges[last] ?? groupRows) < from + count) last++;
    const [start, end] = [edges[edge] ?? 0, edges[last] ?? groupRows];
    const run = runs.at(-1);
    if (run !== undefined && start <= run[0] + run[1]) {
      const more = Math.max(0, end - run[0] - run[1]);
      run[1] += more;
      rows += more;
    } else {
      runs.push([start, end - start]);
      rows += end - start;
    }
    const [runFrom, runCount] = runs.at(-1) as [number, number];
    slices.push({ at: rows - runCount + from - runFrom, row: firstRow + from, count });
  }
  return { runs, rows, slices };
}

/** Rows with which a page begins in every column, and the end. */
function commonEdges(chunks: readonly ChunkPages[], groupRows: number): number[] {
  const counts = new Map<number, number>();
  for (const { pages } of chunks) {
    // A page without rows begins where the next one does.
    for (const row of new Set(pages.map((page) => page.row))) {
      counts.set(row, (counts.get(row) ?? 0) + 1);
    }
  }
  const edges = [...counts].filter(([row, count]) => count === chunks.length && row < groupRows);
  return [...edges.map(([row]) => row).sort((a, b) => a - b), groupRows];
}
