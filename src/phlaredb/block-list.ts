// The local blocks of one tenant, by their `meta.json`, in the order of their data. What counts as
// a block is `found-blocks.ts`'s.
import type { BlockMeta } from '../block/meta.ts';
import type { Bucket } from '../bucket/bucket.ts';
import type { Logger } from '../lib/log.ts';
import { type BrokenBlock, findBlocks } from './found-blocks.ts';

export class BlockList {
  readonly #blocks: Bucket;
  readonly #log: Logger;
  #metas: readonly BlockMeta[] = [];
  /** Deleted while the list was being read. */
  readonly #forgotten = new Set<string>();

  constructor(blocks: Bucket, log: Logger) {
    this.#blocks = blocks;
    this.#log = log;
  }

  /** Reads the list anew; answers the folders that should be blocks and do not verify. */
  async load(): Promise<BrokenBlock[]> {
    const { metas, broken } = await findBlocks(this.#blocks, this.#log);
    this.#metas = metas.filter(({ ulid }) => !this.#forgotten.has(ulid)).sort(byTime);
    return broken.filter(({ ulid }) => !this.#forgotten.has(ulid));
  }

  /** Blocks by ascending start time; the array is never changed, only replaced. */
  get metas(): readonly BlockMeta[] {
    return this.#metas;
  }

  add(meta: BlockMeta): void {
    this.#metas = [...this.#metas, meta].sort(byTime);
  }

  forget(ulid: string): void {
    this.#forgotten.add(ulid);
    this.#metas = this.#metas.filter((meta) => meta.ulid !== ulid);
  }
}

function byTime(a: BlockMeta, b: BlockMeta): number {
  return a.minTime - b.minTime || (a.ulid < b.ulid ? -1 : 1);
}
