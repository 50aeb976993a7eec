// Points of one block: profiles of the selected series by time, from `profiles` alone unless a call
// site asks for a part of each profile. Label sets are read only when a matcher or a group needs
// what `meta.json` does not tell.
import type { Labels } from '../model/labels.ts';
import { selectorMatches } from '../model/matcher.ts';
import { type PointGroup, type PointSums, pointSums } from '../model/point-sums.ts';
import type { PointGrid, PointQuery, PointSeries, QueryMeter, TimeRange } from '../model/source.ts';
import { type BlockReader, i64Column, u32Column } from './block-reader.ts';
import type { RowBatch } from './decode.ts';
import type { Dataset } from './meta.ts';
import { joinRows } from './read-plan.ts';
import { impliedLabels, knowsName, type Selection, selectDatasets } from './selection.ts';
import { seriesLabels, seriesOf } from './series-labels.ts';
import { allSettled } from './settled.ts';

/** Rows between two turns for others: about 3 ms. */
const sliceRows = 10_000;

/** Totals of the profiles of some datasets, of the stacks under a call site alone. */
export type MaskedTotals = (
  datasets: readonly Dataset[],
  callSite: readonly string[],
) => Promise<{ firstProfile: number; totals: BigInt64Array }>;

/** The group of a row, which is at `at` in the batch; undefined: not wanted. */
type GroupOfRow = (batch: RowBatch, at: number, row: number) => PointGroup | undefined;

/** Sums and counts of the selected profiles by group and slot; a profile always counts. */
export async function readPoints(
  reader: BlockReader,
  query: PointQuery,
  maskedTotals: MaskedTotals,
  meter: QueryMeter,
): Promise<PointSeries[]> {
  const { callSite, grid, groupBy } = query;
  if (grid.slots < 1) return [];
  const selection = selectDatasets(reader.meta, query.selector, gridRange(grid));
  const { datasets, open } = selection;
  if (datasets.length === 0) return [];
  const isTold = datasets.every((dataset) => groupBy.every((name) => knowsName(dataset, name)));
  const [table, sets, masked] = await allSettled([
    reader.open('profiles', meter),
    isTold && open.length === 0 ? Promise.resolve(undefined) : seriesLabels(reader, meter),
    callSite === undefined ? Promise.resolve(undefined) : maskedTotals(datasets, callSite),
  ]);
  const sums = pointSums(grid, groupBy);
  const groupOfRow =
    sets === undefined ? byDataset(datasets, sums) : bySeries(reader, selection, sets, sums);
  if (groupOfRow === undefined) return [];
  const columns = ['time_ns'];
  if (masked === undefined) columns.push('total');
  if (sets !== undefined) columns.push('series_id');
  const rows = joinRows(datasets.map((dataset) => dataset.profiles));
  for await (const batch of reader.read(table, { columns, rows }, meter)) {
    const times = i64Column(batch, 'time_ns');
    const totals = masked?.totals ?? i64Column(batch, 'total');
    for (const { at, row, count } of batch.slices) {
      const base = masked === undefined ? at : row - masked.firstProfile;
      for (let i = 0; i < count; i++) {
        const group = groupOfRow(batch, at + i, row + i);
        group?.add(times[at + i] as bigint, totals[base + i] as bigint);
        if (i % sliceRows === sliceRows - 1) await meter.pause();
      }
    }
  }
  return sums.finish();
}

/** The times that have a slot. */
function gridRange({ startNs, stepNs, slots }: PointGrid): TimeRange {
  return { startNs: startNs - stepNs, endNs: startNs + BigInt(slots - 1) * stepNs };
}

/** Each dataset is of one group, and one range of rows. */
function byDataset(datasets: readonly Dataset[], sums: PointSums): GroupOfRow {
  const groups = datasets.map((dataset) => sums.group(impliedLabels(dataset)));
  let next = 0;
  return (_batch, _at, row) => {
    // Rows ascend, so the dataset of the last row or a later one has this row.
    for (; next < datasets.length; next++) {
      const [from, count] = (datasets[next] as Dataset).profiles;
      if (row < from + count) return groups[next];
    }
    return undefined;
  };
}

/** Undefined when no series matches. */
function bySeries(
  reader: BlockReader,
  { datasets, open }: Selection,
  sets: readonly Labels[],
  sums: PointSums,
): GroupOfRow | undefined {
  const groups = new Map<number, PointGroup | undefined>();
  let isAny = false;
  for (const id of seriesOf(datasets)) {
    const labels = sets[id] as Labels;
    const isWanted = selectorMatches(open, labels);
    groups.set(id, isWanted ? sums.group(labels) : undefined);
    isAny ||= isWanted;
  }
  if (!isAny) return undefined;
  return (batch, at, row) => {
    const id = u32Column(batch, 'series_id')[at] as number;
    if (groups.has(id)) return groups.get(id);
    throw reader.damage('profiles', `row ${row} has series ${id}, which is not of its dataset`);
  };
}
