// Merging a live head's rows to a function tree: ten thousand profiles of one steady service.
import { type AppendPlan, noSeries } from '../../src/kernel/facts.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { StackSums } from '../../src/kernel/stack-sums.ts';
import type { FunctionTree } from '../../src/model/source.ts';
import { steadyService } from '../support/steady-service.ts';
import { createKernel, planOf } from './ingest.ts';
import { type BenchOptions, interleave, type Row, row } from './measure.ts';

/** Seconds that give profiles of about 500 stacks. */
const intervalMs = 20_000;
/** Index of `cpu` among the sample types; the other one is left out. */
const cpuType = 1;

export async function mergeRows({ isSmoke }: BenchOptions): Promise<Row[]> {
  const kernel = await createKernel();
  const distinct = isSmoke ? 5 : 200;
  const repeats = isSmoke ? 4 : 50;
  const profiles = [...steadyService({ kind: 'cpu', count: distinct, intervalMs })];
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const { plain } of profiles) ingestCpu(kernel, plain);
  }
  const { rows: rowCount, samples } = kernel.stats();
  if (rowCount !== distinct * repeats) throw new Error(`${rowCount} rows`);
  const rows = Uint32Array.from({ length: rowCount }, (_, index) => index);
  const first = mergedTree(kernel, rows);
  const ms = await interleave(isSmoke ? 2 : 21, {
    sums: () => {
      const sums = new StackSums(kernel);
      sums.addRows(rows);
      sums.release();
      return undefined;
    },
    tree: () => {
      assertSame(mergedTree(kernel, rows), first);
      return undefined;
    },
  });
  const name = `${rowCount} profiles of ${Math.round(samples / rowCount)} samples`;
  return [
    row('merge to a function tree', (ms.tree * 1e6) / samples, ' ns/sample', '≤ 5'),
    row('merge to sums by stack', (ms.sums * 1e6) / samples, ' ns/sample'),
    { name: 'merged', value: samples, text: name },
  ];
}

function ingestCpu(kernel: Kernel, bytes: Uint8Array): void {
  const { groups, sampleTypes } = kernel.scan(bytes);
  const plan: AppendPlan = planOf(groups.length, sampleTypes.length);
  plan.series.fill(noSeries);
  plan.series[cpuType] = 0;
  kernel.append(plan);
}

function mergedTree(kernel: Kernel, rows: Uint32Array): FunctionTree {
  const sums = new StackSums(kernel);
  try {
    sums.addRows(rows);
    return sums.functionTree();
  } finally {
    sums.release();
  }
}

/** A bench that computes something else than it did at first measures nothing. */
function assertSame(tree: FunctionTree, first: FunctionTree): void {
  const [total, firstTotal] = [totalOf(tree), totalOf(first)];
  const isSame = tree.parents.length === first.parents.length && total === firstTotal;
  if (!isSame || !total) throw new Error(`the tree differs: total ${total}`);
}

const totalOf = (tree: FunctionTree) => tree.self.reduce((sum, value) => sum + value, 0n);
