// Blocks that do not verify are set aside, never deleted: copied into quarantine as a whole, and
// taken out of the folder of blocks only then. A crash in between leaves both; the next start
// finishes it.
import { blockKey, metaFile } from '../block/files.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { messageOf } from '../errors.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { BrokenBlock } from './found-blocks.ts';

export interface BlockQuarantineOptions {
  blocks: Bucket;
  /** Keys are `<ULID>/<file>`, as in `blocks`. */
  quarantine: Bucket;
  metrics: Metrics;
  log: Logger;
}

/** What is held in memory of a file at once. */
const chunkBytes = 4 * 1024 * 1024;

/** Moves the blocks; one that cannot be moved stays where it is, is logged, and stops nothing. */
export async function quarantineBlocks(
  broken: readonly BrokenBlock[],
  options: BlockQuarantineOptions,
): Promise<void> {
  const { metrics, log } = options;
  for (const block of broken) {
    const { ulid, problem } = block;
    try {
      await move(block, options);
      metrics.storage.quarantinedBlocks.inc();
      log.error('block does not verify, it is in quarantine', { block: ulid, error: problem });
    } catch (error) {
      const cause = messageOf(error);
      log.error('block does not verify and cannot be moved', {
        block: ulid,
        error: problem,
        cause,
      });
    }
  }
}

async function move(
  { ulid, files }: BrokenBlock,
  { blocks, quarantine }: BlockQuarantineOptions,
): Promise<void> {
  for (const { name, bytes } of files) {
    const key = blockKey(ulid, name);
    await quarantine.putStream(key, chunksOf(blocks, key, bytes));
  }
  await blocks.delete(blockKey(ulid, metaFile));
  for (const { name } of files) await blocks.delete(blockKey(ulid, name));
}

async function* chunksOf(blocks: Bucket, key: string, bytes: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes; offset += chunkBytes) {
    yield await blocks.getRange(key, { offset, length: Math.min(chunkBytes, bytes - offset) });
  }
}
