// The written files as a stranger sees them: types, nullability, values, row groups, codec and
// checksums, read by DuckDB; and that equal tables give equal bytes.
import { readFile } from 'node:fs/promises';
import type { DuckDBValue } from '@duckdb/node-api';
import { afterAll, beforeAll, expect, it } from 'vitest';
import xxhash from 'xxhash-wasm';
import { type TableName, tableFile, tableNames } from '../../../src/block/files.ts';
import { readFooter } from '../../../src/block/footer.ts';
import type { ColumnData, Table } from '../../../src/model/table.ts';
import { modelBlock } from '../../support/block-model.ts';
import { type Duckdb, openDuckdb, temporaryFolder, writeFolder } from '../../support/duckdb.ts';
import { columnOf, columnTable, manySamples, tablesOf, withTables } from '../../support/tables.ts';

let duckdb: Duckdb;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  duckdb = await openDuckdb();
  folder = await temporaryFolder();
});
afterAll(async () => {
  duckdb.close();
  await folder[Symbol.asyncDispose]();
});

async function write(name: string, tables: readonly Table[]) {
  const path = `${folder.path}/${name}`;
  const files = await writeFolder(path, tables);
  return { path, files, sql: (table: TableName) => `'${path}/${tableFile(table)}'` };
}

/** `name type`, with `?` where the file allows nulls. */
const columns: Record<TableName, string[]> = {
  series: [
    'series_id UINTEGER',
    'fingerprint UBIGINT',
    'profile_type VARCHAR',
    'service_name VARCHAR',
    'labels MAP(VARCHAR, VARCHAR)',
  ],
  profiles: [
    'profile_id UINTEGER',
    'series_id UINTEGER',
    'time_ns BIGINT',
    'duration_ns BIGINT',
    'period BIGINT',
    'uuid BLOB',
    'total BIGINT',
    'default_sample_type VARCHAR',
    'drop_frames VARCHAR',
    'keep_frames VARCHAR',
    'comments VARCHAR[]',
  ],
  samples: [
    'profile_id UINTEGER',
    'series_id UINTEGER',
    'time_ns BIGINT',
    'stacktrace_id UINTEGER',
    'value BIGINT',
    'span_id UBIGINT?',
    'trace_id BLOB?',
  ],
  totals: ['series_id UINTEGER', 'stacktrace_id UINTEGER', 'value BIGINT', 'count UINTEGER'],
  stacktraces: ['stacktrace_id UINTEGER', 'parent_id UINTEGER?', 'location_id UINTEGER?'],
  locations: [
    'location_id UINTEGER',
    'mapping_id UINTEGER?',
    'address UBIGINT',
    'is_folded BOOLEAN',
    'lines STRUCT(function_id UINTEGER, line BIGINT)[]',
  ],
  functions: [
    'function_id UINTEGER',
    'name VARCHAR',
    'system_name VARCHAR',
    'filename VARCHAR',
    'start_line BIGINT',
  ],
  mappings: [
    'mapping_id UINTEGER',
    'memory_start UBIGINT',
    'memory_limit UBIGINT',
    'file_offset UBIGINT',
    'filename VARCHAR',
    'build_id VARCHAR',
    'has_functions BOOLEAN',
    'has_filenames BOOLEAN',
    'has_line_numbers BOOLEAN',
    'has_inline_frames BOOLEAN',
  ],
};

async function describedColumns(file: string): Promise<string[]> {
  const nullable = await duckdb.rows(
    `SELECT name FROM parquet_schema(${file}) WHERE repetition_type = 'OPTIONAL'`,
  );
  const optional = new Set(nullable.map((row) => row.name));
  const described = await duckdb.rows(`DESCRIBE FROM ${file}`);
  return described.map(
    (row) => `${row.column_name} ${row.column_type}${optional.has(row.column_name) ? '?' : ''}`,
  );
}

it('writes exactly the columns, types and nullability of the format', async () => {
  const full = await write('types', tablesOf(modelBlock(1)));
  const empty = await write('types-empty', emptyTables());
  for (const table of tableNames) {
    expect(await describedColumns(full.sql(table)), table).toEqual(columns[table]);
    expect(await describedColumns(empty.sql(table)), table).toEqual(columns[table]);
  }
});

it('names the items of lists `element`', async () => {
  const { sql } = await write('lists', tablesOf(modelBlock(1)));
  for (const table of ['profiles', 'locations'] as const) {
    const rows = await duckdb.rows(`SELECT name FROM parquet_schema(${sql(table)})`);
    const names = rows.map((row) => row.name);
    expect(names[names.indexOf('list') + 1]).toBe('element');
  }
});

it('gives back every value of every table', async () => {
  const tables = tablesOf(modelBlock(2, { services: 3, stacks: 200 }));
  const { sql } = await write('values', tables);
  for (const table of tables) {
    const rows = await duckdb.rows(`FROM ${sql(table.name as TableName)}`);
    for (const { name, data } of table.columns(0, table.rows)) {
      expect(
        rows.map((row) => plain(row[name])),
        `${table.name}.${name}`,
      ).toEqual(valuesOf(data));
    }
  }
});

it('describes each file: bytes, rows, checksum, footer', async () => {
  const { path, files } = await write('files', tablesOf(modelBlock(3)));
  expect(files.map((file) => file.name)).toEqual(tableNames.map(tableFile));
  const { h64Raw } = await xxhash();
  for (const file of files) {
    const bytes = new Uint8Array(await readFile(`${path}/${file.name}`));
    expect(file.bytes).toBe(bytes.length);
    expect(file.checksum).toBe(h64Raw(bytes).toString(16).padStart(16, '0'));
    expect(readFooter(bytes.subarray(bytes.length - file.footerBytes))).toEqual({
      bytes: file.footerBytes,
      rows: file.rows,
    });
    const [counted] = await duckdb.rows(`SELECT count(*) AS n FROM '${path}/${file.name}'`);
    expect(counted?.n).toBe(BigInt(file.rows));
  }
});

it('compresses with zstd, keeps statistics, and carries one metadata entry', async () => {
  const { sql } = await write('codec', tablesOf(modelBlock(4)));
  for (const table of tableNames) {
    const chunks = await duckdb.rows(`
      SELECT DISTINCT compression, stats_min_value IS NOT NULL AS has_stats
      FROM parquet_metadata(${sql(table)}) WHERE stats_null_count = 0 AND num_values > 0`);
    expect(chunks, table).toEqual([{ compression: 'ZSTD', has_stats: true }]);
    const entries = await duckdb.rows(`FROM parquet_kv_metadata(${sql(table)})`);
    expect(entries, table).toHaveLength(1);
  }
});

it('starts a new row group every 100,000 rows', async () => {
  const tables = withTables(modelBlock(5), [manySamples(250_000)]);
  const { sql, files } = await write('groups', tables);
  const groups = await duckdb.rows(`
    SELECT DISTINCT row_group_id, row_group_num_rows AS rows
    FROM parquet_metadata(${sql('samples')}) ORDER BY ALL`);
  expect(groups.map((group) => group.rows)).toEqual([100_000n, 100_000n, 50_000n]);
  expect(files[2]?.rows).toBe(250_000);
  const [sums] = await duckdb.rows(`
    SELECT sum(value) AS value, count(span_id) AS spans, count(trace_id) AS traces,
      sum(stacktrace_id) AS stacks, max(profile_id) AS profile FROM ${sql('samples')}`);
  let value = 0n;
  for (const column of manySamples(250_000).columns(0, 250_000)) {
    if (column.name !== 'value' || column.data.kind !== 'i64') continue;
    for (const one of column.data.values) value += one;
  }
  const stacks = 250_000n * ((499n * 7n) / 2n) + 125_000n;
  expect(sums).toEqual({ value, spans: 25_000n, traces: 0n, stacks, profile: 499 });
});

it('writes the same bytes for the same tables', async () => {
  const tables = () => withTables(modelBlock(6), [manySamples(120_000)]);
  const [first, second] = [await write('same-1', tables()), await write('same-2', tables())];
  expect(first.files).toEqual(second.files);
});

it('takes fewer rows at once where they are long', async () => {
  const rows = 3000;
  const name = (i: number) => `${'long/'.repeat(200)}${i}`;
  const names = Array.from({ length: rows }, (_, i) => name(i));
  const [id, ...others] = tablesOf(modelBlock(1))[6]!.columns(0, 0);
  const ids = { name: id!.name, data: columnOf.u32(names.map((_, i) => i)) };
  const text = columnOf.utf8(names);
  const columns = others.map((column) => ({
    name: column.name,
    data: column.name === 'start_line' ? columnOf.i64(names.map(() => 0n)) : text,
  }));
  const table = columnTable('functions', rows, [ids, ...columns]);
  const slices: number[] = [];
  const spied: Table = {
    ...table,
    columns: (from, count) => {
      slices.push(count);
      return table.columns(from, count);
    },
  };
  const { sql } = await write('long', withTables(modelBlock(1), [spied]));
  // Three columns of a kilobyte: about 340 rows a mebibyte.
  expect(slices.filter((count) => count < 400).length).toBeGreaterThanOrEqual(8);
  const read = await duckdb.rows(`SELECT name FROM ${sql('functions')} ORDER BY function_id`);
  expect(read.map((row) => row.name)).toEqual(names);
});

function emptyTables(): Table[] {
  return tablesOf(modelBlock(1)).map((table) => columnTable(table.name, 0, table.columns(0, 0)));
}

/** DuckDB's value objects as plain arrays, so that they compare with the model's. */
function plain(value: DuckDBValue | undefined): unknown {
  if (value === null || typeof value !== 'object') return value;
  if ('bytes' in value) return [...(value.bytes as Uint8Array)];
  if ('items' in value) return (value.items as DuckDBValue[]).map(plain);
  if ('entries' in value && Array.isArray(value.entries)) {
    return value.entries.map(({ key, value: one }) => ({ key: plain(key), value: plain(one) }));
  }
  if ('entries' in value) return value.entries;
  return value;
}

function valuesOf(data: ColumnData): unknown[] {
  const isNull = (i: number) =>
    'valid' in data && data.valid !== undefined && ((data.valid[i >> 3]! >> (i & 7)) & 1) === 0;
  const ranges = 'offsets' in data ? [...data.offsets.keys()].slice(1) : [];
  const slices = <T>(items: readonly T[]) =>
    ranges.map((end) => {
      const { offsets } = data as { offsets: Int32Array };
      return items.slice(offsets[end - 1], offsets[end]);
    });
  switch (data.kind) {
    case 'bool':
      return [...data.values].map((value) => value === 1);
    case 'u32':
    case 'u64':
    case 'i64':
      return [...data.values].map((value, i) => (isNull(i) ? null : value));
    case 'utf8':
      return slices([...data.bytes]).map((bytes) =>
        new TextDecoder().decode(Uint8Array.from(bytes)),
      );
    case 'bytes16':
      return Array.from({ length: data.bytes.length / 16 }, (_, i) =>
        isNull(i) ? null : [...data.bytes.subarray(i * 16, i * 16 + 16)],
      );
    case 'list':
      return slices(valuesOf(data.items));
    case 'struct': {
      const fields = data.fields.map(({ name, data: one }) => [name, valuesOf(one)] as const);
      const rows = fields[0]?.[1].length ?? 0;
      return Array.from({ length: rows }, (_, i) =>
        Object.fromEntries(fields.map(([name, values]) => [name, values[i]])),
      );
    }
    case 'map': {
      const values = valuesOf(data.values);
      return slices(valuesOf(data.keys).map((key, i) => ({ key, value: values[i] })));
    }
  }
}
