// Where a query is answered: by a server, or here over blocks. Owns the choice; both are the same
// calls, so that what is printed does not depend on it.
import process from 'node:process';
import type { QueryContext } from '../query/contract.ts';
import type { Arguments } from './flags.ts';
import { type Place, tenantFlag, textFlag } from './query-flags.ts';
import { type Queries, remoteQueries } from './remote-queries.ts';

export interface Asked {
  queries: Queries;
  context: QueryContext;
}

/** The calls and their context. Nothing ends them early: Ctrl-C ends the process. */
export async function openPlace(place: Place, flags: Arguments['flags']): Promise<Asked> {
  const { signal } = new AbortController();
  const context = { tenants: [tenantFlag(flags)], signal };
  if (place.kind === 'server') {
    // Not a flag: other users of the machine could read it.
    const key = process.env['PHLOX_KEY'];
    const isKeys = key !== undefined && textFlag(flags, '--tenant') === undefined;
    const asked = isKeys ? { tenants: [], signal } : context;
    return { queries: remoteQueries(place.url, key), context: asked };
  }
  // The engine, its kernels and a Parquet decoder: loaded when they are needed.
  const { localQueries } = await import('./local-queries.ts');
  return { queries: await localQueries(place.target, textFlag(flags, '--tenant')), context };
}
