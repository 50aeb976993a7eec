// Pushes of spread tenants, answered at the front: the same doors as everywhere, over an ingester
// that sends each profile to the object it belongs to. Owns that a request's origin reaches the
// choice of the object; what is wrong with a profile, its object says.
import type { Call, Route } from '../api/call.ts';
import { type ServicesOptions, serviceRoutes } from '../api/services.ts';
import { assert } from '../errors.ts';
import type { PushedProfile } from '../ingester/contract.ts';
import { ask, type Send } from '../spread/calls.ts';
import type { Region } from '../spread/regions.ts';
import { spreadingOf } from '../spread/routing.ts';
import { RoutingMemo } from '../spread/routing-memo.ts';
import { pushRemote, pushSpread } from '../spread/spread-push.ts';

export interface FrontPushesOptions {
  /** Of the routes; their ingester is not asked. */
  services: ServicesOptions;
  send: Send;
  /** Where a request comes from, if known. */
  regionOf: (request: Request) => Region | undefined;
}

/** Answers a call of a route, or undefined when it is no push or its tenant is not spread. */
export type AnswerPush = (
  route: Route,
  tenant: string,
  call: Call,
) => Response | Promise<Response> | undefined;

/** One for all calls: it remembers the routings of tenants. */
export function createFrontPushes(options: FrontPushesOptions): AnswerPush {
  const { services, send, regionOf } = options;
  const memo = new RoutingMemo({
    clock: services.platform.clock,
    askHome: (tenant, refused) => ask(send, tenant, 'routing', { refused }),
  });
  const push = (region: Region | undefined, tenant: string, profiles: readonly PushedProfile[]) =>
    pushSpread(tenant, region, profiles, {
      routingOf: (one, refused) => memo.routingOf(one, refused),
      pushTo: (shard, _tenant, routing, group) => pushRemote(send, shard, routing, group),
    });
  const routesOf = (region: Region | undefined): ReadonlyMap<string, Route> => {
    const ingester = {
      ...services.ingester,
      push: (tenant: string, profiles: readonly PushedProfile[]) => push(region, tenant, profiles),
    };
    const routes = serviceRoutes({ ...services, ingester });
    return new Map(routes.filter(({ scope }) => scope === 'push').map((one) => [one.path, one]));
  };
  const byRegion = new Map<Region | undefined, ReadonlyMap<string, Route>>();
  return ({ path, scope }, tenant, call) => {
    if (scope !== 'push' || spreadingOf(services.limitsOf(tenant)).shards === 1) return undefined;
    const region = regionOf(call.request);
    const routes = byRegion.get(region) ?? routesOf(region);
    byRegion.set(region, routes);
    const route = routes.get(path);
    assert(route !== undefined, `no push at ${path}`);
    return route.handle(call);
  };
}
