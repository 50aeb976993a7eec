// A block as a source of queries: a folder in any bucket, known by its `meta.json`. Owns which of a
// block's parts answer which call; what `meta.json` can answer opens no file. Immutable: calls may
// run at the same time, and share what the cache holds.
import type { Bucket } from '../bucket/bucket.ts';
import { type Labels, labelsKey } from '../model/labels.ts';
import { selectorMatches } from '../model/matcher.ts';
import type {
  PointQuery,
  PointSeries,
  QueryMeter,
  SeriesQuery,
  Source,
  SourceCall,
  SourceMeter,
  StackPart,
  StackQuery,
  TimeRange,
} from '../model/source.ts';
import { BlockReader, type ReaderParts } from './block-reader.ts';
import { blockPrefix } from './files.ts';
import { labelsMemory, pointsMemory, stacksMemory } from './memory-estimate.ts';
import type { BlockMeta } from './meta.ts';
import { readPoints } from './point-reader.ts';
import { impliedLabels, knowsName, rangeOf, type Selection, selectDatasets } from './selection.ts';
import { seriesLabels, seriesOf } from './series-labels.ts';
import { type KernelLender, readMaskedTotals, readStacks } from './stack-reader.ts';

/** What all blocks of a process share. */
export interface BlockSourceParts extends ReaderParts {
  kernels: KernelLender;
}

export class BlockSource implements Source {
  readonly name: string;
  readonly range: TimeRange;
  readonly #reader: BlockReader;
  readonly #kernels: KernelLender;

  /** `blocks` is the bucket of the tenant's blocks, in which the block's folder is `<ULID>/`. */
  constructor(parts: BlockSourceParts, blocks: Bucket, meta: BlockMeta) {
    const { ulid } = meta;
    this.name = `block ${ulid}`;
    this.range = rangeOf(meta);
    this.#reader = new BlockReader(
      parts,
      { bucket: blocks, prefix: blockPrefix(ulid), ulid },
      meta,
    );
    this.#kernels = parts.kernels;
  }

  memoryOf(call: SourceCall): number {
    const { meta } = this.#reader;
    if ('stacks' in call) return stacksMemory(meta, call.stacks);
    if ('points' in call) return pointsMemory(meta, call.points);
    const selection = selectDatasets(meta, call.series.selector, call.series);
    return isTold(selection, call.series) ? 0 : labelsMemory(meta);
  }

  async series(query: SeriesQuery, meter: QueryMeter): Promise<Labels[]> {
    const selection = selectDatasets(this.#reader.meta, query.selector, query);
    const { datasets, open } = selection;
    if (isTold(selection, query)) return distinct(datasets.map(impliedLabels));
    const sets = await seriesLabels(this.#reader, meter);
    const found = Array.from(seriesOf(datasets), (id) => sets[id] as Labels);
    return distinct(found.filter((labels) => selectorMatches(open, labels)));
  }

  stacks(query: StackQuery, meter: SourceMeter): Promise<StackPart | undefined> {
    return readStacks(this.#reader, this.#kernels, query, meter);
  }

  points(query: PointQuery, meter: QueryMeter): Promise<PointSeries[]> {
    const reader = this.#reader;
    const maskedTotals: Parameters<typeof readPoints>[2] = (datasets, callSite) =>
      readMaskedTotals(reader, this.#kernels, datasets, callSite, meter);
    return readPoints(reader, query, maskedTotals, meter);
  }
}

/** True when `meta.json` answers: also that there is nothing. */
function isTold({ datasets, open }: Selection, { names }: SeriesQuery): boolean {
  if (datasets.length === 0) return true;
  if (open.length > 0 || names === undefined) return false;
  return datasets.every((one) => names.every((name) => knowsName(one, name)));
}

/** Each set once, in the order of the first; the arrays are the caller's. */
function distinct(sets: readonly Labels[]): Labels[] {
  const found = new Map<string, Labels>();
  for (const labels of sets) found.set(labelsKey(labels), labels.slice());
  return [...found.values()];
}
