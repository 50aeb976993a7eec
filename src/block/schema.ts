// Columns of the block tables as Arrow schemas: names, order, types and nullability, all promises
// to whoever reads a block (`FORMAT.md`). Owns also which columns get a dictionary.
import {
  Bool,
  type DataType,
  Field,
  FixedSizeBinary,
  Int64,
  List,
  Map_,
  Schema,
  Struct,
  Uint32,
  Uint64,
  Utf8,
} from 'apache-arrow';
import type { TableName } from './files.ts';

const u32 = new Uint32();
const u64 = new Uint64();
const i64 = new Int64();
const bool = new Bool();
const utf8 = new Utf8();
const bytes16 = new FixedSizeBinary(16);

/** The item is called `element`, as the Parquet specification asks; Arrow's own habit is `item`. */
function list<T extends DataType>(item: T): List<T> {
  return new List(new Field('element', item, false));
}

const line = new Struct<{ function_id: Uint32; line: Int64 }>([
  new Field('function_id', u32, false),
  new Field('line', i64, false),
]);

/** Arrow calls the pairs `entries` whatever name is asked for. */
const stringMap = new Map_<Utf8, Utf8>(
  new Field(
    'entries',
    new Struct<{ key: Utf8; value: Utf8 }>([
      new Field('key', utf8, false),
      new Field('value', utf8, false),
    ]),
    false,
  ),
);

/** A name that ends in `?` may be null. */
const columns: Record<TableName, readonly (readonly [string, DataType])[]> = {
  series: [
    ['series_id', u32],
    ['fingerprint', u64],
    ['profile_type', utf8],
    ['service_name', utf8],
    ['labels', stringMap],
  ],
  profiles: [
    ['profile_id', u32],
    ['series_id', u32],
    ['time_ns', i64],
    ['duration_ns', i64],
    ['period', i64],
    ['uuid', bytes16],
    ['total', i64],
    ['default_sample_type', utf8],
    ['drop_frames', utf8],
    ['keep_frames', utf8],
    ['comments', list(utf8)],
  ],
  samples: [
    ['profile_id', u32],
    ['series_id', u32],
    ['time_ns', i64],
    ['stacktrace_id', u32],
    ['value', i64],
    ['span_id?', u64],
    ['trace_id?', bytes16],
  ],
  totals: [
    ['series_id', u32],
    ['stacktrace_id', u32],
    ['value', i64],
    ['count', u32],
  ],
  stacktraces: [
    ['stacktrace_id', u32],
    ['parent_id?', u32],
    ['location_id?', u32],
  ],
  locations: [
    ['location_id', u32],
    ['mapping_id?', u32],
    ['address', u64],
    ['is_folded', bool],
    ['lines', list(line)],
  ],
  functions: [
    ['function_id', u32],
    ['name', utf8],
    ['system_name', utf8],
    ['filename', utf8],
    ['start_line', i64],
  ],
  mappings: [
    ['mapping_id', u32],
    ['memory_start', u64],
    ['memory_limit', u64],
    ['file_offset', u64],
    ['filename', utf8],
    ['build_id', utf8],
    ['has_functions', bool],
    ['has_filenames', bool],
    ['has_line_numbers', bool],
    ['has_inline_frames', bool],
  ],
};

/** The Arrow schema of each table. */
export const schemas = Object.fromEntries(
  Object.entries(columns).map(([table, fields]) => [
    table,
    new Schema(
      fields.map(([name, type]) => new Field(name.replace('?', ''), type, name.endsWith('?'))),
    ),
  ]),
) as Record<TableName, Schema>;

/**
 * Columns written with a dictionary; all others are delta-encoded, which is smaller and faster for
 * ids, times and sorted strings. Measured in `test/bench/block-size.ts`, figures in `FORMAT.md`.
 */
export const dictionaryColumns: Record<TableName, readonly string[]> = {
  series: [],
  profiles: [],
  samples: ['value'],
  totals: ['value', 'count'],
  stacktraces: [],
  locations: [],
  functions: ['filename'],
  mappings: [],
};

/** Rows of a row group at most: a bound on what a reader decodes to use one row. */
export const rowGroupRowsMax = 100_000;
/** Rows and bytes handed to the encoder at once: so little that no slice of work takes 25 ms. */
export const batchRowsMax = 10_000;
/** Rows of long names are far heavier than rows of numbers, which stay under this anyway. */
export const batchBytesMax = 1024 * 1024;
