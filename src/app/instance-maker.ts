// What makes a tenant's instance: its database, its shipper, the keys it has seen.
import { initParquet } from '../block/parquet.ts';
import { prefixed } from '../bucket/prefixed.ts';
import type { Settings } from '../config/settings.ts';
import { Instance } from '../ingester/instance.ts';
import { inflateBody } from '../ingester/prepare.ts';
import { RecentKeys } from '../ingester/recent-keys.ts';
import type { KernelPool } from '../kernel/pool.ts';
import type { Metrics } from '../metrics/registry.ts';
import { createFingerprint } from '../model/fingerprint.ts';
import { Phlaredb } from '../phlaredb/phlaredb.ts';
import type { Platform } from '../platform.ts';
import { keyWindowMs, scratchBytesMax } from './bounds.ts';
import type { Folders } from './folders.ts';
import { randomUnit, ulids } from './random.ts';

/** Keys of a tenant in one generation of the window: about 100 MB at the most. */
const recentKeysMax = 500_000;

/**
 * Nothing of an instance runs before its `start`. Where there is one bucket, `onBlock` hears of
 * each block that a flush has put there.
 */
export async function instanceMaker(
  platform: Platform,
  settings: Settings,
  metrics: Metrics,
  pool: KernelPool,
  folders: Folders,
  onBlock: (tenant: string) => void,
): Promise<(tenant: string) => Instance> {
  const { wal, clock } = platform;
  const { flushPlans: plans, flushTurn, bounds } = platform;
  const inflatedBytesMax = bounds?.scratchBytesMax ?? scratchBytesMax;
  const shared = {
    wal,
    plans,
    flushTurn,
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
    inflate: (body: Uint8Array) => inflateBody(body, inflatedBytesMax, platform.gunzip),
    headAgeMaxMs: settings.headAgeMax,
    headBytesMax: settings.headBytesMax,
  };
  return (tenant) => {
    const { folder, blocks, shipper, log } = folders.of(tenant);
    // Several objects of a tenant may share its folder, and number their records alike.
    const quarantine = prefixed(folder, plans ? `quarantine/${wal.id}/` : 'quarantine/');
    return new Instance({
      tenant,
      database: new Phlaredb({
        ...shared,
        tenant,
        blocks,
        quarantine,
        log,
        onStored: () => onBlock(tenant),
      }),
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
