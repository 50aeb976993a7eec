// The app: wires the rooms into one fetch function and the calls a runtime drives it with. Only
// this file and those of `app/` see every room; they decide nothing themselves.
import type { Call, Route } from './api/call.ts';
import { createRoutes } from './api/routes.ts';
import {
  bodyTimeMsMax,
  inflightRequestsMax,
  keyWindowMs,
  requestBytesMaxDefault,
} from './app/bounds.ts';
import { buildInfoOf, doorSettings } from './app/door.ts';
import { createFolders, type Folders } from './app/folders.ts';
import { instanceMaker } from './app/instance-maker.ts';
import { createKeys, type Keys } from './app/keys.ts';
import { createLimits, type LimitsInForce } from './app/limits.ts';
import { createPools, otherBytes, type Pools } from './app/pools.ts';
import { createQueryEngine } from './app/queries.ts';
import { createRegionalPushes } from './app/regional-pushes.ts';
import { type BlockReaders, createRetention } from './app/retention.ts';
import { createSpread } from './app/spreading.ts';
import { type Settings, shownSettings } from './config/settings.ts';
import type { IngesterService } from './ingester/contract.ts';
import { Ingester } from './ingester/ingester.ts';
import type { SubService } from './ingester/lifecycle.ts';
import { logService } from './ingester/log-service.ts';
import { TenantSettings } from './ingester/tenant-settings.ts';
import type { LeaseBytes } from './lib/byte-budget.ts';
import { createLogger, type Logger } from './lib/log.ts';
import { ownTurns } from './lib/own-turns.ts';
import { createMetrics, type Metrics } from './metrics/registry.ts';
import { Pins } from './phlaredb/pins.ts';
import type { Platform } from './platform.ts';
import type { QueryService } from './query/contract.ts';
import type { Message, Reply } from './spread/calls.ts';
import type { Peers, Spread } from './spread/spread.ts';

export interface App {
  /** Answers any request; never rejects. `source` answers the client's address, where known. */
  fetch: (request: Request, source?: () => string | undefined) => Promise<Response>;
  /** Opens log and folders. Rejects when pushes could not be accepted. */
  start(): Promise<void>;
  /** Does what is due; resolves to the wall time in ms at which it next wants to be called. */
  tick(nowMs: number): Promise<number>;
  /** When that is by now, after what was pushed meanwhile; infinity when nothing waits. */
  dueAtMs(nowMs: number): number;
  /** Flushes, ships and closes everything. Rejects when something is not in the bucket. */
  stop(): Promise<void>;
  /** Largest body a push may have, for runtimes that can refuse it before the app sees it. */
  readonly requestBytesMax: number;
  /** All metrics as Prometheus reads them. */
  metrics(): Promise<string>;
  /** Answers what another app of a spread tenant asks; never rejects. Present with peers. */
  answer?(message: Message): Promise<Reply>;
}

/** By then the keys of an idle tenant are forgotten in any case. */
const idleMs = 2 * keyWindowMs;
/** How long the last uploads may take once the process was told to stop. */
const stopDeadlineMs = 30_000;
/**
 * Of the loop, between two slices of long requests. A push needs about as many: it meets one or two
 * slices of whoever has some, and not one in each of its turns.
 */
const turnsBetweenSlices = 4;

/**
 * Wires an app. Nothing runs before `start`. Apps of one process may share their pools: then what
 * one of them holds counts for all. With `peers` a tenant may be spread over several apps.
 */
export async function createApp(
  platform: Platform,
  settings: Settings,
  pools: Pools = createPools(platform, settings),
  peers?: Peers,
): Promise<App> {
  const log = appLogger(platform, settings);
  const metrics = createMetrics({ processMetrics: platform.processMetrics });
  const keys = createKeys(settings.keys, platform, metrics, log);
  const folders = createFolders(platform, settings, metrics, log);
  const pins = new Pins();
  const requests = forRequests(platform);
  const limits = createLimits(platform, settings, metrics, log);
  const { queries, sources } = await createQueryEngine({
    platform,
    settings,
    metrics,
    folders,
    pins,
    limitsOf: limits.limitsOf,
    pool: pools.queries,
    ingester: () => ingester,
    otherHeads: peers && ((tenant) => (spread as Spread).otherHeads(tenant)),
  });
  const ingester: Ingester = await createIngester(platform, settings, metrics, log, {
    requests,
    folders,
    limits,
    pools,
    services: [...(keys?.services ?? []), ...limits.services],
    readers: { pins, ingester: () => ingester, sources },
    onBlock: (tenant) => {
      spread?.noteStored();
      sources.forgetLocal(tenant);
    },
  });
  const spread: Spread | undefined =
    peers &&
    createSpread({
      platform,
      log,
      peers,
      ingester,
      limitsOf: limits.limitsOf,
      leaseBytes: pools.bodies,
      onRetired: (tenant) => sources.forgetLocal(tenant),
    });
  const routes = wireRoutes(requests, settings, {
    ingester: spread ?? ingester,
    spread,
    queries,
    keys,
    limits,
    folders,
    leaseBytes: pools.bodies,
    metrics,
    log,
  });
  return {
    fetch: async (request, source) => routes.fetch(request, source && { source }),
    start: () => (spread?.load() ?? Promise.resolve()).then(() => ingester.start()),
    tick: (nowMs) => ingester.tick(nowMs),
    dueAtMs: (nowMs) => ingester.dueAtMs(nowMs),
    stop: () => ingester.stop(),
    requestBytesMax: requestBytesMaxOf(platform),
    metrics: () => metrics.registry.metrics(),
    ...(spread && { answer: (message: Message) => spread.answer(message) }),
  };
}

function requestBytesMaxOf({ bounds }: Platform): number {
  return bounds?.requestBytesMax ?? requestBytesMaxDefault;
}

/** What relieves memory and log has turns of its own: requests must not hold it up. */
function forRequests(platform: Platform): Platform {
  return { ...platform, yield: ownTurns(() => platform.yield(), turnsBetweenSlices) };
}

function appLogger({ clock, logLine: sink }: Platform, settings: Settings): Logger {
  const { logLevel: level, logFormat: format } = settings;
  return createLogger({ level, format, nowMs: clock.nowMs, sink });
}

interface RoutesParts {
  ingester: IngesterService;
  spread: Spread | undefined;
  queries: QueryService;
  keys: Keys | undefined;
  limits: LimitsInForce;
  folders: Folders;
  leaseBytes: LeaseBytes;
  metrics: Metrics;
  log: Logger;
}

function wireRoutes(platform: Platform, settings: Settings, parts: RoutesParts) {
  const { keys, limits, folders, leaseBytes, spread } = parts;
  const requestBytesMax = requestBytesMaxOf(platform);
  const services = {
    ...parts,
    limitsOf: limits.limitsOf,
    tenantSettings: new TenantSettings(folders.folderOf),
    platform,
    settings: {
      ...doorSettings(settings),
      ...(keys && { keys: keys.ring }),
      requestBytesMax,
      inflightRequestsMax,
      // Bodies held at a time, all requests together.
      inflightBytesMax: requestBytesMax,
      leaseBytes,
      bodyTimeMsMax,
    },
  };
  const answerPush =
    spread &&
    createRegionalPushes({
      services,
      regionOf: spread.regionOf,
      push: (...push) => spread.pushFrom(...push),
    });
  return createRoutes({
    ...services,
    ...(answerPush && {
      replace: (route: Route) => {
        if (route.scope !== 'push') return route;
        return { ...route, handle: (call: Call) => answerPush(route, call) };
      },
    }),
    buildInfo: buildInfoOf(platform),
    // Credentials of the bucket are no settings: the S3 client has them from the environment.
    configView: (reach) => ({ ...shownSettings(settings), limitsInForce: limits.view(reach) }),
  });
}

interface IngesterParts {
  /** The platform as pushes see it. */
  requests: Platform;
  folders: Folders;
  limits: LimitsInForce;
  pools: Pools;
  readers: BlockReaders;
  /** Hears of each block that a flush has put into the one bucket. */
  onBlock: (tenant: string) => void;
  /** Started first: a bad file of theirs refuses to start before anything is opened. */
  services: readonly SubService[];
}

async function createIngester(
  platform: Platform,
  settings: Settings,
  metrics: Metrics,
  log: Logger,
  { requests, folders, limits, pools, readers, onBlock, services }: IngesterParts,
): Promise<Ingester> {
  const { wal } = platform;
  const retention = createRetention(platform, settings, metrics, log, folders, readers);
  return new Ingester({
    platform: requests,
    wal,
    pool: pools.heads,
    limitsOf: limits.limitsOf,
    metrics,
    log,
    createInstance: await instanceMaker(platform, settings, metrics, pools.heads, folders, onBlock),
    listTenants: folders.list,
    subServices: [...services, logService(wal, metrics), ...retention.services],
    diskFailure: retention.diskFailure,
    diskRoom: retention.diskRoom,
    memoryMax: settings.memoryMax,
    leaseInflated: pools.inflated,
    otherMemoryBytes: () => otherBytes(platform, pools),
    logBytesMax: settings.logBytesMax,
    keyWindowMs,
    idleMs,
    stopDeadlineMs,
  });
}
