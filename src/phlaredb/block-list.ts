// The local blocks of one tenant, by their `meta.json`. Owns what counts as a block: a folder
// named by a ULID with a readable `meta.json`; anything else is left alone and said so.
import { blockKey, isUlid, metaFile } from '../block/files.ts';
import { type BlockMeta, parseBlockMeta } from '../block/meta.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { isFailure, messageOf } from '../errors.ts';
import type { Logger } from '../lib/log.ts';

export class BlockList {
  readonly #blocks: Bucket;
  readonly #log: Logger;
  #metas: readonly BlockMeta[] = [];

  constructor(blocks: Bucket, log: Logger) {
    this.#blocks = blocks;
    this.#log = log;
  }

  /** Reads the list anew. */
  async load(): Promise<void> {
    const metas: BlockMeta[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#blocks.list('', {
        delimiter: '/',
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const prefix of page.prefixes) {
        const ulid = prefix.slice(0, -1);
        if (!isUlid(ulid)) continue;
        const meta = await this.#read(ulid);
        if (meta !== undefined) metas.push(meta);
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
    this.#metas = metas.sort(byTime);
  }

  /** Blocks by ascending start time; the array is never changed, only replaced. */
  get metas(): readonly BlockMeta[] {
    return this.#metas;
  }

  add(meta: BlockMeta): void {
    this.#metas = [...this.#metas, meta].sort(byTime);
  }

  forget(ulid: string): void {
    this.#metas = this.#metas.filter((meta) => meta.ulid !== ulid);
  }

  async #read(ulid: string): Promise<BlockMeta | undefined> {
    try {
      return parseBlockMeta(
        await this.#blocks.get(blockKey(ulid, metaFile)),
        `meta.json of ${ulid}`,
      );
    } catch (error) {
      if (!isFailure(error, 'missing') && !isFailure(error, 'corrupt')) throw error;
      this.#log.warn('folder is not a block', { block: ulid, error: messageOf(error) });
      return undefined;
    }
  }
}

function byTime(a: BlockMeta, b: BlockMeta): number {
  return a.minTime - b.minTime || (a.ulid < b.ulid ? -1 : 1);
}
