// Lookups in the dictionary of an OTLP request. Owns the check of every index: one that refers to
// nothing is the sender's mistake and `invalid`, never an empty name.
import { Failure } from '../errors.ts';
import type { Label } from '../model/labels.ts';
import {
  type OtlpDictionary,
  type OtlpText,
  otlpAttributesMax,
  otlpLabelUnitsMax,
} from './otlp-model.ts';

/** The row, or an `invalid` failure that names table, index and size. */
export function rowOf<T>(table: readonly T[], index: number, name: string): T {
  const row = table[index];
  if (row === undefined) {
    const size = `the table has ${table.length}`;
    throw new Failure('invalid', `there is no ${name} ${index}, ${size}`);
  }
  return row;
}

/** Index 0 is the empty text even where a sender left the table empty. */
export function stringOf(tables: OtlpDictionary, index: number): string {
  return index === 0 ? '' : rowOf(tables.strings, index, 'string');
}

/** The text itself, or the one its index refers to. Throws `invalid`. */
export function textOf(tables: OtlpDictionary, text: OtlpText): string {
  return text.strindex === 0 ? text.text : stringOf(tables, text.strindex);
}

/**
 * The attributes that a list of indexes refers to, as labels: those that have text, the first of
 * each key. The list of one owner is bounded, because it is read at once.
 */
export function attributesOf(tables: OtlpDictionary, indexes: readonly number[]): Label[] {
  assertAttributeCount(indexes.length);
  const labels: Label[] = [];
  const names = new Set<string>();
  for (const index of indexes) {
    if (index === 0) continue;
    const { key, value } = rowOf(tables.attributes, index, 'attribute');
    if (value === undefined) continue;
    addLabel(labels, names, textOf(tables, key), textOf(tables, value));
  }
  return labels;
}

/** Adds a label unless it is empty or its name is taken; `names` are those of the labels. */
export function addLabel(labels: Label[], names: Set<string>, name: string, value: string): void {
  if (name === '' || value === '' || names.has(name)) return;
  const units = Math.max(name.length, value.length);
  if (units > otlpLabelUnitsMax) {
    const message = `attribute of ${units} characters, limit ${otlpLabelUnitsMax}`;
    throw new Failure('invalid', message);
  }
  names.add(name);
  labels.push({ name, value });
}

/** Throws `invalid` for more attributes than one place may have. */
export function assertAttributeCount(count: number): void {
  if (count <= otlpAttributesMax) return;
  throw new Failure('invalid', `${count} attributes in one place, limit ${otlpAttributesMax}`);
}
