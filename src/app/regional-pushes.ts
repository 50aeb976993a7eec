// Pushes whose ingester is told where they come from: the same doors as everywhere, one set of them
// for each region.
import type { Call, Route } from '../api/call.ts';
import { type ServicesOptions, serviceRoutes } from '../api/services.ts';
import { assert } from '../errors.ts';
import type { PushedProfile } from '../ingester/contract.ts';
import type { Region } from '../spread/regions.ts';

export interface RegionalPushesOptions {
  /** Of the routes; their ingester is asked for what is no push. */
  services: ServicesOptions;
  /** As `IngesterService.push`. */
  push: (
    region: Region | undefined,
    tenant: string,
    profiles: readonly PushedProfile[],
  ) => Promise<void>;
  /** Where a request comes from, if known. */
  regionOf: (request: Request) => Region | undefined;
}

/** Answers calls of routes with the scope `push`. */
export function createRegionalPushes(
  options: RegionalPushesOptions,
): (route: Route, call: Call) => Response | Promise<Response> {
  const { services, push, regionOf } = options;
  const byRegion = new Map<Region | undefined, ReadonlyMap<string, Route>>();
  const routesOf = (region: Region | undefined): ReadonlyMap<string, Route> => {
    const { ingester } = services;
    const routes = serviceRoutes({
      ...services,
      ingester: {
        push: (tenant, profiles) => push(region, tenant, profiles),
        flush: (tenant) => ingester.flush(tenant),
        notReadyReason: () => ingester.notReadyReason(),
      },
    });
    return new Map(routes.map((route) => [route.path, route]));
  };
  return ({ path }, call) => {
    const region = regionOf(call.request);
    const routes = byRegion.get(region) ?? routesOf(region);
    byRegion.set(region, routes);
    const route = routes.get(path);
    assert(route !== undefined, `no push at ${path}`);
    return route.handle(call);
  };
}
