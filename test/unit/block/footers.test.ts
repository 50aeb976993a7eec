// Footers as data: the same as an independent reader finds, trusted only when they agree with
// `meta.json` and lie inside the file, and never more than a failure when damaged.
import { readFile } from 'node:fs/promises';
import { parquetMetadata } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { type TableName, tableFile, tableNames } from '../../../src/block/files.ts';
import { readTableFooter } from '../../../src/block/footers.ts';
import { fileOf, parseBlockMeta } from '../../../src/block/meta.ts';
import { createRandom } from '../../fixtures/random.ts';
import { testUlid } from '../../support/block-folder.ts';

const folder = new URL(`../../golden/block/${testUlid}/`, import.meta.url);
const bytesOf = async (name: string) => new Uint8Array(await readFile(new URL(name, folder)));
const meta = parseBlockMeta(await bytesOf('meta.json'));
const files = new Map<TableName, Uint8Array<ArrayBuffer>>();
for (const table of tableNames) files.set(table, await bytesOf(tableFile(table)));

const tailOf = (table: TableName) => {
  const bytes = files.get(table)!;
  return bytes.slice(bytes.length - fileOf(meta, table).footerBytes);
};

describe('a footer', () => {
  it.each(tableNames)('of %s says what hyparquet reads of it', (table) => {
    const bytes = files.get(table)!;
    const footer = readTableFooter(table, tailOf(table), fileOf(meta, table));
    const other = parquetMetadata(bytes);
    const expected = other.row_groups.map((group) => ({
      rows: Number(group.num_rows),
      chunks: group.columns.map(({ meta_data }) => ({
        path: meta_data?.path_in_schema,
        offset: Number(meta_data?.dictionary_page_offset ?? meta_data?.data_page_offset),
        bytes: Number(meta_data?.total_compressed_size),
        uncompressedBytes: Number(meta_data?.total_uncompressed_size),
        values: Number(meta_data?.num_values),
      })),
    }));
    const found = footer.rowGroups.map(({ rows, chunks }) => ({
      rows,
      chunks: chunks.map(({ leaf, offset, bytes, uncompressedBytes, values }) => ({
        path: leaf.path,
        offset,
        bytes,
        uncompressedBytes,
        values,
      })),
    }));
    expect(found).toEqual(expected);
  });

  it('tells row groups and the least and greatest of integers', () => {
    const { rowGroups } = readTableFooter('samples', tailOf('samples'), fileOf(meta, 'samples'));
    const [group] = rowGroups;
    const range = (column: string) => group!.chunks.find((one) => one.leaf.column === column)!;
    expect(rowGroups.map((one) => [one.firstRow, one.rows])).toEqual([[0, 55]]);
    expect(range('series_id').range).toEqual({ min: 0n, max: 3n });
    expect(range('span_id')).toMatchObject({ nulls: 37, range: { min: 0xf000_0000_0000_0001n } });
    expect(range('trace_id')).toMatchObject({ nulls: 37, range: undefined });
  });

  it('is refused when meta.json says otherwise', () => {
    const entry = fileOf(meta, 'samples');
    const read = (change: Partial<typeof entry>) =>
      readTableFooter('samples', tailOf('samples'), { ...entry, ...change });
    expect(() => read({ rows: 56 })).toThrow('has 55 rows, meta.json says 56');
    expect(() => read({ footerBytes: 9 })).toThrow(
      `footer is ${entry.footerBytes} bytes, meta.json says 9`,
    );
    expect(() => read({ bytes: entry.footerBytes + 300 })).toThrow(/^column .* has bytes/);
    expect(() => readTableFooter('totals', tailOf('samples'), entry)).toThrow(
      /in place of series_id/,
    );
  });

  it('gives a footer or `corrupt`, whatever its bytes are', () => {
    const seed = 20_240;
    const { below } = createRandom(seed);
    let refused = 0;
    for (let round = 0; round < 4000; round++) {
      const table = tableNames[round % tableNames.length]!;
      const tail = tailOf(table);
      for (let i = 0; i <= below(3); i++) tail[below(tail.length)] = below(256);
      try {
        const footer = readTableFooter(table, tail, fileOf(meta, table));
        expect(footer.rowGroups.reduce((sum, group) => sum + group.rows, 0)).toBe(
          fileOf(meta, table).rows,
        );
      } catch (error) {
        expect(error, `seed ${seed} round ${round}`).toMatchObject({ kind: 'corrupt' });
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(1000);
  });
});
