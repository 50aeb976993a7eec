// Block tables over plain columns, for tests and benchmarks without a head. Owns slicing, nulls and
// the making of columns from plain values; the model of a whole block is `block-model.ts`.
import type { Column, ColumnData, Table } from '../../src/model/table.ts';
import { type ModelBlock, profileTotalsOf, totalsOf } from './block-model.ts';

/** The table over whole columns; slices are views where they can be. */
export function columnTable(name: string, rows: number, columns: readonly Column[]): Table {
  return {
    name,
    rows,
    bytes: rows * columns.length * 8,
    columns: (from, count) =>
      columns.map((column) => ({ name: column.name, data: sliced(column.data, from, count) })),
  };
}

function sliced(data: ColumnData, from: number, count: number): ColumnData {
  const to = from + count;
  const valid = (bitmap: Uint8Array | undefined) =>
    bitmap ? { valid: slicedBits(bitmap, from, count) } : {};
  switch (data.kind) {
    case 'u32':
      return { kind: 'u32', values: data.values.subarray(from, to), ...valid(data.valid) };
    case 'u64':
      return { kind: 'u64', values: data.values.subarray(from, to), ...valid(data.valid) };
    case 'i64':
      return { kind: 'i64', values: data.values.subarray(from, to), ...valid(data.valid) };
    case 'bool':
      return { kind: 'bool', values: data.values.subarray(from, to) };
    case 'bytes16':
      return { ...data, bytes: data.bytes.subarray(from * 16, to * 16), ...valid(data.valid) };
    case 'struct':
      return {
        kind: 'struct',
        fields: data.fields.map((field) => ({ ...field, data: sliced(field.data, from, count) })),
      };
  }
  const first = data.offsets[from]!;
  const offsets = data.offsets.slice(from, to + 1).map((offset) => offset - first);
  const items = offsets[count]!;
  switch (data.kind) {
    case 'utf8':
      return { kind: 'utf8', offsets, bytes: data.bytes.subarray(first, first + items) };
    case 'list':
      return { kind: 'list', offsets, items: sliced(data.items, first, items) };
    case 'map': {
      const keys = sliced(data.keys, first, items);
      return { kind: 'map', offsets, keys, values: sliced(data.values, first, items) };
    }
  }
}

/** A view where the slice starts at a byte, which the writer's batches do. */
function slicedBits(bitmap: Uint8Array, from: number, count: number): Uint8Array {
  if (from % 8 === 0) return bitmap.subarray(from >> 3, (from + count + 7) >> 3);
  return bits(count, (i) => bitAt(bitmap, from + i));
}

const bitAt = (bitmap: Uint8Array, i: number) => ((bitmap[i >> 3]! >> (i & 7)) & 1) === 1;

/** An Arrow bitmap of `count` bits. */
export function bits(count: number, isSet: (i: number) => boolean): Uint8Array {
  const bitmap = new Uint8Array((count + 7) >> 3);
  for (let i = 0; i < count; i++) if (isSet(i)) bitmap[i >> 3]! |= 1 << (i & 7);
  return bitmap;
}

/** Columns from arrays of plain values; `undefined` is null. */
export const columnOf = {
  u32: (values: readonly (number | undefined)[]): ColumnData => ({
    kind: 'u32',
    values: Uint32Array.from(values, (value) => value ?? 0),
    ...nulls(values),
  }),
  u64: (values: readonly (bigint | undefined)[]): ColumnData => ({
    kind: 'u64',
    values: BigUint64Array.from(values, (value) => value ?? 0n),
    ...nulls(values),
  }),
  i64: (values: readonly bigint[]): ColumnData => ({
    kind: 'i64',
    values: BigInt64Array.from(values),
  }),
  bool: (values: readonly boolean[]): ColumnData => ({
    kind: 'bool',
    values: Uint8Array.from(values, Number),
  }),
  utf8: (values: readonly string[]): ColumnData => {
    const parts = values.map((value) => new TextEncoder().encode(value));
    const offsets = offsetsOf(parts.map((part) => part.length));
    const bytes = new Uint8Array(offsets.at(-1)!);
    for (const [i, part] of parts.entries()) bytes.set(part, offsets[i]!);
    return { kind: 'utf8', offsets, bytes };
  },
  bytes16: (values: readonly (Uint8Array | undefined)[]): ColumnData => {
    const bytes = new Uint8Array(values.length * 16);
    for (const [i, value] of values.entries()) if (value) bytes.set(value, i * 16);
    return { kind: 'bytes16', bytes, ...nulls(values) };
  },
};

/** Running sums of the lengths, starting at 0. */
export function offsetsOf(lengths: readonly number[]): Int32Array {
  const offsets = new Int32Array(lengths.length + 1);
  for (const [i, length] of lengths.entries()) offsets[i + 1] = offsets[i]! + length;
  return offsets;
}

function nulls(values: readonly unknown[]): { valid?: Uint8Array } {
  if (!values.includes(undefined)) return {};
  return { valid: bits(values.length, (i) => values[i] !== undefined) };
}

/** The eight tables of the model, in block order. */
export function tablesOf(block: ModelBlock): Table[] {
  return [...rowTables(block), ...symbolTables(block)];
}

const { u32, u64, i64, bool, utf8, bytes16 } = columnOf;
const rowIds = (rows: readonly unknown[]) => u32(rows.map((_, i) => i));

function table(name: string, rows: readonly unknown[], columns: Record<string, ColumnData>): Table {
  const list = Object.entries(columns).map(([column, data]) => ({ name: column, data }));
  return columnTable(name, rows.length, list);
}

function rowTables(block: ModelBlock): Table[] {
  const { series, profiles, samples } = block;
  const labels = series.flatMap((one) => one.labels);
  const sums = totalsOf(block);
  return [
    table('series', series, {
      series_id: rowIds(series),
      fingerprint: u64(series.map((one) => one.fingerprint)),
      profile_type: utf8(series.map((one) => one.profileType)),
      service_name: utf8(series.map((one) => one.serviceName)),
      labels: {
        kind: 'map',
        offsets: offsetsOf(series.map((one) => one.labels.length)),
        keys: utf8(labels.map((label) => label.name)),
        values: utf8(labels.map((label) => label.value)),
      },
    }),
    table('profiles', profiles, {
      profile_id: rowIds(profiles),
      series_id: u32(profiles.map((one) => one.series)),
      time_ns: i64(profiles.map((one) => one.timeNs)),
      duration_ns: i64(profiles.map((one) => one.durationNs)),
      period: i64(profiles.map((one) => one.period)),
      uuid: bytes16(profiles.map((one) => one.uuid)),
      total: i64(profileTotalsOf(block)),
      default_sample_type: utf8(profiles.map(() => 'cpu')),
      drop_frames: utf8(profiles.map(() => '')),
      keep_frames: utf8(profiles.map(() => '')),
      comments: {
        kind: 'list',
        offsets: offsetsOf(profiles.map((one) => one.comments.length)),
        items: utf8(profiles.flatMap((one) => one.comments)),
      },
    }),
    table('samples', samples, {
      profile_id: u32(samples.map((one) => one.profile)),
      series_id: u32(samples.map((one) => profiles[one.profile]!.series)),
      time_ns: i64(samples.map((one) => profiles[one.profile]!.timeNs)),
      stacktrace_id: u32(samples.map((one) => one.stack)),
      value: i64(samples.map((one) => one.value)),
      span_id: u64(samples.map((one) => one.spanId)),
      trace_id: bytes16(samples.map((one) => one.traceId)),
    }),
    table('totals', sums, {
      series_id: u32(sums.map((one) => one.series)),
      stacktrace_id: u32(sums.map((one) => one.stack)),
      value: i64(sums.map((one) => one.value)),
      count: u32(sums.map((one) => one.count)),
    }),
  ];
}

function symbolTables({ stacks, locations, functions, mappings }: ModelBlock): Table[] {
  const lines = locations.flatMap((location) => location.lines);
  return [
    table('stacktraces', stacks, {
      stacktrace_id: rowIds(stacks),
      parent_id: u32(stacks.map((one) => one.parent)),
      location_id: u32(stacks.map((one) => one.location)),
    }),
    table('locations', locations, {
      location_id: rowIds(locations),
      mapping_id: u32(locations.map((one) => one.mapping)),
      address: u64(locations.map((one) => one.address)),
      is_folded: bool(locations.map((one) => one.isFolded)),
      lines: {
        kind: 'list',
        offsets: offsetsOf(locations.map((one) => one.lines.length)),
        items: {
          kind: 'struct',
          fields: [
            { name: 'function_id', data: u32(lines.map((one) => one.fn)) },
            { name: 'line', data: i64(lines.map((one) => one.line)) },
          ],
        },
      },
    }),
    table('functions', functions, {
      function_id: rowIds(functions),
      name: utf8(functions.map((one) => one.name)),
      system_name: utf8(functions.map((one) => one.systemName)),
      filename: utf8(functions.map((one) => one.filename)),
      start_line: i64(functions.map((one) => one.startLine)),
    }),
    table('mappings', mappings, {
      mapping_id: rowIds(mappings),
      memory_start: u64(mappings.map((one) => one.start)),
      memory_limit: u64(mappings.map((one) => one.limit)),
      file_offset: u64(mappings.map((one) => one.offset)),
      filename: utf8(mappings.map((one) => one.filename)),
      build_id: utf8(mappings.map((one) => one.buildId)),
      has_functions: bool(mappings.map((_, i) => i % 2 === 0)),
      has_filenames: bool(mappings.map(() => true)),
      has_line_numbers: bool(mappings.map(() => false)),
      has_inline_frames: bool(mappings.map((_, i) => i % 2 === 1)),
    }),
  ];
}

/** The tables of a block, those named in `other` in place of the model's. */
export function withTables(block: ModelBlock, other: readonly Table[]): Table[] {
  return tablesOf(block).map((table) => other.find((one) => one.name === table.name) ?? table);
}

/** A `samples` table of any size whose values are a formula of the row number. */
export function manySamples(rows: number): Table {
  const value = (i: number) => BigInt((i * 2654435761) % 1_000_003) * 10_000_000n;
  return columnTable('samples', rows, [
    { name: 'profile_id', data: { kind: 'u32', values: ramp(rows, (i) => Math.floor(i / 500)) } },
    { name: 'series_id', data: { kind: 'u32', values: ramp(rows, (i) => Math.floor(i / 25_000)) } },
    {
      name: 'time_ns',
      data: {
        kind: 'i64',
        values: ramp64(rows, (i) => BigInt(Math.floor(i / 500)) * 10_000_000_123n),
      },
    },
    { name: 'stacktrace_id', data: { kind: 'u32', values: ramp(rows, (i) => (i % 500) * 7) } },
    { name: 'value', data: { kind: 'i64', values: ramp64(rows, value) } },
    {
      name: 'span_id',
      data: {
        kind: 'u64',
        values: new BigUint64Array(rows).fill(7n),
        valid: bits(rows, (i) => i % 10 === 0),
      },
    },
    {
      name: 'trace_id',
      data: { kind: 'bytes16', bytes: new Uint8Array(rows * 16), valid: bits(rows, () => false) },
    },
  ]);
}

function ramp(rows: number, value: (i: number) => number): Uint32Array {
  const values = new Uint32Array(rows);
  for (let i = 0; i < rows; i++) values[i] = value(i);
  return values;
}

function ramp64(rows: number, value: (i: number) => bigint): BigInt64Array {
  const values = new BigInt64Array(rows);
  for (let i = 0; i < rows; i++) values[i] = value(i);
  return values;
}
