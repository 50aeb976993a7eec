// Writes the tables of a sealed head as the Parquet files of a block: batch by batch through the
// encoder and straight into the bucket's stage. Owns order, checksums and the proof that every
// file is whole; `meta.json` and the commit belong to the caller.
import xxhash, { type XXHashAPI } from 'xxhash-wasm';
import type { Stage } from '../bucket/bucket.ts';
import { assert, Failure, isFailure, messageOf } from '../errors.ts';
import type { Table } from '../model/table.ts';
import { columnsBytes, encodeBatch } from './arrow.ts';
import { type TableName, tableFile, tableNames } from './files.ts';
import { readFooter } from './footer.ts';
import type { FileEntry } from './meta.ts';
import type { Parquet } from './parquet.ts';
import {
  batchBytesMax,
  batchRowsMax,
  dictionaryColumns,
  rowGroupRowsMax,
  schemas,
} from './schema.ts';

export interface WriteBlockInput {
  /** All tables of a block in the order of `tableNames`. */
  tables: readonly Table[];
  stage: Stage;
  parquet: Parquet;
  /** Awaited between batches, so that no slice of work lasts longer than one of them. */
  yield: () => Promise<void>;
  /** Stops the writing between two batches; its reason is thrown. */
  signal?: AbortSignal;
}

/** A footer longer than this could not be checked; 100,000 rows take about 1 KB of it. */
const tailBytesMin = 4 * 1024 * 1024;

/**
 * Stages one file per table and answers their entries for `meta.json`, in the same order. Equal
 * tables give equal bytes on every runtime. On an error the stage is left for the caller to abort:
 * Failures of the tables, the stage and the signal's reason pass through, all else is `internal`.
 */
export async function writeBlock(input: WriteBlockInput): Promise<{ files: FileEntry[] }> {
  const names = input.tables.map((table) => table.name).join();
  assert(names === tableNames.join(), `tables are ${names}, a block has ${tableNames.join()}`);
  const hasher = await xxhash();
  const files: FileEntry[] = [];
  for (const table of input.tables) files.push(await writeTable(table, input, hasher));
  return { files };
}

async function writeTable(
  table: Table,
  input: WriteBlockInput,
  hasher: XXHashAPI,
): Promise<FileEntry> {
  const name = tableFile(table.name as TableName);
  const meter = createMeter(hasher);
  try {
    const chunks = meter.pass(encodeTable(table, input));
    const options = input.signal ? { signal: input.signal } : {};
    const stored = await input.stage.putStream(name, chunks, options);
    assert(stored === meter.bytes(), `${name} is ${meter.bytes()} bytes, ${stored} were stored`);
    const footer = readFooter(meter.tail());
    assert(footer.rows === table.rows, `${name} has ${footer.rows} rows of ${table.rows}`);
    return {
      name,
      bytes: stored,
      rows: table.rows,
      checksum: meter.checksum(),
      footerBytes: footer.bytes,
    };
  } catch (error) {
    if (isFailure(error) || input.signal?.aborted) throw error;
    throw new Failure('internal', `writing ${name} failed: ${messageOf(error)}`, { cause: error });
  }
}

/** The table as one Parquet file, a chunk per row group. */
async function* encodeTable(
  table: Table,
  { parquet, yield: yieldTurn, signal }: WriteBlockInput,
): AsyncGenerator<Uint8Array, void, void> {
  const name = table.name as TableName;
  const settings = { dictionaryColumns: dictionaryColumns[name], rowGroupRowsMax };
  // The streaming encoder needs a first batch to learn the schema from.
  if (table.rows === 0) yield parquet.encodeEmpty(encodeBatch(schemas[name], [], 0), settings);
  else yield* parquet.encodeStream(batches(table, yieldTurn, signal), settings, yieldTurn);
}

async function* batches(
  table: Table,
  yieldTurn: () => Promise<void>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const schema = schemas[table.name as TableName];
  for (let from = 0; from < table.rows; ) {
    await yieldTurn();
    signal?.throwIfAborted();
    let rows = Math.min(batchRowsMax, table.rows - from);
    let columns = table.columns(from, rows);
    const bytes = columnsBytes(columns);
    if (bytes > batchBytesMax) {
      rows = Math.max(1, Math.floor((rows * batchBytesMax) / bytes));
      columns = table.columns(from, rows);
    }
    yield encodeBatch(schema, columns, rows);
    from += rows;
  }
}

/** Measures what passes: bytes, checksum, and the end of the file. */
function createMeter(hasher: XXHashAPI) {
  const hash = hasher.create64();
  let bytes = 0;
  let tail: Uint8Array[] = [];
  let tailBytes = 0;
  const take = (chunk: Uint8Array) => {
    hash.update(chunk);
    bytes += chunk.length;
    tail.push(chunk);
    tailBytes += chunk.length;
    for (let first = tail[0]; first && tailBytes - first.length >= tailBytesMin; first = tail[0]) {
      tailBytes -= first.length;
      tail = tail.slice(1);
    }
  };
  return {
    async *pass(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
      for await (const chunk of chunks) {
        take(chunk);
        yield chunk;
      }
    },
    bytes: () => bytes,
    /** XXH64 with seed 0, 16 lower-case hexadecimal digits. */
    checksum: () => hash.digest().toString(16).padStart(16, '0'),
    tail: () => concat(tail, tailBytes),
  };
}

function concat(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
