// The `series` table of a block: the only one that comes from TypeScript, because labels live here.
import type { Fingerprint } from '../model/fingerprint.ts';
import { type Labels, labelNames, labelValue } from '../model/labels.ts';
import type { Column, ColumnData, Table } from '../model/table.ts';

/** A table of label sets in block order: a series' place is its id. */
export function seriesTable(series: readonly Labels[], fingerprint: Fingerprint): Table {
  const bytes = series.reduce(
    (sum, labels) =>
      sum + labels.reduce((one, { name, value }) => one + name.length + value.length, 32),
    0,
  );
  return {
    name: 'series',
    rows: series.length,
    bytes,
    columns: (from, count) => seriesColumns(series.slice(from, from + count), from, fingerprint),
  };
}

function seriesColumns(
  series: readonly Labels[],
  from: number,
  fingerprint: Fingerprint,
): Column[] {
  const all = series.flat();
  const offsets = new Int32Array(series.length + 1);
  for (const [i, labels] of series.entries())
    offsets[i + 1] = (offsets[i] as number) + labels.length;
  const column = (name: string, data: ColumnData): Column => ({ name, data });
  return [
    column('series_id', { kind: 'u32', values: Uint32Array.from(series, (_, i) => from + i) }),
    column('fingerprint', { kind: 'u64', values: BigUint64Array.from(series, fingerprint) }),
    column('profile_type', strings(series.map((one) => labelValue(one, labelNames.profileType)))),
    column('service_name', strings(series.map((one) => labelValue(one, labelNames.serviceName)))),
    column('labels', {
      kind: 'map',
      offsets,
      keys: strings(all.map((label) => label.name)),
      values: strings(all.map((label) => label.value)),
    }),
  ];
}

function strings(values: readonly string[]): ColumnData {
  const encoder = new TextEncoder();
  const parts = values.map((value) => encoder.encode(value));
  const offsets = new Int32Array(values.length + 1);
  for (const [i, part] of parts.entries()) offsets[i + 1] = (offsets[i] as number) + part.length;
  const bytes = new Uint8Array(offsets[values.length] as number);
  for (const [i, part] of parts.entries()) bytes.set(part, offsets[i] as number);
  return { kind: 'utf8', offsets, bytes };
}
