// Stacks of one block: from `totals` when all selected profiles count wholly, else from `samples`,
// never both. Owns the order of a read: what decides and the symbols first, then the data in slices
// through a borrowed kernel, which goes back whatever happens.
import { isFailure } from '../errors.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { partHeader, spanFilterOf } from '../kernel/source-parts.ts';
import { StackSums } from '../kernel/stack-sums.ts';
import type { BatchFilter, SampleBatch } from '../kernel/sum-filter.ts';
import { loadSymbols, type PackedSymbols } from '../kernel/symbols.ts';
import type { Labels } from '../model/labels.ts';
import type {
  QueryMeter,
  SampleFilter,
  SourceMeter,
  StackPart,
  StackQuery,
} from '../model/source.ts';
import type { Loan } from './block-cache.ts';
import type { BlockReader, OpenTable } from './block-reader.ts';
import { EarlyStart } from './early-start.ts';
import { fileFailure } from './fetch.ts';
import { stacksMemory } from './memory-estimate.ts';
import type { Dataset } from './meta.ts';
import { packedSymbols } from './packed-symbols.ts';
import { profileMask } from './profile-mask.ts';
import { sampleBatches } from './sample-batches.ts';
import { isInside, type Selection, selectDatasets } from './selection.ts';
import { seriesLabels, seriesMask } from './series-labels.ts';
import { allSettled } from './settled.ts';

/** Lends empty kernels: `KernelPool`. */
export interface KernelLender {
  acquire(): Kernel;
  release(kernel: Kernel): void;
}

/** What the selected stacks of the block add up to; undefined when nothing is selected. */
export async function readStacks(
  reader: BlockReader,
  kernels: KernelLender,
  query: StackQuery,
  meter: SourceMeter,
): Promise<StackPart | undefined> {
  const { filter } = query;
  if (isEmptyList(filter)) return undefined;
  const selection = selectDatasets(reader.meta, query.selector, query);
  if (selection.datasets.length === 0) return undefined;
  const detail = query.shape === 'pprof' ? 'all' : 'names';
  const starting = startSamples(reader, query, selection, meter);
  const loading = packedSymbols(reader, detail, meter);
  // Both are waited for: a failure of one must not leave the other running unheard.
  const [started, loaded] = await Promise.allSettled([starting, loading]);
  const samples = started.status === 'fulfilled' ? started.value : undefined;
  try {
    if (samples === undefined && loaded.status === 'fulfilled') loaded.value.giveBack();
    await starting;
    const symbols = await loading;
    if (samples === undefined) return undefined;
    meter.takes(stacksMemory(reader.meta, query, symbols.value.bytes));
    return await withSums(kernels, symbols, filter.callSite, meter, async (sums) => {
      for await (const batch of samples.batches) {
        inTable(reader, samples.open, () => sums.addSamples(batch, samples.filter));
      }
      if (sums.isEmpty) return undefined;
      const isPprof = query.shape === 'pprof';
      if (isPprof) sums.beginPprof(partHeader(query));
      while (sums.step()) await meter.pause();
      if (isPprof) return { shape: 'pprof', profile: sums.pprof() };
      return { shape: 'functions', tree: sums.functionTree() };
    });
  } finally {
    await samples?.batches.return();
  }
}

interface StartedSamples {
  open: OpenTable;
  filter: BatchFilter;
  batches: EarlyStart<SampleBatch>;
}

/** Decides which rows count and asks for the first; undefined when none does. */
async function startSamples(
  reader: BlockReader,
  query: StackQuery,
  selection: Selection,
  meter: QueryMeter,
): Promise<StartedSamples | undefined> {
  const { datasets, open: matchers } = selection;
  const { profileIds } = query.filter;
  const isWhole = datasets.every((dataset) => isInside(dataset, query));
  const table = isWhole && !filtersSamples(query.filter) ? 'totals' : 'samples';
  const [open, sets, profiles] = await allSettled([
    reader.open(table, meter),
    matchers.length > 0 ? seriesLabels(reader, meter) : undefinedSoon(),
    profileIds ? profileMask(reader, datasets, profileIds, meter) : undefinedSoon(),
  ]);
  if (profileIds !== undefined && profiles === undefined) return undefined;
  const filter = batchFilterOf(query, selection, sets, profiles, isWhole);
  if (filter === undefined) return undefined;
  const read = { datasets, filter, withProfiles: false };
  return { open, filter, batches: new EarlyStart(sampleBatches(reader, open, read, meter)) };
}

/**
 * Totals of the profiles of the datasets by profile id, of the stacks that begin with `callSite`
 * alone: entry i is of profile `firstProfile + i`.
 */
export async function readMaskedTotals(
  reader: BlockReader,
  kernels: KernelLender,
  datasets: readonly Dataset[],
  callSite: readonly string[],
  meter: QueryMeter,
): Promise<{ firstProfile: number; totals: BigInt64Array }> {
  const [firstProfile, count] = profilesOf(datasets);
  const totals = new BigInt64Array(count);
  const [data, symbols] = await allSettled([
    reader.open('samples', meter),
    packedSymbols(reader, 'names', meter),
  ]);
  const read = { datasets, filter: {}, withProfiles: true };
  await withSums(kernels, symbols, callSite, meter, async (sums) => {
    for await (const batch of sampleBatches(reader, data, read, meter)) {
      inTable(reader, data, () => sums.profileTotals(batch, undefined, totals, firstProfile));
    }
  });
  return { firstProfile, totals };
}

/** Sums over the block's symbols in a kernel that is given back afterwards. */
async function withSums<T>(
  kernels: KernelLender,
  symbols: Loan<PackedSymbols>,
  callSite: readonly string[] | undefined,
  meter: QueryMeter,
  work: (sums: StackSums) => Promise<T>,
): Promise<T> {
  let kernel: Kernel | undefined;
  let sums: StackSums | undefined;
  try {
    try {
      // Copying symbols takes milliseconds, and many blocks of one query get here together.
      await meter.pause();
      kernel = kernels.acquire();
      const { value } = symbols;
      loadSymbols(kernel, value);
      sums = new StackSums(kernel);
      sums.setNodes(value.stackParents, value.stackLocations);
    } finally {
      symbols.giveBack();
    }
    if (callSite !== undefined) sums.maskCallSite(callSite);
    return await work(sums);
  } finally {
    sums?.release();
    if (kernel !== undefined) kernels.release(kernel);
  }
}

/** Names the file in what the kernel finds wrong with its rows. */
function inTable(reader: BlockReader, { entry }: OpenTable, work: () => void): void {
  try {
    work();
  } catch (error) {
    if (isFailure(error, 'corrupt')) throw fileFailure(reader.place, entry.name, error);
    throw error;
  }
}

/** Undefined when no series matches. */
function batchFilterOf(
  query: StackQuery,
  selection: Selection,
  sets: readonly Labels[] | undefined,
  profiles: Uint8Array | undefined,
  isWhole: boolean,
): BatchFilter | undefined {
  const series = sets === undefined ? undefined : seriesMask(selection, sets);
  if (series?.isAny === false) return undefined;
  return {
    ...(series?.isAll === false && { seriesMask: series.mask }),
    ...(profiles && { profileMask: profiles }),
    ...(!isWhole && { startNs: query.startNs, endNs: query.endNs }),
    ...spanFilterOf(query.filter),
  };
}

/** An empty list of ids lets nothing pass; an empty call site is the root, which all pass. */
function isEmptyList({ profileIds, spanIds, traceIds }: SampleFilter): boolean {
  return [profileIds, spanIds, traceIds].some((list) => list?.length === 0);
}

/** `totals` knows neither profiles nor spans; call sites it does. */
function filtersSamples({ profileIds, spanIds, traceIds }: SampleFilter): boolean {
  return profileIds !== undefined || spanIds !== undefined || traceIds !== undefined;
}

/** First profile of the datasets, and how many there are up to their last. */
function profilesOf(datasets: readonly Dataset[]): [first: number, count: number] {
  const first = datasets[0]?.profiles[0] ?? 0;
  const [from, count] = datasets.at(-1)?.profiles ?? [first, 0];
  return [first, from + count - first];
}

function undefinedSoon(): Promise<undefined> {
  return Promise.resolve(undefined);
}
