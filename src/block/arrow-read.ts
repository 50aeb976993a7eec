// From Arrow IPC, the only form in which rows leave the Parquet decoder, to plain typed columns:
// the way back of `arrow.ts`. Views where the layout allows; no object per row. Checks that what
// came is what the schema promises: types, rows, no unwanted nulls.
import { type Data, DataType, type Field, tableFromIPC } from 'apache-arrow';
import { Failure } from '../errors.ts';
import type { Column, ColumnData, Validity } from '../model/table.ts';

/** The columns of an IPC stream of exactly one batch of `rows` rows. Throws `corrupt`. */
export function decodeBatch(
  ipc: Uint8Array,
  fields: readonly Field[],
  rows: number,
): Map<string, ColumnData> {
  const [batch, ...others] = tableFromIPC(ipc).batches;
  if (batch === undefined || others.length > 0 || batch.numRows !== rows) {
    throw damage(`decoder answered ${batch?.numRows ?? 0} of ${rows} rows`);
  }
  const columns = fields.map((field, i): [string, ColumnData] => {
    const data = batch.data.children[i];
    if (data === undefined) throw damage(`decoder left out column ${field.name}`);
    return [field.name, columnOf(field, data, field.name)];
  });
  return new Map(columns);
}

function columnOf(field: Field, data: Data, path: string): ColumnData {
  const { type } = field;
  if (data.offset !== 0) throw damage(`column ${path} begins at ${data.offset}, not 0`);
  const valid = validityOf(field, data, path);
  const { length } = data;
  // A column whose rows are all null may come without values.
  if (DataType.isInt(type)) return integersOf(type, data, path, valid);
  if (DataType.isBool(type)) {
    return { kind: 'bool', values: unpackBits(typed(data.values, Uint8Array, path), length) };
  }
  if (DataType.isUtf8(type)) {
    const offsets = offsetsOf(data, path);
    const bytes = typed(data.values, Uint8Array, path);
    if ((offsets[length] ?? 0) > bytes.length) throw damage(`column ${path} is cut short`);
    return { kind: 'utf8', offsets, bytes, ...valid };
  }
  if (DataType.isFixedSizeBinary(type)) {
    const bytes = typed(data.values, Uint8Array, path).subarray(0, length * 16);
    if (bytes.length !== length * 16) throw damage(`column ${path} is cut short`);
    return { kind: 'bytes16', bytes, ...valid };
  }
  return nestedOf(type, data, path);
}

function nestedOf(type: DataType, data: Data, path: string): ColumnData {
  if (DataType.isStruct(type)) {
    const fields = (type.children as Field[]).map((child, i): Column => {
      const name = `${path}.${child.name}`;
      return { name: child.name, data: columnOf(child, childOf(data, i, path), name) };
    });
    return { kind: 'struct', fields };
  }
  const items = childOf(data, 0, path);
  const offsets = offsetsOf(data, path);
  if ((offsets[data.length] ?? 0) > items.length) throw damage(`column ${path} is cut short`);
  const item = (type.children as Field[])[0] as Field;
  const pair = columnOf(item, items, path);
  if (DataType.isList(type)) return { kind: 'list', offsets, items: pair };
  if (!DataType.isMap(type) || pair.kind !== 'struct') throw damage(`column ${path} is a ${type}`);
  const [keys, values] = pair.fields;
  if (keys === undefined || values === undefined) throw damage(`column ${path} lacks its pairs`);
  return { kind: 'map', offsets, keys: keys.data, values: values.data };
}

function integersOf(
  type: DataType,
  data: Data,
  path: string,
  valid: { valid?: Uint8Array },
): ColumnData {
  const { length } = data;
  if (!DataType.isInt(type)) throw damage(`column ${path} is a ${type}`);
  if (type.bitWidth === 32) {
    const values = typed(data.values, Uint32Array, path).subarray(0, length);
    return { kind: 'u32', values: full(values, length, path), ...valid };
  }
  if (type.isSigned) {
    const values = typed(data.values, BigInt64Array, path).subarray(0, length);
    return { kind: 'i64', values: full(values, length, path), ...valid };
  }
  const values = typed(data.values, BigUint64Array, path).subarray(0, length);
  return { kind: 'u64', values: full(values, length, path), ...valid };
}

/** Null bitmap of a column that has nulls; throws for nulls where the schema has none. */
function validityOf(field: Field, data: Data, path: string): { valid?: Uint8Array } {
  const valid: Validity = data.nullCount > 0 ? data.nullBitmap : undefined;
  if (valid === undefined) return {};
  if (!field.nullable) throw damage(`column ${path} has ${data.nullCount} nulls`);
  return { valid };
}

function offsetsOf(data: Data, path: string): Int32Array {
  const offsets = typed(data.valueOffsets, Int32Array, path).subarray(0, data.length + 1);
  if (data.length === 0) return new Int32Array(1);
  let last = 0;
  // By index: `entries` makes an object for each row, in this loop and others of whole columns.
  for (let i = 0; i < offsets.length; i++) {
    const offset = offsets[i] as number;
    if (i === 0 ? offset !== 0 : offset < last) throw damage(`offsets of ${path} fall at row ${i}`);
    last = offset;
  }
  return full(offsets, data.length + 1, path);
}

function childOf(data: Data, index: number, path: string): Data {
  const child = data.children[index];
  if (child === undefined) throw damage(`column ${path} lacks a part`);
  return child;
}

function typed<T>(values: unknown, kind: new () => T, path: string): T {
  if (values instanceof kind) return values;
  throw damage(`column ${path} has another type than the format says`);
}

function full<T extends { length: number }>(values: T, length: number, path: string): T {
  if (values.length === length) return values;
  throw damage(`column ${path} has ${values.length} of ${length} values`);
}

function unpackBits(bits: Uint8Array, length: number): Uint8Array {
  const values = new Uint8Array(length);
  for (let i = 0; i < length; i++) values[i] = ((bits[i >> 3] ?? 0) >> (i & 7)) & 1;
  return values;
}

function damage(message: string): Failure {
  return new Failure('corrupt', message);
}
