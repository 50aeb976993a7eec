// The router: every path that phlox answers, and what it says about the others. Owns the paths of
// the wire; what happens around a request is in `middleware.ts`, what it does in the handlers.
import { Hono } from 'hono';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Platform } from '../platform.ts';
import { pathOf, type Route } from './call.ts';
import { Refusal } from './errors.ts';
import { createGuard, type Handler } from './middleware.ts';
import { type BuildInfo, opsRoutes } from './ops.ts';
import { type ServicesOptions, serviceRoutes } from './services.ts';

export type RoutesSettings = ServicesOptions['settings'] & {
  /** Off: every request acts for `anonymous` and `X-Scope-OrgID` is ignored. */
  multitenancy: boolean;
  inflightRequestsMax: number;
  /** Body bytes that all requests in flight may hold together, a lone request apart. */
  inflightBytesMax: number;
  /**
   * Hosts that a request's Host and Origin may name, lower case, without ports
   * (`allowedHostsFor`). Undefined: any, for servers that ask for keys.
   */
  allowedHosts?: readonly string[];
};

export interface RoutesOptions extends ServicesOptions {
  metrics: Metrics;
  log: Logger;
  platform: Pick<Platform, 'clock' | 'random' | 'sleep' | 'gunzip' | 'gzip' | 'unzstd'>;
  settings: RoutesSettings;
  buildInfo: BuildInfo;
  /** The settings in force, secrets masked. */
  configView: () => object;
}

/** The whole HTTP surface; `fetch` of the result answers a `Request`. */
export function createRoutes(options: RoutesOptions): Hono {
  const { settings, platform } = options;
  const guard = createGuard({
    metrics: options.metrics,
    log: options.log,
    platform,
    multitenancy: settings.multitenancy,
    inflightRequestsMax: settings.inflightRequestsMax,
    inflightBytesMax: settings.inflightBytesMax,
    allowedHosts: settings.allowedHosts,
  });
  const app = new Hono({ getPath: pathOf });
  const routes = [...serviceRoutes(options), ...opsRoutes(options)];
  for (const route of routes) {
    app.on([...route.methods], route.path, toHono(guard(route)));
    app.all(route.path, toHono(guard(otherMethods(route))));
  }
  app.notFound(toHono(guard(unknownPath)));
  return app;
}

function toHono(handler: Handler): (context: { req: { raw: Request } }) => Promise<Response> {
  return (context) => handler(context.req.raw);
}

function otherMethods(route: Route): Route {
  const allowed = route.methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : method));
  const allow = allowed.join(', ');
  return refusing(route.path, (request) => {
    const message = `method ${shown(request.method)} is not allowed here, use ${allow}`;
    return new Refusal(405, 'unimplemented', message, { Allow: allow });
  });
}

/** One label for all unknown paths: what strangers ask for must not become metrics. */
const unknownPath = refusing('/unknown', (request) => {
  return new Refusal(404, 'not_found', `nothing is at ${shown(pathOf(request))}`);
});

function refusing(path: string, refusal: (request: Request) => Refusal): Route {
  return {
    path,
    methods: [],
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
