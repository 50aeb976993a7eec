// Tenant names: what `X-Scope-OrgID` may hold and how it is read. Owns the rules of the names, not
// who may use them. Every refusal is `unauthenticated`, as clients of Pyroscope expect.
import { Failure, isFailure } from '../errors.ts';

/** Everyone's tenant while multitenancy is off; an ordinary name while it is on. */
export const anonymousTenant = 'anonymous';

export const tenantHeader = 'x-scope-orgid';

// Longer names would not fit the file systems and buckets that hold a folder per tenant.
const tenantBytesMax = 150;
// A query may name several tenants; this many fit a header line of 8 KiB at common lengths.
const tenantsMax = 64;
const allowedName = /^[a-zA-Z0-9!\-_.*'()]+$/;
const disallowedCharacter = /[^a-zA-Z0-9!\-_.*'()]/u;

/** Throws `unauthenticated` for a name that is empty, too long, reserved or oddly spelled. */
export function validateTenant(name: string): void {
  if (name === '') throw new Failure('unauthenticated', 'no org id');
  if (!allowedName.test(name)) {
    const character = disallowedCharacter.exec(name)?.[0] ?? '';
    const shown = JSON.stringify(name.slice(0, tenantBytesMax));
    throw refused(`tenant ${shown} has the character ${JSON.stringify(character)}, not supported`);
  }
  // Only single-byte characters are left: length and bytes agree.
  if (name.length > tenantBytesMax) {
    throw refused(`tenant is ${name.length} bytes, limit ${tenantBytesMax}`);
  }
  if (name === '.' || name === '..') throw refused(`tenant ${JSON.stringify(name)} is reserved`);
}

/** Whether `validateTenant` lets the name pass. */
export function isTenantName(name: string): boolean {
  try {
    validateTenant(name);
    return true;
  } catch (error) {
    if (isFailure(error, 'unauthenticated')) return false;
    throw error;
  }
}

/**
 * The tenants of a header value, sorted and distinct: names joined by `|`, each cut at its first
 * `:` (what follows is metadata). Of repeated headers, which arrive joined by commas, the first
 * counts. Throws `unauthenticated` when there is none or one is not a tenant name.
 */
export function parseTenants(header: string | null | undefined): string[] {
  const [first = ''] = (header ?? '').split(',', 1);
  const parts = first.split('|', tenantsMax + 1);
  if (parts.length > tenantsMax) throw refused(`more than ${tenantsMax} org ids, the limit`);
  const names = parts.map((part) => part.split(':', 1)[0]?.trim() ?? '');
  for (const name of names) validateTenant(name);
  return [...new Set(names)].sort();
}

/** The one tenant of a call that cannot act on several. */
export function singleTenant(tenants: readonly string[]): string {
  const [tenant] = tenants;
  if (tenant === undefined) throw new Failure('unauthenticated', 'no org id');
  if (tenants.length > 1) throw refused(`multiple org ids, ${tenants.length} are given, limit 1`);
  return tenant;
}

function refused(message: string): Failure {
  return new Failure('unauthenticated', message);
}
