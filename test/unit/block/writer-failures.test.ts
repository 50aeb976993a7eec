// What a failing table, stage or encoder does to a block being written: the cause comes out, never
// a short file, nothing stays in the encoder, and the stage can be aborted.
import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { answerOrStall, initParquet, type Parquet } from '../../../src/block/parquet.ts';
import { writeBlock } from '../../../src/block/writer.ts';
import type { Stage } from '../../../src/bucket/bucket.ts';
import { Failure } from '../../../src/errors.ts';
import type { ColumnData, Table } from '../../../src/model/table.ts';
import { loadParquetModule } from '../../../src/runtime/parquet-module.ts';
import { modelBlock } from '../../support/block-model.ts';
import { folderStage, nextTurn, temporaryFolder } from '../../support/duckdb.ts';
import { columnOf, columnTable, manySamples, tablesOf, withTables } from '../../support/tables.ts';

let parquet: Parquet;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  parquet = initParquet(await loadParquetModule());
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

const model = modelBlock(1);

/** Takes every byte and keeps none; `onChunk` may throw in the bucket's name. */
function sink(onChunk: (name: string, chunk: number) => void = () => undefined): Stage {
  return {
    async putStream(name, chunks) {
      let bytes = 0;
      let count = 0;
      for await (const chunk of chunks) {
        onChunk(name, count++);
        bytes += chunk.length;
      }
      return bytes;
    },
    commit: async () => undefined,
    abort: async () => undefined,
  };
}

function write(tables: readonly Table[], stage: Stage = sink(), signal?: AbortSignal) {
  const input = { tables, stage, parquet, yield: nextTurn };
  return writeBlock(signal ? { ...input, signal } : input);
}

/** `manySamples` whose rows from `row` on cannot be had. */
function failingSamples(rows: number, row: number, error: unknown): Table {
  const table = manySamples(rows);
  return {
    ...table,
    columns: (from, count) => {
      if (from + count > row) throw error;
      return table.columns(from, count);
    },
  };
}

function withColumn(table: Table, name: string, data: ColumnData): Table {
  const columns = table.columns(0, table.rows);
  return columnTable(
    table.name,
    table.rows,
    columns.map((column) => (column.name === name ? { name, data } : column)),
  );
}

it('throws what the table throws, in the middle of a row group and at the first row', async () => {
  for (const row of [0, 55_000, 155_000]) {
    const error = new Failure('unavailable', 'kernel is out of memory');
    const tables = withTables(model, [failingSamples(250_000, row, error)]);
    await expect(write(tables)).rejects.toBe(error);
  }
});

it('wraps what is not a failure, naming the file', async () => {
  const error = new RangeError('out of\nbounds');
  const tables = withTables(model, [failingSamples(30_000, 15_000, error)]);
  await expect(write(tables)).rejects.toMatchObject({
    kind: 'internal',
    message: 'writing samples.parquet failed: out of bounds',
    cause: error,
  });
});

it('throws what the stage throws', async () => {
  const error = new Failure('unavailable', 'bucket answered 503');
  const fail = (name: string, chunk: number) => {
    if (name === 'samples.parquet' && chunk === 1) throw error;
  };
  const tables = withTables(model, [manySamples(350_000)]);
  await expect(write(tables, sink(fail))).rejects.toBe(error);
});

it('refuses a stage that did not store every byte', async () => {
  const short: Stage = {
    ...sink(),
    putStream: async (name, chunks) => (await sink().putStream(name, chunks)) - 1,
  };
  await expect(write(tablesOf(model), short)).rejects.toMatchObject({
    kind: 'internal',
    message: expect.stringMatching(/^series\.parquet is \d+ bytes, \d+ were stored$/),
  });
});

it('stops on an aborted signal and leaves a stage that can be aborted', async () => {
  const abort = new AbortController();
  const path = `${folder.path}/aborted`;
  const stage = folderStage(path);
  const table = manySamples(350_000);
  const stopping: Table = {
    ...table,
    columns: (from, count) => {
      if (from === 150_000) abort.abort(new Error('stopping'));
      return table.columns(from, count);
    },
  };
  const writing = write(withTables(model, [stopping]), stage, abort.signal);
  await expect(writing).rejects.toThrow('stopping');
  expect(await readdir(path)).toContain('series.parquet');
  await stage.abort();
  await expect(readdir(path)).rejects.toMatchObject({ code: 'ENOENT' });
});

it('leaves nothing behind in the encoder after failed writes', async () => {
  const failing = failingSamples(60_000, 45_000, new Failure('unavailable', 'no memory'));
  const unstored = sink((name) => {
    if (name === 'samples.parquet') throw new Failure('unavailable', 'no disk');
  });
  const failTwice = async () => {
    await expect(write(withTables(model, [failing]))).rejects.toThrow('no memory');
    const tables = withTables(model, [manySamples(101_000)]);
    await expect(write(tables, unstored)).rejects.toThrow('no disk');
  };
  for (let i = 0; i < 3; i++) await failTwice();
  const before = parquet.memoryBytes();
  for (let i = 0; i < 8; i++) await failTwice();
  // One forgotten batch of 10,000 rows is half a megabyte.
  expect(parquet.memoryBytes() - before).toBeLessThanOrEqual(4 * 65_536);
  const { files } = await write(tablesOf(model));
  expect(files).toHaveLength(8);
});

it('refuses tables that are missing or out of order', async () => {
  const [first, second, ...rest] = tablesOf(model);
  await expect(write([second!, first!, ...rest])).rejects.toMatchObject({ kind: 'internal' });
  await expect(write([first!, second!])).rejects.toThrow('tables are series,profiles, a block has');
});

it('refuses columns that are not what the schema says', async () => {
  const samples = tablesOf(model)[2]!;
  const rows = samples.rows;
  const value = (data: ColumnData) =>
    write(withTables(model, [withColumn(samples, 'value', data)]));
  await expect(value({ kind: 'u32', values: new Uint32Array(rows) })).rejects.toThrow(
    'column value holds u32, the schema wants Int64',
  );
  await expect(value(columnOf.i64([1n]))).rejects.toThrow(
    `column value has 1 values for ${rows} rows`,
  );
  const nulls = {
    kind: 'i64',
    values: new BigInt64Array(rows),
    valid: new Uint8Array(rows),
  } as const;
  await expect(value(nulls)).rejects.toThrow('column value has a null bitmap');
  const renamed = columnTable('samples', rows, samples.columns(0, rows).toReversed());
  await expect(write(withTables(model, [renamed]))).rejects.toThrow('columns of the table are');
});

it('refuses offsets that point outside their items, and text that is not utf-8', async () => {
  const functions = tablesOf(model)[6]!;
  const { rows } = functions;
  const name = (offsets: Int32Array, bytes: Uint8Array) => {
    const table: Table = {
      ...functions,
      columns: (from, count) =>
        functions
          .columns(from, count)
          .map((column) =>
            column.name === 'name'
              ? { name: 'name', data: { kind: 'utf8' as const, offsets, bytes } }
              : column,
          ),
    };
    return write(withTables(model, [table]));
  };
  const ones = Int32Array.from({ length: rows + 1 }, (_, i) => i);
  await expect(name(ones, new Uint8Array(rows - 1))).rejects.toThrow(
    `offsets of name end at ${rows}, items at ${rows - 1}`,
  );
  const falling = ones.with(1, rows);
  await expect(name(falling, new Uint8Array(rows))).rejects.toThrow(
    'offsets of name fall at row 1',
  );
  await expect(name(ones, new Uint8Array(rows).fill(0xff))).rejects.toMatchObject({
    kind: 'internal',
    message: expect.stringMatching(/^parquet encoder failed: /),
  });
});

it('gives up on an encoder that has died instead of waiting for ever', async () => {
  const never = new Promise<never>(() => undefined);
  await expect(answerOrStall(never, () => 1, nextTurn)).rejects.toMatchObject({
    kind: 'internal',
    message: 'parquet encoder gave no answer for 1000 turns',
  });
});

it('waits as long as rows are being made or asked for', async () => {
  let turns = 0;
  let answer: (value: string) => void = () => undefined;
  const slow = new Promise<string>((resolve) => {
    answer = resolve;
  });
  const turn = async () => {
    if (++turns === 3000) answer('done');
    await nextTurn();
  };
  const activity = () => (turns < 1500 ? undefined : Math.floor(turns / 100));
  expect(await answerOrStall(slow, activity, turn)).toBe('done');
});
