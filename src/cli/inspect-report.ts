// What stands between the walk of `phlox inspect` and the ways to show what it finds.
import type { Timestamps } from '../shipper/shipped-times.ts';
import type { BlocksFolder, FoundBlock } from './blocks.ts';
import type { Totals } from './totals.ts';

/** What a data folder tells of a tenant besides its blocks. */
export interface Aside {
  /** In quarantine; of more than a page of files only that page's are counted. */
  profiles: number;
  blocks: number;
  /** Undefined when nothing was shipped from here, or the record of it cannot be read. */
  shipped: Shipped | undefined;
}

/** By the record, not by the bucket. */
export interface Shipped extends Timestamps {
  /** Undefined: the record is older than its naming the bucket. */
  bucket: string | undefined;
  /** Local blocks that are in the bucket. */
  blocks: number;
}

/** How the findings are shown. Called in the order of the walk, one call at a time. */
export interface InspectReport {
  /** The target is one block. */
  only(found: FoundBlock): Promise<void>;
  /** A folder of blocks that is not empty. */
  begin(folder: BlocksFolder): Promise<void>;
  block(found: FoundBlock): Promise<void>;
  end(folder: BlocksFolder, totals: Totals, aside: Aside): Promise<void>;
  done(folderCount: number, totals: Totals): Promise<void>;
}
