// Rows of `samples` or `totals` as the kernel takes them: which columns a filter needs, which row
// groups it rules out by their statistics, and batches that are views of what was decoded.
import type { BatchFilter, SampleBatch } from '../kernel/sum-filter.ts';
import type { QueryMeter } from '../model/source.ts';
import { type BlockReader, column, i64Column, type OpenTable, u32Column } from './block-reader.ts';
import { isSet } from './concat-columns.ts';
import type { RowBatch } from './decode.ts';
import type { ColumnChunk, RowGroup } from './footers.ts';
import type { Dataset } from './meta.ts';
import { joinRows } from './read-plan.ts';

export interface SampleRead {
  datasets: readonly Dataset[];
  filter: BatchFilter;
  /** True: batches tell the profile of each sample, whether or not the filter needs it. */
  withProfiles: boolean;
}

/** Batches of all rows of the datasets that the statistics do not rule out. */
export async function* sampleBatches(
  reader: BlockReader,
  open: OpenTable,
  { datasets, filter, withProfiles }: SampleRead,
  meter: QueryMeter,
): AsyncGenerator<SampleBatch, void, void> {
  const table = open.table === 'totals' ? 'totals' : 'samples';
  const columns = ['stacktrace_id', 'value'];
  const needsProfiles = withProfiles || filter.profileMask !== undefined;
  if (filter.seriesMask !== undefined) columns.push('series_id');
  if (filter.startNs !== undefined || filter.endNs !== undefined) columns.push('time_ns');
  if (needsProfiles) columns.push('profile_id');
  if (filter.spanIds !== undefined) columns.push('span_id');
  if (filter.traceIds !== undefined) columns.push('trace_id');
  const rows = joinRows(datasets.map((dataset) => dataset[table]));
  const isWanted = (group: RowGroup) => mayMatch(group, filter);
  for await (const batch of reader.read(open, { columns, rows, isWanted }, meter)) {
    checkIds(reader, open, batch, 'series_id', filter.seriesMask?.length);
    checkIds(reader, open, batch, 'profile_id', filter.profileMask?.length);
    const all = wholeBatch(batch, columns);
    for (const { at, count } of batch.slices) yield cut(all, at, at + count);
  }
}

/** False when the statistics of the row group rule all of its rows out. */
export function mayMatch(group: RowGroup, filter: BatchFilter): boolean {
  return group.chunks.every((chunk) => {
    switch (chunk.leaf.column) {
      case 'series_id':
        return mayBeMasked(chunk, filter.seriesMask);
      case 'profile_id':
        return mayBeMasked(chunk, filter.profileMask);
      case 'time_ns':
        return mayBeInTime(chunk, filter);
      case 'span_id':
        return filter.spanIds === undefined || mayHaveOne(chunk, filter.spanIds, group);
      case 'trace_id':
        return filter.traceIds === undefined || chunk.nulls !== group.rows;
      default:
        return true;
    }
  });
}

function mayBeMasked({ range }: ColumnChunk, mask: Uint8Array | undefined): boolean {
  if (mask === undefined || range === undefined) return true;
  return mask.subarray(Number(range.min), Number(range.max) + 1).includes(1);
}

function mayBeInTime({ range }: ColumnChunk, { startNs, endNs }: BatchFilter): boolean {
  if (range === undefined) return true;
  return (
    !(startNs !== undefined && range.max < startNs) && !(endNs !== undefined && range.min > endNs)
  );
}

function mayHaveOne({ range, nulls }: ColumnChunk, ids: BigUint64Array, group: RowGroup): boolean {
  if (nulls === group.rows) return false;
  return range === undefined || ids.some((id) => id >= range.min && id <= range.max);
}

function checkIds(
  reader: BlockReader,
  open: OpenTable,
  batch: RowBatch,
  name: string,
  bound: number | undefined,
): void {
  if (bound === undefined) return;
  const ids = u32Column(batch, name);
  for (const { at, row, count } of batch.slices) {
    for (let i = 0; i < count; i++) {
      const id = ids[at + i] as number;
      if (id < bound) continue;
      throw reader.damage(open.table, `row ${row + i} has ${name} ${id} of ${bound}`);
    }
  }
}

function wholeBatch(batch: RowBatch, columns: readonly string[]): SampleBatch {
  const has = (name: string) => columns.includes(name);
  return {
    stacks: u32Column(batch, 'stacktrace_id'),
    values: i64Column(batch, 'value'),
    ...(has('series_id') && { series: u32Column(batch, 'series_id') }),
    ...(has('time_ns') && { timesNs: i64Column(batch, 'time_ns') }),
    ...(has('profile_id') && { profiles: u32Column(batch, 'profile_id') }),
    ...(has('span_id') && { spanIds: spansOf(batch) }),
    ...(has('trace_id') && { traceIds: tracesOf(batch) }),
  };
}

/** Null is 0: what lies in the place of a null is left over from the decoder. */
function spansOf(batch: RowBatch): BigUint64Array {
  const { values, valid } = column(batch, 'span_id', 'u64');
  if (valid === undefined) return values;
  const spans = new BigUint64Array(values.length);
  for (let i = 0; i < values.length; i++) if (isSet(valid, i)) spans[i] = values[i] as bigint;
  return spans;
}

function tracesOf(batch: RowBatch): Uint8Array {
  const { bytes, valid } = column(batch, 'trace_id', 'bytes16');
  if (valid === undefined) return bytes;
  const traces = bytes.slice();
  for (let i = 0; i * 16 < traces.length; i++) {
    if (!isSet(valid, i)) traces.fill(0, i * 16, i * 16 + 16);
  }
  return traces;
}

function cut(batch: SampleBatch, from: number, to: number): SampleBatch {
  const { stacks, values, series, timesNs, profiles, spanIds, traceIds } = batch;
  if (from === 0 && to === stacks.length) return batch;
  return {
    stacks: stacks.subarray(from, to),
    values: values.subarray(from, to),
    ...(series && { series: series.subarray(from, to) }),
    ...(timesNs && { timesNs: timesNs.subarray(from, to) }),
    ...(profiles && { profiles: profiles.subarray(from, to) }),
    ...(spanIds && { spanIds: spanIds.subarray(from, to) }),
    ...(traceIds && { traceIds: traceIds.subarray(from * 16, to * 16) }),
  };
}
