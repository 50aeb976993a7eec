// `phlox verify`: reads every block below a folder or in a bucket and says which are damaged. Owns
// the walk, the lines and the exit code; the checks are `verify-block.ts`'s. Never writes.
import xxhash, { type XXHashAPI } from 'xxhash-wasm';
import { metaFile } from '../block/files.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { Failure, isFailure, messageOf } from '../errors.ts';
import {
  blockIds,
  blocksFolders,
  type FoundBlock,
  mapOrdered,
  readBlock,
  readOnlyBlock,
  requestsAtOnce,
} from './blocks.ts';
import type { Command } from './command.ts';
import { formatBytes, plural } from './format.ts';
import { type Output, printable } from './output.ts';
import { openTarget } from './target.ts';
import { verifyBlock } from './verify-block.ts';

const help = `usage: phlox verify [DIR | s3://… | file:///…]

Reads every block below a data folder, in a bucket, in one tenant's folder of
either, or one block, and compares it with its meta.json: all tables there, as
long as said, the same XXH64, a Parquet footer that can be read, the same rows.
Without an argument the data folder of the settings is taken. Four blocks are
read at a time, 4 MiB of each in memory; nothing is written. It may run beside a
server: blocks that are being written or deleted are no problem.

One line per problem, a summary at the end. Profiles in quarantine and folders
without meta.json are no blocks: inspect shows them.

  --config FILE  settings to take the data folder from

exit code: 0 when every block is whole, otherwise 1
`;

/** The bucket is asked again and again for each block: past this it is down, not the blocks. */
const unreadMax = 10;

export const verifyCommand: Command = {
  help,
  switches: [],
  valued: ['--config'],
  wordsMax: 1,
  run: async (args, output) => ((await verify(await openTarget(args), output)) ? 0 : 1),
};

interface Sums {
  blocks: number;
  damaged: number;
  unread: number;
  bytes: number;
}

interface Verified {
  found: FoundBlock;
  /** What follows the block's name, a line each. */
  problems: string[];
  bytes: number;
  /** Undefined: it is no block, or no longer. */
  outcome: 'whole' | 'damaged' | 'unread' | undefined;
}

/**
 * Writes a line per problem and the summary; true when every block is whole. Throws `unavailable`
 * when more than `unreadMax` blocks could not be read.
 */
export async function verify(bucket: Bucket, output: Output): Promise<boolean> {
  const hasher = await xxhash();
  const sums: Sums = { blocks: 0, damaged: 0, unread: 0, bytes: 0 };
  const only = await readOnlyBlock(bucket);
  if (only !== undefined) {
    await note(await verifyFound(bucket, only, hasher), sums, output);
  } else {
    for await (const folder of blocksFolders(bucket)) {
      const check = async (ulid: string) => {
        const found = { tenant: folder.tenant, ulid, prefix: folder.prefix };
        return unlessUnread(found, async () =>
          verifyFound(bucket, await readBlock(bucket, folder, ulid), hasher),
        );
      };
      for await (const verified of mapOrdered(blockIds(bucket, folder), requestsAtOnce, check)) {
        await note(verified, sums, output);
      }
    }
  }
  await output.line(summary(sums));
  return sums.damaged + sums.unread === 0;
}

async function verifyFound(
  bucket: Bucket,
  found: FoundBlock,
  hasher: XXHashAPI,
): Promise<Verified> {
  const { state, prefix } = found;
  if (state.kind === 'unfinished') return { found, problems: [], bytes: 0, outcome: undefined };
  if (state.kind === 'damaged') {
    return { found, problems: [state.problem], bytes: 0, outcome: 'damaged' };
  }
  const { problems, bytes, isGone } = await verifyBlock(bucket, prefix, state.meta, hasher);
  const outcome = isGone ? undefined : problems.length > 0 ? 'damaged' : 'whole';
  return { found, problems: problems.map(({ file, text }) => `${file} ${text}`), bytes, outcome };
}

/** A block that cannot be read now is one problem, not the end. */
async function unlessUnread(
  found: Omit<FoundBlock, 'state'>,
  check: () => Promise<Verified>,
): Promise<Verified> {
  try {
    return await check();
  } catch (error) {
    if (!isFailure(error, 'unavailable')) throw error;
    const state = { kind: 'unfinished' } as const;
    const problems = [`is not read: ${messageOf(error)}`];
    return { found: { ...found, state }, problems, bytes: 0, outcome: 'unread' };
  }
}

async function note(verified: Verified, sums: Sums, output: Output): Promise<void> {
  const { found, problems, bytes, outcome } = verified;
  if (outcome === undefined) return;
  sums.blocks += 1;
  sums.bytes += bytes;
  if (outcome !== 'whole') sums[outcome] += 1;
  const { tenant, ulid = metaFile } = found;
  const name = tenant === undefined ? ulid : `${tenant} ${ulid}`;
  for (const problem of problems) await output.line(printable(`${name} ${problem}`));
  if (sums.unread > unreadMax) {
    throw new Failure('unavailable', `over ${unreadMax} blocks cannot be read: ${problems[0]}`);
  }
}

function summary({ blocks, damaged, unread, bytes }: Sums): string {
  const parts = [`${damaged} damaged`];
  if (unread > 0) parts.push(`${unread} not read`);
  const isWhole = damaged + unread === 0;
  const end = blocks === 0 ? 'nothing to verify' : isWhole ? 'all whole' : parts.join(', ');
  return `${plural(blocks, 'block')}, ${formatBytes(bytes)} read: ${end}`;
}
