// Whom a push is for when nobody is named with the request: the one whom a label of its series
// names, for operators' agents that collect for several teams. Owns that one request is for one
// tenant: what is retryable is decided for a request as a whole, before anything is stored.
import { isTenantName, singleTenant } from '../auth/tenant.ts';
import { Failure } from '../errors.ts';
import type { Call } from './call.ts';

/**
 * The tenant; `valuesOf` answers the value that each series of the request has for a label. Throws
 * `unauthenticated` when none or several are named with the request, and `invalid` when the series
 * do not agree on one.
 */
export function pushTenant(
  { tenants, tenantLabel }: Pick<Call, 'tenants' | 'tenantLabel'>,
  valuesOf: (label: string) => readonly (string | undefined)[],
): string {
  if (tenantLabel === undefined) return singleTenant(tenants);
  const names = new Set(valuesOf(tenantLabel));
  const [name] = names;
  const label = `label ${tenantLabel} (tenantLabel)`;
  if (names.size > 1) {
    throw new Failure('invalid', `${label} names ${names.size} tenants, limit 1 a request`);
  }
  if (name === undefined) throw new Failure('invalid', `${label} is missing, it names the tenant`);
  if (!isTenantName(name)) {
    throw new Failure('invalid', `${label} is ${JSON.stringify(name.slice(0, 150))}, no tenant`);
  }
  return name;
}
