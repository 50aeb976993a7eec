// What operators and orchestrators ask: readiness, liveness, metrics, build and settings, and the
// plain way to flush.
import { Registry } from 'prom-client';
import { singleTenant } from '../auth/tenant.ts';
import type { IngesterService } from '../ingester/contract.ts';
import type { Limits, LimitsOf } from '../limits/limits.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Call, Route } from './call.ts';

/** As Pyroscope answers them; what is not known is an empty string. */
export interface BuildInfo {
  version: string;
  revision: string;
  branch: string;
  buildUser: string;
  buildDate: string;
  /** Runtime and its version: `bun 1.4.5`. */
  goVersion: string;
}

export interface OpsOptions {
  ingester: IngesterService;
  metrics: Metrics;
  limitsOf: LimitsOf;
  buildInfo: BuildInfo;
  /**
   * The settings in force; the caller masks secrets, and what is not of the tenant when whoever
   * asks reaches no other.
   */
  configView: (reach: string | undefined) => object;
}

const plainText = { 'Content-Type': 'text/plain; charset=utf-8' };

/** The routes; only flushing counts against the bound on requests in flight. */
export function opsRoutes(options: OpsOptions): Route[] {
  const { ingester, metrics, limitsOf, buildInfo, configView } = options;
  const { version, revision, branch, goVersion } = buildInfo;
  metrics.http.buildInfo.set({ version, revision, branch, goversion: goVersion }, 1);
  return [
    probe('/ready', () => {
      const reason = ingester.notReadyReason();
      return reason === undefined ? text('ready') : text(`not ready: ${reason}`, 503);
    }),
    probe('/healthz', () => text('ok')),
    status('/metrics', (call) => metricsResponse(metrics, call)),
    status('/api/v1/status/buildinfo', () => Response.json({ status: 'success', data: buildInfo })),
    status('/api/v1/status/config', ({ reach }) => Response.json(configView(reach))),
    {
      path: '/api/v1/tenant_limits',
      methods: ['GET'],
      scope: 'query',
      isTenantScoped: true,
      isBounded: true,
      door: 'http',
      handle: ({ tenants }) => Response.json(wireLimits(limitsOf(singleTenant(tenants)))),
    },
    {
      path: '/flush',
      methods: ['POST'],
      scope: 'admin',
      isTenantScoped: false,
      isBounded: true,
      door: 'http',
      handle: async ({ reach }) => {
        await ingester.flush(reach);
        return new Response(null, { status: 204 });
      },
    },
  ];
}

/** Pyroscope's names for what senders ask about; all is in the configuration view. */
function wireLimits(limits: Readonly<Limits>): object {
  return {
    ingestion_rate: limits.ingestBytesPerSecond,
    ingestion_burst_size: limits.ingestBurstBytes,
    max_global_series_per_user: limits.seriesMax,
  };
}

/** What an orchestrator asks, who has no key. */
function probe(path: string, handle: Route['handle']): Route {
  return {
    path,
    methods: ['GET'],
    scope: 'open',
    isTenantScoped: false,
    isBounded: false,
    door: 'http',
    handle,
  };
}

function status(path: string, handle: Route['handle']): Route {
  return { ...probe(path, handle), scope: 'admin' };
}

async function metricsResponse(
  { registry }: Metrics,
  { reach, giveWay }: Pick<Call, 'reach' | 'giveWay'>,
): Promise<Response> {
  const texts: string[] = [];
  // With a thousand tenants all of it takes a tenth of a second.
  for (const { name } of registry.getMetricsAsArray()) {
    const text = await registry.getSingleMetricAsString(name);
    texts.push(reach === undefined ? `${text}\n` : metricsOf(text, reach));
    await giveWay();
  }
  const headers = { 'Content-Type': Registry.PROMETHEUS_CONTENT_TYPE };
  return new Response(texts.filter((one) => one !== '').join('\n'), { headers });
}

/**
 * The samples of one tenant, with their heads. No tenant's name needs an escape, and in the value
 * of another label quotes have one: only the label itself can match.
 */
function metricsOf(all: string, tenant: string): string {
  const label = `tenant="${tenant}"`;
  const isOf = (line: string) =>
    ['{', ','].some((before) => [',', '}'].some((after) => line.includes(before + label + after)));
  const lines: string[] = [];
  let heads: string[] = [];
  for (const line of all.split('\n')) {
    if (line.startsWith('# HELP')) heads = [];
    if (line.startsWith('#')) heads.push(line);
    else if (isOf(line)) {
      lines.push(...heads, line);
      heads = [];
    }
  }
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function text(line: string, status = 200): Response {
  return new Response(`${line}\n`, { status, headers: plainText });
}
