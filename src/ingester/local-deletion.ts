// Deleting local blocks, one attempt at a time. Owns the order that a crash at any point leaves
// readable (`meta.json`, then the list, then the tables), the tables that had to wait for a query,
// and the sweep of what a crash left; which block goes is `retention.ts`.
import { blockKey, metaFile } from '../block/files.ts';
import type { Bucket } from '../bucket/bucket.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Attempts } from './background.ts';
import {
  deleteFolder,
  folderBytes,
  isLeftover,
  leftoverAgeMs,
  pagesOfFolders,
} from './block-folders.ts';
import type { LocalBlock, RetainedBlock } from './retention-rules.ts';

/** What retention asks of the tenants. */
export interface RetainedBlocks {
  /** Tenants that have blocks on this machine. */
  tenants(): Promise<string[]>;
  /** The tenant's list of local blocks. */
  blocks(tenant: string): Promise<readonly RetainedBlock[]>;
  /**
   * ULIDs of local blocks not known to be in the bucket. Asked after `blocks`, and only when a
   * bucket is configured: a block that comes between the two is in the second answer only.
   */
  unshipped(tenant: string): Promise<Iterable<string>>;
  /** True while a query reads the block. A query pins in the turn in which it takes the list. */
  isPinned(tenant: string, ulid: string): boolean;
  /** Takes the block off the list: no query finds it any more. */
  forget(tenant: string, ulid: string): void;
  /** The tenant's blocks: keys are `<ULID>/<file>`. */
  folder(tenant: string): Bucket;
}

export type LocalReason = 'age' | 'bytes' | 'disk' | 'leftover';

export interface LocalDeletionOptions {
  blocks: RetainedBlocks;
  metrics: Metrics;
  log: Logger;
}

export class LocalDeletion {
  readonly #options: LocalDeletionOptions;
  /** Blocks whose `meta.json` is deleted and whose tables were pinned, or failed to go. */
  readonly #unfinished = new Map<string, { tenant: string; ulid: string }>();

  constructor(options: LocalDeletionOptions) {
    this.#options = options;
  }

  /** True when the block is gone, though its tables may follow later; false when it stays. */
  async delete(attempts: Attempts, block: LocalBlock, reason: LocalReason): Promise<boolean> {
    const { tenant, ulid, bytes } = block;
    const { blocks } = this.#options;
    const { signal } = attempts;
    if (blocks.isPinned(tenant, ulid)) return false;
    const isDeleted = await attempts.try({ tenant, block: ulid }, () =>
      blocks.folder(tenant).delete(blockKey(ulid, metaFile), { signal }),
    );
    if (!isDeleted) return false;
    blocks.forget(tenant, ulid);
    this.#unfinished.set(`${tenant}/${ulid}`, { tenant, ulid });
    this.#count(tenant, ulid, reason, bytes);
    await this.#finish(attempts, tenant, ulid);
    return true;
  }

  /** Deletes the tables that an earlier pass had to leave, as far as they are free now. */
  async finish(attempts: Attempts): Promise<void> {
    for (const { tenant, ulid } of [...this.#unfinished.values()]) {
      await this.#finish(attempts, tenant, ulid);
    }
  }

  /** Deletes what crashes left of the tenant's blocks. */
  async sweep(attempts: Attempts, tenant: string, nowMs: number): Promise<void> {
    const { blocks } = this.#options;
    const { signal } = attempts;
    const newestMs = nowMs - leftoverAgeMs;
    await attempts.try({ tenant }, async () => {
      const listed = new Set((await blocks.blocks(tenant)).map(({ ulid }) => ulid));
      const folder = blocks.folder(tenant);
      for await (const found of pagesOfFolders(folder, '', { newestMs, signal })) {
        for (const leftover of found) {
          const { ulid } = leftover;
          if (listed.has(ulid) || !isLeftover(leftover, newestMs)) continue;
          if (this.#unfinished.has(`${tenant}/${ulid}`)) continue;
          await deleteFolder(folder, ulid, signal);
          this.#count(tenant, ulid, 'leftover', folderBytes(leftover));
        }
      }
    });
  }

  /** The block is off the list: once it is not pinned, no query can come to it any more. */
  async #finish(attempts: Attempts, tenant: string, ulid: string): Promise<void> {
    const { blocks } = this.#options;
    if (blocks.isPinned(tenant, ulid)) return;
    const isDone = await attempts.try({ tenant, block: ulid }, () =>
      deleteFolder(blocks.folder(tenant), ulid, attempts.signal),
    );
    if (isDone) this.#unfinished.delete(`${tenant}/${ulid}`);
  }

  #count(tenant: string, ulid: string, reason: LocalReason, bytes: number): void {
    const { metrics, log } = this.#options;
    metrics.retention.deletedBlocks.inc({ store: 'local', reason });
    metrics.retention.deletedBytes.inc({ store: 'local', reason }, bytes);
    log.info('local block deleted', { tenant, block: ulid, reason, bytes });
  }
}
