// Whole columns from the batches of a table's row groups. Owns the joining of offsets and the
// filling of nulls; one row group is handed through without a copy.
import { Failure } from '../errors.ts';
import type { ColumnData, Validity } from '../model/table.ts';

/** The parts one after the other; all have the kind of the first, and there is one at least. */
export function concatColumns(parts: readonly ColumnData[]): ColumnData {
  const [first] = parts;
  if (first === undefined) throw new Failure('internal', 'columns of no batches');
  if (parts.length === 1) return first;
  switch (first.kind) {
    case 'u32':
      return { kind: 'u32', values: joined(ofKind(parts, 'u32'), Uint32Array), ...valid(parts) };
    case 'u64':
      return { kind: 'u64', values: joined(ofKind(parts, 'u64'), BigUint64Array), ...valid(parts) };
    case 'i64':
      return { kind: 'i64', values: joined(ofKind(parts, 'i64'), BigInt64Array), ...valid(parts) };
    case 'bool':
      return { kind: 'bool', values: joined(ofKind(parts, 'bool'), Uint8Array) };
    case 'bytes16': {
      const bytes = concatBytes(ofKind(parts, 'bytes16').map((part) => part.bytes));
      return { kind: 'bytes16', bytes, ...valid(parts) };
    }
    case 'utf8': {
      const texts = ofKind(parts, 'utf8');
      const bytes = concatBytes(texts.map((part) => part.bytes.subarray(0, part.offsets.at(-1))));
      return { kind: 'utf8', offsets: concatOffsets(texts.map((part) => part.offsets)), bytes };
    }
    case 'list': {
      const lists = ofKind(parts, 'list');
      const offsets = concatOffsets(lists.map((part) => part.offsets));
      return { kind: 'list', offsets, items: concatColumns(lists.map((part) => part.items)) };
    }
    case 'struct': {
      const structs = ofKind(parts, 'struct');
      const fields = first.fields.map(({ name }, i) => ({
        name,
        data: concatColumns(structs.map((part) => (part.fields[i] as { data: ColumnData }).data)),
      }));
      return { kind: 'struct', fields };
    }
    case 'map':
      throw new Failure('internal', 'maps are read batch by batch');
  }
}

/** Ids with `null` written as 2^32-1, as the kernel has it. */
export function idsOf(column: ColumnData | undefined): Uint32Array {
  if (column?.kind !== 'u32') throw new Failure('internal', `ids are ${column?.kind}, not u32`);
  const { values, valid: bits } = column;
  if (bits === undefined) return values;
  // What lies in the place of a null is left over from the decoder.
  return values.map((id, i) => (isSet(bits, i) ? id : 0xffffffff));
}

/** Bit i of an Arrow null bitmap. */
export function isSet(bits: Uint8Array, i: number): boolean {
  return (((bits[i >> 3] ?? 0) >> (i & 7)) & 1) === 1;
}

/** Rows of a column. */
export function rowsOf(column: ColumnData): number {
  switch (column.kind) {
    case 'bytes16':
      return column.bytes.length / 16;
    case 'utf8':
    case 'list':
    case 'map':
      return column.offsets.length - 1;
    case 'struct':
      return column.fields[0] === undefined ? 0 : rowsOf(column.fields[0].data);
    default:
      return column.values.length;
  }
}

type OfKind<K extends ColumnData['kind']> = Extract<ColumnData, { kind: K }>;

function ofKind<K extends ColumnData['kind']>(parts: readonly ColumnData[], kind: K): OfKind<K>[] {
  for (const part of parts) {
    if (part.kind !== kind) throw new Failure('internal', `column parts are ${part.kind}, ${kind}`);
  }
  return parts as OfKind<K>[];
}

interface Typed<T> {
  readonly length: number;
  set(values: T, at: number): void;
}

function joined<T extends Typed<T>>(
  parts: readonly { values: T }[],
  kind: new (length: number) => T,
): T {
  const all = new kind(parts.reduce((sum, { values }) => sum + values.length, 0));
  let at = 0;
  for (const { values } of parts) {
    all.set(values, at);
    at += values.length;
  }
  return all;
}

function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  return joined(
    parts.map((values) => ({ values })),
    Uint8Array,
  );
}

function concatOffsets(parts: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(parts.reduce((sum, part) => sum + part.length - 1, 1));
  let [at, base] = [1, 0];
  for (const part of parts) {
    for (let i = 1; i < part.length; i++) all[at++] = base + (part[i] as number);
    base += part.at(-1) ?? 0;
    if (base > 0x7fffffff)
      throw new Failure('corrupt', `column is ${base} bytes, limit 2147483647`);
  }
  return all;
}

function valid(parts: readonly ColumnData[]): { valid?: Uint8Array } {
  const bitmaps = parts.map((part): Validity => ('valid' in part ? part.valid : undefined));
  if (bitmaps.every((bitmap) => bitmap === undefined)) return {};
  const rows = parts.map(rowsOf);
  const all = new Uint8Array((rows.reduce((sum, count) => sum + count, 0) + 7) >> 3);
  let at = 0;
  for (const [i, bitmap] of bitmaps.entries()) {
    for (let row = 0; row < (rows[i] as number); row++, at++) {
      if (bitmap !== undefined && !isSet(bitmap, row)) continue;
      all[at >> 3] = (all[at >> 3] as number) | (1 << (at & 7));
    }
  }
  return { valid: all };
}
