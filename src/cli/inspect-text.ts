// What `phlox inspect` shows to people: a table of blocks per tenant, then what they hold; of one
// block its tables and datasets.
import type { BlockMeta } from '../block/meta.ts';
import { type FoundBlock, tableBytes } from './blocks.ts';
import { formatBytes, formatCount, formatMinute, formatSpan, plural } from './format.ts';
import type { Aside, InspectReport, Shipped } from './inspect-report.ts';
import { type Output, printable } from './output.ts';
import { type Column, headLine, rowLine, writeWrapped } from './table.ts';
import { type DatasetTotal, DatasetTotals, type Totals } from './totals.ts';

/** A screen has room for these; the others are in `--json`. */
const datasetsShown = 20;

const blockColumns: readonly Column[] = [
  { title: 'block', width: 26 },
  { title: 'from (UTC)', width: 16 },
  { title: 'span', width: 5, isRight: true },
  { title: 'sets', width: 5, isRight: true },
  { title: 'profiles', width: 8, isRight: true },
  { title: 'samples', width: 7, isRight: true },
  { title: 'bytes', width: 7, isRight: true },
];

const datasetColumns: readonly Column[] = [
  { title: 'service', width: 19 },
  { title: 'profile type', width: 43 },
  { title: 'profiles', width: 8, isRight: true },
  { title: 'samples', width: 7, isRight: true },
];

const fileColumns: readonly Column[] = [
  { title: 'table', width: 20 },
  { title: 'rows', width: 12, isRight: true },
  { title: 'bytes', width: 12, isRight: true },
  { title: 'footer', width: 10, isRight: true },
  { title: 'xxh64', width: 16 },
];

/** Writes tables to `output`; `name` is what was looked at. */
export function createTextReport(output: Output, name: string): InspectReport {
  let datasets = new DatasetTotals();
  return {
    only: (found) => writeOnly(output, found, name),
    async begin({ tenant, prefix }) {
      datasets = new DatasetTotals();
      const title = tenant === undefined ? `blocks of ${name}` : `tenant ${tenant}`;
      await writeWrapped(output, prefix === '' ? title : `${title} in ${prefix}`);
      await output.line(headLine(blockColumns));
    },
    async block(found) {
      if (found.state.kind === 'block') datasets.add(found.state.meta);
      await output.line(blockLine(found));
    },
    async end(_folder, totals, aside) {
      await writeWrapped(output, `${totalsText(totals)}${setAsideText(aside)}`);
      if (aside.shipped !== undefined) {
        await writeWrapped(output, shippedText(aside.shipped, totals.blocks));
      }
      if (totals.blocks > 0) {
        await output.line('');
        await writeDatasets(output, datasets);
      }
      await output.line('');
    },
    async done(folderCount, totals) {
      if (folderCount === 0) await writeWrapped(output, `no blocks in ${name}`);
      if (folderCount > 1)
        await writeWrapped(output, `${folderCount} folders: ${totalsText(totals)}`);
    },
  };
}

function blockLine({ ulid = '', state }: FoundBlock): string {
  if (state.kind === 'unfinished') return `${ulid} has no meta.json`;
  // The whole text: a table's cell would cut the reason.
  if (state.kind === 'damaged') return `${ulid} damaged: ${printable(state.problem)}`;
  const { meta } = state;
  return rowLine(blockColumns, [
    meta.ulid,
    formatMinute(meta.minTime),
    formatSpan(meta.maxTime - meta.minTime),
    formatCount(meta.datasets.length),
    formatCount(meta.stats.numProfiles),
    formatCount(meta.stats.numSamples),
    formatBytes(tableBytes(meta)),
  ]);
}

function totalsText(totals: Totals): string {
  const { blocks, minTime, maxTime, profiles, samples, rows, bytes } = totals;
  const parts = [plural(blocks, 'block')];
  if (minTime !== undefined && maxTime !== undefined) {
    parts.push(
      `${formatMinute(minTime)} to ${formatMinute(maxTime)}`,
      `${formatCount(profiles)} profiles`,
      `${formatCount(samples)} samples`,
      `${formatCount(rows)} rows`,
      formatBytes(bytes),
    );
  }
  if (totals.damaged > 0) parts.push(`${totals.damaged} damaged`);
  if (totals.unfinished > 0) parts.push(`${totals.unfinished} without meta.json`);
  return parts.join(', ');
}

function setAsideText({ profiles, blocks }: Aside): string {
  const parts: string[] = [];
  if (profiles > 0) parts.push(plural(profiles, 'profile'));
  if (blocks > 0) parts.push(plural(blocks, 'block'));
  return parts.length === 0 ? '' : `, ${parts.join(' and ')} in quarantine`;
}

function shippedText({ bucket, blocks, maxSyncTime }: Shipped, all: number): string {
  const upTo = maxSyncTime === undefined ? '' : `, all up to ${formatMinute(maxSyncTime)}`;
  return `${blocks} of ${plural(all, 'block')} in ${bucket ?? 'a bucket'}${upTo}`;
}

async function writeDatasets(output: Output, datasets: DatasetTotals): Promise<void> {
  await writeDatasetTable(output, datasets.largest(datasetsShown));
  const more = datasets.count - datasetsShown;
  if (more > 0) {
    const count = datasets.isCut ? `over ${more}` : `${more}`;
    await output.line(`and ${count} more datasets: --json has them all`);
  }
}

async function writeDatasetTable(output: Output, rows: Iterable<DatasetTotal>): Promise<void> {
  await output.line(headLine(datasetColumns));
  for (const { serviceName, profileType, profiles, samples } of rows) {
    await output.line(
      rowLine(datasetColumns, [
        serviceName,
        profileType,
        formatCount(profiles),
        formatCount(samples),
      ]),
    );
  }
}

async function writeOnly(output: Output, { state }: FoundBlock, name: string): Promise<void> {
  if (state.kind !== 'block') {
    const why = state.kind === 'damaged' ? state.problem : 'no meta.json';
    await output.line(`${printable(name)} damaged: ${printable(why)}`);
    return;
  }
  const { meta } = state;
  await writeWrapped(output, `block ${meta.ulid} of tenant ${meta.tenant}`);
  for (const line of factLines(meta)) await writeWrapped(output, line);
  await output.line('');
  await output.line(headLine(fileColumns));
  for (const { name: file, rows, bytes, footerBytes, checksum } of meta.files) {
    const cells = [file, `${rows}`, `${bytes}`, `${footerBytes}`, checksum];
    await output.line(rowLine(fileColumns, cells));
  }
  await output.line('');
  const datasets = meta.datasets.map((dataset) => ({
    ...dataset,
    profiles: dataset.profiles[1],
    samples: dataset.samples[1],
  }));
  await writeDatasetTable(output, datasets);
}

function factLines(meta: BlockMeta): string[] {
  const { minTime, maxTime, stats, compaction, log } = meta;
  const time = `${formatMinute(minTime)} to ${formatMinute(maxTime)} UTC`;
  const counts = `${plural(stats.numProfiles, 'profile')}, ${plural(stats.numSamples, 'sample')}`;
  const from = plural(compaction.sources.length, 'block');
  return [
    `from ${time}, ${formatSpan(maxTime - minTime)}`,
    `${stats.numSeries} series, ${counts}, ${formatBytes(tableBytes(meta))}`,
    `made by ${meta.source}, level ${compaction.level} of ${from}`,
    `log ${log.id} up to sequence ${log.lastSequence}`,
  ];
}
