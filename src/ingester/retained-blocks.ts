// The tenants' local blocks as retention sees them, whether or not the tenant is open. Owns that a
// block which an open tenant still needs is left alone.
import type { Bucket } from '../bucket/bucket.ts';
import type { Phlaredb } from '../phlaredb/phlaredb.ts';
import type { Pins } from '../phlaredb/pins.ts';
import { ClosedBlocks } from './closed-blocks.ts';
import type { RetainedBlocks } from './local-deletion.ts';
import { retainedBlock } from './retention-rules.ts';

export interface RetainedBlocksOptions {
  listTenants: () => Promise<string[]>;
  /** The database of a tenant that is open. */
  databaseOf: (tenant: string) => Phlaredb | undefined;
  /** True while no block of the tenant may go, although it is not open. */
  isUnsettled: (tenant: string) => boolean;
  /** The tenant's blocks: keys are `<ULID>/<file>`. */
  folderOf: (tenant: string) => Bucket;
  unshippedOf: (tenant: string) => Promise<string[]>;
  /** Blocks that queries read. */
  pins: Pins;
  /** Told of each block that is deleted. */
  onForget: (tenant: string, ulid: string) => void;
}

/** Adapts open and closed tenants to what retention asks. */
export function retainedBlocks(options: RetainedBlocksOptions): RetainedBlocks {
  const { listTenants, databaseOf, folderOf, unshippedOf, pins, onForget, isUnsettled } = options;
  const closed = new ClosedBlocks(folderOf);
  return {
    tenants: listTenants,
    blocks: async (tenant) => {
      const open = databaseOf(tenant);
      if (open === undefined) return closed.blocks(tenant);
      closed.forgetAll(tenant);
      return open.blocks.map(retainedBlock);
    },
    unshipped: unshippedOf,
    isPinned: (tenant, ulid) =>
      isUnsettled(tenant) ||
      pins.isPinned(tenant, ulid) ||
      databaseOf(tenant)?.isNeeded(ulid) === true,
    forget: (tenant, ulid) => {
      closed.forget(tenant, ulid);
      onForget(tenant, ulid);
    },
    folder: folderOf,
  };
}
