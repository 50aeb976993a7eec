// Where a query is answered: by a server, or here over blocks. Owns the choice; both are the same
// calls, so that what is printed does not depend on it.
import process from 'node:process';
import { Failure } from '../errors.ts';
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
    const key = keyOf(process.env['PHLOX_KEY']);
    const isKeysTenant = key !== undefined && textFlag(flags, '--tenant') === undefined;
    const asked = isKeysTenant ? { tenants: [], signal } : context;
    return { queries: remoteQueries(place.url, key), context: asked };
  }
  // The engine, its kernels and a Parquet decoder: loaded when they are needed.
  const { localQueries } = await import('./local-queries.ts');
  return { queries: await localQueries(place.target, textFlag(flags, '--tenant')), context };
}

/** Undefined when there is none. Throws `invalid` for what no header can hold, unprinted. */
function keyOf(value: string | undefined): string | undefined {
  const key = value?.trim() || undefined;
  if (key !== undefined && !/^[\x21-\x7e]+$/.test(key)) {
    throw new Failure('invalid', 'PHLOX_KEY has characters that are in no key');
  }
  return key;
}
