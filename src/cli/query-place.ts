// Where a query is answered: by a server, or here over blocks. Owns the choice; both are the same
// calls, so that what is printed does not depend on it.
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
  const context = { tenants: [tenantFlag(flags)], signal: new AbortController().signal };
  if (place.kind === 'server') return { queries: remoteQueries(place.url), context };
  // The engine, its kernels and a Parquet decoder: loaded when they are needed.
  const { localQueries } = await import('./local-queries.ts');
  return { queries: await localQueries(place.target, textFlag(flags, '--tenant')), context };
}
