// The router: every path that phlox answers, and what it says about the others. Owns the paths of
// the wire; what happens around a request is in `middleware.ts`, what it does in the handlers.
import { Hono } from 'hono';
import type { KeyRing } from '../auth/keys.ts';
import type { LeaseBytes } from '../lib/byte-budget.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Platform } from '../platform.ts';
import { challenge, createAccess } from './access.ts';
import { pathOf, type Route } from './call.ts';
import { Refusal } from './errors.ts';
import { checkOrigin, createHostCheck, type HostCheck } from './hosts.ts';
import { createGuard, type Handler } from './middleware.ts';
import { type BuildInfo, opsRoutes } from './ops.ts';
import { type ServicesOptions, serviceRoutes } from './services.ts';

export type RoutesSettings = ServicesOptions['settings'] & {
  /** Off: every request acts for `anonymous` and `X-Scope-OrgID` is ignored; keys tell better. */
  multitenancy: boolean;
  /** The keys in force; undefined: requests need none. */
  keys?: () => KeyRing;
  /** The label that names the tenant of a push when an operator's key names none. */
  tenantLabel?: string | undefined;
  /** Origins whose pages may push, such as `https://shop.example`. */
  corsOrigins: readonly string[];
  inflightRequestsMax: number;
  /** Body bytes that all requests in flight may hold together, a lone request apart. */
  inflightBytesMax: number;
  /** Counts them where others hold bodies too. */
  leaseBytes?: LeaseBytes | undefined;
  /**
   * Hosts that a request's Host and Origin may name, lower case, without ports
   * (`allowedHostsFor`). Undefined: any.
   */
  allowedHosts?: readonly string[];
};

export interface RoutesOptions extends ServicesOptions {
  metrics: Metrics;
  log: Logger;
  platform: Pick<Platform, 'random' | 'sha256'> & ServicesOptions['platform'];
  settings: RoutesSettings;
  buildInfo: BuildInfo;
  /** The settings in force, secrets masked. */
  configView: (reach: string | undefined) => object;
  /** Answers a route in place of one, with the same path and rules: for a door before another. */
  replace?: (route: Route) => Route;
}

/** What a runtime tells of a request besides. */
export interface RequestSource {
  /** Answers the client's address. */
  source?: () => string | undefined;
}

/** The whole HTTP surface; `fetch` of the result answers a `Request`. */
export function createRoutes(options: RoutesOptions): Hono<{ Bindings: RequestSource }> {
  const { settings } = options;
  const { platform } = options;
  const guard = createGuard({
    metrics: options.metrics,
    log: options.log,
    platform,
    checkAccess: createAccess({
      keys: settings.keys,
      multitenancy: settings.multitenancy,
      tenantLabel: settings.tenantLabel,
      metrics: options.metrics,
      platform,
    }),
    challenge: settings.keys && challenge,
    checkHost: hostCheckOf(settings),
    corsOrigins: settings.corsOrigins,
    inflightRequestsMax: settings.inflightRequestsMax,
    inflightBytesMax: settings.inflightBytesMax,
    leaseBytes: settings.leaseBytes,
  });
  const app = new Hono<{ Bindings: RequestSource }>({ getPath: pathOf });
  const { replace = (route: Route) => route } = options;
  const routes = [...serviceRoutes({ ...options, platform }), ...opsRoutes(options)].map(replace);
  for (const route of routes) {
    app.on([...route.methods], route.path, toHono(guard(route)));
    app.all(route.path, toHono(guard(otherMethods(route))));
  }
  app.notFound(toHono(guard(unknownPath)));
  return app;
}

/** Keys need no host: who has one may come by any name, but not through another site's page. */
function hostCheckOf({ keys, allowedHosts }: RoutesSettings): HostCheck | undefined {
  if (keys !== undefined) return checkOrigin;
  return allowedHosts && createHostCheck(allowedHosts);
}

interface HonoContext {
  req: { raw: Request };
  /** Undefined in tests that call `fetch` with a request alone. */
  env: RequestSource | undefined;
}

function toHono(handler: Handler): (context: HonoContext) => Promise<Response> {
  return ({ req, env }) => handler(req.raw, env?.source);
}

function otherMethods(route: Route): Route {
  const allowed = route.methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : method));
  const allow = allowed.join(', ');
  return refusing(route.path, route.scope, (request) => {
    const message = `method ${shown(request.method)} is not allowed here, use ${allow}`;
    return new Refusal(405, 'unimplemented', message, { Allow: allow });
  });
}

/** One label for all unknown paths: what strangers ask for must not become metrics. */
const unknownPath = refusing('/unknown', 'open', (request) => {
  return new Refusal(404, 'not_found', `nothing is at ${shown(pathOf(request))}`);
});

function refusing(
  path: string,
  scope: Route['scope'],
  refusal: (request: Request) => Refusal,
): Route {
  return {
    path,
    methods: [],
    scope,
    isTenantScoped: false,
    isBounded: false,
    door: 'http',
    handle: ({ request }) => {
      throw refusal(request);
    },
  };
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 256));
}
