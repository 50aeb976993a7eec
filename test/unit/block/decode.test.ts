// Columns come back as they were written: every column of every table, alone and with the others,
// over several row groups, whole files and ranges alike.
import { describe, expect, it } from 'vitest';
import { type BlockReader, column, type OpenTable } from '../../../src/block/block-reader.ts';
import { concatColumns, isSet } from '../../../src/block/concat-columns.ts';
import type { RowBatch } from '../../../src/block/decode.ts';
import { type TableName, tableNames } from '../../../src/block/files.ts';
import { schemas } from '../../../src/block/schema.ts';
import type { ColumnData, Table } from '../../../src/model/table.ts';
import { openReader, storeBlock, testMeter } from '../../support/block-folder.ts';
import { modelBlock } from '../../support/block-model.ts';
import { manySamples, tablesOf, withTables } from '../../support/tables.ts';

const namesOf = (table: TableName) => schemas[table].fields.map((field) => field.name);

/** Plain values of a column, nulls as null. */
function plain(data: ColumnData): unknown[] {
  const text = new TextDecoder();
  const nullable = (values: unknown[], valid: Uint8Array | undefined) =>
    valid === undefined ? values : values.map((one, i) => (isSet(valid, i) ? one : null));
  const slices = (offsets: Int32Array, items: unknown[]) =>
    Array.from({ length: offsets.length - 1 }, (_, i) => items.slice(offsets[i], offsets[i + 1]));
  switch (data.kind) {
    case 'utf8': {
      const { offsets, bytes } = data;
      return slices(offsets, [...bytes]).map((one) =>
        text.decode(Uint8Array.from(one as number[])),
      );
    }
    case 'bytes16': {
      const rows = Array.from({ length: data.bytes.length / 16 }, (_, i) =>
        data.bytes.slice(i * 16, i * 16 + 16).join(),
      );
      return nullable(rows, data.valid);
    }
    case 'list':
      return slices(data.offsets, plain(data.items));
    case 'struct': {
      const fields = data.fields.map((field) => plain(field.data));
      return (fields[0] ?? []).map((_, row) => fields.map((values) => values[row]));
    }
    case 'map': {
      const [keys, values] = [plain(data.keys), plain(data.values)];
      return slices(
        data.offsets,
        keys.map((key, i) => [key, values[i]]),
      );
    }
    case 'bool':
      return [...data.values];
    default:
      return nullable([...data.values], data.valid);
  }
}

const written = (table: Table, name: string) =>
  plain(table.columns(0, table.rows).find((one) => one.name === name)!.data);

const model = modelBlock(7, { services: 3, stacks: 60, samplesPerProfile: 12 });
const tables = tablesOf(model);
const block = await storeBlock(model);

const kept = (reader: BlockReader, open: OpenTable, columns: readonly string[]) =>
  reader.read(open, { columns, isKept: true }, testMeter());

describe('a table', () => {
  it.each(tableNames)('%s comes back column by column and all at once', async (name) => {
    const reader = await openReader(block);
    const table = tables.find((one) => one.name === name)!;
    const all = namesOf(name);
    for (const columns of [all, ...all.map((one) => [one])]) {
      const batches: RowBatch[] = [];
      const open = await reader.open(name, testMeter());
      for await (const batch of kept(reader, open, columns)) batches.push(batch);
      expect(batches.map((batch) => [...batch.columns.keys()])).toEqual([columns]);
      for (const one of columns) {
        const found = plain(concatColumns(batches.map((batch) => batch.columns.get(one)!)));
        expect(found, one).toEqual(written(table, one));
      }
    }
  });
});

describe('a table of several row groups', () => {
  const samples = manySamples(250_000);

  it('is read by ranges, only the groups that are wanted, in turns', async () => {
    const many = await storeBlock(model, withTables(model, [samples]));
    const reader = await openReader(many);
    const meter = testMeter();
    const open = await reader.open('samples', meter);
    const read = {
      columns: ['stacktrace_id', 'value', 'span_id'],
      rows: [[150_000, 60_000]] as const,
    };
    const expected = (name: string, from: number, count: number) => {
      const data = samples.columns(from, count).find((one) => one.name === name)!.data;
      return data as Extract<ColumnData, { kind: 'u32' | 'i64' | 'u64' }>;
    };
    const rows: unknown[] = [];
    for await (const batch of reader.read(open, read, meter)) {
      for (const { at, row, count } of batch.slices) {
        rows.push([row, count]);
        const stacks = column(batch, 'stacktrace_id', 'u32').values.subarray(at, at + count);
        expect(stacks).toEqual(expected('stacktrace_id', row, count).values);
        const values = column(batch, 'value', 'i64').values.subarray(at, at + count);
        expect(values).toEqual(expected('value', row, count).values);
        const { valid } = column(batch, 'span_id', 'u64');
        expect(isSet(valid!, at)).toBe(true);
        expect(isSet(valid!, at + 1)).toBe(false);
      }
      // Only the pages with wanted rows: a page is about 20,000 rows.
      expect(batch.rows).toBeLessThanOrEqual(80_000);
    }
    expect(rows).toEqual([
      [150_000, 50_000],
      [200_000, 10_000],
    ]);
    // At least once for each of the two groups.
    expect(meter.pauses).toBeGreaterThanOrEqual(2);
    expect(meter.bytes).toBe(many.bucket.reads.reduce((sum, one) => sum + one.bytes, 0));
  });

  it('is void, batch by batch, when the next one is asked for, unless it is kept', async () => {
    const many = await storeBlock(model, withTables(model, [samples]));
    const reader = await openReader(many);
    const open = await reader.open('samples', testMeter());
    const sizes = async (isKept: boolean) => {
      const batches: RowBatch[] = [];
      const read = { columns: ['value'], isKept };
      for await (const batch of reader.read(open, read, testMeter())) batches.push(batch);
      return batches.map((batch) => column(batch, 'value', 'i64').values.length);
    };
    expect(await sizes(false)).toEqual([0, 0, 0]);
    expect(await sizes(true)).toEqual([100_000, 100_000, 50_000]);
  });

  it('is joined into whole columns, nulls in their places', async () => {
    const many = await storeBlock(model, withTables(model, [samples]));
    const reader = await openReader(many);
    const open = await reader.open('samples', testMeter());
    const parts: ColumnData[] = [];
    for await (const batch of kept(reader, open, ['span_id'])) {
      parts.push(batch.columns.get('span_id')!);
    }
    expect(parts).toHaveLength(3);
    const whole = concatColumns(parts);
    expect(plain(whole)).toEqual(written(samples, 'span_id'));
  });
});
