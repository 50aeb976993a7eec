// Plans are data: which row groups and chunks a read takes, and which ranges they are fetched by.
import { describe, expect, it } from 'vitest';
import type { ColumnChunk, RowGroup, TableFooter } from '../../../src/block/footers.ts';
import { leavesOf } from '../../../src/block/leaves.ts';
import { gapBytesMax, joinRows, planRead, rangeBytesMax } from '../../../src/block/read-plan.ts';

/** A footer of `totals` whose four columns have these sizes in each of the row groups. */
function footerOf(groupRows: number[], sizes: [number, number, number, number]): TableFooter {
  let [offset, firstRow] = [4, 0];
  const rowGroups = groupRows.map((rows): RowGroup => {
    const chunks = leavesOf('totals').leaves.map((leaf, i): ColumnChunk => {
      const bytes = sizes[i] as number;
      const chunk = { leaf, offset, bytes, uncompressedBytes: bytes, dataAt: 0, values: rows };
      offset += bytes;
      const rest = { hasDictionary: false, codec: 6, encodings: [], nulls: 0, range: undefined };
      return { ...chunk, ...rest };
    });
    const group = { firstRow, rows, chunks };
    firstRow += rows;
    return group;
  });
  return { table: 'totals', rowGroups, memoryBytes: 0 };
}

const spans = (plan: ReturnType<typeof planRead>) =>
  plan.ranges.map(({ offset, length }) => [offset, length]);

describe('planRead', () => {
  it('takes only the row groups that have wanted rows, and the columns asked for', () => {
    const footer = footerOf([100, 100, 50], [10, 20, 30, 40]);
    const plan = planRead(footer, ['stacktrace_id', 'value'], [[120, 10]]);
    expect(spans(plan)).toEqual([[114, 50]]);
    expect(plan.neededBytes).toBe(50);
    expect(plan.groups).toMatchObject([{ rows: [[20, 10]], firstRange: 0, lastRange: 0 }]);
    expect(plan.groups[0]?.chunks.map((one) => one.chunk.leaf.column)).toEqual([
      'stacktrace_id',
      'value',
    ]);
  });

  it('joins chunks over a small gap, within and between row groups', () => {
    const footer = footerOf([100, 100], [10, 20, 30, 40]);
    const plan = planRead(footer, ['series_id', 'value'], [[0, 200]]);
    expect(spans(plan)).toEqual([[4, 160]]);
    expect(plan.neededBytes).toBe(80);
  });

  it('asks twice over a gap of more than the bound, once over one of the bound', () => {
    const columns = ['series_id', 'count'];
    const at = (gap: number) =>
      spans(planRead(footerOf([9], [10, gap - 1, 1, 5]), columns, [[0, 9]]));
    expect(at(gapBytesMax)).toEqual([[4, 15 + gapBytesMax]]);
    expect(at(gapBytesMax + 1)).toEqual([
      [4, 10],
      [15 + gapBytesMax, 5],
    ]);
  });

  it('begins another range where one would be too long, but never splits a chunk', () => {
    const half = rangeBytesMax / 2;
    const footer = footerOf([9, 9, 9], [half, 1, 1, 1]);
    expect(planRead(footer, ['series_id'], [[0, 27]]).ranges).toHaveLength(3);
    const large = footerOf([9], [rangeBytesMax + 5, 1, 1, 1]);
    const plan = planRead(large, ['series_id', 'stacktrace_id'], [[0, 9]]);
    expect(spans(plan)).toEqual([
      [4, rangeBytesMax + 5],
      [rangeBytesMax + 9, 1],
    ]);
    expect(plan.groups).toMatchObject([{ firstRange: 0, lastRange: 1 }]);
  });

  it('cuts wanted rows at row groups and leaves out what its caller rules out', () => {
    const footer = footerOf([100, 100, 100], [10, 20, 30, 40]);
    const rows = [
      [50, 100],
      [160, 5],
      [290, 10],
    ] as const;
    const plan = planRead(footer, ['value'], rows, (group) => group.firstRow !== 200);
    expect(plan.groups.map((one) => one.rows)).toEqual([
      [[50, 50]],
      [
        [0, 50],
        [60, 5],
      ],
    ]);
  });

  it('plans nothing for no rows', () => {
    const plan = planRead(footerOf([10], [1, 1, 1, 1]), ['value'], []);
    expect(plan).toMatchObject({ ranges: [], groups: [], neededBytes: 0 });
  });
});

describe('joinRows', () => {
  it('joins ranges that touch and drops empty ones', () => {
    const rows = [
      [0, 5],
      [5, 0],
      [5, 5],
      [11, 2],
    ] as const;
    expect(joinRows(rows)).toEqual([
      [0, 10],
      [11, 2],
    ]);
  });
});
