// Block folders as a bucket lists them, whole or not. Owns what is taken for a leftover of a block
// (only tables of ours, no `meta.json`, long untouched) and the deleting of a folder's objects.
import {
  blockPrefix,
  isUlid,
  metaFile,
  tableFile,
  tableNames,
  tenantBlocksPrefix,
} from '../block/files.ts';
import type { Bucket, ListPage } from '../bucket/bucket.ts';
import { createdMsOf } from './retention-rules.ts';

export interface FolderFile {
  /** Relative to the folder. */
  name: string;
  bytes: number;
  modifiedMs: number | undefined;
}

export interface BlockFolder {
  ulid: string;
  files: FolderFile[];
}

/** No upload takes longer: younger tables may belong to a block that is still being written. */
export const leftoverAgeMs = 24 * 3_600_000;

/** A block has nine files. A folder with more than this is somebody else's. */
const filesMax = 64;
const tableFiles: ReadonlySet<string> = new Set(tableNames.map(tableFile));

export interface FoldersOptions {
  /** Folders whose ULID is younger are left out, and the listing ends there. */
  newestMs: number;
  signal?: AbortSignal;
}

/**
 * Folders named by a ULID directly below `prefix` (`''` or a folder), oldest first. Each step is
 * one request and answers the folders that ended on that page, possibly none.
 */
export async function* pagesOfFolders(
  bucket: Bucket,
  prefix: string,
  { newestMs, signal }: FoldersOptions,
): AsyncGenerator<BlockFolder[]> {
  let open: BlockFolder | undefined;
  let cursor: string | undefined;
  do {
    const page: ListPage = await bucket.list(prefix, {
      ...(cursor !== undefined && { cursor }),
      ...(signal !== undefined && { signal }),
    });
    const ended: BlockFolder[] = [];
    for (const { key, bytes, modifiedMs } of page.objects) {
      const slash = key.indexOf('/', prefix.length);
      const ulid = key.slice(prefix.length, Math.max(slash, prefix.length));
      if (!isUlid(ulid)) continue;
      if (open?.ulid !== ulid) {
        if (open !== undefined) ended.push(open);
        open = { ulid, files: [] };
      }
      if (open.files.length < filesMax) {
        open.files.push({ name: key.slice(slash + 1), bytes, modifiedMs });
      }
    }
    cursor = page.cursor;
    // The names of ULIDs sort by time: behind a young one there are only younger ones.
    if (open !== undefined && createdMsOf(open.ulid) > newestMs) cursor = undefined;
    if (open !== undefined && cursor === undefined) ended.push(open);
    yield ended.filter(({ ulid }) => createdMsOf(ulid) <= newestMs);
  } while (cursor !== undefined);
}

/** What one request of a walk brought: folders of a tenant, or why there are none. */
export interface WalkStep {
  tenant: string;
  folders: BlockFolder[];
  error?: unknown;
}

/**
 * All block folders of the bucket of the tenants from one on, in the order of their names, one
 * request a step; a tenant that fails stops no other.
 */
export async function* walkTenants(
  bucket: Bucket,
  options: FoldersOptions & { from: string },
): AsyncGenerator<WalkStep> {
  let cursor: string | undefined;
  do {
    const page: ListPage = await bucket.list('', {
      delimiter: '/',
      ...(cursor !== undefined && { cursor }),
      ...(options.signal !== undefined && { signal: options.signal }),
    });
    yield { tenant: '', folders: [] };
    for (const name of page.prefixes) {
      const tenant = name.slice(0, -1);
      if (tenant < options.from) continue;
      try {
        for await (const folders of pagesOfFolders(bucket, tenantBlocksPrefix(tenant), options)) {
          yield { tenant, folders };
        }
      } catch (error) {
        yield { tenant, folders: [], error };
      }
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
}

/** True when the folder has its `meta.json`: to readers it is a block. */
export function hasMeta(folder: BlockFolder): boolean {
  return folder.files.some(({ name }) => name === metaFile);
}

/**
 * True for what is left of a block of ours whose `meta.json` was deleted, or never came: nothing
 * but our tables, all last written before `beforeMs`. Where the store tells no times, never.
 */
export function isLeftover({ files }: BlockFolder, beforeMs: number): boolean {
  return files.every(
    ({ name, modifiedMs }) =>
      tableFiles.has(name) && modifiedMs !== undefined && modifiedMs < beforeMs,
  );
}

/** Bytes of the files. */
export function folderBytes({ files }: BlockFolder): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Deletes every object of the folder `<ulid>/` below `bucket`. */
export async function deleteFolder(
  bucket: Bucket,
  ulid: string,
  signal: AbortSignal,
): Promise<void> {
  let cursor: string | undefined;
  do {
    const page: ListPage = await bucket.list(blockPrefix(ulid), {
      signal,
      ...(cursor !== undefined && { cursor }),
    });
    for (const { key } of page.objects) await bucket.delete(key, { signal });
    cursor = page.cursor;
  } while (cursor !== undefined);
}
