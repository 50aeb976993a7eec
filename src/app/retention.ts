// Retention as the app runs it: over the tenants' folders, and over the bucket.
import type { Settings } from '../config/settings.ts';
import { BucketRetention } from '../ingester/bucket-retention.ts';
import type { Ingester } from '../ingester/ingester.ts';
import type { SubService } from '../ingester/lifecycle.ts';
import { retainedBlocks } from '../ingester/retained-blocks.ts';
import { Retention } from '../ingester/retention.ts';
import type { DiskRoom } from '../ingester/retention-rules.ts';
import type { TenantSources } from '../ingester/tenant-sources.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Pins } from '../phlaredb/pins.ts';
import type { Platform } from '../platform.ts';
import { counting } from './counting.ts';
import type { Folders } from './folders.ts';

export interface BlockReaders {
  ingester: () => Pick<Ingester, 'databaseOf' | 'isUnsettled' | 'forgetBlock'>;
  pins: Pins;
  /** Told of each block that goes. */
  sources: Pick<TenantSources, 'forgetLocal' | 'doubtRemote'>;
}

/** Local retention, and the bucket's when there is one; none where there is only that. */
export function createRetention(
  platform: Platform,
  settings: Settings,
  metrics: Metrics,
  log: Logger,
  folders: Folders,
  readers: BlockReaders,
): {
  services: SubService[];
  diskFailure: () => string | undefined;
  diskRoom: () => DiskRoom | undefined;
} {
  const { remoteBucket, flushPlans } = platform;
  if (flushPlans !== undefined) {
    // Nothing is on this machine, and the bucket is that of all tenants.
    return { services: [], diskFailure: () => undefined, diskRoom: () => undefined };
  }
  const { ingester, pins, sources } = readers;
  const blocks = retainedBlocks({
    listTenants: folders.list,
    databaseOf: (tenant) => ingester().databaseOf(tenant),
    isUnsettled: (tenant) => ingester().isUnsettled(tenant),
    pins,
    onForget: (tenant, ulid) => {
      ingester().forgetBlock(tenant, ulid);
      sources.forgetLocal(tenant);
    },
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
    const { isPinned } = blocks;
    const onDelete = (tenant: string, ulid: string) => sources.doubtRemote(tenant, ulid);
    services.push(new BucketRetention({ bucket, ageMs, isPinned, onDelete, metrics, log }));
  }
  return {
    services,
    diskFailure: () => retention.diskFailure(),
    diskRoom: () => retention.diskRoom(),
  };
}
