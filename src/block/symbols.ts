// The symbols of a block: functions, locations, mappings and the stack tree, as flat columns whose
// ids are checked here, where the file that is wrong can be named. Owns which files are read for
// them and whether whole; their packing is the kernel's, and letting the columns go the caller's.
import { Failure } from '../errors.ts';
import { noId, type StringColumn, type SymbolTables } from '../kernel/symbols.ts';
import { freeBytes } from '../lib/free-bytes.ts';
import type { QueryMeter } from '../model/source.ts';
import type { ColumnData } from '../model/table.ts';
import type { BlockReader, OpenTable } from './block-reader.ts';
import { concatColumns, idsOf } from './concat-columns.ts';
import type { TableName } from './files.ts';
import { fileOf } from './meta.ts';
import { allSettled } from './settled.ts';

/** `names`: what function names need; `all`: also what pprof shows of functions and mappings. */
export type SymbolDetail = 'names' | 'all';

/** Symbol files that together are larger are read by the columns that are needed. */
const wholeSymbolBytesMax = 8 * 1024 * 1024;

type Columns = ReadonlyMap<string, ColumnData>;

/** The tables, and what they are views of; all of it is the caller's. */
export interface ReadSymbols extends SymbolTables {
  readonly memory: readonly Uint8Array[];
}

/** Reads and checks the symbols. Throws `corrupt`, naming the file, for an id out of range. */
export async function readSymbols(
  reader: BlockReader,
  detail: SymbolDetail,
  meter: QueryMeter,
): Promise<ReadSymbols> {
  const memory: Uint8Array[] = [];
  const load = async (table: TableName, columns: readonly string[]) => {
    const open = isWhole ? await reader.openWhole(table, meter) : await reader.open(table, meter);
    const read = await readColumns(reader, open, columns, memory, meter);
    if (isWhole && open.whole !== undefined) freeBytes([open.whole]);
    return read;
  };
  const tables = ['stacktraces', 'locations', 'functions'] as const;
  const bytes = tables.reduce((sum, table) => sum + fileOf(reader.meta, table).bytes, 0);
  const isWhole = bytes <= wholeSymbolBytesMax;
  const isAll = detail === 'all';
  const extra = isAll ? ['system_name', 'filename', 'start_line'] : [];
  const early = isAll ? load('mappings', mappingColumns) : Promise.resolve(undefined);
  const [stackColumns, locationColumns, functionColumns, mappings] = await allSettled([
    load('stacktraces', ['parent_id', 'location_id']),
    load('locations', ['mapping_id', 'address', 'is_folded', 'lines']),
    load('functions', ['name', ...extra]),
    early,
  ]);
  const locations = locationsOf(reader, locationColumns);
  const functions = functionsOf(functionColumns, isAll);
  const stacks = stacksOf(reader, stackColumns);
  await meter.pause();
  const needsMappings = isAll || hasBareLocation(locations.lineOffsets);
  const mappingTable =
    mappings ?? (needsMappings ? await load('mappings', mappingColumns) : undefined);
  return {
    ...{ functions, locations, stacks },
    ...(mappingTable && { mappings: mappingsOf(mappingTable) }),
    memory,
  };
}

/** Whole columns of a table by name; a table without rows has none. Adds what they are views of. */
async function readColumns(
  reader: BlockReader,
  open: OpenTable,
  columns: readonly string[],
  memory: Uint8Array[],
  meter: QueryMeter,
): Promise<Columns> {
  const parts = columns.map((): ColumnData[] => []);
  const batches: Uint8Array[] = [];
  for await (const batch of reader.read(open, { columns, isKept: true }, meter)) {
    batches.push(batch.memory);
    for (const [i, name] of columns.entries()) {
      const part = batch.columns.get(name);
      if (part !== undefined) parts[i]?.push(part);
    }
  }
  if (parts[0]?.length === 0) return new Map();
  const whole = new Map(columns.map((name, i) => [name, concatColumns(parts[i] as ColumnData[])]));
  // Joined columns are copies, those of one batch are views.
  if (batches.length > 1) freeBytes(batches);
  else memory.push(...batches);
  return whole;
}

const mappingColumns = [
  'memory_start',
  'memory_limit',
  'file_offset',
  'filename',
  'build_id',
  'has_functions',
  'has_filenames',
  'has_line_numbers',
  'has_inline_frames',
];

function stacksOf(reader: BlockReader, columns: Columns): SymbolTables['stacks'] {
  if (columns.size === 0) return { parents: new Uint32Array(), locations: new Uint32Array() };
  const parents = idsOf(columns.get('parent_id'));
  const locations = idsOf(columns.get('location_id'));
  const { rows } = fileOf(reader.meta, 'locations');
  for (let node = 0; node < parents.length; node++) {
    const parent = parents[node] as number;
    if (parent !== noId && parent >= node) {
      throw reader.damage(
        'stacktraces',
        `node ${node} has parent ${parent}, which is not before it`,
      );
    }
    const location = locations[node] as number;
    if (location === noId ? parent !== noId : parent !== noId && locations[parent] === noId) {
      throw reader.damage('stacktraces', `node ${node} is above or below the empty stack`);
    }
    if (location !== noId && location >= rows) {
      throw reader.damage('stacktraces', `node ${node} has location ${location} of ${rows}`);
    }
  }
  return { parents, locations };
}

function locationsOf(reader: BlockReader, columns: Columns): SymbolTables['locations'] {
  const lines = listOf(columns.get('lines'));
  const mappings = columns.size === 0 ? new Uint32Array() : idsOf(columns.get('mapping_id'));
  const mappingRows = fileOf(reader.meta, 'mappings').rows;
  for (let id = 0; id < mappings.length; id++) {
    const mapping = mappings[id] as number;
    if (mapping === noId || mapping < mappingRows) continue;
    throw reader.damage('locations', `location ${id} has mapping ${mapping} of ${mappingRows}`);
  }
  const functionRows = fileOf(reader.meta, 'functions').rows;
  for (let i = 0; i < lines.lineFunctions.length; i++) {
    const fn = lines.lineFunctions[i] as number;
    if (fn < functionRows) continue;
    throw reader.damage('locations', `line ${i} has function ${fn} of ${functionRows}`);
  }
  return {
    addresses: u64Of(columns, 'address'),
    mappings,
    folded: boolOf(columns, 'is_folded'),
    ...lines,
  };
}

function listOf(data: ColumnData | undefined) {
  if (data === undefined) {
    const [lineOffsets, lineFunctions] = [new Int32Array(1), new Uint32Array()];
    return { lineOffsets, lineFunctions, lineNumbers: new BigInt64Array() };
  }
  const items = data.kind === 'list' && data.items.kind === 'struct' ? data.items.fields : [];
  const [fn, line] = items;
  if (data.kind !== 'list' || fn?.data.kind !== 'u32' || line?.data.kind !== 'i64') {
    throw new Failure('internal', `lines are ${data.kind}, not a list of pairs`);
  }
  const [lineFunctions, lineNumbers] = [fn.data.values, line.data.values];
  return { lineOffsets: data.offsets, lineFunctions, lineNumbers };
}

function functionsOf(columns: Columns, isAll: boolean): SymbolTables['functions'] {
  const names = textsOf(columns, 'name');
  if (!isAll) return { names };
  return {
    names,
    systemNames: textsOf(columns, 'system_name'),
    files: textsOf(columns, 'filename'),
    startLines: i64Of(columns, 'start_line'),
  };
}

function mappingsOf(columns: Columns): NonNullable<SymbolTables['mappings']> {
  const bits = mappingColumns.slice(5).map((name) => boolOf(columns, name));
  const flags = new Uint8Array(bits[0]?.length ?? 0);
  for (const [bit, column] of bits.entries()) {
    for (let row = 0; row < flags.length; row++)
      flags[row] = (flags[row] ?? 0) | ((column[row] ?? 0) << bit);
  }
  return {
    starts: u64Of(columns, 'memory_start'),
    limits: u64Of(columns, 'memory_limit'),
    offsets: u64Of(columns, 'file_offset'),
    files: textsOf(columns, 'filename'),
    buildIds: textsOf(columns, 'build_id'),
    flags,
  };
}

function hasBareLocation(lineOffsets: Int32Array | Uint32Array): boolean {
  for (let i = 1; i < lineOffsets.length; i++)
    if (lineOffsets[i] === lineOffsets[i - 1]) return true;
  return false;
}

function textsOf(columns: Columns, name: string): StringColumn {
  const data = columns.get(name);
  if (data?.kind === 'utf8') return { offsets: data.offsets, bytes: data.bytes };
  return { offsets: new Int32Array(1), bytes: new Uint8Array() };
}

function u64Of(columns: Columns, name: string): BigUint64Array {
  const data = columns.get(name);
  return data?.kind === 'u64' ? data.values : new BigUint64Array();
}

function i64Of(columns: Columns, name: string): BigInt64Array {
  const data = columns.get(name);
  return data?.kind === 'i64' ? data.values : new BigInt64Array();
}

function boolOf(columns: Columns, name: string): Uint8Array {
  const data = columns.get(name);
  return data?.kind === 'bool' ? data.values : new Uint8Array();
}
