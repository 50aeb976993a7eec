// How much memory an answer of a block takes while it is made, told from `meta.json` alone: what a
// query must have before it reads. Rough, and rather too much: rows are known, but how far names
// were compressed is not.
import type { PointQuery, StackQuery } from '../model/source.ts';
import { type BlockMeta, type Dataset, fileOf } from './meta.ts';
import { rowGroupRowsMax } from './schema.ts';
import { selectDatasets } from './selection.ts';

/** Footers, small files, and a kernel with nothing in it. */
const baseBytes = 768 * 1024;
/** Packed records of a row, lines of a location among them, and its share of their indexes. */
const packedRowBytes = { stacktraces: 8, locations: 48, functions: 32, mappings: 48 } as const;
/** What names inflate to; Zstandard does better on long ones that are alike. */
const nameRatio = 6;
/** Symbols as decoded, packed and in the kernel at one time. */
const symbolCopies = 3;
/** A node of the stack tree in sums, location tree, function tree and the part that is answered. */
const nodeBytes = 64;
/** A row of samples or profiles, fetched and decoded; a page more is decoded than is wanted. */
const rowBytes = 48;
/** A label set in memory, for each byte of its file. */
const labelRatio = 12;

/** Of `Source.stacks`; `packedBytes` are those of the packed symbols, once they are known. */
export function stacksMemory(
  meta: BlockMeta,
  query: StackQuery,
  packedBytes = packedEstimate(meta),
): number {
  const { datasets } = selectDatasets(meta, query.selector, query);
  if (datasets.length === 0) return 0;
  return baseBytes + symbolsMemory(meta, packedBytes) + rowsMemory(datasets, 'samples');
}

/** Of `Source.points`. */
export function pointsMemory(meta: BlockMeta, query: PointQuery): number {
  const { startNs, stepNs, slots } = query.grid;
  const range = { startNs: startNs - stepNs, endNs: startNs + BigInt(slots) * stepNs };
  const { datasets } = selectDatasets(meta, query.selector, range);
  if (datasets.length === 0) return 0;
  const profiles = baseBytes + labelsMemory(meta) + rowsMemory(datasets, 'profiles');
  if (query.callSite === undefined) return profiles;
  const samples = rowsMemory(datasets, 'samples');
  return profiles + symbolsMemory(meta, packedEstimate(meta)) + samples;
}

/** Of `Source.series`, when `meta.json` does not suffice. */
export function labelsMemory(meta: BlockMeta): number {
  return fileOf(meta, 'series').bytes * labelRatio;
}

function symbolsMemory(meta: BlockMeta, packedBytes: number): number {
  return packedBytes * symbolCopies + fileOf(meta, 'stacktraces').rows * nodeBytes;
}

function packedEstimate(meta: BlockMeta): number {
  let bytes = fileOf(meta, 'functions').bytes * nameRatio;
  for (const [table, perRow] of Object.entries(packedRowBytes)) {
    bytes += fileOf(meta, table as keyof typeof packedRowBytes).rows * perRow;
  }
  return bytes;
}

/** Of one row group at a time. */
function rowsMemory(datasets: readonly Dataset[], table: 'samples' | 'profiles'): number {
  const rows = datasets.reduce((sum, dataset) => sum + dataset[table][1], 0);
  return Math.min(rows, rowGroupRowsMax) * rowBytes;
}
