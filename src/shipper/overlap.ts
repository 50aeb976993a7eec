// What the bucket has of a tenant, by time. Owns the list that compacted blocks are compared to: it
// costs one request a block, so it is read when the first of them asks, and once.
import { blockKey, isUlid, metaFile } from '../block/files.ts';
import { parseBlockMeta } from '../block/meta.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { isFailure } from '../errors.ts';
import { forEachBounded } from '../lib/bounded.ts';

export interface BlockTimes {
  ulid: string;
  /** Milliseconds, both inclusive. */
  minTime: number;
  maxTime: number;
}

const requestsAtOnce = 4;

export class RemoteBlocks {
  readonly #remote: Bucket;
  readonly #signal: AbortSignal;
  #times: Promise<BlockTimes[]> | undefined;

  /** `remote` holds the tenant's blocks, `<ULID>/…`. Nothing is read yet. */
  constructor(remote: Bucket, signal: AbortSignal) {
    this.#remote = remote;
    this.#signal = signal;
  }

  /** The first block in the bucket whose data overlaps in time, itself apart. */
  async overlapping(block: BlockTimes): Promise<string | undefined> {
    this.#times ??= this.#list();
    const others = (await this.#times).filter(({ ulid }) => ulid !== block.ulid);
    return others.find((other) => isOverlapping(other, block))?.ulid;
  }

  /** A block that has come into the bucket since. */
  async add(block: BlockTimes): Promise<void> {
    (await this.#times)?.push(block);
  }

  async #list(): Promise<BlockTimes[]> {
    const times: BlockTimes[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#remote.list('', {
        delimiter: '/',
        signal: this.#signal,
        ...(cursor !== undefined && { cursor }),
      });
      const ulids = page.prefixes.map((prefix) => prefix.slice(0, -1)).filter(isUlid);
      await forEachBounded(ulids, requestsAtOnce, async (ulid) => {
        const found = await this.#read(ulid);
        if (found !== undefined) times.push(found);
      });
      cursor = page.cursor;
    } while (cursor !== undefined);
    return times.sort((a, b) => (a.ulid < b.ulid ? -1 : 1));
  }

  /** Undefined for a folder without `meta.json`, which is no block. */
  async #read(ulid: string): Promise<BlockTimes | undefined> {
    try {
      const bytes = await this.#remote.get(blockKey(ulid, metaFile), { signal: this.#signal });
      const { minTime, maxTime } = parseBlockMeta(bytes, `${metaFile} of ${ulid} in the bucket`);
      return { ulid, minTime, maxTime };
    } catch (error) {
      if (isFailure(error, 'missing')) return undefined;
      throw error;
    }
  }
}

function isOverlapping(a: BlockTimes, b: BlockTimes): boolean {
  return a.minTime <= b.maxTime && b.minTime <= a.maxTime;
}
