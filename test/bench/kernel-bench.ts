// The kernel against decoders and floors: all committed fixtures once per pass, in turns.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { gunzip } from '../../src/runtime/gzip.ts';
import { type Fixture, loadFixtures } from '../support/fixtures.ts';
import { steadyService } from '../support/steady-service.ts';
import { createKernel, ingest, readWasm } from './ingest.ts';
import { type BenchOptions, interleave, type Row, row, timedEach } from './measure.ts';

const inflatedBytesMax = 4 * 1024 * 1024;
/** Profiles without label groups and span ids: some hundred samples a row. */
const plainFixtures = new Set(['go-cpu', 'go-heap-1', 'go-heap-2']);

export async function kernelRows(options: BenchOptions): Promise<Row[]> {
  const fixtures = loadFixtures();
  return [
    ...(await speedRows(fixtures, options)),
    await steadyRow(options),
    await secondIngestRow(fixtures),
    ...(await columnRows(fixtures, options)),
    ...sizeRows(),
  ];
}

async function speedRows(fixtures: Fixture[], options: BenchOptions): Promise<Row[]> {
  const warm = await createKernel();
  const cold = await createKernel();
  for (const { plain } of fixtures) ingest(warm, plain);
  const warmMark = warm.mark();
  const coldMark = cold.mark();
  const naive = await naiveScanner(options.naiveScan, fixtures);
  const all = (work: (fixture: Fixture) => void) => () => timedEach(fixtures, work);
  const ms = await interleave(options.isSmoke ? 2 : 41, {
    ingest: () => {
      const ingestMs = timedEach(fixtures, ({ plain }) => ingest(warm, plain));
      warm.rollback(warmMark);
      return ingestMs;
    },
    cold: () => {
      const coldMs = timedEach(fixtures, ({ plain }) => ingest(cold, plain));
      cold.rollback(coldMark);
      return coldMs;
    },
    scan: all(({ plain }) => warm.scan(plain)),
    naive: all(({ plain }) => naive(plain)),
    decode: all(({ plain }) => Profile.decode(plain)),
    gunzip: all(({ packed }) => gunzip(packed, inflatedBytesMax)),
  });
  const bytes = fixtures.reduce((sum, { plain }) => sum + plain.length, 0);
  return [
    row('pprof-format decode ÷ warm ingest', ms.decode / ms.ingest, '×', decodeBudget()),
    row('warm ingest ÷ gunzip', ms.ingest / ms.gunzip, '×', '≤ 2.2'),
    row('scan ÷ naive varint scan', ms.scan / ms.naive, '×', '≤ 1.5'),
    row('cold dictionary ÷ warm', ms.cold / ms.ingest, '×', '≤ 3'),
    row('warm ingest', bytes / 1_000 / ms.ingest, ' MB/s'),
  ];
}

function decodeBudget(): string {
  return 'node ≥ 18, deno ≥ 13, bun ≥ 10';
}

/** Copies bytes into a memory of its own, as the kernel does, and reads them as varints. */
async function naiveScanner(path: string, fixtures: Fixture[]): Promise<(b: Uint8Array) => void> {
  const { instance } = await WebAssembly.instantiate(readFileSync(path), {
    env: { abort: () => undefined },
  });
  const { memory, scan } = instance.exports as unknown as {
    memory: WebAssembly.Memory;
    scan(at: number, bytes: number): bigint;
  };
  const pageBytes = 65_536;
  const largest = Math.max(...fixtures.map(({ plain }) => plain.length));
  // The first page belongs to the module.
  memory.grow(Math.ceil(largest / pageBytes) + 1);
  const view = new Uint8Array(memory.buffer);
  return (bytes) => {
    view.set(bytes, pageBytes);
    scan(pageBytes, bytes.length);
  };
}

/** Consecutive profiles of one service: most stacks known, some new in each. */
async function steadyRow({ isSmoke }: BenchOptions): Promise<Row> {
  const profiles = [...steadyService({ kind: 'cpu', count: isSmoke ? 4 : 40 })];
  const kernel = await createKernel();
  const empty = kernel.mark();
  const ms = await interleave(isSmoke ? 2 : 11, {
    ingest: () => {
      const ingestMs = timedEach(profiles, ({ plain }) => ingest(kernel, plain));
      kernel.rollback(empty);
      return ingestMs;
    },
    gunzip: () => timedEach(profiles, ({ packed }) => gunzip(packed, inflatedBytesMax)),
  });
  return row('40 consecutive profiles from an empty head ÷ gunzip', ms.ingest / ms.gunzip, '×');
}

async function secondIngestRow(fixtures: Fixture[]): Promise<Row> {
  const kernel = await createKernel();
  for (const { plain } of fixtures) ingest(kernel, plain);
  const before = symbolCount(kernel);
  for (const { plain } of fixtures) ingest(kernel, plain);
  return row('new symbols on a second ingest', symbolCount(kernel) - before, '', '0');
}

function symbolCount(kernel: Kernel): number {
  const { strings, functions, mappings, locations, stacks } = kernel.stats();
  return strings + functions + mappings + locations + stacks;
}

/**
 * Columns grow by doubling, so what a sample takes swings between a full column and a half empty
 * one: the least is what the layout costs, the mean is what a head of any size has to expect.
 */
async function columnRows(fixtures: Fixture[], { isSmoke }: BenchOptions): Promise<Row[]> {
  const kernel = await createKernel();
  const plain = fixtures.filter(({ name }) => plainFixtures.has(name)).map((one) => one.plain);
  for (const bytes of plain) ingest(kernel, bytes);
  const before = kernel.stats();
  const perSample: number[] = [];
  for (let repeat = 0; repeat < (isSmoke ? 16 : 256); repeat++) {
    for (const bytes of plain) ingest(kernel, bytes);
    const { bytesUsed, samples } = kernel.stats();
    // Before, the first capacity hides what grows.
    if (repeat >= 8) perSample.push((bytesUsed - before.bytesUsed) / (samples - before.samples));
  }
  const mean = perSample.reduce((sum, one) => sum + one) / perSample.length;
  return [
    row('columns, full', Math.min(...perSample), ' B/sample', '≤ 12.5'),
    row('columns, mean while growing', mean, ' B/sample'),
  ];
}

function sizeRows(): Row[] {
  return (['head', 'query'] as const).flatMap((name) => {
    const wasm = readWasm(name);
    const packed = gzipSync(wasm, { level: 9 });
    return [
      row(`${name}.wasm`, wasm.length / 1024, ' KiB', '≤ 48'),
      row(`${name}.wasm, gzip`, packed.length / 1024, ' KiB', '≤ 16'),
    ];
  });
}
