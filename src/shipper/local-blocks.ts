// A tenant's blocks on this machine, as a shipper sees them. Owns the listing and what is kept of
// each block, so that a meta is read once; a block never changes.
import { blockKey, isUlid, metaFile } from '../block/files.ts';
import { type BlockMeta, parseBlockMeta } from '../block/meta.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { Failure, isFailure } from '../errors.ts';
import type { BlockTimes } from './overlap.ts';

/** Where the blocks are in the tenant's folder. */
export const blocksFolder = 'local/';

export class LocalBlocks {
  readonly #local: Bucket;
  /** Of blocks that were there at the last listing: some dozens of bytes each. */
  readonly #times = new Map<string, BlockTimes>();

  /** `local` is the tenant's folder. */
  constructor(local: Bucket) {
    this.#local = local;
  }

  /** Folders named by a ULID, ascending, which is by the time they were made. */
  async list(): Promise<string[]> {
    const ulids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#local.list(blocksFolder, {
        delimiter: '/',
        ...(cursor !== undefined && { cursor }),
      });
      for (const prefix of page.prefixes) {
        const name = prefix.slice(blocksFolder.length, -1);
        if (isUlid(name)) ulids.push(name);
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
    const present = new Set(ulids);
    for (const ulid of this.#times.keys()) if (!present.has(ulid)) this.#times.delete(ulid);
    return ulids;
  }

  /** The meta of a block; undefined for a folder without one, which is no block. */
  async read(ulid: string): Promise<{ meta: BlockMeta; bytes: Uint8Array } | undefined> {
    let bytes: Uint8Array;
    try {
      bytes = await this.#local.get(blocksFolder + blockKey(ulid, metaFile));
    } catch (error) {
      if (isFailure(error, 'missing')) return undefined;
      throw error;
    }
    const name = `${metaFile} of ${ulid}`;
    const meta = parseBlockMeta(bytes, name);
    if (meta.ulid !== ulid) throw new Failure('corrupt', `${name} is that of ${meta.ulid}`);
    const { minTime, maxTime } = meta;
    this.#times.set(ulid, { ulid, minTime, maxTime });
    return { meta, bytes };
  }

  /** The times of a block; undefined when it is none or cannot be read. */
  async times(ulid: string): Promise<BlockTimes | undefined> {
    const known = this.#times.get(ulid);
    if (known !== undefined) return known;
    try {
      await this.read(ulid);
    } catch (error) {
      // Whoever ships it says so.
      if (!isFailure(error)) throw error;
    }
    return this.#times.get(ulid);
  }
}
