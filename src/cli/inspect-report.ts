// What stands between the walk of `phlox inspect` and the ways to show what it finds.
import type { BlocksFolder, FoundBlock } from './blocks.ts';
import type { Totals } from './totals.ts';

/** How the findings are shown. Called in the order of the walk, one call at a time. */
export interface InspectReport {
  /** The target is one block. */
  only(found: FoundBlock): Promise<void>;
  /** A folder of blocks that is not empty. */
  begin(folder: BlocksFolder): Promise<void>;
  block(found: FoundBlock): Promise<void>;
  /** `setAside`: profiles in quarantine, see `countSetAside`. */
  end(folder: BlocksFolder, totals: Totals, setAside: number): Promise<void>;
  done(folderCount: number, totals: Totals): Promise<void>;
}
