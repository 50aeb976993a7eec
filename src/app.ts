// The app: wires the rooms into one fetch function and the calls a runtime drives it with. The
// only file that sees every room; it decides nothing itself.
import { monotonicFactory } from 'ulid';
import { allowedHostsFor } from './api/hosts.ts';
import { createRoutes } from './api/routes.ts';
import { tenantBlocksPrefix } from './block/files.ts';
import { initParquet } from './block/parquet.ts';
import type { Bucket } from './bucket/bucket.ts';
import { bucketIdentity } from './bucket/bucket-url.ts';
import { counted } from './bucket/counted.ts';
import { prefixed } from './bucket/prefixed.ts';
import { retrying } from './bucket/retrying.ts';
import { parseListen, type Settings } from './config/settings.ts';
import { BucketRetention } from './ingester/bucket-retention.ts';
import { Ingester } from './ingester/ingester.ts';
import { Instance } from './ingester/instance.ts';
import type { SubService } from './ingester/lifecycle.ts';
import { logService } from './ingester/log-service.ts';
import { inflateBody } from './ingester/prepare.ts';
import { RecentKeys } from './ingester/recent-keys.ts';
import { retainedBlocks } from './ingester/retained-blocks.ts';
import { Retention } from './ingester/retention.ts';
import type { DiskRoom } from './ingester/retention-rules.ts';
import { TenantSettings } from './ingester/tenant-settings.ts';
import { KernelPool } from './kernel/pool.ts';
import type { RetryPolicy } from './lib/backoff.ts';
import { createLogger, type Logger } from './lib/log.ts';
import { defaultLimits } from './limits/limits.ts';
import { createMetrics, type Metrics } from './metrics/registry.ts';
import { createFingerprint } from './model/fingerprint.ts';
import { Phlaredb } from './phlaredb/phlaredb.ts';
import type { Platform } from './platform.ts';
import { Shipper } from './shipper/shipper.ts';
import { version } from './version.ts';

export interface App {
  /** Answers any request; never rejects. */
  fetch: (request: Request) => Promise<Response>;
  /** Opens log and folders. Rejects when pushes could not be accepted. */
  start(): Promise<void>;
  /** Does what is due; resolves to the wall time in ms at which it next wants to be called. */
  tick(nowMs: number): Promise<number>;
  /** Flushes, ships and closes everything. Rejects when something is not in the bucket. */
  stop(): Promise<void>;
  /** Largest body a push may have, for runtimes that can refuse it before the app sees it. */
  readonly requestBytesMax: number;
}

/** Pyroscope's bound on what one push may hold after inflating; bodies are held to it as well. */
const requestBytesMax = 256 * 1024 * 1024;
/** More than this many answers at a time only wait for each other. */
const inflightRequestsMax = 1_024;
/** Bodies held at a time, all requests together. */
const inflightBytesMax = requestBytesMax;
/** A client this slow is taken for gone. */
const bodyTimeMsMax = 60_000;
/** Clients repeat a push for minutes after a time-out. */
const keyWindowMs = 15 * 60_000;
/** By then the keys of an idle tenant are forgotten in any case. */
const idleMs = 2 * keyWindowMs;
/** Keys of a tenant in one generation of the window: about 100 MB at the most. */
const recentKeysMax = 500_000;
/** How long the last uploads may take once the process was told to stop. */
const stopDeadlineMs = 30_000;
/** WebAssembly's own bound. */
const kernelBytesMax = 2 ** 32;
/**
 * What a head's instance may use beyond the head itself to scan the largest profile allowed. To be
 * sealed, a head of deep stacks without any common part takes up to twice itself besides.
 */
const scratchBytesMax = 128 * 1024 * 1024;
/** Instances kept ready for the next head. */
const idleKernelsMax = 4;
/** What they may hold of the memory: it counts as used, though nothing is in it. */
const idleShare = 1 / 8;
const shipConcurrency = 2;

/** Wires an app. Nothing runs before `start`. */
export async function createApp(platform: Platform, settings: Settings): Promise<App> {
  const log = createLogger({
    level: settings.logLevel,
    format: settings.logFormat,
    nowMs: platform.clock.nowMs,
    sink: platform.logLine,
  });
  const metrics = createMetrics({ processMetrics: platform.processMetrics });
  const folders = createFolders(platform, settings, metrics, log);
  const ingester = await createIngester(platform, settings, metrics, log, folders);
  const routes = createRoutes({
    ingester,
    queries: undefined,
    tenantSettings: new TenantSettings(folders.folderOf),
    metrics,
    log,
    platform,
    settings: {
      multitenancy: settings.multitenancy,
      requestBytesMax,
      inflightRequestsMax,
      inflightBytesMax,
      bodyTimeMsMax,
      ...hostSettings(settings),
    },
    buildInfo: {
      version,
      revision: '',
      branch: '',
      buildUser: '',
      buildDate: '',
      goVersion: platform.runtimeName,
    },
    // No setting holds a secret: credentials come from the environment of the S3 client.
    configView: () => settings,
  });
  return {
    fetch: async (request) => routes.fetch(request),
    start: () => ingester.start(),
    tick: (nowMs) => ingester.tick(nowMs),
    stop: () => ingester.stop(),
    requestBytesMax,
  };
}

/** Only a server that everybody may reach answers to any name. */
function hostSettings(settings: Settings): { allowedHosts?: readonly string[] } {
  if (settings.insecure) return {};
  return { allowedHosts: allowedHostsFor(parseListen(settings.listen).hostname) };
}

async function createIngester(
  platform: Platform,
  settings: Settings,
  metrics: Metrics,
  log: Logger,
  folders: Folders,
): Promise<Ingester> {
  const { wal } = platform;
  const pool = new KernelPool({
    modules: { head: platform.headModule, query: platform.queryModule },
    random: platform.random,
    headBytesMax: Math.min(kernelBytesMax, 3 * settings.headBytesMax + scratchBytesMax),
    keepIdleMax: idleKernelsMax,
    keepBytesMax: settings.memoryMax * idleShare,
  });
  const retention = createRetention(platform, settings, metrics, log, folders, (tenant) =>
    ingester.databaseOf(tenant),
  );
  const ingester: Ingester = new Ingester({
    platform,
    wal,
    pool,
    limitsOf: () => defaultLimits,
    metrics,
    log,
    createInstance: await instanceMaker(platform, settings, metrics, pool, folders),
    listTenants: folders.list,
    subServices: [logService(wal, metrics), ...retention.services],
    diskFailure: retention.diskFailure,
    diskRoom: retention.diskRoom,
    memoryMax: settings.memoryMax,
    logBytesMax: settings.logBytesMax,
    keyWindowMs,
    idleMs,
    stopDeadlineMs,
  });
  return ingester;
}

/** Where each tenant's things are. */
interface Folders {
  list: () => Promise<string[]>;
  /** `settings.json` and what `of` names. */
  folderOf: (tenant: string) => Bucket;
  of: (tenant: string) => {
    log: Logger;
    /** `local/<ULID>/…`, `quarantine/…` and `shipper.json`. */
    folder: Bucket;
    /** `<ULID>/…` */
    blocks: Bucket;
    /** Undefined when there is no bucket to ship to. */
    shipper: Shipper | undefined;
  };
}

function createFolders(
  platform: Platform,
  settings: Settings,
  metrics: Metrics,
  log: Logger,
): Folders {
  const tenants = prefixed(counting(platform.localBucket, 'local', platform, metrics), 'tenants/');
  const shipping = createShipping(platform, settings, metrics);
  const folderOf = (tenant: string) => prefixed(tenants, `${tenant}/`);
  return {
    list: () => listFolders(tenants),
    folderOf,
    of: (tenant) => {
      const folder = folderOf(tenant);
      const tenantLog = log.child({ tenant });
      return {
        log: tenantLog,
        folder,
        blocks: prefixed(folder, 'local/'),
        shipper: shipping?.(tenant, folder, tenantLog),
      };
    },
  };
}

async function instanceMaker(
  platform: Platform,
  settings: Settings,
  metrics: Metrics,
  pool: KernelPool,
  folders: Folders,
): Promise<(tenant: string) => Instance> {
  const { wal, clock } = platform;
  const shared = {
    wal,
    pool,
    clock,
    metrics,
    parquet: initParquet(platform.parquetModule),
    fingerprint: await createFingerprint(),
    nextUlid: ulids(platform),
    randomUnit: () => randomUnit(platform),
    pause: platform.yield,
    sleep: platform.sleep,
    // What was admitted once is applied again whatever today's limits say; memory is the bound.
    inflate: (body: Uint8Array) => inflateBody(body, scratchBytesMax, platform.gunzip),
    headAgeMaxMs: settings.headAgeMax,
    headBytesMax: settings.headBytesMax,
  };
  return (tenant) => {
    const { folder, blocks, shipper, log } = folders.of(tenant);
    const quarantine = prefixed(folder, 'quarantine/');
    return new Instance({
      tenant,
      database: new Phlaredb({ ...shared, tenant, blocks, quarantine, log }),
      recentKeys: new RecentKeys(
        { windowMs: keyWindowMs, keysMax: recentKeysMax },
        clock.monotonicMs(),
      ),
      shipper,
      shipIntervalMs: settings.shipInterval,
      platform,
      log,
    });
  };
}

function createRetention(
  platform: Platform,
  settings: Settings,
  metrics: Metrics,
  log: Logger,
  folders: Folders,
  databaseOf: (tenant: string) => Phlaredb | undefined,
): {
  services: SubService[];
  diskFailure: () => string | undefined;
  diskRoom: () => DiskRoom | undefined;
} {
  const { remoteBucket } = platform;
  const blocks = retainedBlocks({
    listTenants: folders.list,
    databaseOf,
    folderOf: (tenant) => folders.of(tenant).blocks,
    unshippedOf: async (tenant) => (await folders.of(tenant).shipper?.unshipped()) ?? [],
  });
  const retention = new Retention({
    blocks,
    isBucketConfigured: remoteBucket !== undefined,
    diskUsage: platform.diskUsage,
    settings,
    metrics,
    log,
  });
  const services: SubService[] = [retention];
  if (remoteBucket !== undefined && settings.retentionBucketAge !== 'off') {
    const bucket = counting(remoteBucket, 'remote', platform, metrics);
    const ageMs = settings.retentionBucketAge;
    services.push(new BucketRetention({ bucket, ageMs, isPinned: blocks.isPinned, metrics, log }));
  }
  return {
    services,
    diskFailure: () => retention.diskFailure(),
    diskRoom: () => retention.diskRoom(),
  };
}

/** Makes a tenant's shipper; undefined when there is no bucket to ship to. */
function createShipping(platform: Platform, { bucket: url }: Settings, metrics: Metrics) {
  const { remoteBucket } = platform;
  if (remoteBucket === undefined) return undefined;
  const retry: RetryPolicy = {
    attempts: 4,
    baseMs: 200,
    maxMs: 5_000,
    sleep: platform.sleep,
    random: () => randomUnit(platform),
  };
  const remote = retrying(counting(remoteBucket, 'remote', platform, metrics), retry);
  const bucketName = url === undefined ? remoteBucket.name : bucketIdentity(url);
  return (tenant: string, folder: Bucket, log: Logger) =>
    new Shipper({
      local: folder,
      remote: prefixed(remote, tenantBlocksPrefix(tenant)),
      bucketName,
      log,
      metrics,
      tenant,
      concurrency: shipConcurrency,
      retry,
    });
}

function counting(bucket: Bucket, name: string, platform: Platform, metrics: Metrics): Bucket {
  const { bucketOperations, bucketFailures, bucketSeconds } = metrics.storage;
  return counted(bucket, {
    clock: platform.clock,
    onOperation(operation, ms, _bytes, isFailed) {
      const labels = { bucket: name, operation };
      bucketOperations.inc(labels);
      bucketSeconds.observe(labels, ms / 1_000);
      if (isFailed) bucketFailures.inc(labels);
    },
  });
}

/** Names of the folders directly below the bucket's root. */
async function listFolders(bucket: Bucket): Promise<string[]> {
  const names: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await bucket.list('', {
      delimiter: '/',
      ...(cursor === undefined ? {} : { cursor }),
    });
    names.push(...page.prefixes.map((prefix) => prefix.slice(0, -1)));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return names;
}

/** ULIDs that grow even when the clock stands still or jumps back. */
function ulids(platform: Platform): () => string {
  const next = monotonicFactory(() => randomUnit(platform));
  let lastMs = 0;
  return () => {
    lastMs = Math.max(lastMs, platform.clock.nowMs());
    return next(lastMs);
  };
}

/** A number from 0 up to, but not including, 1. */
function randomUnit(platform: Platform): number {
  const bytes = platform.random(new Uint8Array(4));
  return new DataView(bytes.buffer).getUint32(0) / 2 ** 32;
}
