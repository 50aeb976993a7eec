// `phlox inspect`: what is stored, from every `meta.json` below a folder or in a bucket. Owns the
// walk and the exit code; how it is shown is `inspect-text.ts`'s or `inspect-json.ts`'s. Opens no
// table and writes nothing.
import { isUlid } from '../block/files.ts';
import type { Bucket } from '../bucket/bucket.ts';
import {
  type BlocksFolder,
  blockIds,
  blocksFolders,
  mapOrdered,
  readBlock,
  readOnlyBlock,
  requestsAtOnce,
} from './blocks.ts';
import type { Command } from './command.ts';
import { createJsonReport } from './inspect-json.ts';
import type { Aside, InspectReport } from './inspect-report.ts';
import { createTextReport } from './inspect-text.ts';
import { ShippedBlocks } from './shipped-blocks.ts';
import { openTarget } from './target.ts';
import { addBlock, createTotals, type Totals } from './totals.ts';

const help = `usage: phlox inspect [DIR | s3://… | file:///…] [--json]

Shows the blocks below a data folder, a bucket, one tenant's folder of either,
or one block: per tenant their time ranges, counts and bytes, and what their
datasets hold. Without an argument the data folder of the settings is taken.
A data folder also tells what is in the bucket, as far as it is on record.
Reads only meta.json and shipper.json files, four at a time, and writes
nothing.

  --json         one JSON object a line: every block with its whole meta.json,
                 then the totals
  --config FILE  settings to take the data folder from

exit code: 0, or 1 when a meta.json is wrong or cannot be read
`;

export const inspectCommand: Command = {
  help,
  switches: ['--json'],
  valued: ['--config'],
  wordsMax: 1,
  async run(args, output) {
    const bucket = await openTarget(args);
    const report = args.flags['--json']
      ? createJsonReport(output)
      : createTextReport(output, bucket.name);
    const isWhole = await inspect(bucket, report);
    return isWhole ? 0 : 1;
  },
};

/** Tells `report` all there is; true when no `meta.json` is wrong. */
export async function inspect(bucket: Bucket, report: InspectReport): Promise<boolean> {
  const only = await readOnlyBlock(bucket);
  if (only !== undefined) {
    await report.only(only);
    return only.state.kind !== 'damaged';
  }
  const all = createTotals();
  let folderCount = 0;
  for await (const folder of blocksFolders(bucket)) {
    const totals = await inspectFolder(bucket, folder, report);
    if (totals === undefined) continue;
    folderCount += 1;
    addTotals(all, totals);
  }
  await report.done(folderCount, all);
  return all.damaged === 0;
}

async function inspectFolder(
  bucket: Bucket,
  folder: BlocksFolder,
  report: InspectReport,
): Promise<Totals | undefined> {
  const totals = createTotals();
  let isBegun = false;
  const begin = async () => {
    if (!isBegun) await report.begin(folder);
    isBegun = true;
  };
  const shipped = await ShippedBlocks.open(bucket, folder);
  const read = (ulid: string) => readBlock(bucket, folder, ulid);
  for await (const found of mapOrdered(blockIds(bucket, folder), requestsAtOnce, read)) {
    await begin();
    if (found.state.kind === 'block') {
      addBlock(totals, found.state.meta);
      shipped?.add(found.state.meta);
    } else {
      totals[found.state.kind] += 1;
    }
    await report.block(found);
  }
  const setAside = await countSetAside(bucket, folder);
  if (setAside.profiles + setAside.blocks > 0) await begin();
  if (!isBegun) return undefined;
  await report.end(folder, totals, { ...setAside, shipped: shipped?.sum });
  return totals;
}

async function countSetAside(
  bucket: Bucket,
  { quarantine }: BlocksFolder,
): Promise<Pick<Aside, 'profiles' | 'blocks'>> {
  if (quarantine === undefined) return { profiles: 0, blocks: 0 };
  const { objects, prefixes } = await bucket.list(quarantine, { delimiter: '/' });
  const ulids = prefixes.map((prefix) => prefix.slice(quarantine.length, -1));
  return {
    profiles: objects.filter(({ key }) => key.endsWith('.pprof')).length,
    blocks: ulids.filter(isUlid).length,
  };
}

function addTotals(into: Totals, more: Totals): void {
  for (const name of [
    'blocks',
    'damaged',
    'unfinished',
    'profiles',
    'samples',
    'rows',
    'bytes',
  ] as const) {
    into[name] += more[name];
  }
  if (more.minTime === undefined || more.maxTime === undefined) return;
  into.minTime = Math.min(into.minTime ?? more.minTime, more.minTime);
  into.maxTime = Math.max(into.maxTime ?? more.maxTime, more.maxTime);
}
