// DuckDB over block folders: the stranger's reader that every block must satisfy. Owns the
// connection with the shipped macros loaded, and the temporary folder blocks are staged in.
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DuckDBInstance, type DuckDBValue } from '@duckdb/node-api';
import { initParquet } from '../../src/block/parquet.ts';
import { writeBlock } from '../../src/block/writer.ts';
import type { Stage } from '../../src/bucket/bucket.ts';
import type { Table } from '../../src/model/table.ts';
import { loadParquetModule } from '../../src/runtime/parquet-module.ts';

export interface Duckdb {
  /** Rows as objects; integers of more than 32 bits are bigints. */
  rows(sql: string): Promise<Record<string, DuckDBValue>[]>;
  close(): void;
}

/** An in-memory database with the macros of `src/sql` loaded. */
export async function openDuckdb(): Promise<Duckdb> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  const macros = new URL('../../src/sql/macros.sql', import.meta.url);
  await connection.run(await readFile(macros, 'utf8'));
  return {
    async rows(sql) {
      return (await connection.runAndReadAll(sql)).getRowObjects();
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** A folder that is removed by `await using` or by hand. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'phlox-block-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A stage that writes plain files into `folder` at once: DuckDB opens paths, not buckets. */
export function folderStage(folder: string): Stage {
  return {
    async putStream(name, chunks) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      const file = await open(path, 'w');
      let bytes = 0;
      try {
        for await (const chunk of chunks) {
          await file.writeFile(chunk);
          bytes += chunk.length;
        }
      } finally {
        await file.close();
      }
      return bytes;
    },
    commit: (meta) => writeFile(join(folder, 'meta.json'), meta),
    abort: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Lets the event loop turn, as `Platform.yield` does. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The tables as Parquet files in `folder`, which is made when missing. Answers their entries. */
export async function writeFolder(folder: string, tables: readonly Table[]) {
  const parquet = initParquet(await loadParquetModule());
  const { files } = await writeBlock({
    tables,
    stage: folderStage(folder),
    parquet,
    yield: nextTurn,
  });
  return files;
}
