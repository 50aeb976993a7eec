// Who may make a call, and for whom: keys, scopes, and the tenant that key, user and header name
// together. Owns the rules; where keys come from is not its business. Nothing that a client sent as
// a secret is kept or repeated.
import { type Credentials, parseAuthorization } from '../auth/credentials.ts';
import { everyTenant, isKeyShaped, type KeyEntry, type KeyRing } from '../auth/keys.ts';
import { anonymousTenant, parseTenants, singleTenant, tenantHeader } from '../auth/tenant.ts';
import { Failure, isFailure } from '../errors.ts';
import { toHex } from '../lib/hex.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Platform } from '../platform.ts';
import type { Route } from './call.ts';
import { createSlowdown } from './slowdown.ts';

export interface AccessOptions {
  /** The keys in force; undefined: everybody gets in, and nothing is asked. */
  keys: (() => KeyRing) | undefined;
  /** Without keys: whether `X-Scope-OrgID` names the tenant. */
  multitenancy: boolean;
  /** With keys: the label that names the tenant of a push when an operator's key names none. */
  tenantLabel: string | undefined;
  metrics: Pick<Metrics, 'http'>;
  platform: Pick<Platform, 'clock' | 'sleep' | 'sha256'>;
}

export interface Access {
  /** Sorted and distinct; empty on routes without tenants. */
  tenants: readonly string[];
  /** The tenant that a call about the whole process is confined to; undefined: all of them. */
  reach: string | undefined;
  /** Present when a label of the series is to name the tenant: then `tenants` is empty. */
  tenantLabel?: string;
}

/** Throws `unauthenticated` or `forbidden`; `source` answers the client's address when known. */
export type CheckAccess = (
  request: Request,
  route: Pick<Route, 'scope' | 'isTenantScoped'>,
  source: () => string | undefined,
) => Access | Promise<Access>;

/** What the header `WWW-Authenticate` of a 401 says. */
export const challenge = 'Bearer realm="phlox", Basic realm="phlox", charset="UTF-8"';

/** The check of one app. */
export function createAccess(options: AccessOptions): CheckAccess {
  const { keys, multitenancy } = options;
  if (keys !== undefined) return createKeyCheck(keys, options);
  return ({ headers }, { isTenantScoped }) => {
    if (!isTenantScoped) return { tenants: [], reach: undefined };
    const tenants = multitenancy ? parseTenants(headers.get(tenantHeader)) : [anonymousTenant];
    return { tenants, reach: undefined };
  };
}

function createKeyCheck(
  keys: () => KeyRing,
  { metrics, platform, tenantLabel }: Omit<AccessOptions, 'keys'>,
): CheckAccess {
  const encoder = new TextEncoder();
  const slowdown = createSlowdown(platform);
  const find = ({ secret }: Credentials): KeyEntry | undefined => {
    // The shape bounds what is hashed, and keeps chosen secrets out.
    if (!isKeyShaped(secret)) return undefined;
    return keys().find(toHex(platform.sha256(encoder.encode(secret))));
  };
  const refused = (kind: 'unauthenticated' | 'forbidden', reason: string, message: string) => {
    metrics.http.authFailures.inc({ reason });
    return new Failure(kind, message);
  };
  /** What names a tenant may be no name, or nobody's. */
  const counted = <Result>(read: () => Result): Result => {
    try {
      return read();
    } catch (error) {
      if (isFailure(error)) metrics.http.authFailures.inc({ reason: 'tenant' });
      throw error;
    }
  };
  const lateRefusal = async (source: string | undefined) => {
    const failure = refused('unauthenticated', 'unknown_key', 'the key is not known');
    await slowdown.wait(source);
    throw failure;
  };
  return (request, route, source) => {
    const { scope, isTenantScoped } = route;
    if (scope === 'open') return { tenants: [], reach: undefined };
    const credentials = parseAuthorization(request.headers.get('authorization'));
    if (credentials === undefined) {
      throw refused('unauthenticated', 'no_key', 'a key is needed');
    }
    const key = find(credentials);
    if (key === undefined) return lateRefusal(source());
    if (!key.scopes.includes(scope)) {
      throw refused('forbidden', 'scope', `the key has not the scope ${scope}`);
    }
    const header = request.headers.get(tenantHeader);
    const { user } = credentials;
    if (key.tenant === everyTenant) {
      const isUnnamed = !header && user === '';
      if (scope === 'push' && isUnnamed && tenantLabel !== undefined) {
        return { tenants: [], reach: undefined, tenantLabel };
      }
      return counted(() => operatorAccess(header, user, route));
    }
    for (const named of counted(() => namedTenants(header, user))) {
      if (named !== key.tenant) {
        throw refused('forbidden', 'tenant', 'the key is not one of the tenant that is named');
      }
    }
    return { tenants: isTenantScoped ? [key.tenant] : [], reach: key.tenant };
  };
}

/** Of header and user: each may be missing, and must name the key's tenant when it is not. */
function namedTenants(header: string | null, user: string): string[] {
  const fromHeader = header === null || header === '' ? [] : parseTenants(header);
  return user === '' ? fromHeader : [...fromHeader, ...parseTenants(user)];
}

/** The header names the tenant, or else the user; a call about the process needs neither. */
function operatorAccess(
  header: string | null,
  user: string,
  { scope, isTenantScoped }: Pick<Route, 'scope' | 'isTenantScoped'>,
): Access {
  const named = header === null || header === '' ? undefined : parseTenants(header);
  if (!isTenantScoped) return { tenants: [], reach: named && singleTenant(named) };
  const tenants = named ?? parseTenants(user);
  return { tenants, reach: scope === 'admin' ? singleTenant(tenants) : undefined };
}
