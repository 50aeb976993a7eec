// What lies in a folder of blocks: those that verify, and those that do not. Owns what "verify"
// means at start: a readable `meta.json` under its own name, and every table with its length.
// Checksums would read everything; `phlox verify` does that.
import { blockKey, isUlid, metaFile } from '../block/files.ts';
import { type BlockMeta, isNewerMeta, parseBlockMeta } from '../block/meta.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { isFailure, messageOf } from '../errors.ts';
import type { Logger } from '../lib/log.ts';

/** A folder with a `meta.json` that is no block. */
export interface BrokenBlock {
  ulid: string;
  problem: string;
  files: readonly FoundFile[];
}

export interface FoundFile {
  /** Relative to the folder. */
  name: string;
  bytes: number;
}

export interface FoundBlocks {
  metas: BlockMeta[];
  broken: BrokenBlock[];
}

interface Folder {
  ulid: string;
  files: FoundFile[];
}

/** A block has nine files; of a folder with more, the rest is somebody else's and stays. */
const filesMax = 64;

/**
 * Reads every `meta.json` below `blocks`. A folder without one is no block and left out, and so is
 * one that a later version wrote, which is logged.
 */
export async function findBlocks(blocks: Bucket, log: Logger): Promise<FoundBlocks> {
  const found: FoundBlocks = { metas: [], broken: [] };
  for await (const folder of folders(blocks)) {
    const { ulid, files } = folder;
    if (!files.some(({ name }) => name === metaFile)) continue;
    const bytes = await readMeta(blocks, ulid);
    // Deleted since: `meta.json` goes first.
    if (bytes === undefined) continue;
    if (isNewerMeta(bytes)) {
      log.warn('block is of a later version and left alone', { block: ulid });
      continue;
    }
    const { meta, problem } = verified(folder, bytes);
    if (problem === undefined) found.metas.push(meta);
    else found.broken.push({ ulid, files, problem });
  }
  return found;
}

async function readMeta(blocks: Bucket, ulid: string): Promise<Uint8Array | undefined> {
  try {
    return await blocks.get(blockKey(ulid, metaFile));
  } catch (error) {
    if (isFailure(error, 'missing')) return undefined;
    throw error;
  }
}

type Verified = { meta: BlockMeta; problem?: undefined } | { meta?: undefined; problem: string };

function verified({ ulid, files }: Folder, bytes: Uint8Array): Verified {
  let meta: BlockMeta;
  try {
    meta = parseBlockMeta(bytes);
  } catch (error) {
    if (!isFailure(error, 'corrupt')) throw error;
    return { problem: messageOf(error) };
  }
  if (meta.ulid !== ulid) return { problem: `${metaFile} is that of ${meta.ulid}` };
  const found = new Map(files.map((file) => [file.name, file.bytes]));
  for (const { name, bytes: expected } of meta.files) {
    const length = found.get(name);
    if (length === undefined) return { problem: `${name} is missing` };
    if (length !== expected) {
      return { problem: `${name} is ${length} bytes, ${metaFile} says ${expected}` };
    }
  }
  return { meta };
}

/** Folders named by a ULID, ascending, each with its files. */
async function* folders(blocks: Bucket): AsyncGenerator<Folder> {
  let open: Folder | undefined;
  let cursor: string | undefined;
  do {
    const page = await blocks.list('', cursor === undefined ? {} : { cursor });
    for (const { key, bytes } of page.objects) {
      const [ulid = '', ...rest] = key.split('/');
      if (!isUlid(ulid) || rest.length === 0) continue;
      if (open?.ulid !== ulid) {
        if (open !== undefined) yield open;
        open = { ulid, files: [] };
      }
      if (open.files.length < filesMax) open.files.push({ name: rest.join('/'), bytes });
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  if (open !== undefined) yield open;
}
