// What the front answers to an operator who names no tenant: a flush goes to every tenant, metrics
// are the sums of all objects, what is about build and settings is known here. The rest needs a
// name.
import type { Call, Route } from '../api/call.ts';
import { Refusal } from '../api/errors.ts';
import { tenantHeader } from '../auth/tenant.ts';
import type { TenantPage } from '../directory/tenant-list.ts';
import { Failure } from '../errors.ts';
import { metricsContentType } from '../metrics/directory.ts';
import { callEveryTenant } from './every-tenant.ts';

export interface FrontEveryOptions {
  /** The list of tenants: `EveryTenant.tenantsAfter`. */
  tenantsAfter: (tenant: string) => Promise<TenantPage>;
  forward: (tenant: string, request: Request) => Promise<Response>;
  /** The metrics of all objects, added up, as Prometheus reads them. */
  allMetrics: () => Promise<string>;
}

/** Of the operator's request, for each tenant's. */
const carriedHeaders = ['authorization'];
/** Of an answer that is not the expected one. */
const shownCharsMax = 200;

/** Answers a call for all tenants. */
export type AnswerEvery = (route: Route, call: Call) => Response | Promise<Response>;

/** Makes what answers them; it throws `unimplemented` where a tenant is to be named. */
export function createFrontEvery(options: FrontEveryOptions): AnswerEvery {
  const { tenantsAfter, forward, allMetrics } = options;
  const flush = async ({ request, requestId }: Call): Promise<Response> => {
    const callOf = async (tenant: string) => {
      const headers = new Headers({ [tenantHeader]: tenant, 'x-request-id': requestId });
      for (const name of carriedHeaders) {
        const value = request.headers.get(name);
        if (value !== null) headers.set(name, value);
      }
      const answer = await forward(tenant, new Request(request.url, { method: 'POST', headers }));
      const text = await answer.text();
      if (answer.ok) return;
      throw new Failure('unavailable', `${answer.status} ${text.slice(0, shownCharsMax)}`);
    };
    await callEveryTenant({ tenantsAfter, callOf });
    return new Response(null, { status: 204 });
  };
  const metrics = async (): Promise<Response> => {
    return new Response(await allMetrics(), { headers: { 'Content-Type': metricsContentType } });
  };
  return (route, call) => {
    const { path } = route;
    if (path === '/flush') return flush(call);
    if (path === '/metrics') return metrics();
    if (path.startsWith('/api/v1/status/')) return route.handle(call);
    const message = `${path} is answered for one tenant here, name it in X-Scope-OrgID`;
    throw new Refusal(501, 'unimplemented', message);
  };
}
