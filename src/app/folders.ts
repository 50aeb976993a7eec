// Where each tenant's things are: its folder on this machine, its blocks in the bucket, and the
// shipper between the two.
import { tenantBlocksPrefix } from '../block/files.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { bucketIdentity } from '../bucket/bucket-url.ts';
import { prefixed } from '../bucket/prefixed.ts';
import { retrying } from '../bucket/retrying.ts';
import type { Settings } from '../config/settings.ts';
import { assert } from '../errors.ts';
import type { RetryPolicy } from '../lib/backoff.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Platform } from '../platform.ts';
import { Shipper } from '../shipper/shipper.ts';
import { counting } from './counting.ts';
import { randomUnit } from './random.ts';

const shipConcurrency = 2;

/** Where each tenant's things are. */
export interface Folders {
  /** Tenants with blocks on this machine. */
  list: () => Promise<string[]>;
  /** `<ULID>/…` of a tenant in the bucket; undefined when there is none. */
  remoteBlocksOf: ((tenant: string) => Bucket) | undefined;
  /** `settings.json` and what `of` names. */
  folderOf: (tenant: string) => Bucket;
  of: (tenant: string) => {
    log: Logger;
    /** `quarantine/…` and `settings.json`; on a disk also `local/<ULID>/…` and `shipper.json`. */
    folder: Bucket;
    /** `<ULID>/…` */
    blocks: Bucket;
    /** Undefined when there is no bucket to ship to. */
    shipper: Shipper | undefined;
  };
}

/** Below a tenant's prefix in the bucket, beside its blocks, where there is no disk. */
const bucketFolder = 'phlox/';

/** Makes nothing: folders come to be with what is put into them. */
export function createFolders(
  platform: Platform,
  settings: Settings,
  metrics: Metrics,
  log: Logger,
): Folders {
  const isOneBucket = platform.flushPlans !== undefined;
  return isOneBucket
    ? foldersOfBucket(platform, metrics, log)
    : foldersOfDisk(platform, settings, metrics, log);
}

/** All there is of a tenant is in one bucket; whose is in it, is not asked. */
function foldersOfBucket(platform: Platform, metrics: Metrics, log: Logger): Folders {
  const remote = createRemote(platform, metrics);
  assert(remote !== undefined, 'flushes have no bucket to write to');
  const blocksOf = (tenant: string) => prefixed(remote.bucket, tenantBlocksPrefix(tenant));
  const folderOf = (tenant: string) => prefixed(remote.bucket, `${tenant}/${bucketFolder}`);
  return {
    list: () => Promise.resolve([]),
    remoteBlocksOf: blocksOf,
    folderOf,
    of: (tenant) => ({
      log: log.child({ tenant }),
      folder: folderOf(tenant),
      blocks: blocksOf(tenant),
      shipper: undefined,
    }),
  };
}

function foldersOfDisk(
  platform: Platform,
  settings: Settings,
  metrics: Metrics,
  log: Logger,
): Folders {
  const tenants = prefixed(counting(platform.localBucket, 'local', platform, metrics), 'tenants/');
  const remote = createRemote(platform, metrics);
  const shipping = remote && createShipping(remote, settings, metrics);
  const folderOf = (tenant: string) => prefixed(tenants, `${tenant}/`);
  return {
    list: () => listFolders(tenants),
    remoteBlocksOf: remote && ((tenant) => prefixed(remote.bucket, tenantBlocksPrefix(tenant))),
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

/** The bucket that blocks are shipped to; calls that fail are tried again. */
interface Remote {
  bucket: Bucket;
  retry: RetryPolicy;
}

function createRemote(platform: Platform, metrics: Metrics): Remote | undefined {
  const { remoteBucket } = platform;
  if (remoteBucket === undefined) return undefined;
  const retry: RetryPolicy = {
    attempts: 4,
    baseMs: 200,
    maxMs: 5_000,
    sleep: platform.sleep,
    random: () => randomUnit(platform),
  };
  return { bucket: retrying(counting(remoteBucket, 'remote', platform, metrics), retry), retry };
}

/** Makes a tenant's shipper. */
function createShipping(remote: Remote, { bucket: url }: Settings, metrics: Metrics) {
  const bucketName = url === undefined ? remote.bucket.name : bucketIdentity(url);
  return (tenant: string, folder: Bucket, log: Logger) =>
    new Shipper({
      local: folder,
      remote: prefixed(remote.bucket, tenantBlocksPrefix(tenant)),
      bucketName,
      log,
      metrics,
      tenant,
      concurrency: shipConcurrency,
      retry: remote.retry,
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
