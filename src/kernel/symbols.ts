// A block's symbols in the layout of the kernel's columns: packed once from decoded columns, so
// that they can be cached, and copied into empty kernels as often as queries need them. Owns the
// record layouts on this side (`wasm/layout.ts` has the other) and no cache.
import { assert, Failure } from '../errors.ts';
import type { Kernel } from './kernel.ts';
import { statuses } from './status.ts';

/** No mapping, no parent, no location: where an id may be missing. */
export const noId = 0xffffffff;

/** Strings of one column; entry i is bytes `offsets[i] … offsets[i+1]-1`, valid UTF-8. */
export interface StringColumn {
  readonly offsets: Uint32Array | Int32Array;
  readonly bytes: Uint8Array;
  /** Entry of each row, for a column with a dictionary; without it, row i is entry i. */
  readonly ids?: Uint32Array;
}

/** Tables of a block, column by column; a row's number is its id. All but names may be left out. */
export interface SymbolTables {
  readonly functions: {
    readonly names: StringColumn;
    readonly systemNames?: StringColumn;
    readonly files?: StringColumn;
    readonly startLines?: BigInt64Array;
  };
  /** Left out: locations without lines are named `unknown!0x…`, and a pprof has no mappings. */
  readonly mappings?: {
    readonly starts: BigUint64Array;
    readonly limits: BigUint64Array;
    readonly offsets: BigUint64Array;
    readonly files: StringColumn;
    readonly buildIds: StringColumn;
    /** Bit 0 functions, 1 filenames, 2 line numbers, 3 inline frames. */
    readonly flags: Uint8Array;
  };
  readonly locations: {
    readonly addresses: BigUint64Array;
    /** `noId` for none; looked at only when there are mappings. */
    readonly mappings?: Uint32Array;
    /** 0 or 1. */
    readonly folded?: Uint8Array;
    /** Lines of location i are `lineOffsets[i] … lineOffsets[i+1]-1`, innermost call first. */
    readonly lineOffsets: Uint32Array | Int32Array;
    readonly lineFunctions: Uint32Array;
    readonly lineNumbers?: BigInt64Array;
  };
  /** `noId`: a root; `noId` as location: the empty stack. A parent's id is below its children's. */
  readonly stacks: { readonly parents: Uint32Array; readonly locations: Uint32Array };
}

/** Columns of a kernel, and the tree of stacks for `StackSums.setNodes`. Immutable. */
export interface PackedSymbols {
  /** Of all arrays together: what a cache counts. */
  readonly bytes: number;
  readonly stringOffsets: Uint32Array;
  readonly stringBytes: Uint8Array;
  readonly functions: Uint8Array;
  readonly mappings: Uint8Array;
  readonly locations: Uint8Array;
  readonly lines: Uint8Array;
  readonly stackParents: Uint32Array;
  readonly stackLocations: Uint32Array;
}

/** Bytes of the records, as in `wasm/layout.ts`. */
const sizes = { functions: 24, mappings: 40, locations: 24, lines: 16 } as const;
/** Numbers of the columns, as in `wasm/store.ts`. */
const columns = { strings: 0, offsets: 1, functions: 2, mappings: 3, locations: 4, lines: 5 };

/** Exports of `wasm/query/load.ts`. */
interface LoadExports {
  loadColumn(column: number, count: number, bytes: number): number;
  loadCheck(): number;
}

/** Packs decoded columns, which are copied. Throws `corrupt` when columns differ in length. */
export function packSymbols(tables: SymbolTables): PackedSymbols {
  const strings = new StringPacker();
  const functions = packFunctions(tables.functions, strings);
  const mappings = packMappings(tables.mappings, strings);
  const { locations, lines } = packLocations(tables);
  const { parents, locations: stackLocations } = tables.stacks;
  checkLength('stack locations', stackLocations.length, parents.length);
  const packed = {
    ...{ ...strings.finish(), functions, mappings, locations, lines },
    ...{ stackParents: parents.slice(), stackLocations: stackLocations.slice() },
  };
  const bytes = Object.values(packed).reduce((sum, array) => sum + array.byteLength, 0);
  return { bytes, ...packed };
}

/**
 * Copies symbols into an empty kernel, which takes no profile until it is reset. Throws `corrupt`
 * when an id leads nowhere, `unavailable` when there is no memory.
 */
export function loadSymbols(kernel: Kernel, symbols: PackedSymbols): void {
  const { rows, functions, locations } = kernel.stats();
  assert(rows + functions + locations === 0, 'symbols are loaded into an empty kernel only');
  const calls = kernel.query as unknown as LoadExports;
  const load = (column: number, array: Uint8Array | Uint32Array, bytes: number) => {
    const count = array.byteLength / bytes;
    const at = kernel.check(kernel.call(() => calls.loadColumn(column, count, bytes)));
    kernel.u8().set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), at);
  };
  load(columns.strings, symbols.stringBytes, 1);
  load(columns.offsets, symbols.stringOffsets, 4);
  load(columns.functions, symbols.functions, sizes.functions);
  load(columns.mappings, symbols.mappings, sizes.mappings);
  load(columns.locations, symbols.locations, sizes.locations);
  load(columns.lines, symbols.lines, sizes.lines);
  const status = kernel.call(() => calls.loadCheck());
  if (status === statuses.BAD_BLOCK) {
    throw new Failure('corrupt', 'symbols of the block name a row that is not there');
  }
  kernel.check(status);
}

function checkLength(name: string, length: number, expected: number): void {
  if (length === expected) return;
  throw new Failure('corrupt', `${name} of the block are ${length}, must be ${expected}`);
}

const rowsOf = (column: StringColumn) => column.ids?.length ?? column.offsets.length - 1;

/** Joins the entries of several columns to one table, whose string 0 is the empty one. */
class StringPacker {
  readonly #parts: { column: StringColumn; entry: number; at: number }[] = [];
  #entries = 1;
  #bytes = 0;

  /** Adds a column and answers the string id of each of its rows; a missing one is all empty. */
  add(name: string, column: StringColumn | undefined, rows: number): (row: number) => number {
    if (column === undefined) return () => 0;
    const { offsets, ids } = column;
    checkLength(name, rowsOf(column), rows);
    const entry = this.#entries;
    this.#parts.push({ column, entry, at: this.#bytes });
    this.#entries += offsets.length - 1;
    this.#bytes += (offsets.at(-1) ?? 0) - (offsets[0] ?? 0);
    if (ids === undefined) return (row) => entry + row;
    const count = offsets.length - 1;
    // An id past the column's own entries must not become one of the next column's.
    return (row) => ((ids[row] ?? noId) < count ? entry + (ids[row] ?? 0) : noId);
  }

  finish() {
    const stringOffsets = new Uint32Array(this.#entries + 1);
    const stringBytes = new Uint8Array(this.#bytes);
    for (const { column, entry, at } of this.#parts) {
      const { offsets, bytes } = column;
      const first = offsets[0] ?? 0;
      stringBytes.set(bytes.subarray(first, offsets.at(-1)), at);
      for (let i = 1; i < offsets.length; i++) {
        stringOffsets[entry + i] = at + (offsets[i] ?? 0) - first;
      }
    }
    return { stringOffsets, stringBytes };
  }
}

/** Records of `size` bytes, as words too. */
function records(count: number, size: number) {
  const bytes = new Uint8Array(count * size);
  return { bytes, words: new Uint32Array(bytes.buffer) };
}

/**
 * Copies 64-bit values to word `at` of every record of `size` bytes, word by word: a BigInt for
 * each would be an object for each.
 */
function packLongs(
  words: Uint32Array,
  at: number,
  size: number,
  values: BigUint64Array | BigInt64Array,
): void {
  const halves = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  for (let i = 0, to = at; i < halves.length; i += 2, to += size / 4) {
    words[to] = halves[i] as number;
    words[to + 1] = halves[i + 1] as number;
  }
}

function packFunctions(from: SymbolTables['functions'], strings: StringPacker): Uint8Array {
  const count = rowsOf(from.names);
  const name = strings.add('function names', from.names, count);
  const systemName = strings.add('system names', from.systemNames, count);
  const file = strings.add('files', from.files, count);
  const { bytes, words } = records(count, sizes.functions);
  if (from.startLines) {
    checkLength('start lines', from.startLines.length, count);
    packLongs(words, 4, sizes.functions, from.startLines);
  }
  for (let i = 0; i < count; i++) {
    words[i * 6] = name(i);
    words[i * 6 + 1] = systemName(i);
    words[i * 6 + 2] = file(i);
  }
  return bytes;
}

function packMappings(from: SymbolTables['mappings'], strings: StringPacker): Uint8Array {
  if (from === undefined) return new Uint8Array(0);
  const count = from.starts.length;
  const file = strings.add('mapping files', from.files, count);
  const buildId = strings.add('build ids', from.buildIds, count);
  checkLength('mapping limits', from.limits.length, count);
  checkLength('mapping offsets', from.offsets.length, count);
  checkLength('mapping flags', from.flags.length, count);
  const { bytes, words } = records(count, sizes.mappings);
  packLongs(words, 0, sizes.mappings, from.starts);
  packLongs(words, 2, sizes.mappings, from.limits);
  packLongs(words, 4, sizes.mappings, from.offsets);
  for (let i = 0; i < count; i++) {
    words[i * 10 + 6] = file(i);
    words[i * 10 + 7] = buildId(i);
    words[i * 10 + 8] = from.flags[i] ?? 0;
  }
  return bytes;
}

function packLocations({ locations: from, mappings }: SymbolTables) {
  const { addresses, folded, lineOffsets, lineFunctions, lineNumbers } = from;
  const count = addresses.length;
  const owners = mappings && from.mappings;
  checkLength('line offsets', lineOffsets.length, count + 1);
  if (owners) checkLength('mappings of locations', owners.length, count);
  if (folded) checkLength('flags of locations', folded.length, count);
  if (lineNumbers) checkLength('line numbers', lineNumbers.length, lineFunctions.length);
  const { bytes, words } = records(count, sizes.locations);
  packLongs(words, 0, sizes.locations, addresses);
  for (let i = 0; i < count; i++) {
    const start = lineOffsets[i] ?? 0;
    // Counted from 1, so that none is 0.
    words[i * 6 + 2] = ((owners?.[i] ?? noId) + 1) >>> 0;
    words[i * 6 + 3] = start;
    words[i * 6 + 4] = (lineOffsets[i + 1] ?? 0) - start;
    words[i * 6 + 5] = folded?.[i] ?? 0;
  }
  return { locations: bytes, lines: packLines(lineFunctions, lineNumbers) };
}

function packLines(functions: Uint32Array, numbers: BigInt64Array | undefined): Uint8Array {
  const { bytes, words } = records(functions.length, sizes.lines);
  if (numbers) packLongs(words, 2, sizes.lines, numbers);
  for (let i = 0; i < functions.length; i++) words[i * 4] = functions[i] ?? 0;
  return bytes;
}
