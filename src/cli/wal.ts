// `phlox wal`: what is in the log of a data folder, and what is damaged. Owns the tables and the
// exit code; the reading is `wal-read.ts`'s. Never writes: the log's server may be running.
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { nodeFileSystem } from '../runtime/node-file-system.ts';
import type { Command } from './command.ts';
import { formatBytes, formatCount, formatMinute, plural } from './format.ts';
import { type Output, printable } from './output.ts';
import { type Column, headLine, rowLine, writeWrapped } from './table.ts';
import { assertFolder, dataFolder } from './target.ts';
import { type LogDamage, type LogSummary, readLog } from './wal-read.ts';

const help = `usage: phlox wal [DIR] [--json] [--quick]

Shows the log of a data folder: its segments, the profiles in it, which of them
are in no block yet, and damage. DIR is a data folder or its wal folder; without
it the data folder of the settings is taken. Reads only, also beside a server.

  --json         one JSON object
  --quick        read the heads of records only: damage to bodies is not found
  --config FILE  settings to take the data folder from

exit code: 0, or 1 when something is damaged
`;

/** A screen has room for these; the others are in `--json`. */
const tenantsShown = 20;

export const walCommand: Command = {
  help,
  switches: ['--json', '--quick'],
  valued: ['--config'],
  wordsMax: 1,
  async run({ words, flags }, output) {
    const folder = await logFolder(resolve(words[0] ?? (await dataFolder(flags))));
    const summary = await readLog({
      folder,
      fileSystem: nodeFileSystem,
      areBodiesChecked: flags['--quick'] !== true,
    });
    if (flags['--json']) await output.line(jsonOf(summary, folder));
    else await show(summary, folder, output);
    return summary.damageCount === 0 ? 0 : 1;
  },
};

/** `wal` in a data folder; otherwise the folder itself. */
async function logFolder(folder: string): Promise<string> {
  await assertFolder(folder);
  const inside = join(folder, 'wal');
  try {
    return (await stat(inside)).isDirectory() ? inside : folder;
  } catch (error) {
    if (error instanceof Error && Reflect.get(error, 'code') === 'ENOENT') return folder;
    throw error;
  }
}

function jsonOf(summary: LogSummary, folder: string): string {
  const tenants = summary.tenants.map(([tenant, sums]) => ({ tenant, ...sums }));
  return JSON.stringify({ folder, ...summary, tenants });
}

const segmentColumns: readonly Column[] = [
  { title: 'segment', width: 14 },
  { title: 'bytes', width: 7, isRight: true },
  { title: 'profiles', width: 8, isRight: true },
  { title: 'first (UTC)', width: 16 },
  { title: 'last (UTC)', width: 16 },
  { title: 'damage', width: 6, isRight: true },
];

const tenantColumns: readonly Column[] = [
  { title: 'tenant', width: 26 },
  { title: 'profiles', width: 8, isRight: true },
  { title: 'bytes', width: 7, isRight: true },
  { title: 'no block', width: 8, isRight: true },
  { title: 'bytes', width: 7, isRight: true },
  { title: 'oldest (UTC)', width: 16 },
];

async function show(summary: LogSummary, folder: string, output: Output): Promise<void> {
  const { id, segments, tenants, setAside, damage } = summary;
  await writeWrapped(output, `log ${id ?? '?'} in ${folder}`);
  await output.line(headLine(segmentColumns));
  for (const { file, usedBytes, profiles, firstMs, lastMs, damageCount } of segments) {
    const times = [firstMs, lastMs].map((ms) => (ms === undefined ? '' : formatMinute(ms)));
    const cells = [file, formatBytes(usedBytes), formatCount(profiles), ...times];
    await output.line(rowLine(segmentColumns, [...cells, damageCount ? `${damageCount}` : '']));
  }
  if (tenants.length > 0) {
    await output.line('');
    await output.line(headLine(tenantColumns));
  }
  for (const [name, sums] of tenants.slice(0, tenantsShown)) {
    const { profiles, bytes, heldProfiles, heldBytes, oldestHeldMs } = sums;
    const held = [formatCount(heldProfiles), formatBytes(heldBytes)];
    const oldest = oldestHeldMs === undefined ? '' : formatMinute(oldestHeldMs);
    const cells = [name || '(others)', formatCount(profiles), formatBytes(bytes), ...held, oldest];
    await output.line(rowLine(tenantColumns, cells));
  }
  if (tenants.length > tenantsShown) {
    const more = `${summary.isCut ? 'over ' : ''}${tenants.length - tenantsShown}`;
    await output.line(`and ${more} more tenants: --json has them all`);
  }
  await output.line('');
  for (const each of damage) await output.line(printable(damageText(each)));
  const unshown = summary.damageCount - damage.length;
  if (unshown > 0) await output.line(`and ${unshown} more damaged places`);
  for (const { file, bytes } of setAside) {
    await output.line(printable(`${file} was put aside as damaged: ${formatBytes(bytes)}`));
  }
  await writeWrapped(output, totalText(summary));
}

function damageText({ file, position, bytes, sequence, reason }: LogDamage): string {
  const place = position === undefined ? '' : ` at ${position}, ${bytes} bytes`;
  const number = sequence === undefined ? '' : `, sequence ${sequence}`;
  return `${file}${place}${number}: ${reason}`;
}

function totalText({ segments, tenants, damageCount }: LogSummary): string {
  const fileBytes = segments.reduce((sum, segment) => sum + segment.fileBytes, 0);
  const sum = (name: 'profiles' | 'bytes' | 'heldProfiles' | 'heldBytes') =>
    tenants.reduce((total, [, sums]) => total + sums[name], 0);
  return [
    `${plural(segments.length, 'segment')}, ${formatBytes(fileBytes)} on disk`,
    `${plural(sum('profiles'), 'profile')}, ${formatBytes(sum('bytes'))}`,
    `in no block yet ${formatCount(sum('heldProfiles'))}, ${formatBytes(sum('heldBytes'))}`,
    damageCount === 0 ? 'no damage' : `${plural(damageCount, 'damaged place')}`,
  ].join('; ');
}
