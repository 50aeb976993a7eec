// What a table's footer says: row groups, where their column chunks lie, and their statistics. A
// footer is trusted only if it agrees with `meta.json` and every chunk lies inside the file: what
// is planned from it can be fetched and decoded without further looks.
import { Failure } from '../errors.ts';
import type { TableName } from './files.ts';
import { readFooterFields } from './footer.ts';
import { type Leaf, leavesOf, physical } from './leaves.ts';
import type { FileEntry } from './meta.ts';
import { rowGroupRowsMax } from './schema.ts';
import { ThriftStruct, type ThriftValue } from './thrift.ts';

/** One leaf of one row group. */
export interface ColumnChunk {
  leaf: Leaf;
  /** In the file. */
  offset: number;
  bytes: number;
  uncompressedBytes: number;
  /** Where the first data page is, from `offset`; a dictionary page comes before it. */
  dataAt: number;
  hasDictionary: boolean;
  values: number;
  codec: number;
  encodings: readonly number[];
  /** Undefined when the file does not tell. */
  nulls: number | undefined;
  /** Least and greatest value of a flat column of integers, when it has any and the file tells. */
  range: { min: bigint; max: bigint } | undefined;
}

export interface RowGroup {
  /** Row number of its first row. */
  firstRow: number;
  rows: number;
  /** In file order, one per leaf of the table; columns that this version does not know left out. */
  chunks: readonly ColumnChunk[];
}

export interface TableFooter {
  table: TableName;
  rowGroups: readonly RowGroup[];
  /** About how much memory this object takes. */
  memoryBytes: number;
}

/** A decompressed chunk of 100,000 strings of 2 KiB; more is damage, or would hurt the decoder. */
const chunkBytesMax = 256 * 1024 * 1024;
/** A chunk in memory, about. */
const chunkMemoryBytes = 300;
/** First data page after the file's magic. */
const dataStart = 4;

/** The chunks of some columns of a row group, in file order. */
export function chunksOf(group: RowGroup, columns: readonly string[]): ColumnChunk[] {
  return group.chunks.filter((chunk) => columns.includes(chunk.leaf.column));
}

/** Reads the footer in `tail`, the last bytes of the file. Throws `corrupt`. */
export function readTableFooter(table: TableName, tail: Uint8Array, entry: FileEntry): TableFooter {
  const { bytes, fields } = readFooterFields(tail);
  if (bytes !== entry.footerBytes) {
    throw damage(`footer is ${bytes} bytes, meta.json says ${entry.footerBytes}`);
  }
  const fileRows = count(fields, 3);
  if (fileRows !== entry.rows) throw damage(`has ${fileRows} rows, meta.json says ${entry.rows}`);
  const chunksEnd = entry.bytes - entry.footerBytes;
  const rowGroups: RowGroup[] = [];
  let firstRow = 0;
  for (const item of list(fields, 4)) {
    const group = readRowGroup(table, struct(item), firstRow, chunksEnd);
    rowGroups.push(group);
    firstRow += group.rows;
  }
  if (firstRow !== fileRows) throw damage(`row groups have ${firstRow} of ${fileRows} rows`);
  const { leaves } = leavesOf(table);
  return { table, rowGroups, memoryBytes: rowGroups.length * leaves.length * chunkMemoryBytes };
}

function readRowGroup(
  table: TableName,
  fields: ThriftStruct,
  firstRow: number,
  chunksEnd: number,
): RowGroup {
  const rows = count(fields, 3);
  if (rows === 0 || rows > rowGroupRowsMax) {
    throw damage(`has a row group of ${rows} rows, limit ${rowGroupRowsMax}`);
  }
  const columns = list(fields, 1);
  const { leaves } = leavesOf(table);
  if (columns.length < leaves.length) {
    throw damage(`has ${columns.length} columns, needs ${leaves.length}`);
  }
  const chunks = leaves.map((leaf, i) => {
    const metadata = struct(struct(columns[i]).get(3));
    return readChunk(leaf, metadata, rows, chunksEnd);
  });
  return { firstRow, rows, chunks };
}

function readChunk(leaf: Leaf, fields: ThriftStruct, rows: number, chunksEnd: number): ColumnChunk {
  const path = list(fields, 3).map(text).join('.');
  const name = leaf.path.join('.');
  if (path !== name) throw damage(`has column ${path} in place of ${name}`);
  const type = fields.get(1);
  if (type !== leaf.type) throw damage(`column ${name} has type ${type}, not ${leaf.type}`);
  const dataOffset = count(fields, 9);
  const dictionaryOffset = fields.has(11) ? count(fields, 11) : undefined;
  const offset = Math.min(dataOffset, dictionaryOffset ?? dataOffset);
  const bytes = count(fields, 7);
  if (offset < dataStart || bytes === 0 || offset + bytes > chunksEnd) {
    throw damage(`column ${name} has bytes ${offset} to ${offset + bytes} of ${chunksEnd}`);
  }
  if (dataOffset >= offset + bytes) throw damage(`column ${name} has its data outside its bytes`);
  const uncompressedBytes = count(fields, 6);
  if (uncompressedBytes > chunkBytesMax) {
    throw damage(`column ${name} has ${uncompressedBytes} bytes, limit ${chunkBytesMax}`);
  }
  const values = count(fields, 5);
  if (leaf.isFlat && values !== rows) {
    throw damage(`column ${name} has ${values} values for ${rows} rows`);
  }
  return {
    leaf,
    offset,
    bytes,
    uncompressedBytes,
    dataAt: dataOffset - offset,
    hasDictionary: dictionaryOffset !== undefined && dictionaryOffset < dataOffset,
    values,
    codec: count(fields, 4),
    encodings: list(fields, 2).map((encoding) => number(encoding)),
    ...readStatistics(leaf, fields.get(12), rows),
  };
}

function readStatistics(leaf: Leaf, value: ThriftValue | undefined, rows: number) {
  if (!(value instanceof ThriftStruct))
    return { nulls: leaf.isNullable ? undefined : 0, range: undefined };
  const nulls = leaf.isNullable && value.has(3) ? count(value, 3) : undefined;
  if (leaf.isFlat && nulls !== undefined && nulls > rows) {
    throw damage(`column ${leaf.path.join('.')} has ${nulls} nulls in ${rows} rows`);
  }
  const max = integerOf(leaf, value.get(5));
  const min = integerOf(leaf, value.get(6));
  const hasRange = min !== undefined && max !== undefined && min <= max;
  return {
    nulls: leaf.isNullable ? nulls : 0,
    range: hasRange ? { min, max } : undefined,
  };
}

function integerOf(leaf: Leaf, value: ThriftValue | undefined): bigint | undefined {
  if (!leaf.isFlat || !(value instanceof Uint8Array)) return undefined;
  const view = new DataView(value.buffer, value.byteOffset, value.length);
  if (leaf.type === physical.int32 && value.length === 4) return BigInt(view.getUint32(0, true));
  if (leaf.type !== physical.int64 || value.length !== 8) return undefined;
  return leaf.isSigned ? view.getBigInt64(0, true) : view.getBigUint64(0, true);
}

const decoder = new TextDecoder();

function count(fields: ThriftStruct, field: number): number {
  const value = number(fields.get(field));
  if (value < 0) throw damage(`footer has ${value} in field ${field}`);
  return value;
}

function number(value: ThriftValue | undefined): number {
  if (typeof value === 'number') return value;
  throw damage('footer lacks a number');
}

function list(fields: ThriftStruct, field: number): ThriftValue[] {
  const value = fields.get(field);
  if (Array.isArray(value)) return value;
  throw damage('footer lacks a list');
}

function struct(value: ThriftValue | undefined): ThriftStruct {
  if (value instanceof ThriftStruct) return value;
  throw damage('footer lacks a struct');
}

function text(value: ThriftValue): string {
  if (value instanceof Uint8Array) return decoder.decode(value);
  throw damage('footer lacks a name');
}

function damage(message: string): Failure {
  return new Failure('corrupt', message);
}
