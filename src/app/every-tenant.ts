// Calls for all tenants, which are served apart: made for each one of a list. Owns how many are
// under way at a time, and what is said when some of them fail.
import type { TenantPage } from '../directory/tenant-list.ts';
import { Failure, messageOf } from '../errors.ts';
import { forEachBounded } from '../lib/bounded.ts';

export interface EveryTenant {
  /** The tenants behind one in the order of their bytes, page by page; the last page has none. */
  tenantsAfter: (tenant: string) => Promise<TenantPage>;
  /** Makes the call for one; what it rejects with is told of it. */
  callOf: (tenant: string) => Promise<void>;
}

/** Workers wait for no more answers at a time. */
const callsMax = 6;
/** Tenants that are named; others are counted. */
const namedMax = 10;

/**
 * Makes a call for every tenant; one that fails keeps no other from it. Rejects with `unavailable`
 * in the end when any did, and names them.
 */
export async function callEveryTenant({ tenantsAfter, callOf }: EveryTenant): Promise<void> {
  const named: string[] = [];
  let count = 0;
  let failedCount = 0;
  let isFull = false;
  for (let after = ''; ; ) {
    const page = await tenantsAfter(after);
    isFull = page.isFull;
    const last = page.tenants.at(-1);
    if (last === undefined) break;
    await forEachBounded(page.tenants, callsMax, async (tenant) => {
      try {
        await callOf(tenant);
      } catch (error) {
        failedCount++;
        if (named.length < namedMax) named.push(`${tenant}: ${messageOf(error)}`);
      }
    });
    count += page.tenants.length;
    after = last;
  }
  const problems = failedCount === 0 ? [] : [`${failedCount} of ${count} tenants failed`];
  if (isFull) problems.push(`list of tenants is full at ${count}, there are others`);
  if (problems.length === 0) return;
  const more = failedCount > named.length ? [`and ${failedCount - named.length} more`] : [];
  const message = [problems.join(', '), ...named, ...more].join('; ');
  throw new Failure('unavailable', message, { retryAfterSeconds: 5 });
}
