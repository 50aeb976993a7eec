// The tenants' local blocks as retention sees them, whether or not the tenant is open. Owns that a
// block which an open tenant still needs is left alone.
import type { BlockMeta } from '../block/meta.ts';
import type { Bucket } from '../bucket/bucket.ts';
import type { Logger } from '../lib/log.ts';
import { BlockList } from '../phlaredb/block-list.ts';
import type { Phlaredb } from '../phlaredb/phlaredb.ts';
import type { RetainedBlocks } from './local-deletion.ts';

export interface RetainedBlocksOptions {
  listTenants: () => Promise<string[]>;
  /** The database of a tenant that is open. */
  databaseOf: (tenant: string) => Phlaredb | undefined;
  /** The tenant's blocks: keys are `<ULID>/<file>`. */
  folderOf: (tenant: string) => Bucket;
  unshippedOf: (tenant: string) => Promise<string[]>;
  log: Logger;
}

/** Adapts open and closed tenants to what retention asks. */
export function retainedBlocks(options: RetainedBlocksOptions): RetainedBlocks {
  const { listTenants, databaseOf, folderOf, unshippedOf, log } = options;
  return {
    tenants: listTenants,
    blocks: async (tenant): Promise<readonly BlockMeta[]> => {
      const open = databaseOf(tenant);
      if (open !== undefined) return open.blocks;
      const list = new BlockList(folderOf(tenant), log.child({ tenant }));
      await list.load();
      return list.metas;
    },
    unshipped: unshippedOf,
    isPinned: (tenant, ulid) => databaseOf(tenant)?.isNeeded(ulid) === true,
    forget: (tenant, ulid) => databaseOf(tenant)?.forget(ulid),
    folder: folderOf,
  };
}
