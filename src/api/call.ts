// One request on its way through the API, and the table row that answers it. Owns the shapes that
// the guard and the handlers share; neither knows the router.
import { getPath } from 'hono/utils/url';
import type { Scope } from '../auth/keys.ts';
import type { ByteLease } from '../lib/byte-budget.ts';
import type { Logger } from '../lib/log.ts';
import type { Door } from './errors.ts';

export interface Call {
  readonly request: Request;
  readonly requestId: string;
  /** Sorted and distinct; one when multitenancy is off, none on routes without tenants. */
  readonly tenants: readonly string[];
  /** The tenant that a call about the whole process is confined to; undefined: all of them. */
  readonly reach: string | undefined;
  /** The label that names the tenant of a push, when nothing else does. */
  readonly tenantLabel: string | undefined;
  readonly log: Logger;
  /** Bytes of the body as received; the body reader sets it. */
  bodyBytes: number;
  /** Awaited between steps of long work. */
  readonly giveWay: () => Promise<void>;
  /** What the body takes of the memory for all of them; given back after the answer. */
  readonly lease: ByteLease;
}

export interface Route {
  /** Exact, or ending in `/*`. */
  path: string;
  methods: readonly ('GET' | 'POST')[];
  /** What a key must be for; `open` routes ask for none, and are for probes and unknown paths. */
  scope: Scope | 'open';
  /** Whether a call acts on behalf of a tenant, so that its name must be given and well formed. */
  isTenantScoped: boolean;
  /** Whether calls count against the bound on requests in flight; probes must not. */
  isBounded: boolean;
  door: Door;
  /** Throws Failure or Refusal; anything else counts as a bug of ours. */
  handle: (call: Call) => Response | Promise<Response>;
}

/**
 * The `route` label of a path as Pyroscope's dashboards expect it, lower snake case:
 * `/querier.v1.QuerierService/SelectSeries` → `querier_v1_querierservice_selectseries`.
 */
export function routeLabel(path: string): string {
  const words = path
    .toLowerCase()
    .replaceAll('*', 'other')
    .split(/[^a-z0-9]+/);
  return words.filter((word) => word !== '').join('_') || 'root';
}

/**
 * The path of a request. Bun's URL of a request without a Host header, such as an HTTP/1.0 health
 * check, is the path alone.
 */
export function pathOf(request: Request): string {
  const { url } = request;
  return url.startsWith('/') ? (url.split('?', 1)[0] ?? '/') : getPath(request);
}
