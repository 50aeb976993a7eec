// What retention has to know of the blocks of closed tenants. Owns the memory of metas that were
// read: blocks never change, so a pass over a thousand idle tenants lists their folders and reads
// the metas of new blocks only.
import { blockKey, isUlid, metaFile } from '../block/files.ts';
import { parseBlockMeta } from '../block/meta.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { isFailure } from '../errors.ts';
import { type RetainedBlock, retainedBlock } from './retention-rules.ts';

/** A thousand tenants with two hundred blocks each; some 150 bytes a block. */
const blocksMaxDefault = 200_000;

export class ClosedBlocks {
  readonly #folderOf: (tenant: string) => Bucket;
  readonly #blocksMax: number;
  /** By tenant, the one asked for longest ago first. */
  readonly #known = new Map<string, ReadonlyMap<string, RetainedBlock>>();
  #count = 0;

  /** `folderOf` answers the tenant's blocks, `<ULID>/<file>`. */
  constructor(folderOf: (tenant: string) => Bucket, blocksMax = blocksMaxDefault) {
    this.#folderOf = folderOf;
    this.#blocksMax = blocksMax;
  }

  /**
   * The tenant's blocks. Folders whose `meta.json` is missing or wrong are left out: whoever opens
   * the tenant sets those aside.
   */
  async blocks(tenant: string): Promise<RetainedBlock[]> {
    const known = this.#known.get(tenant);
    const found = new Map<string, RetainedBlock>();
    const folder = this.#folderOf(tenant);
    for (const ulid of await blockIds(folder)) {
      const block = known?.get(ulid) ?? (await readBlock(folder, ulid));
      if (block !== undefined) found.set(ulid, block);
    }
    this.#keep(tenant, found);
    return [...found.values()];
  }

  /** The block's `meta.json` is deleted. */
  forget(tenant: string, ulid: string): void {
    const known = new Map(this.#known.get(tenant));
    if (known.delete(ulid)) this.#keep(tenant, known);
  }

  /** Forgets all of a tenant: it is open, and knows by itself. */
  forgetAll(tenant: string): void {
    this.#keep(tenant, new Map());
  }

  #keep(tenant: string, blocks: ReadonlyMap<string, RetainedBlock>): void {
    this.#count += blocks.size - (this.#known.get(tenant)?.size ?? 0);
    this.#known.delete(tenant);
    if (blocks.size > 0) this.#known.set(tenant, blocks);
    for (const [oldest, { size }] of this.#known) {
      if (this.#count <= this.#blocksMax) return;
      this.#known.delete(oldest);
      this.#count -= size;
    }
  }
}

async function blockIds(folder: Bucket): Promise<string[]> {
  const ulids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await folder.list('', { delimiter: '/', ...(cursor !== undefined && { cursor }) });
    ulids.push(...page.prefixes.map((prefix) => prefix.slice(0, -1)).filter(isUlid));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return ulids;
}

async function readBlock(folder: Bucket, ulid: string): Promise<RetainedBlock | undefined> {
  try {
    return retainedBlock(parseBlockMeta(await folder.get(blockKey(ulid, metaFile))));
  } catch (error) {
    if (!isFailure(error, 'missing') && !isFailure(error, 'corrupt')) throw error;
    return undefined;
  }
}
