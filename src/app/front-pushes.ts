// Pushes of spread tenants, answered at the front: over an ingester that sends each profile to the
// object it belongs to. Owns which pushes these are; what is wrong with a profile, its object says.
import type { Call, Route } from '../api/call.ts';
import { ask, type Send } from '../spread/calls.ts';
import { spreadingOf } from '../spread/routing.ts';
import { RoutingMemo } from '../spread/routing-memo.ts';
import { pushRemote, pushSpread } from '../spread/spread-push.ts';
import { createRegionalPushes, type RegionalPushesOptions } from './regional-pushes.ts';

export interface FrontPushesOptions extends Omit<RegionalPushesOptions, 'push'> {
  send: Send;
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
  const answer = createRegionalPushes({
    services,
    regionOf,
    push: (region, tenant, profiles) =>
      pushSpread(tenant, region, profiles, {
        routingOf: (one, refused) => memo.routingOf(one, refused),
        pushTo: (shard, _tenant, routing, group) => pushRemote(send, shard, routing, group),
      }),
  });
  return (route, tenant, call) => {
    const isSpread = spreadingOf(services.limitsOf(tenant)).shards > 1;
    return route.scope === 'push' && isSpread ? answer(route, call) : undefined;
  };
}
