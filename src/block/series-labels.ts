// The label sets of a block's series, read from `series` once and kept: a series' number is its
// place in the list. Checks that each is of the dataset that `meta.json` puts it in.
import { type Label, type Labels, labelNames, labelValue } from '../model/labels.ts';
import { selectorMatches } from '../model/matcher.ts';
import type { QueryMeter } from '../model/source.ts';
import type { ColumnData } from '../model/table.ts';
import { type BlockReader, column } from './block-reader.ts';
import type { RowBatch } from './decode.ts';
import { type Dataset, fileOf } from './meta.ts';
import type { Selection } from './selection.ts';

/** Label sets of some hundred thousand series; a larger file is read by its column of labels. */
const wholeSeriesBytesMax = 4 * 1024 * 1024;
/** A label in memory beside its characters, about. */
const labelMemoryBytes = 64;

/** Label sets by series id. */
export function seriesLabels(reader: BlockReader, meter: QueryMeter): Promise<readonly Labels[]> {
  const key = reader.cacheKey('labels');
  return reader.cache.get('series', key, meter.signal, async () => {
    // Whole, so that the label sets are there in one step; they are kept, the file is not.
    const isSmall = fileOf(reader.meta, 'series').bytes <= wholeSeriesBytesMax;
    const open = await (isSmall ? reader.openWhole('series', meter) : reader.open('series', meter));
    const sets: Labels[] = [];
    // Names and most values repeat from set to set.
    const texts = new Map<string, string>();
    let bytes = 0;
    for await (const batch of reader.read(open, { columns: ['labels'] }, meter)) {
      bytes += addSets(batch, sets, texts);
    }
    const problem = problemOf(sets, reader.meta.datasets);
    if (problem !== undefined) throw reader.damage('series', problem);
    for (const text of texts.keys()) bytes += text.length * 2;
    return { value: sets, bytes };
  });
}

/** Which series of the datasets match what `meta.json` could not decide: 1 by series id. */
export function seriesMask(
  selection: Selection,
  sets: readonly Labels[],
): { mask: Uint8Array; isAny: boolean; isAll: boolean } {
  const mask = new Uint8Array(sets.length);
  let [isAny, isAll] = [false, true];
  for (const id of seriesOf(selection.datasets)) {
    if (selectorMatches(selection.open, sets[id] as Labels)) {
      mask[id] = 1;
      isAny = true;
    } else isAll = false;
  }
  return { mask, isAny, isAll };
}

/** Series ids of the datasets, ascending. */
export function* seriesOf(datasets: readonly Dataset[]): Generator<number, void, void> {
  for (const { series } of datasets) {
    for (let id = series[0]; id < series[0] + series[1]; id++) yield id;
  }
}

function addSets(batch: RowBatch, sets: Labels[], texts: Map<string, string>): number {
  const { offsets, keys, values } = column(batch, 'labels', 'map');
  const keyAt = textReader(keys, texts);
  const valueAt = textReader(values, texts);
  for (let row = 0; row < batch.rows; row++) {
    const labels: Label[] = [];
    for (let i = offsets[row] ?? 0; i < (offsets[row + 1] ?? 0); i++) {
      labels.push({ name: keyAt(i), value: valueAt(i) });
    }
    sets.push(labels);
  }
  return (offsets[batch.rows] ?? 0) * labelMemoryBytes;
}

const decoder = new TextDecoder();

function textReader(data: ColumnData, texts: Map<string, string>): (i: number) => string {
  if (data.kind !== 'utf8') return () => '';
  return (i) => {
    const text = decoder.decode(data.bytes.subarray(data.offsets[i], data.offsets[i + 1]));
    const known = texts.get(text);
    if (known !== undefined) return known;
    texts.set(text, text);
    return text;
  };
}

function problemOf(sets: readonly Labels[], datasets: readonly Dataset[]): string | undefined {
  for (const dataset of datasets) {
    for (const id of seriesOf([dataset])) {
      const labels = sets[id] ?? [];
      const service = labelValue(labels, labelNames.serviceName);
      const type = labelValue(labels, labelNames.profileType);
      if (service !== dataset.serviceName || type !== dataset.profileType) {
        const expected = `${dataset.serviceName} and ${dataset.profileType}`;
        return `series ${id} is of ${service} and ${type}, meta.json says ${expected}`;
      }
    }
  }
  return undefined;
}
