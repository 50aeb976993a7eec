// The heads of a database as sources of one query. Owns their pins.
import type { Head } from '../head/head.ts';
import { HeadSource } from '../head/head-source.ts';
import type { OpenSources } from '../model/source.ts';

/** Pins the heads of a snapshot, in its turn. */
export function openHeads(heads: readonly Head[]): OpenSources {
  const unpins = heads.map((head) => head.pin());
  return {
    sources: heads.map((head) => new HeadSource(head, `head ${head.ulid}`)),
    close: () => {
      for (const unpin of unpins) unpin();
    },
  };
}
