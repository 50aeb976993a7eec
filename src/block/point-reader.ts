// Points of one block: profiles of the selected series by time, from `profiles` alone unless a call
// site asks for a part of each profile. Label sets are read only when a matcher or a group needs
// what `meta.json` does not tell.
import type { Labels } from '../model/labels.ts';
import type { PointQuery, PointSeries, QueryMeter } from '../model/source.ts';
import { type BlockReader, i64Column, type RowBatch, u32Column } from './block-reader.ts';
import type { Dataset } from './meta.ts';
import { gridRange, PointGroups } from './profile-points.ts';
import { joinRows } from './read-plan.ts';
import { impliedLabels, knowsName, type Selection, selectDatasets } from './selection.ts';
import { seriesLabels, seriesOf } from './series-labels.ts';
import { allSettled } from './settled.ts';
import { selectorMatches } from '../model/matcher.ts';

/** Rows between two turns for others: about 3 ms. */
const sliceRows = 10_000;

/** Totals of the profiles of some datasets, of the stacks under a call site alone. */
export type MaskedTotals = (
  datasets: readonly Dataset[],
  callSite: readonly string[],
) => Promise<{ firstProfile: number; totals: BigInt64Array }>;

/** Group numbers of rows; undefined: not wanted. */
type GroupOfRow = (batch: RowBatch, row: number) => number | undefined;

export async function readPoints(
  reader: BlockReader,
  query: PointQuery,
  maskedTotals: MaskedTotals,
  meter: QueryMeter,
): Promise<PointSeries[]> {
  const { callSite, grid } = query;
  if (grid.slots < 1) return [];
  const selection = selectDatasets(reader.meta, query.selector, gridRange(grid));
  const { datasets, open } = selection;
  if (datasets.length === 0) return [];
  const needsLabels =
    open.length > 0 || !datasets.every((one) => query.groupBy.every((name) => knowsName(one, name)));
  const [table, sets, masked] = await allSettled([
    reader.open('profiles', meter),
    needsLabels ? seriesLabels(reader, meter) : Promise.resolve(undefined),
    callSite === undefined ? Promise.resolve(undefined) : maskedTotals(datasets, callSite),
  ]);
  const groups = new PointGroups(grid, query.groupBy);
  const groupOfRow =
    sets === undefined ? byDataset(datasets, groups) : bySeries(reader, selection, sets, groups);
  if (groupOfRow === undefined) return [];
  const columns = ['time_ns'];
  if (masked === undefined) columns.push('total');
  if (sets !== undefined) columns.push('series_id');
  const rows = joinRows(datasets.map((dataset) => dataset.profiles));
  for await (const batch of reader.read(table, { columns, rows }, meter)) {
    const times = i64Column(batch, 'time_ns');
    const { firstRow } = batch.group;
    const totals = masked?.totals ?? i64Column(batch, 'total');
    const base = masked === undefined ? 0 : firstRow - masked.firstProfile;
    for (const [from, count] of batch.rows) {
      for (let row = from; row < from + count; row++) {
        const group = groupOfRow(batch, row);
        if (group === undefined) continue;
        groups.add(group, times[row] as bigint, totals[base + row] as bigint);
        if (row % sliceRows === sliceRows - 1) await meter.pause();
      }
    }
  }
  return groups.finish();
}

/** Each dataset is one group, and one range of rows. */
function byDataset(datasets: readonly Dataset[], groups: PointGroups): GroupOfRow {
  const numbers = datasets.map((dataset) => groups.groupOf(impliedLabels(dataset)));
  let at = 0;
  return ({ group }, row) => {
    // Rows ascend, so the dataset of the last row or a later one has this row.
    for (; at < datasets.length; at++) {
      const [from, count] = (datasets[at] as Dataset).profiles;
      if (group.firstRow + row < from + count) return numbers[at];
    }
    return undefined;
  };
}

function bySeries(
  reader: BlockReader,
  { datasets, open }: Selection,
  sets: readonly Labels[],
  groups: PointGroups,
): GroupOfRow | undefined {
  const numbers = new Map<number, number | undefined>();
  let isAny = false;
  for (const id of seriesOf(datasets)) {
    const labels = sets[id] as Labels;
    const isWanted = selectorMatches(open, labels);
    numbers.set(id, isWanted ? groups.groupOf(labels) : undefined);
    isAny ||= isWanted;
  }
  if (!isAny) return undefined;
  return (batch, row) => {
    const id = u32Column(batch, 'series_id')[row] as number;
    if (numbers.has(id)) return numbers.get(id);
    const at = batch.group.firstRow + row;
    throw reader.damage('profiles', `row ${at} has series ${id}, which is not of its dataset`);
  };
}
