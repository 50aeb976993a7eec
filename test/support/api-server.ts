// The API over a fake ingester, without a socket: `send` takes a path and answers the response.

import { createRoutes, type RoutesOptions, type RoutesSettings } from '../../src/api/routes.ts';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import { prefixed } from '../../src/bucket/prefixed.ts';
import { TenantSettings } from '../../src/ingester/tenant-settings.ts';
import { createLogger } from '../../src/lib/log.ts';
import { defaultLimits } from '../../src/limits/limits.ts';
import { createMetrics } from '../../src/metrics/registry.ts';
import { gunzip, gzip } from '../../src/runtime/gzip.ts';
import { sha256 } from '../../src/runtime/sha256.ts';
import { createZstd } from '../../src/runtime/zstd.ts';
import { createFakeIngester, type FakeIngester } from './fake-ingester.ts';
import { createFakeQueries, type FakeQueries } from './fake-queries.ts';

export interface ApiServer {
  ingester: FakeIngester;
  queries: FakeQueries;
  /** Folders of tenants, with their settings. */
  bucket: MemoryBucket;
  /** Log lines so far. */
  lines: string[];
  fetch: (request: Request, source?: () => string) => Promise<Response>;
  /** Every path and method that is answered; `ALL` stands for the other methods. */
  routes: readonly { method: string; path: string }[];
  send: (path: string, init?: RequestInit) => Promise<Response>;
  metricsText: () => Promise<string>;
}

export const apiOrigin = 'http://127.0.0.1:4040';

/** Settings that tests change one by one. */
export async function createApiServer(
  settings: Partial<RoutesSettings> = {},
  parts: Partial<RoutesOptions['platform']> = {},
): Promise<ApiServer> {
  const ingester = createFakeIngester();
  const queries = createFakeQueries();
  const bucket = new MemoryBucket();
  const lines: string[] = [];
  const metrics = createMetrics({ processMetrics: false });
  const nowMs = () => Date.now();
  const app = createRoutes({
    ingester,
    queries,
    limitsOf: () => defaultLimits,
    tenantSettings: new TenantSettings((tenant) => prefixed(bucket, `tenants/${tenant}/`)),
    metrics,
    log: createLogger({ level: 'debug', format: 'json', nowMs, sink: (line) => lines.push(line) }),
    platform: {
      clock: { nowMs, monotonicMs: () => performance.now() },
      random: (bytes) => crypto.getRandomValues(bytes),
      sleep,
      yield: () => sleep(0),
      gunzip,
      gzip,
      unzstd: await createZstd(),
      sha256,
      ...parts,
    },
    settings: {
      multitenancy: false,
      corsOrigins: [],
      requestBytesMax: 1 << 20,
      inflightRequestsMax: 8,
      inflightBytesMax: 16 << 20,
      bodyTimeMsMax: 5_000,
      otlpServiceNameAttributes: ['service.name'],
      ...settings,
    },
    buildInfo: {
      version: '1.2.3',
      revision: 'abc',
      branch: '',
      buildUser: '',
      buildDate: '',
      goVersion: 'test 1',
    },
    configView: () => ({ listen: '127.0.0.1:4040', keys: '***' }),
  });
  const fetch = async (request: Request, source?: () => string) =>
    app.fetch(request, source && { source });
  return {
    ingester,
    queries,
    bucket,
    lines,
    fetch,
    routes: app.routes,
    send: (path, init) => fetch(new Request(apiOrigin + path, init)),
    metricsText: () => metrics.registry.metrics(),
  };
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
