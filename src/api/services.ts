// Which call of which service is answered by whom: the table behind the router. Owns what is not
// answered, and the reasons that clients read.
import { FeatureFlagsService } from '../gen/capabilities/v1/feature_flags_pb.ts';
import { IngesterService as IngesterServiceDesc } from '../gen/ingester/v1/ingester_pb.ts';
import { QuerierService } from '../gen/querier/v1/querier_pb.ts';
import { SettingsService } from '../gen/settings/v1/setting_pb.ts';
import { Version } from '../gen/version/v1/version_pb.ts';
import type { IngesterService } from '../ingester/contract.ts';
import type { TenantSettings } from '../ingester/tenant-settings.ts';
import type { LimitsOf } from '../limits/limits.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Platform } from '../platform.ts';
import type { QueryService } from '../query/contract.ts';
import { featureFlagsService, versionService } from './about-service.ts';
import { type BodyReader, createBodyReader } from './body.ts';
import type { Route } from './call.ts';
import { ingestRoutes } from './ingest.ts';
import { createIngesterService } from './ingester-service.ts';
import { otlpRoutes } from './otlp.ts';
import { pushRoute } from './push-service.ts';
import { createQuerierService } from './querier-service.ts';
import { renderRoutes } from './render.ts';
import { createSettingsService } from './settings-service.ts';
import { stacktracesRoutes } from './stacktraces-service.ts';
import { callContextOf, unaryRoutes } from './unary.ts';
import { unimplementedRoute } from './unimplemented.ts';

export interface ServicesOptions {
  ingester: IngesterService;
  queries: QueryService;
  limitsOf: LimitsOf;
  metrics: Pick<Metrics, 'ingest'>;
  tenantSettings: Pick<TenantSettings, 'get' | 'set' | 'delete'>;
  platform: Pick<Platform, 'clock' | 'sleep' | 'yield' | 'gunzip' | 'gzip' | 'unzstd'>;
  settings: {
    /** Bound on a push body, as received and again after its Content-Encoding. */
    requestBytesMax: number;
    /** Milliseconds that a request body may take to arrive. */
    bodyTimeMsMax: number;
    /** Attributes of an OTLP resource that may name the service. */
    otlpServiceNameAttributes: readonly string[];
  };
}

/** Services, or methods of the querier's, that are known and not there. */
const unanswered: readonly [path: string, reason: string][] = [
  ['/querier.v1.QuerierService/SelectHeatmap', 'there are no heatmaps yet'],
  ['/querier.v1.QuerierService/AnalyzeQuery', 'a query says itself when it is over a bound'],
  ['/settings.v1.RecordingRulesService/*', 'there are no recording rules'],
  ['/adhocprofiles.v1.AdHocProfileService/*', 'profiles are pushed, there is no ad-hoc store'],
  ['/vcs.v1.VCSService/*', 'no source repository is connected'],
];

/** Unary calls that change or move something, rather than ask. */
const adminPaths = [
  `/${IngesterServiceDesc.typeName}/Flush`,
  `/${SettingsService.typeName}/Set`,
  `/${SettingsService.typeName}/Delete`,
];

const streamsReason = 'a phlox process answers queries itself, ask querier.v1.QuerierService';

/** The routes of all services and of the plain query doors. */
export function serviceRoutes(options: ServicesOptions): Route[] {
  const readBody = createBodyReader(options.platform, options.settings.bodyTimeMsMax);
  const { requestBytesMax: bytesMax, otlpServiceNameAttributes: serviceNameAttributes } =
    options.settings;
  return [
    ...ingestRoutes({ ...options, readBody, bytesMax }),
    ...otlpRoutes({ ...options, readBody, bytesMax, serviceNameAttributes }),
    ...ingesterRoutes(options, readBody),
    ...aboutRoutes(options, readBody),
    ...queryRoutes(options, readBody),
    ...unanswered.map(([path, reason]) => unimplementedRoute(path, reason)),
  ].map((route) => (adminPaths.includes(route.path) ? { ...route, scope: 'admin' } : route));
}

function ingesterRoutes(options: ServicesOptions, readBody: BodyReader): Route[] {
  const { ingester, queries, platform, settings } = options;
  const { typeName } = IngesterServiceDesc;
  const pushPaths = ['/push.v1.PusherService/Push', `/${typeName}/Push`];
  const unary = unaryRoutes({ readBody, platform }, (router) => {
    const service = createIngesterService({ ingester, queries, contextOf: callContextOf });
    router.service(IngesterServiceDesc, service);
  });
  return [
    ...pushPaths.map((path) => pushRoute(path, ingester, readBody, settings.requestBytesMax)),
    ...unary.filter(({ path }) => !pushPaths.includes(path)),
    unimplementedRoute(`/${typeName}/*`, streamsReason),
  ];
}

/** Small services that user interfaces ask besides. */
function aboutRoutes(options: ServicesOptions, readBody: BodyReader): Route[] {
  const { platform, tenantSettings } = options;
  const tenantsOf = (handler: Parameters<typeof callContextOf>[0]) =>
    callContextOf(handler).tenants;
  const scoped = unaryRoutes({ readBody, platform }, (router) => {
    const { nowMs } = platform.clock;
    router.service(SettingsService, createSettingsService(tenantSettings, tenantsOf, nowMs));
    router.service(FeatureFlagsService, featureFlagsService);
  });
  const open = unaryRoutes({ readBody, platform }, (router) => {
    router.service(Version, versionService);
  });
  return [...scoped, ...open.map((route) => ({ ...route, isTenantScoped: false }))];
}

function queryRoutes({ queries, platform }: ServicesOptions, readBody: BodyReader): Route[] {
  const { nowMs } = platform.clock;
  const direct = stacktracesRoutes(queries, { readBody, platform });
  const taken = new Set([...direct.map(({ path }) => path), ...unanswered.map(([path]) => path)]);
  const unary = unaryRoutes({ readBody, platform }, (router) => {
    const service = createQuerierService({ queries, contextOf: callContextOf, nowMs });
    router.service(QuerierService, service);
  });
  return [
    ...direct,
    ...unary.filter(({ path }) => !taken.has(path)),
    ...renderRoutes({ queries, platform }),
  ];
}
