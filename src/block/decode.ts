// From fetched bytes to typed columns, one row group at a time: pages checked, a file made of the
// wanted chunks, decoded, checked again. What it answers is ordinary memory: the decoder keeps
// nothing.
import type { ColumnData } from '../model/table.ts';
import { decodeBatch } from './arrow-read.ts';
import type { TableName } from './files.ts';
import { type ColumnChunk, chunksOf, type RowGroup } from './footers.ts';
import { checkPages } from './pages.ts';
import type { Parquet } from './parquet.ts';
import { projectRowGroup } from './projection.ts';
import { schemas } from './schema.ts';

/**
 * The columns of one row group by name; `bytesOf` answers the bytes of a chunk. Throws `corrupt`
 * with the column but not the file. A full row group of five columns takes about 10 ms.
 */
export function decodeRowGroup(
  parquet: Parquet,
  table: TableName,
  group: RowGroup,
  columns: readonly string[],
  bytesOf: (chunk: ColumnChunk) => Uint8Array,
): Map<string, ColumnData> {
  const wanted = chunksOf(group, columns);
  const bytes = wanted.map(bytesOf);
  for (const [i, chunk] of wanted.entries()) checkPages(chunk, bytes[i] as Uint8Array, group.rows);
  const file = projectRowGroup(table, group, wanted, bytes);
  const ipc = parquet.decode(file, group.rows);
  const fields = schemas[table].fields.filter((field) => columns.includes(field.name));
  return decodeBatch(ipc, fields, group.rows);
}
