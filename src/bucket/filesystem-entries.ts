// What the folders on the disk hold: pieces of keys for a listing, leftovers for a sweep. Owns
// which names are ours; order, prefix and position of a listing are in `filesystem-list.ts`.
import { join } from 'node:path';
import type { FolderItem } from '../lib/file-system.ts';
import { codeOf, type Disk } from './filesystem-disk.ts';
import type { FolderEntry } from './filesystem-list.ts';
import { pieceOfName, segmentOfPieces, temporaryPrefix } from './filesystem-path.ts';
import { metaName } from './keys.ts';

/**
 * What a folder holds, in any order; nothing when it has gone. `pieces` are those of a segment
 * that began further up.
 */
export async function readEntries(
  disk: Disk,
  path: string,
  pieces: readonly string[] = [],
): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = [];
  for (const item of await readNames(disk, path)) {
    const isFolder = item.isDirectory();
    const piece = pieceOfName(item.name, pieces.length === 0);
    if (piece === undefined || (!isFolder && !item.isFile())) continue;
    const below = join(path, item.name);
    const all = [...pieces, piece.text];
    if (piece.isContinued) {
      if (isFolder) entries.push(...(await readEntries(disk, below, all)));
      continue;
    }
    const segment = segmentOfPieces(all);
    if (segment !== undefined) entries.push({ segment, path: below, isFolder });
  }
  return entries;
}

/**
 * Removes what is unfinished in `path` and below; answers how many. Flushes the names of all
 * folders on the way but those of blocks, whose files were durable before the block had its name.
 */
export async function sweepFolder(disk: Disk, path: string): Promise<number> {
  let count = 0;
  const items = await readNames(disk, path);
  for (const item of items) {
    const below = join(path, item.name);
    if (item.name.startsWith(temporaryPrefix)) {
      await disk.fileSystem.rm(below, { recursive: true, force: true });
      count += 1;
    } else if (item.isDirectory()) {
      count += await sweepFolder(disk, below);
    }
  }
  const isBlock = items.some(({ name }) => name === metaName);
  if (!isBlock) await disk.syncNearest(path);
  return count;
}

async function readNames(disk: Disk, path: string): Promise<FolderItem[]> {
  try {
    return await disk.fileSystem.readdir(path, { withFileTypes: true });
  } catch (error) {
    // Not made yet, or gone since its parent was read: it holds nothing.
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}
