// Reading a block in the kernel, from decoded columns on: samples that pass filters, and what their
// sums are answered as. The block is that of a steady service's heap profiles.
import { StackSums } from '../../src/kernel/stack-sums.ts';
import type { BatchFilter } from '../../src/kernel/sum-filter.ts';
import { loadSymbols, type PackedSymbols, packSymbols } from '../../src/kernel/symbols.ts';
import { steadyService } from '../support/steady-service.ts';
import { type SealedBlock, sealBlock } from '../wasm/sealed-block.ts';
import { createKernel, ingest } from './ingest.ts';
import { type BenchOptions, interleave, type Row, row } from './measure.ts';

const intervalMs = 20_000;
const header = {
  ...{ sampleType: 'inuse_space', sampleUnit: 'bytes', periodType: 'space', periodUnit: 'bytes' },
  ...{ period: 524288n, timeNs: 1n, durationNs: 0n },
};

export async function blockRows({ isSmoke }: BenchOptions): Promise<Row[]> {
  const head = await createKernel();
  const count = isSmoke ? 5 : 200;
  for (const { plain } of steadyService({ kind: 'heap', count, intervalMs })) ingest(head, plain);
  // Rows of one series lie together; the types of a profile are rows one after the other.
  const rows = Array.from({ length: head.stats().rows }, (_, row) => row);
  const types = rows.length / count;
  rows.sort((a, b) => (a % types) - (b % types) || a - b);
  const series = Uint32Array.from(rows, (row) => row % types);
  const block = sealBlock(head, Uint32Array.from(rows), series);
  const packed = packSymbols(block.symbols);
  const kernel = await createKernel();
  loadSymbols(kernel, packed);
  const begin = () => {
    const sums = new StackSums(kernel);
    sums.setNodes(packed.stackParents, packed.stackLocations);
    return sums;
  };
  const sums = begin();
  sums.addSamples(block.samples);
  const tree = sums.functionTree();
  const ms = await interleave(isSmoke ? 2 : 21, {
    load: () => {
      packSymbols(block.symbols);
      return undefined;
    },
    plain: () => added(begin(), block, undefined),
    filtered: () => added(begin(), block, halfOf(block)),
    functions: () => {
      // A value of 0 changes nothing, but the tree starts over.
      sums.addSamples({ stacks: new Uint32Array(1), values: new BigInt64Array(1) });
      if (sums.functionTree().self.length !== tree.self.length) throw new Error('other tree');
      return undefined;
    },
    pprof: () => {
      sums.pprof(header);
      return undefined;
    },
  });
  return [...blockTimes(ms, block, packed), sizeRow(block, packed)];
}

function added(
  sums: StackSums,
  { samples }: SealedBlock,
  filter: BatchFilter | undefined,
): undefined {
  sums.addSamples(samples, filter);
  if (sums.isEmpty) throw new Error('nothing passes');
  sums.release();
}

/** One series of those there are, and the later half of the time. */
function halfOf({ samples }: SealedBlock): BatchFilter {
  const seriesMask = Uint8Array.of(0, 1);
  return { seriesMask, startNs: samples.timesNs[samples.timesNs.length >> 1] ?? 0n };
}

function blockTimes(
  ms: Record<'load' | 'plain' | 'filtered' | 'functions' | 'pprof', number>,
  { samples }: SealedBlock,
  { stackParents }: PackedSymbols,
): Row[] {
  const perSample = 1e6 / samples.stacks.length;
  const perNode = 1e6 / stackParents.length;
  return [
    row('block samples', ms.plain * perSample, ' ns/sample'),
    row('block samples, series and time', ms.filtered * perSample, ' ns/sample'),
    row('function tree of a block', ms.functions * perNode, ' ns/node'),
    row('pprof of a block', ms.pprof * perNode, ' ns/node'),
    row('packing of symbols', ms.load * perNode, ' ns/node'),
  ];
}

function sizeRow({ samples }: SealedBlock, { stackParents, bytes }: PackedSymbols): Row {
  const text = `${samples.stacks.length} samples, ${stackParents.length} nodes, ${bytes} bytes`;
  return { name: 'block', value: samples.stacks.length, text };
}
