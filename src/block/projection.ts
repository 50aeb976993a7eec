// A small Parquet file of some columns of one row group, put together from their chunks as fetched:
// the decoder reads whole files only when it is to fail in a way that can be caught, and then takes
// all columns there are. Owns the footer of that file; nothing of it is ever stored.
import { assert } from '../errors.ts';
import type { TableName } from './files.ts';
import type { ColumnChunk, RowGroup } from './footers.ts';
import { leavesOf, type SchemaElement } from './leaves.ts';
import { type ThriftField, writeStruct } from './thrift-write.ts';

const magic = new TextEncoder().encode('PAR1');

/** `chunks[i]` are the bytes of `wanted[i]`, which are all leaves of some columns in file order. */
export function projectRowGroup(
  table: TableName,
  group: RowGroup,
  wanted: readonly ColumnChunk[],
  chunks: readonly Uint8Array[],
): Uint8Array {
  const places: number[] = [];
  let end = magic.length;
  for (const [i, chunk] of wanted.entries()) {
    assert(chunks[i]?.length === chunk.bytes, `chunk ${i} of ${table} is not ${chunk.bytes} bytes`);
    places.push(end);
    end += chunk.bytes;
  }
  const footer = footerOf(table, group, wanted, places);
  const file = new Uint8Array(end + footer.length + 4 + magic.length);
  file.set(magic);
  for (const [i, bytes] of chunks.entries()) file.set(bytes, places[i]);
  file.set(footer, end);
  new DataView(file.buffer).setUint32(end + footer.length, footer.length, true);
  file.set(magic, end + footer.length + 4);
  return file;
}

/** `FileMetaData`, with the field numbers of the format's `parquet.thrift`. */
function footerOf(
  table: TableName,
  group: RowGroup,
  wanted: readonly ColumnChunk[],
  places: readonly number[],
): Uint8Array {
  const columns = [...new Set(wanted.map((chunk) => chunk.leaf.column))];
  const { elements } = leavesOf(table);
  const root: SchemaElement = { name: 'arrow_schema', repetition: 0, children: columns.length };
  const schema = [root, ...columns.flatMap((column) => elements.get(column) ?? [])];
  const bytes = wanted.reduce((sum, chunk) => sum + chunk.uncompressedBytes, 0);
  return writeStruct([
    [1, 'i32', 2],
    [2, 'structs', schema.map(elementFields)],
    [3, 'i64', group.rows],
    [
      4,
      'structs',
      [
        [
          [1, 'structs', wanted.map((chunk, i) => chunkFields(chunk, places[i] ?? 0))],
          [2, 'i64', bytes],
          [3, 'i64', group.rows],
        ],
      ],
    ],
  ]);
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
function chunkFields(chunk: ColumnChunk, place: number): ThriftField[] {
  const metadata: ThriftField[] = [
    [1, 'i32', chunk.leaf.type],
    [2, 'i32s', chunk.encodings],
    [3, 'texts', chunk.leaf.path],
    [4, 'i32', chunk.codec],
    [5, 'i64', chunk.values],
    [6, 'i64', chunk.uncompressedBytes],
    [7, 'i64', chunk.bytes],
    [9, 'i64', place + chunk.dataAt],
  ];
  if (chunk.hasDictionary) metadata.push([11, 'i64', place]);
  return [
    [2, 'i64', place],
    [3, 'struct', metadata],
  ];
}
