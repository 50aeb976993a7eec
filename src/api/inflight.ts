// Places for requests that are being answered. Owns the bounds: for all of them, and for those of
// one tenant, so that whoever fills the places leaves some to the others.
import { Failure } from '../errors.ts';

/** What one tenant may take, of the places and of the bytes of bodies. */
export const tenantShare = 7 / 8;

/** Answers `enter`: it takes a place and answers what gives it back, or throws `unavailable`. */
export function createInflight(requestsMax: number): (tenant: string) => () => void {
  const tenantMax = Math.ceil(requestsMax * tenantShare);
  const byTenant = new Map<string, number>();
  let requests = 0;

  return (tenant) => {
    const own = byTenant.get(tenant) ?? 0;
    if (requests >= requestsMax) throw tooMany(`${requests} requests are`, requestsMax);
    if (own >= tenantMax) throw tooMany(`${own} requests of the tenant are`, tenantMax);
    requests += 1;
    byTenant.set(tenant, own + 1);
    return () => {
      requests -= 1;
      const left = (byTenant.get(tenant) ?? 1) - 1;
      if (left === 0) byTenant.delete(tenant);
      else byTenant.set(tenant, left);
    };
  };
}

function tooMany(what: string, limit: number): Failure {
  const message = `${what} in flight, limit ${limit}`;
  return new Failure('unavailable', message, { retryAfterSeconds: 1 });
}
