// The tables of one block, opened when asked for: footers and small files through the cache,
// columns row group by row group. Owns what is fetched whole and what by ranges, and that other
// work gets its turn between row groups.
import type { XXHashAPI } from 'xxhash-wasm';
import { Failure, isFailure, messageOf } from '../errors.ts';
import { freeBytes } from '../lib/free-bytes.ts';
import type { QueryMeter } from '../model/source.ts';
import type { ColumnData } from '../model/table.ts';
import type { BlockCache } from './block-cache.ts';
import { decodeRowGroup, type RowBatch } from './decode.ts';
import {
  type BlockPlace,
  type FetchedGroup,
  fetchFile,
  fetchFooter,
  fetchPlan,
  fileFailure,
} from './fetch.ts';
import type { TableName } from './files.ts';
import { type RowGroup, readTableFooter, type TableFooter } from './footers.ts';
import { type BlockMeta, type FileEntry, fileOf } from './meta.ts';
import type { Parquet } from './parquet.ts';
import { planRead, type ReadPlan, type RowRange } from './read-plan.ts';

/** A file of up to this is fetched and kept whole: a request costs more than its bytes. */
export const wholeBytesMax = 128 * 1024;

export interface ReaderParts {
  parquet: Parquet;
  cache: BlockCache;
  hasher: XXHashAPI;
}

export interface OpenTable {
  table: TableName;
  entry: FileEntry;
  footer: TableFooter;
  /** All of the file, its checksum verified; undefined: fetched by ranges. */
  whole: Uint8Array | undefined;
}

/** What of a table is read; all rows by default. */
export interface ReadOptions {
  columns: readonly string[];
  rows?: readonly RowRange[];
  isWanted?: (group: RowGroup) => boolean;
  /** True: the batches are the caller's; false, the default: void when the next is asked for. */
  isKept?: boolean;
}

export class BlockReader {
  readonly meta: BlockMeta;
  readonly place: BlockPlace;
  readonly #parts: ReaderParts;

  constructor(parts: ReaderParts, place: BlockPlace, meta: BlockMeta) {
    this.#parts = parts;
    this.place = place;
    this.meta = meta;
  }

  get cache(): BlockCache {
    return this.#parts.cache;
  }

  /** Key of something in the cache that belongs to this block. */
  cacheKey(what: string): string {
    return `${this.place.bucket.name}\n${this.place.prefix}${what}`;
  }

  /** The table's footer, and its whole file when that is small: one request when not cached. */
  open(table: TableName, meter: QueryMeter): Promise<OpenTable> {
    const entry = fileOf(this.meta, table);
    const isSmall = entry.bytes <= wholeBytesMax;
    const key = this.cacheKey(entry.name);
    return this.cache.get('footer', key, meter.signal, async () => {
      const open = isSmall
        ? await this.openWhole(table, meter)
        : this.#opened(table, entry, await fetchFooter(this.place, entry, meter), undefined);
      return { value: open, bytes: open.footer.memoryBytes + (open.whole?.length ?? 0) };
    });
  }

  /** The table with all its bytes, verified and not cached. */
  async openWhole(table: TableName, meter: QueryMeter): Promise<OpenTable> {
    const entry = fileOf(this.meta, table);
    const bytes = await fetchFile(this.place, entry, this.#parts.hasher, meter);
    return this.#opened(table, entry, bytes, bytes);
  }

  #opened(
    table: TableName,
    entry: FileEntry,
    tail: Uint8Array,
    whole: Uint8Array | undefined,
  ): OpenTable {
    try {
      return { table, entry, footer: readTableFooter(table, tail, entry), whole };
    } catch (error) {
      throw isFailure(error) ? fileFailure(this.place, entry.name, error) : error;
    }
  }

  /** Row group by row group, ascending, with a turn for others before and after each. */
  async *read(
    open: OpenTable,
    options: ReadOptions,
    meter: QueryMeter,
  ): AsyncGenerator<RowBatch, void, void> {
    const { footer, entry, whole } = open;
    const rows = options.rows ?? [[0, entry.rows]];
    const plan = planRead(footer, options.columns, rows, options.isWanted);
    const groups =
      whole === undefined ? fetchPlan(this.place, entry, plan, meter) : groupsOf(plan, whole);
    for await (const fetched of groups) {
      // What was asked for at the same time also comes at the same time.
      await meter.pause();
      const batch = this.#decode(open, plan.columns, fetched);
      try {
        yield batch;
      } finally {
        if (options.isKept !== true) freeBytes([batch.memory]);
      }
      await meter.pause();
    }
  }

  #decode(open: OpenTable, columns: readonly string[], fetched: FetchedGroup): RowBatch {
    const { group, rows } = fetched.planned;
    try {
      const read = { columns, rows, bytesOf: fetched.bytesOf };
      return decodeRowGroup(this.#parts.parquet, open.table, group, read);
    } catch (error) {
      throw isFailure(error) ? fileFailure(this.place, open.entry.name, error) : error;
    }
  }

  /** The failure for what is wrong inside a table. */
  damage(table: TableName, problem: string): Failure {
    const failure = new Failure('corrupt', messageOf(problem));
    return fileFailure(this.place, fileOf(this.meta, table).name, failure);
  }
}

function* groupsOf(plan: ReadPlan, whole: Uint8Array): Generator<FetchedGroup, void, void> {
  for (const planned of plan.groups) {
    yield {
      planned,
      bytesOf: ({ offset, bytes }) => whole.subarray(offset, offset + bytes),
    };
  }
}

/** A UINTEGER column of the batch; it was asked for. */
export function u32Column(batch: RowBatch, name: string): Uint32Array {
  return column(batch, name, 'u32').values;
}

/** A BIGINT column of the batch. */
export function i64Column(batch: RowBatch, name: string): BigInt64Array {
  return column(batch, name, 'i64').values;
}

/** A column of the batch, which the schema says is of this kind. */
export function column<K extends ColumnData['kind']>(
  batch: RowBatch,
  name: string,
  kind: K,
): Extract<ColumnData, { kind: K }> {
  const data = batch.columns.get(name);
  if (data?.kind === kind) return data as Extract<ColumnData, { kind: K }>;
  throw new Failure('internal', `column ${name} is ${data?.kind ?? 'not read'}, not ${kind}`);
}
