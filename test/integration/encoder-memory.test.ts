// The encoder's memory, which only grows: there is one a process, so that this suite has a process
// of its own.
import { expect, it } from 'vitest';
import { initParquet } from '../../src/block/parquet.ts';
import { loadParquetModule } from '../../src/runtime/parquet-module.ts';
import { modelBlock } from '../support/block-model.ts';
import { temporaryFolder, writeFolder } from '../support/duckdb.ts';
import { manySamples, withTables } from '../support/tables.ts';

it('stays small over a million rows', async () => {
  await using folder = await temporaryFolder();
  const tables = withTables(modelBlock(7), [manySamples(1_000_000)]);
  await writeFolder(`${folder.path}/million`, tables);
  const parquet = initParquet(await loadParquetModule());
  expect(parquet.memoryBytes()).toBeLessThan(40 * 1024 * 1024);
});
