// The door before the doors of tenants: the same table of routes behind the same guard, where every
// call that is for a tenant is forwarded to whoever serves it; but pushes of a tenant that several
// serve are read here. Owns what cannot be forwarded: calls for several tenants, and for all.
import type { Call, Route } from '../api/call.ts';
import { Refusal } from '../api/errors.ts';
import { createRoutes } from '../api/routes.ts';
import { anonymousTenant, parseTenants, singleTenant, tenantHeader } from '../auth/tenant.ts';
import { type Settings, shownSettings } from '../config/settings.ts';
import type { IngesterService } from '../ingester/contract.ts';
import { TenantSettings } from '../ingester/tenant-settings.ts';
import { createLogger } from '../lib/log.ts';
import type { LimitsOf } from '../limits/limits.ts';
import { createMetrics } from '../metrics/registry.ts';
import type { Platform } from '../platform.ts';
import type { QueryService } from '../query/contract.ts';
import type { Send } from '../spread/calls.ts';
import { bodyTimeMsMax, inflightRequestsMax } from './bounds.ts';
import { buildInfoOf, doorSettings } from './door.ts';
import { type AnswerEvery, createFrontEvery, type FrontEveryOptions } from './front-every.ts';
import { type AnswerPush, createFrontPushes, type FrontPushesOptions } from './front-pushes.ts';
import { createKeys } from './keys.ts';
import { namedLimits } from './limits.ts';

export interface FrontOptions {
  platform: Omit<Platform, 'wal' | 'localBucket' | 'remoteBucket'>;
  settings: Settings;
  requestBytesMax: number;
  /** Answers a request, whose tenant is known, with a response that may be changed. */
  forward: (tenant: string, request: Request) => Promise<Response>;
  /** The limits of tenants: a spread one's pushes are read here. */
  limitsOf: LimitsOf;
  /** Reaches the objects of a spread tenant. */
  send: Send;
  regionOf: FrontPushesOptions['regionOf'];
  /** The list of all tenants. */
  tenantsAfter: FrontEveryOptions['tenantsAfter'];
  allMetrics: FrontEveryOptions['allMetrics'];
}

/** Never rejects. `source` answers the client's address, where known. */
export type FrontFetch = (
  request: Request,
  source: () => string | undefined,
) => Response | Promise<Response>;

/** Throws `invalid` for keys that make no sense. */
export function createFront(options: FrontOptions): FrontFetch {
  const { platform, settings, requestBytesMax, forward, limitsOf, send, regionOf } = options;
  const { logLevel: level, logFormat: format } = settings;
  const sink = platform.logLine;
  const log = createLogger({ level, format, nowMs: platform.clock.nowMs, sink });
  const metrics = createMetrics({ processMetrics: platform.processMetrics });
  const keys = createKeys(settings.keys, platform, metrics, log);
  const services = {
    ...absent,
    limitsOf,
    metrics,
    platform,
    settings: { ...doorSettings(settings), requestBytesMax, bodyTimeMsMax },
  };
  const answerPush = createFrontPushes({ services, send, regionOf });
  const every = createFrontEvery(options);
  const routes = createRoutes({
    ...services,
    log,
    settings: {
      ...services.settings,
      ...(keys && { keys: keys.ring }),
      inflightRequestsMax,
      // Bodies of spread tenants; others are not read here.
      inflightBytesMax: 2 * requestBytesMax,
    },
    buildInfo: buildInfoOf(platform),
    configView: () => ({ ...shownSettings(settings), limitsInForce: namedLimits(settings) }),
    replace: (route) => forwarding(route, forward, settings, answerPush, every),
  });
  return (request, source) => routes.fetch(request, { source });
}

/** What is about a tenant goes there; probes and calls for all tenants are answered here. */
function forwarding(
  route: Route,
  forward: FrontOptions['forward'],
  settings: Pick<Settings, 'keys' | 'multitenancy'>,
  answerPush: AnswerPush,
  every: AnswerEvery,
): Route {
  return {
    ...route,
    handle: (call) => {
      const tenant = tenantOf(call, route, settings);
      if (tenant === undefined) {
        return route.scope === 'admin' ? every(route, call) : route.handle(call);
      }
      const answer = answerPush(route, tenant, call);
      if (answer !== undefined) return answer;
      const headers = new Headers(call.request.headers);
      headers.set('x-request-id', call.requestId);
      // Workers compress once more what says that it is compressed. Whether an answer is, is
      // between the client and the network before us.
      headers.delete('accept-encoding');
      return forward(tenant, new Request(call.request, { headers }));
    },
  };
}

function tenantOf(
  { tenants, reach, request }: Call,
  { scope }: Route,
  { keys, multitenancy }: Pick<Settings, 'keys' | 'multitenancy'>,
): string | undefined {
  if (tenants.length > 1) {
    // Nobody pushes for several, here or elsewhere: only a query may ask for them.
    if (scope === 'push') return singleTenant(tenants);
    throw unimplemented('tenants are served apart here, ask for one at a time');
  }
  const tenant = tenants[0] ?? reach;
  if (tenant !== undefined || scope !== 'admin') return tenant;
  // Without keys nobody is held to a tenant, and it is named as for any other call.
  if (keys === undefined && !multitenancy) return anonymousTenant;
  const header = request.headers.get(tenantHeader);
  if (keys === undefined && header !== null) return singleTenant(parseTenants(header));
  return undefined;
}

function unimplemented(message: string): Refusal {
  return new Refusal(501, 'unimplemented', message);
}

/** Services of a tenant: whatever is asked of them was forwarded or refused before. */
const absent: {
  ingester: IngesterService;
  queries: QueryService;
  tenantSettings: TenantSettings;
} = {
  ingester: {
    push: () => Promise.reject(unimplemented('a push is for a tenant')),
    flush: () => Promise.reject(unimplemented('a flush is for a tenant')),
    notReadyReason: () => undefined,
  },
  queries: new Proxy({} as QueryService, {
    get: () => () => Promise.reject(unimplemented('a query is for a tenant')),
  }),
  tenantSettings: new TenantSettings(() => {
    throw unimplemented('settings are of a tenant');
  }),
};
