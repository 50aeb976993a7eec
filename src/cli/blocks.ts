// The blocks below a folder or bucket, whichever of ours it is: a data folder, a bucket, one tenant
// of either, a folder of blocks, or one block. Owns where blocks lie; reads at most a page of names
// and a few `meta.json` at a time, however many there are.
import { blockPrefix, isUlid, metaFile, tenantBlocksPrefix } from '../block/files.ts';
import { type BlockMeta, parseBlockMeta } from '../block/meta.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { isFailure, messageOf } from '../errors.ts';
import { shipperFileName } from '../shipper/shipper-file.ts';

/** Requests under way at once. */
export const requestsAtOnce = 4;

const localFolder = 'local/';
const dataTenants = 'tenants/';
/** What stands between a tenant and its blocks in a bucket. */
const bucketFolder = tenantBlocksPrefix('').slice(1);

/** A folder whose folders are blocks. */
export interface BlocksFolder {
  /** As the folder above spells it; undefined where nothing above is known. */
  tenant: string | undefined;
  /** Key prefix of its blocks. */
  prefix: string;
  /** Key prefix of profiles and blocks set aside, in a data folder. */
  quarantine?: string;
  /** Key of the record of what is in a bucket, in a data folder. */
  shipperFile?: string;
}

/** The folders that may hold blocks, in the order of their names; some hold none. */
export async function* blocksFolders(bucket: Bucket): AsyncGenerator<BlocksFolder> {
  let isRootKnown = false;
  for await (const name of folderNames(bucket, '')) {
    if (isUlid(name)) {
      if (!isRootKnown) yield { tenant: undefined, prefix: '' };
      isRootKnown = true;
      continue;
    }
    // The folder may be one tenant's.
    if (`${name}/` === localFolder) {
      yield { tenant: undefined, prefix: localFolder, ...besideBlocks('') };
    }
    if (`${name}/` === bucketFolder) {
      yield { tenant: undefined, prefix: `${name}/` };
    }
    // Or hold all tenants: a bucket's stand at its top, a data folder's below `tenants/`.
    yield { tenant: name, prefix: tenantBlocksPrefix(name) };
    if (`${name}/` === dataTenants) yield* dataFolders(bucket);
  }
}

async function* dataFolders(bucket: Bucket): AsyncGenerator<BlocksFolder> {
  for await (const tenant of folderNames(bucket, dataTenants)) {
    const prefix = `${dataTenants}${tenant}/`;
    yield { tenant, prefix: prefix + localFolder, ...besideBlocks(prefix) };
  }
}

/** What a tenant's folder has besides its blocks. */
function besideBlocks(prefix: string): Pick<BlocksFolder, 'quarantine' | 'shipperFile'> {
  return { quarantine: `${prefix}quarantine/`, shipperFile: prefix + shipperFileName };
}

/** The ids of the blocks in a folder, ascending, whether they have a `meta.json` or not. */
export async function* blockIds(bucket: Bucket, { prefix }: BlocksFolder): AsyncGenerator<string> {
  for await (const name of folderNames(bucket, prefix)) if (isUlid(name)) yield name;
}

async function* folderNames(bucket: Bucket, prefix: string): AsyncGenerator<string> {
  let cursor: string | undefined;
  do {
    const page = await bucket.list(prefix, { delimiter: '/', ...(cursor && { cursor }) });
    for (const found of page.prefixes) yield found.slice(prefix.length, -1);
    cursor = page.cursor;
  } while (cursor !== undefined);
}

/** One folder that is named like a block or is one. */
export interface FoundBlock {
  /** The tenant its place belongs to, or else the one its meta names. */
  tenant: string | undefined;
  /** The name of its folder; undefined when it was opened directly. */
  ulid: string | undefined;
  /** Key prefix of its files. */
  prefix: string;
  state:
    | { kind: 'block'; meta: BlockMeta }
    /** Without `meta.json`: still being written or deleted, or left behind; readers skip it. */
    | { kind: 'unfinished' }
    /** With a `meta.json` that is wrong. */
    | { kind: 'damaged'; problem: string };
}

/** Reads the `meta.json` of one folder. Throws what keeps it from being read, `corrupt` apart. */
export async function readBlock(
  bucket: Bucket,
  folder: BlocksFolder,
  ulid: string,
): Promise<FoundBlock> {
  return read(bucket, folder.tenant, ulid, folder.prefix + blockPrefix(ulid));
}

/** The block that the whole bucket is; undefined when it is none. */
export async function readOnlyBlock(bucket: Bucket): Promise<FoundBlock | undefined> {
  const found = await read(bucket, undefined, undefined, '');
  return found.state.kind === 'unfinished' ? undefined : found;
}

async function read(
  bucket: Bucket,
  tenant: string | undefined,
  ulid: string | undefined,
  prefix: string,
): Promise<FoundBlock> {
  const found = { tenant, ulid, prefix };
  try {
    const meta = parseBlockMeta(await bucket.get(prefix + metaFile), metaFile);
    const problem = misplaced(meta, tenant, ulid);
    if (problem !== undefined) return { ...found, state: { kind: 'damaged', problem } };
    return { ...found, tenant: tenant ?? meta.tenant, state: { kind: 'block', meta } };
  } catch (error) {
    if (isFailure(error, 'missing')) return { ...found, state: { kind: 'unfinished' } };
    if (!isFailure(error, 'corrupt')) throw error;
    return { ...found, state: { kind: 'damaged', problem: messageOf(error) } };
  }
}

function misplaced(
  meta: BlockMeta,
  tenant: string | undefined,
  ulid: string | undefined,
): string | undefined {
  if (ulid !== undefined && meta.ulid !== ulid) return `${metaFile} is that of ${meta.ulid}`;
  if (tenant !== undefined && meta.tenant !== tenant) {
    return `${metaFile} is that of tenant ${meta.tenant}`;
  }
  return undefined;
}

/** `work` of every item, in their order, at most `limit` under way at once. */
export async function* mapOrdered<T, R>(
  items: AsyncIterable<T>,
  limit: number,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const queue: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const started = work(item);
      // It may fail while an earlier one is awaited: its own turn will tell.
      started.catch(() => undefined);
      queue.push(started);
      if (queue.length >= limit) yield await (queue.shift() as Promise<R>);
    }
    while (queue.length > 0) yield await (queue.shift() as Promise<R>);
  } finally {
    await Promise.allSettled(queue);
  }
}

/** The bytes of a block's tables. */
export function tableBytes(meta: BlockMeta): number {
  return meta.files.reduce((sum, { bytes }) => sum + bytes, 0);
}
