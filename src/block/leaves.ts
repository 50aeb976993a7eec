// Columns as Parquet stores them: the schema elements of a table's columns, and the leaves that
// have a column chunk each in every row group. Derived from the Arrow schema, so that there is one
// truth.
// https://github.com/apache/parquet-format/blob/master/LogicalTypes.md
import { DataType, type Field } from 'apache-arrow';
import { Failure } from '../errors.ts';
import type { TableName } from './files.ts';
import { schemas } from './schema.ts';

/** Physical types of the format. */
export const physical = { boolean: 0, int32: 1, int64: 2, byteArray: 6, fixed: 7 } as const;
const repetition = { required: 0, optional: 1, repeated: 2 } as const;
const converted = { utf8: 0, map: 1, list: 3, uint32: 13, uint64: 14 } as const;

/** `SchemaElement`: a group has children, a leaf a physical type. */
export interface SchemaElement {
  name: string;
  repetition: number;
  type?: number;
  typeLength?: number;
  children?: number;
  converted?: number;
}

/** What has a column chunk of its own. */
export interface Leaf {
  /** Top-level column it belongs to. */
  column: string;
  /** Names from the top, as the footer has them. */
  path: readonly string[];
  type: number;
  /** One value a row, null or not; false for what is inside a list or map. */
  isFlat: boolean;
  isNullable: boolean;
  /** Of an integer. */
  isSigned: boolean;
}

export interface TableLeaves {
  /** In the order of the file. */
  leaves: readonly Leaf[];
  /** Elements of a top-level column, depth first. */
  elements: ReadonlyMap<string, readonly SchemaElement[]>;
}

const known = new Map<TableName, TableLeaves>();

/** The leaves of a table, made once. */
export function leavesOf(table: TableName): TableLeaves {
  const found = known.get(table) ?? makeLeaves(table);
  known.set(table, found);
  return found;
}

function makeLeaves(table: TableName): TableLeaves {
  const leaves: Leaf[] = [];
  const elements = new Map<string, SchemaElement[]>();
  for (const field of schemas[table].fields) {
    const list: SchemaElement[] = [];
    addField(field, { column: field.name, path: [], isFlat: true }, list, leaves);
    elements.set(field.name, list);
  }
  return { leaves, elements };
}

interface Place {
  column: string;
  path: readonly string[];
  isFlat: boolean;
}

function addField(field: Field, place: Place, elements: SchemaElement[], leaves: Leaf[]): void {
  const { name, type, nullable } = field;
  const path = [...place.path, name];
  const own = { name, repetition: nullable ? repetition.optional : repetition.required };
  const below = { ...place, path };
  if (DataType.isStruct(type)) {
    elements.push({ ...own, children: type.children.length });
    for (const child of type.children) addField(child, below, elements, leaves);
  } else if (DataType.isList(type)) {
    elements.push({ ...own, children: 1, converted: converted.list });
    elements.push({ name: 'list', repetition: repetition.repeated, children: 1 });
    const item = { ...below, path: [...path, 'list'], isFlat: false };
    for (const child of type.children) addField(child, item, elements, leaves);
  } else if (DataType.isMap(type)) {
    const pair = type.children[0] as Field;
    elements.push({ ...own, children: 1, converted: converted.map });
    elements.push({ name: pair.name, repetition: repetition.repeated, children: 2 });
    const item = { ...below, path: [...path, pair.name], isFlat: false };
    for (const child of (pair.type as DataType).children) addField(child, item, elements, leaves);
  } else {
    const leaf = leafTypeOf(type);
    elements.push({ ...own, ...leaf });
    const isSigned = DataType.isInt(type) && type.isSigned;
    leaves.push({ ...place, path, type: leaf.type, isNullable: nullable, isSigned });
  }
}

function leafTypeOf(type: DataType): { type: number; typeLength?: number; converted?: number } {
  if (DataType.isBool(type)) return { type: physical.boolean };
  if (DataType.isUtf8(type)) return { type: physical.byteArray, converted: converted.utf8 };
  if (DataType.isFixedSizeBinary(type)) return { type: physical.fixed, typeLength: type.byteWidth };
  if (DataType.isInt(type)) {
    const is32 = type.bitWidth === 32;
    const unsigned = is32 ? converted.uint32 : converted.uint64;
    const kind = is32 ? physical.int32 : physical.int64;
    return type.isSigned ? { type: kind } : { type: kind, converted: unsigned };
  }
  throw new Failure('internal', `block tables have no columns of type ${type}`);
}
