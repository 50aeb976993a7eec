// What operators and orchestrators ask: readiness, liveness, metrics, build and settings, and the
// plain way to flush.
import { Registry } from 'prom-client';
import type { IngesterService } from '../ingester/contract.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Route } from './call.ts';

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
  buildInfo: BuildInfo;
  /** The settings in force; the caller masks secrets. */
  configView: () => object;
}

const plainText = { 'Content-Type': 'text/plain; charset=utf-8' };

/** The routes; only flushing counts against the bound on requests in flight. */
export function opsRoutes(options: OpsOptions): Route[] {
  const { ingester, metrics, buildInfo, configView } = options;
  const { version, revision, branch, goVersion } = buildInfo;
  metrics.http.buildInfo.set({ version, revision, branch, goversion: goVersion }, 1);
  return [
    probe('/ready', () => {
      const reason = ingester.notReadyReason();
      return reason === undefined ? text('ready') : text(`not ready: ${reason}`, 503);
    }),
    probe('/healthz', () => text('ok')),
    probe('/metrics', () => metricsResponse(metrics)),
    probe('/api/v1/status/buildinfo', () => Response.json({ status: 'success', data: buildInfo })),
    probe('/api/v1/status/config', () => Response.json(configView())),
    {
      path: '/flush',
      methods: ['POST'],
      isTenantScoped: false,
      isBounded: true,
      door: 'http',
      handle: async () => {
        await ingester.flush();
        return new Response(null, { status: 204 });
      },
    },
  ];
}

function probe(path: string, handle: Route['handle']): Route {
  return { path, methods: ['GET'], isTenantScoped: false, isBounded: false, door: 'http', handle };
}

async function metricsResponse(metrics: Metrics): Promise<Response> {
  const { registry } = metrics;
  const body = await registry.metrics();
  return new Response(body, { headers: { 'Content-Type': Registry.PROMETHEUS_CONTENT_TYPE } });
}

function text(line: string, status = 200): Response {
  return new Response(`${line}\n`, { status, headers: plainText });
}
