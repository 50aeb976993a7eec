// What happens around every request: id, host check, key and tenant, bound on requests in flight,
// metrics, access log, and the answer to anything thrown. Owns their order: whoever may not come in
// takes no place from others and has no byte of a body read. Owns no route; `routes.ts` wraps each.

import { type ByteLease, createByteBudget, type LeaseBytes } from '../lib/byte-budget.ts';
import { toHex } from '../lib/hex.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Platform } from '../platform.ts';
import type { CheckAccess } from './access.ts';
import { type Call, type Route, routeLabel } from './call.ts';
import { allowOrigin, namedOrigin, preflightAnswer } from './cors.ts';
import { errorResponse } from './errors.ts';
import { createGiveWay } from './give-way.ts';
import type { HostCheck } from './hosts.ts';
import { createInflight, tenantShare } from './inflight.ts';

export interface GuardOptions {
  metrics: Metrics;
  log: Logger;
  platform: Pick<Platform, 'clock' | 'random' | 'yield'>;
  checkAccess: CheckAccess;
  /** `WWW-Authenticate` of every 401; undefined without keys. */
  challenge: string | undefined;
  /** Undefined: any Host and Origin will do. */
  checkHost: HostCheck | undefined;
  /** Origins whose pages may call the routes with the scope `push`. */
  corsOrigins: readonly string[];
  /** Requests that may be answered at the same time, probes apart. */
  inflightRequestsMax: number;
  /** Body bytes that all requests in flight may hold together. */
  inflightBytesMax: number;
  /** Counts them where others hold bodies too, by tenant; default: a budget of its own. */
  leaseBytes?: LeaseBytes | undefined;
}

/** `source` answers the address of the client, where the runtime knows it. */
export type Handler = (request: Request, source?: () => string | undefined) => Promise<Response>;

const requestIdHeader = 'x-request-id';
const saneRequestId = /^[a-zA-Z0-9_.:/+=-]{1,128}$/;
const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Answers the wrapper for routes; all that it wraps share one count of requests in flight. */
export function createGuard(options: GuardOptions): (route: Route) => Handler {
  const { metrics, platform } = options;
  const nextRequestId = createRequestIds(platform);
  const leaseBytes =
    options.leaseBytes ?? createByteBudget(options.inflightBytesMax, 'body', tenantShare);
  const enter = createInflight(options.inflightRequestsMax);

  return (route) => {
    const label = routeLabel(route.path);
    return async (request, source = noSource) => {
      const startMs = platform.clock.monotonicMs();
      const requestId = requestIdOf(request) ?? nextRequestId();
      const method = knownMethods.has(request.method) ? request.method : 'other';
      const gauge = { method, route: label };
      metrics.http.inflightRequests.inc(gauge);
      const call = newCall(request, requestId, options, leaseBytes());
      const origin = route.scope === 'push' ? namedOrigin(request, options.corsOrigins) : undefined;
      let response: Response;
      let leave = nothing;
      try {
        options.checkHost?.(request, origin !== undefined);
        if (origin !== undefined && request.method === 'OPTIONS') response = preflightAnswer();
        else {
          Object.assign(call, await options.checkAccess(request, route, source));
          const tenant = call.tenants.join('|');
          if (route.isBounded) leave = enter(tenant);
          call.lease = leaseBytes(tenant);
          response = await route.handle(call);
        }
      } catch (error) {
        const onPanic = () => metrics.http.panics.inc();
        const contentType = request.headers.get('content-type');
        const context = { door: route.door, contentType, requestId, log: options.log, onPanic };
        response = errorResponse(error, context);
      } finally {
        call.lease.release();
        leave();
        metrics.http.inflightRequests.dec(gauge);
      }
      response.headers.set('X-Request-Id', requestId);
      if (options.challenge !== undefined && response.status === 401) {
        response.headers.set('WWW-Authenticate', options.challenge);
      }
      if (origin !== undefined) allowOrigin(response.headers, origin);
      observe(options, call, { method, label, startMs, status: response.status });
      return response;
    };
  };
}

function newCall(
  request: Request,
  requestId: string,
  { log, platform }: GuardOptions,
  lease: ByteLease,
) {
  const tenants: readonly string[] = [];
  const access = { tenants, reach: undefined, tenantLabel: undefined };
  const giveWay = createGiveWay(platform);
  return { request, requestId, ...access, log, bodyBytes: 0, giveWay, lease };
}

/** What did not enter does not leave. */
function nothing(): void {
  return;
}

function noSource(): undefined {
  return undefined;
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
