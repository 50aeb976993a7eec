// Heads of a tenant that are not in this process. Owns the shape in which queries are given them;
// where they are and how they are asked is somebody else's.
import type { Source } from '../model/source.ts';

export interface OtherHeads {
  /** A head's block has its ULID. Pinned until `close`. */
  heads: readonly { ulid: string; source: Source }[];
  /** By place, what differs once a block was written there: then lists are to be read again. */
  stamps: ReadonlyMap<string, string>;
  close(): void;
}

/** Pins all there are of the tenant by now; undefined when there is no such place. */
export type OpenOtherHeads = (tenant: string) => Promise<OtherHeads | undefined>;
