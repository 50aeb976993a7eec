// What happens around every request: id, host check, bound on requests in flight, tenant, metrics,
// access log, and the answer to anything thrown. Owns no route; `routes.ts` wraps each one in it.
import { anonymousTenant, parseTenants, tenantHeader } from '../auth/tenant.ts';
import { Failure } from '../errors.ts';
import { toHex } from '../lib/hex.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Platform } from '../platform.ts';
import { createByteBudget } from './byte-budget.ts';
import { type Call, type Route, routeLabel } from './call.ts';
import { errorResponse } from './errors.ts';
import { createHostCheck } from './hosts.ts';

export interface GuardOptions {
  metrics: Metrics;
  log: Logger;
  platform: Pick<Platform, 'clock' | 'random'>;
  multitenancy: boolean;
  /** Requests that may be answered at the same time, probes apart. */
  inflightRequestsMax: number;
  /** Body bytes that all requests in flight may hold together. */
  inflightBytesMax: number;
  /** Allowed values of Host and Origin; undefined: any. */
  allowedHosts: readonly string[] | undefined;
}

export type Handler = (request: Request) => Promise<Response>;

const requestIdHeader = 'x-request-id';
const saneRequestId = /^[a-zA-Z0-9_.:/+=-]{1,128}$/;
const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Answers the wrapper for routes; all that it wraps share one count of requests in flight. */
export function createGuard(options: GuardOptions): (route: Route) => Handler {
  const { metrics, platform } = options;
  const nextRequestId = createRequestIds(platform);
  const checkHost = options.allowedHosts ? createHostCheck(options.allowedHosts) : undefined;
  const tenantsOf = options.multitenancy
    ? (request: Request) => parseTenants(request.headers.get(tenantHeader))
    : () => [anonymousTenant];
  const leaseBytes = createByteBudget(options.inflightBytesMax);
  let inflightRequests = 0;

  const enter = () => {
    if (inflightRequests >= options.inflightRequestsMax) {
      const bound = `limit ${options.inflightRequestsMax}`;
      const message = `${inflightRequests} requests are in flight, ${bound}`;
      throw new Failure('unavailable', message, { retryAfterSeconds: 1 });
    }
    inflightRequests += 1;
  };

  return (route) => {
    const label = routeLabel(route.path);
    return async (request) => {
      const startMs = platform.clock.monotonicMs();
      const requestId = requestIdOf(request) ?? nextRequestId();
      const method = knownMethods.has(request.method) ? request.method : 'other';
      const gauge = { method, route: label };
      metrics.http.inflightRequests.inc(gauge);
      const lease = leaseBytes();
      const tenants: string[] = [];
      const call = { request, requestId, tenants, log: options.log, bodyBytes: 0, lease };
      let response: Response;
      let hasEntered = false;
      try {
        checkHost?.(request);
        if (route.isTenantScoped) call.tenants = tenantsOf(request);
        if (route.isBounded) {
          enter();
          hasEntered = true;
        }
        response = await route.handle(call);
      } catch (error) {
        const onPanic = () => metrics.http.panics.inc();
        const context = { door: route.door, requestId, log: options.log, onPanic };
        response = errorResponse(error, context);
      } finally {
        lease.release();
        if (hasEntered) inflightRequests -= 1;
        metrics.http.inflightRequests.dec(gauge);
      }
      response.headers.set('X-Request-Id', requestId);
      observe(options, call, { method, label, startMs, status: response.status });
      return response;
    };
  };
}

interface Outcome {
  method: string;
  label: string;
  startMs: number;
  status: number;
}

function observe(options: GuardOptions, call: Call, outcome: Outcome): void {
  const { http } = options.metrics;
  const { method, label, status } = outcome;
  const durationMs = options.platform.clock.monotonicMs() - outcome.startMs;
  http.requestDurationSeconds.observe(
    { method, route: label, status_code: String(status), ws: 'false' },
    durationMs / 1000,
  );
  http.requestBytes.observe({ method, route: label }, call.bodyBytes);
  options.log.debug('request', {
    request_id: call.requestId,
    method,
    route: label,
    status,
    tenant: call.tenants.join('|'),
    body_bytes: call.bodyBytes,
    duration_ms: durationMs,
  });
}

function requestIdOf(request: Request): string | undefined {
  const header = request.headers.get(requestIdHeader);
  return header !== null && saneRequestId.test(header) ? header : undefined;
}

/** Ids that are unique and cheap: one random prefix per app and a count. They are no secret. */
function createRequestIds(platform: Pick<Platform, 'random'>): () => string {
  let prefix = '';
  let count = 0;
  return () => {
    if (prefix === '') {
      const bytes = platform.random(new Uint8Array(8));
      prefix = toHex(bytes);
    }
    count += 1;
    return `${prefix}-${count}`;
  };
}
