// From the head's columns to Arrow IPC, the only form in which rows enter the Parquet encoder.
// Builds vectors from typed arrays with `makeData` alone: Arrow's builders compile code at run
// time, which Workers refuse. Checks that the columns are what the schema promises.
import {
  type Data,
  DataType,
  type Field,
  makeData,
  RecordBatch,
  type Schema,
  Struct,
  Table,
  tableToIPC,
} from 'apache-arrow';
import { assert } from '../errors.ts';
import type { Column, ColumnData, Validity } from '../model/table.ts';

/**
 * `rows` rows as one Arrow IPC stream of one batch; no rows give a stream of the schema alone.
 * The columns are copied. Throws `internal` when they do not fit the schema.
 */
export function encodeBatch(schema: Schema, columns: readonly Column[], rows: number): Uint8Array {
  if (rows === 0) return tableToIPC(new Table(schema), 'stream');
  const struct = structData(new Struct(schema.fields), columns, rows, '');
  return tableToIPC(new Table([new RecordBatch(schema, struct)]), 'stream');
}

/** Bytes of the columns' buffers, null bitmaps apart. */
export function columnsBytes(columns: readonly Column[]): number {
  return columns.reduce((sum, column) => sum + bytesOf(column.data), 0);
}

function bytesOf(data: ColumnData): number {
  switch (data.kind) {
    case 'u32':
    case 'u64':
    case 'i64':
    case 'bool':
      return data.values.byteLength;
    case 'bytes16':
      return data.bytes.byteLength;
    case 'utf8':
      return data.offsets.byteLength + data.bytes.byteLength;
    case 'list':
      return data.offsets.byteLength + bytesOf(data.items);
    case 'struct':
      return columnsBytes(data.fields);
    case 'map':
      return data.offsets.byteLength + bytesOf(data.keys) + bytesOf(data.values);
  }
}

/** `path` names the column in messages: `locations.lines`, without the table. */
function dataOf(field: Field, data: ColumnData, rows: number, path: string): Data {
  const { type } = field;
  assert(isKindOf(type, data), `column ${path} holds ${data.kind}, the schema wants ${type}`);
  switch (data.kind) {
    case 'u32':
    case 'u64':
    case 'i64':
      assertRows(data.values.length, rows, path);
      return makeData({ ...common(field, data.valid, rows, path), data: data.values });
    case 'bool':
      assertRows(data.values.length, rows, path);
      return makeData({ ...common(field, undefined, rows, path), data: packBits(data.values) });
    case 'utf8': {
      const valueOffsets = checkedOffsets(data.offsets, rows, data.bytes.length, path);
      const base = common(field, data.valid, rows, path);
      return makeData({ ...base, valueOffsets, data: data.bytes });
    }
    case 'bytes16':
      assertRows(data.bytes.length / 16, rows, path);
      return makeData({ ...common(field, data.valid, rows, path), data: data.bytes });
    case 'list': {
      const child = dataOf(onlyChild(type), data.items, itemCount(data.offsets), `${path}.element`);
      const valueOffsets = checkedOffsets(data.offsets, rows, child.length, path);
      return makeData({ ...common(field, undefined, rows, path), valueOffsets, child });
    }
    case 'map': {
      const pairs = [
        { name: 'key', data: data.keys },
        { name: 'value', data: data.values },
      ];
      const child = structData(onlyChild(type).type, pairs, itemCount(data.offsets), path);
      const valueOffsets = checkedOffsets(data.offsets, rows, child.length, path);
      return makeData({ ...common(field, undefined, rows, path), valueOffsets, child });
    }
    case 'struct':
      return structData(type, data.fields, rows, path);
  }
}

function structData(
  type: DataType,
  columns: readonly Column[],
  rows: number,
  path: string,
): Data<Struct> {
  const fields = type.children as Field[];
  const names = columns.map((column) => column.name).join();
  const expected = fields.map((field) => field.name).join();
  assert(names === expected, `columns of ${path || 'the table'} are ${names}, not ${expected}`);
  const children = columns.map(({ name, data }, i) =>
    dataOf(fields[i] as Field, data, rows, path === '' ? name : `${path}.${name}`),
  );
  return makeData({ type: type as Struct, length: rows, nullCount: 0, children });
}

function isKindOf(type: DataType, data: ColumnData): boolean {
  switch (data.kind) {
    case 'u32':
      return DataType.isInt(type) && type.bitWidth === 32 && !type.isSigned;
    case 'u64':
      return DataType.isInt(type) && type.bitWidth === 64 && !type.isSigned;
    case 'i64':
      return DataType.isInt(type) && type.bitWidth === 64 && type.isSigned;
    case 'bool':
      return DataType.isBool(type);
    case 'utf8':
      return DataType.isUtf8(type);
    case 'bytes16':
      return DataType.isFixedSizeBinary(type) && type.byteWidth === 16;
    case 'list':
      return DataType.isList(type);
    case 'struct':
      return DataType.isStruct(type);
    case 'map':
      return DataType.isMap(type);
  }
}

/** What every vector has: type, length, and its nulls when the field may have any. */
function common(field: Field, valid: Validity, rows: number, path: string) {
  // The kind was checked, and one type per call would make nine copies of this function.
  // biome-ignore lint/suspicious/noExplicitAny: `makeData` picks its overload by this type.
  const type = field.type as any;
  if (valid === undefined) return { type, length: rows, nullCount: 0 };
  assert(field.nullable, `column ${path} has a null bitmap, the schema allows no nulls`);
  const nullBitmap = valid.subarray(0, (rows + 7) >> 3);
  assert(nullBitmap.length === (rows + 7) >> 3, `null bitmap of ${path} is cut short`);
  return { type, length: rows, nullCount: -1, nullBitmap };
}

function onlyChild(type: DataType): Field {
  return type.children[0] as Field;
}

function itemCount(offsets: Int32Array): number {
  return offsets[offsets.length - 1] ?? 0;
}

function assertRows(have: number, rows: number, path: string): void {
  assert(have === rows, `column ${path} has ${have} values for ${rows} rows`);
}

/** The encoder trusts offsets: a wrong one would read memory that is not the column's. */
function checkedOffsets(offsets: Int32Array, rows: number, items: number, path: string) {
  assert(
    offsets.length === rows + 1,
    `column ${path} has ${offsets.length} offsets for ${rows} rows`,
  );
  assert(offsets[0] === 0, `offsets of ${path} start at ${offsets[0]}, not 0`);
  for (let i = 0; i < rows; i++) {
    const grows = (offsets[i] as number) <= (offsets[i + 1] as number);
    assert(grows, `offsets of ${path} fall at row ${i}`);
  }
  assert(offsets[rows] === items, `offsets of ${path} end at ${offsets[rows]}, items at ${items}`);
  return offsets;
}

function packBits(values: Uint8Array): Uint8Array {
  const bits = new Uint8Array((values.length + 7) >> 3);
  for (let i = 0; i < values.length; i++) {
    if (values[i]) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7));
  }
  return bits;
}
