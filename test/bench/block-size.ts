// What a block costs on disk and to write, and what a dictionary on each column would change. The
// figures of `src/block/FORMAT.md` come from here: `bun test/bench/block-size.ts`
import process from 'node:process';
import { encodeBatch } from '../../src/block/arrow.ts';
import { type TableName, tableNames } from '../../src/block/files.ts';
import { initParquet, type Parquet } from '../../src/block/parquet.ts';
import {
  batchRowsMax,
  dictionaryColumns,
  rowGroupRowsMax,
  schemas,
} from '../../src/block/schema.ts';
import { writeBlock } from '../../src/block/writer.ts';
import type { Stage } from '../../src/bucket/bucket.ts';
import type { Table } from '../../src/model/table.ts';
import { loadParquetModule } from '../../src/runtime/parquet-module.ts';
import { type Shape, steadyShape } from './block-size-tables.ts';

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve));
const print = (line: string) => process.stdout.write(`${line}\n`);

/** Counts and forgets. */
const sink: Stage = {
  async putStream(_, chunks) {
    let bytes = 0;
    for await (const chunk of chunks) bytes += chunk.length;
    return bytes;
  },
  commit: async () => undefined,
  abort: async () => undefined,
};

async function encodedBytes(parquet: Parquet, table: Table, columns: readonly string[]) {
  const schema = schemas[table.name as TableName];
  async function* batches() {
    for (let from = 0; from < table.rows; from += batchRowsMax) {
      const rows = Math.min(batchRowsMax, table.rows - from);
      yield encodeBatch(schema, table.columns(from, rows), rows);
    }
  }
  const settings = { dictionaryColumns: columns, rowGroupRowsMax };
  let bytes = 0;
  for await (const chunk of parquet.encodeStream(batches(), settings, nextTurn))
    bytes += chunk.length;
  return bytes;
}

/** The longest time between two turns of the event loop while `work` runs. */
async function longestStallMs(work: Promise<unknown>): Promise<number> {
  let isDone = false;
  const done = () => {
    isDone = true;
  };
  work.then(done, done);
  let longest = 0;
  for (let last = performance.now(); !isDone; ) {
    await nextTurn();
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }
  await work;
  return longest;
}

async function report(parquet: Parquet, name: string, shape: Shape): Promise<void> {
  const { tables, samples, pushedBytes } = shape;
  const input = { tables, stage: sink, parquet, yield: nextTurn };
  await writeBlock(input);
  const [startMs, startCpu] = [performance.now(), process.cpuUsage()];
  const { files } = await writeBlock(input);
  const writeMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(startCpu);
  const stallMs = await longestStallMs(writeBlock(input));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  print(`\n## ${name}: ${samples} samples, ${tables[1]?.rows} profiles, ${tables[0]?.rows} series`);
  const perSample = (bytes / samples).toFixed(2);
  print(`pushed ${pushedBytes} bytes of pprof.gz; block ${bytes}: ${perSample} B/sample`);
  const [cpuNs, wallNs] = [(user + system) * 1000, writeMs * 1e6].map((ns) => ns / samples);
  print(`write ${cpuNs?.toFixed(0)} ns/sample of cpu, ${wallNs?.toFixed(0)} on the clock`);
  print(`longest stall ${stallMs.toFixed(1)} ms`);
  print(`encoder memory ${(parquet.memoryBytes() / 2 ** 20).toFixed(1)} MiB`);
  print('| table | rows | bytes | B/row | B/sample |\n|---|---:|---:|---:|---:|');
  for (const file of files) {
    const [row, sample] = [Math.max(1, file.rows), samples].map((one) => file.bytes / one);
    const cells = [file.name, file.rows, file.bytes, row?.toFixed(2), sample?.toFixed(2)];
    print(`| ${cells.join(' | ')} |`);
  }
  for (const table of tables) await reportDictionaries(parquet, table);
}

/** Each column's dictionary turned over, one at a time, against the settings in use. */
async function reportDictionaries(parquet: Parquet, table: Table): Promise<void> {
  const chosen = dictionaryColumns[table.name as TableName];
  const base = await encodedBytes(parquet, table, chosen);
  const changes: string[] = [];
  for (const field of schemas[table.name as TableName].fields) {
    const isOn = chosen.includes(field.name);
    const other = isOn ? chosen.filter((one) => one !== field.name) : [...chosen, field.name];
    const change = (await encodedBytes(parquet, table, other)) - base;
    const percent = ((100 * change) / base).toFixed(1);
    if (change !== 0) changes.push(`${field.name} ${isOn ? 'off' : 'on'} ${change} (${percent} %)`);
  }
  print(`- ${table.name} ${base}: ${changes.join(', ')}`);
}

async function main(): Promise<void> {
  const parquet = initParquet(await loadParquetModule());
  // About a million samples each: a heap profile keeps every stack it ever had.
  const profiles = { cpu: 170, heap: 40 };
  for (const kind of ['cpu', 'heap'] as const) {
    const options = { kind, services: 8, profilesPerService: profiles[kind] };
    await report(parquet, kind, steadyShape(options));
  }
  print(`\ntables: ${tableNames.join(', ')}; ${process.version} ${process.versions.bun ?? ''}`);
}

await main();
