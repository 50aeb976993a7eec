// A small Parquet file of some columns and pages of one row group, put together from what was
// fetched: the decoder reads whole files only when it is to fail in a way that can be caught, and
// then takes all columns there are. Owns the footer of that file; nothing of it is ever stored.
import type { TableName } from './files.ts';
import type { ColumnChunk } from './footers.ts';
import { leavesOf, type SchemaElement } from './leaves.ts';
import type { ChunkPages, Page } from './pages.ts';
import type { RowRange } from './read-plan.ts';
import { type ThriftField, writeStruct } from './thrift-write.ts';

const magic = new TextEncoder().encode('PAR1');

/** A column chunk as fetched, and its pages. */
export interface FetchedChunk {
  chunk: ColumnChunk;
  bytes: Uint8Array;
  pages: ChunkPages;
}

/** What of a chunk goes into the file, and where. */
interface PlacedChunk {
  chunk: ColumnChunk;
  at: number;
  dictionaryBytes: number;
  parts: Uint8Array[];
  bytes: number;
  uncompressedBytes: number;
  values: number;
}

/**
 * The file of the runs' rows. `chunks` are all leaves of some columns in file order; every run
 * begins and ends with a page in each of them, and the runs have `rows` rows together.
 */
export function projectPages(
  table: TableName,
  chunks: readonly FetchedChunk[],
  runs: readonly RowRange[],
  rows: number,
): Uint8Array {
  const placed: PlacedChunk[] = [];
  let end = magic.length;
  for (const chunk of chunks) {
    const one = placeChunk(chunk, runs, end);
    placed.push(one);
    end += one.bytes;
  }
  const footer = footerOf(table, placed, rows);
  const file = new Uint8Array(end + footer.length + 4 + magic.length);
  file.set(magic);
  for (const { at, parts } of placed) {
    let to = at;
    for (const part of parts) {
      file.set(part, to);
      to += part.length;
    }
  }
  file.set(footer, end);
  new DataView(file.buffer).setUint32(end + footer.length, footer.length, true);
  file.set(magic, end + footer.length + 4);
  return file;
}

function placeChunk(
  { chunk, bytes, pages }: FetchedChunk,
  runs: readonly RowRange[],
  at: number,
): PlacedChunk {
  const { dictionary } = pages;
  const parts = [bytes.subarray(0, dictionary.bytes)];
  const placed = { chunk, at, dictionaryBytes: dictionary.bytes, parts, ...dictionary, values: 0 };
  for (const page of pages.pages) {
    if (!runs.some((run) => isIn(page, run))) continue;
    parts.push(bytes.subarray(page.at, page.at + page.bytes));
    placed.bytes += page.bytes;
    placed.uncompressedBytes += page.uncompressedBytes;
    placed.values += page.values;
  }
  return placed;
}

/** Pages without rows are left out. */
function isIn({ row, rows }: Page, [from, count]: RowRange): boolean {
  return rows > 0 && row >= from && row < from + count;
}

/** `FileMetaData`, with the field numbers of the format's `parquet.thrift`. */
function footerOf(table: TableName, placed: readonly PlacedChunk[], rows: number): Uint8Array {
  const columns = [...new Set(placed.map(({ chunk }) => chunk.leaf.column))];
  const bytes = placed.reduce((sum, chunk) => sum + chunk.uncompressedBytes, 0);
  const group: ThriftField[] = [
    [1, 'structs', placed.map(chunkFields)],
    [2, 'i64', bytes],
    [3, 'i64', rows],
  ];
  return writeStruct([
    [1, 'i32', 2],
    [2, 'written', schemaOf(table, columns)],
    [3, 'i64', rows],
    [4, 'structs', [group]],
  ]);
}

/** The schema of some columns, as it is written. */
function schemaOf(table: TableName, columns: readonly string[]): Uint8Array[] {
  const root: SchemaElement = { name: 'arrow_schema', repetition: 0, children: columns.length };
  return [writeElement(root), ...columns.flatMap((column) => writtenColumn(table, column))];
}

const written = new Map<string, readonly Uint8Array[]>();

/** The elements of a column, written once for each column of the format. */
function writtenColumn(table: TableName, column: string): readonly Uint8Array[] {
  const key = `${table} ${column}`;
  const elements = written.get(key) ?? leavesOf(table).elements.get(column)?.map(writeElement);
  written.set(key, elements ?? []);
  return elements ?? [];
}

function writeElement(element: SchemaElement): Uint8Array {
  return writeStruct(elementFields(element));
}

function elementFields(element: SchemaElement): ThriftField[] {
  const { name, type, typeLength, repetition, children, converted } = element;
  const fields: ThriftField[] = [];
  if (type !== undefined) fields.push([1, 'i32', type]);
  if (typeLength !== undefined) fields.push([2, 'i32', typeLength]);
  fields.push([3, 'i32', repetition], [4, 'text', name]);
  if (children !== undefined) fields.push([5, 'i32', children]);
  if (converted !== undefined) fields.push([6, 'i32', converted]);
  return fields;
}

/** `ColumnChunk`. */
function chunkFields(placed: PlacedChunk): ThriftField[] {
  const { chunk, at, dictionaryBytes } = placed;
  const metadata: ThriftField[] = [
    [1, 'i32', chunk.leaf.type],
    [2, 'i32s', chunk.encodings],
    [3, 'texts', chunk.leaf.path],
    [4, 'i32', chunk.codec],
    [5, 'i64', placed.values],
    [6, 'i64', placed.uncompressedBytes],
    [7, 'i64', placed.bytes],
    [9, 'i64', at + dictionaryBytes],
  ];
  if (dictionaryBytes > 0) metadata.push([11, 'i64', at]);
  return [
    [2, 'i64', at],
    [3, 'struct', metadata],
  ];
}
