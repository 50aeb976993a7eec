// From fetched bytes to typed columns, one row group at a time: pages checked, a file made of those
// with wanted rows, decoded, checked again. What it answers is ordinary memory: the decoder keeps
// nothing.
import { freeBytes } from '../lib/free-bytes.ts';
import type { ColumnData } from '../model/table.ts';
import { decodeBatch } from './arrow-read.ts';
import type { TableName } from './files.ts';
import { type ColumnChunk, chunksOf, type RowGroup } from './footers.ts';
import { pickPages, type RowSlice } from './page-picks.ts';
import { readPages } from './pages.ts';
import type { Parquet } from './parquet.ts';
import { projectPages } from './projection.ts';
import type { RowRange } from './read-plan.ts';
import { schemas } from './schema.ts';

/** Columns of some rows of one row group. */
export interface RowBatch {
  columns: ReadonlyMap<string, ColumnData>;
  /** Length of the columns. */
  rows: number;
  /** The wanted rows among them; ascending. */
  slices: readonly RowSlice[];
  /** What the columns are views of: their memory, for `freeBytes`. */
  memory: Uint8Array;
}

/** What is read of a row group. */
export interface GroupRead {
  columns: readonly string[];
  /** Wanted rows, counted from the group's first. */
  rows: readonly RowRange[];
  /** Bytes of a chunk. */
  bytesOf(chunk: ColumnChunk): Uint8Array;
}

/**
 * The wanted rows, and those on the same pages. Throws `corrupt` with the column but not the file.
 * A full row group of five columns takes about 10 ms.
 */
export function decodeRowGroup(
  parquet: Parquet,
  table: TableName,
  group: RowGroup,
  { columns, rows, bytesOf }: GroupRead,
): RowBatch {
  const chunks = chunksOf(group, columns).map((chunk) => {
    const bytes = bytesOf(chunk);
    return { chunk, bytes, pages: readPages(chunk, bytes, group.rows) };
  });
  const pages = chunks.map((one) => one.pages);
  const pick = pickPages(pages, rows, group.rows, group.firstRow);
  const file = projectPages(table, chunks, pick.runs, pick.rows);
  const memory = parquet.decode(file, pick.rows);
  freeBytes([file]);
  const fields = schemas[table].fields.filter((field) => columns.includes(field.name));
  const { rows: count, slices } = pick;
  return { columns: decodeBatch(memory, fields, count), rows: count, slices, memory };
}
