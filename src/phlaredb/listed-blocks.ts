// The blocks below a folder of a bucket that others write to: what is there is found by listing.
// Owns that a `meta.json` is read once, that many queries share one listing, and that a list which
// is known to be behind is read again before anybody uses it.
import { blockKey, isUlid, metaFile } from '../block/files.ts';
import { type BlockMeta, parseBlockMeta } from '../block/meta.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { Failure, isFailure } from '../errors.ts';
import { forEachBounded } from '../lib/bounded.ts';
import type { Clock } from '../platform.ts';

export interface ListedBlocksOptions {
  /** Keys are `<ULID>/<file>`. */
  blocks: Bucket;
  clock: Pick<Clock, 'monotonicMs'>;
  /** How long a list is good for; 0: only for those who wait for it. */
  freshMs: number;
}

/** Reads of `meta.json` under way at once: 500 blocks at 30 ms each take a second. */
const readsAtOnce = 16;
/** A list of more would not fit in memory beside anything else; 7 days of hours are 168. */
const blocksMax = 100_000;

export class ListedBlocks {
  readonly #options: ListedBlocksOptions;
  #metas = new Map<string, BlockMeta>();
  #freshUntilMs = Number.NEGATIVE_INFINITY;
  #refreshing: Promise<number> | undefined;
  /** Counts what was said to have changed: a listing that began before is of no use. */
  #changes = 0;
  /** What was doubted since the last listing began. */
  #doubts = new Set<string>();

  constructor(options: ListedBlocksOptions) {
    this.#options = options;
  }

  /** Keys are `<ULID>/<file>`. */
  get blocks(): Bucket {
    return this.#options.blocks;
  }

  /** By ascending ULID; as `current` left them. */
  get metas(): Iterable<BlockMeta> {
    return this.#metas.values();
  }

  /** Counts what was said to have changed: equal to what `current` answered, the list is good. */
  get changes(): number {
    return this.#changes;
  }

  /** Something came or went: the list has to be read again. */
  invalidate(): void {
    this.#changes++;
    this.#freshUntilMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * The block's `meta.json` was deleted, or may have been, or may be back: it is read again, now
   * and for as long as it is not there but its tables are still listed.
   */
  doubt(ulid: string): void {
    this.#metas.delete(ulid);
    this.#doubts.add(ulid);
    this.invalidate();
  }

  /**
   * Reads what is new, unless that was done a moment ago. Answers `changes` as of the list. Rejects
   * with what the bucket throws, and with `corrupt` for a `meta.json` that cannot be read: whoever
   * asks for all data must not get a part of it.
   */
  async current(): Promise<number> {
    while (this.#options.clock.monotonicMs() >= this.#freshUntilMs) {
      this.#refreshing ??= this.#refresh().finally(() => {
        this.#refreshing = undefined;
      });
      // One that began before a change does not know of it.
      if ((await this.#refreshing) === this.#changes) break;
    }
    return this.#changes;
  }

  async #refresh(): Promise<number> {
    const changes = this.#changes;
    const startedMs = this.#options.clock.monotonicMs();
    const doubts = new Set<string>();
    this.#doubts = doubts;
    const ulids = await this.#list();
    const metas = new Map<string, BlockMeta | undefined>();
    for (const ulid of ulids) metas.set(ulid, this.#metas.get(ulid));
    const unread = ulids.filter((ulid) => metas.get(ulid) === undefined);
    await forEachBounded(unread, readsAtOnce, async (ulid) => {
      metas.set(ulid, await this.#read(ulid));
    });
    this.#metas = new Map();
    for (const [ulid, meta] of metas) {
      // What was read before the doubt may be what was doubted.
      if (meta !== undefined && !doubts.has(ulid)) this.#metas.set(ulid, meta);
    }
    if (changes === this.#changes) this.#freshUntilMs = startedMs + this.#options.freshMs;
    return changes;
  }

  async #list(): Promise<string[]> {
    const ulids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#options.blocks.list('', {
        delimiter: '/',
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const prefix of page.prefixes) {
        const ulid = prefix.slice(0, -1);
        if (isUlid(ulid)) ulids.push(ulid);
      }
      if (ulids.length > blocksMax) {
        const { name } = this.#options.blocks;
        throw new Failure('unavailable', `${name} has over ${blocksMax} blocks, the limit`);
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
    return ulids;
  }

  /** Undefined for a folder without `meta.json`: a block that is being written, or deleted. */
  async #read(ulid: string): Promise<BlockMeta | undefined> {
    const { blocks } = this.#options;
    try {
      return parseBlockMeta(await blocks.get(blockKey(ulid, metaFile)), `meta.json of ${ulid}`);
    } catch (error) {
      if (isFailure(error, 'missing')) return undefined;
      throw error;
    }
  }
}
