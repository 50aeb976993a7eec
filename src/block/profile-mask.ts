// Which profiles of a block were asked for by id: `profiles.uuid` of the selected datasets, as a
// mask by row number. Ids are compared as 16 bytes.
import type { QueryMeter } from '../model/source.ts';
import { type BlockReader, column } from './block-reader.ts';
import type { Dataset } from './meta.ts';
import { fileOf } from './meta.ts';
import { joinRows } from './read-plan.ts';

/** 1 for each profile of the datasets whose uuid is among `ids`; undefined when there is none. */
export async function profileMask(
  reader: BlockReader,
  datasets: readonly Dataset[],
  ids: readonly Uint8Array[],
  meter: QueryMeter,
): Promise<Uint8Array | undefined> {
  const wanted = new Set(ids.map((id) => keyOf(id, 0)));
  const mask = new Uint8Array(fileOf(reader.meta, 'profiles').rows);
  const open = await reader.open('profiles', meter);
  const rows = joinRows(datasets.map((dataset) => dataset.profiles));
  let isAny = false;
  for await (const batch of reader.read(open, { columns: ['uuid'], rows }, meter)) {
    const { bytes } = column(batch, 'uuid', 'bytes16');
    for (const { at, row, count } of batch.slices) {
      for (let i = 0; i < count; i++) {
        if (!wanted.has(keyOf(bytes, (at + i) * 16))) continue;
        mask[row + i] = 1;
        isAny = true;
      }
    }
  }
  return isAny ? mask : undefined;
}

/** The four words of an id, as a key. */
function keyOf(bytes: Uint8Array, at: number): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 16);
  const word = (i: number) => view.getUint32(i * 4).toString(36);
  return `${word(0)} ${word(1)} ${word(2)} ${word(3)}`;
}
