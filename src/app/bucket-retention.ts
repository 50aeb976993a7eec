// Retention of the bucket without an app around it: where blocks of all tenants are in one bucket
// and nobody has their files besides.
import type { Bucket } from '../bucket/bucket.ts';
import type { Settings } from '../config/settings.ts';
import { BucketRetention } from '../ingester/bucket-retention.ts';
import type { RetentionMemory } from '../ingester/retention-notes.ts';
import type { Logger } from '../lib/log.ts';
import { createMetrics, type Metrics } from '../metrics/registry.ts';
import type { Platform } from '../platform.ts';
import { counting } from './counting.ts';

export interface LoneRetentionOptions {
  bucket: Bucket;
  settings: Pick<Settings, 'retentionBucketAge'>;
  platform: Pick<Platform, 'clock'>;
  memory: RetentionMemory;
  log: Logger;
}

export interface LoneRetention {
  metrics: Metrics;
  /** Does what is due and is within one run's bound; never rejects. */
  run(nowMs: number): Promise<void>;
}

/** Queries of others may read what is deleted: they have the time between the two steps. */
export function createLoneRetention(options: LoneRetentionOptions): LoneRetention {
  const { settings, platform, memory, log } = options;
  const metrics = createMetrics({ processMetrics: false });
  const { retentionBucketAge: ageMs } = settings;
  if (ageMs === 'off') return { metrics, run: () => Promise.resolve() };
  const bucket = counting(options.bucket, 'remote', platform, metrics);
  const isPinned = () => false;
  const retention = new BucketRetention({ bucket, ageMs, isPinned, memory, metrics, log });
  return {
    metrics,
    run: async (nowMs) => {
      await retention.tick(nowMs);
      await retention.idle();
    },
  };
}
