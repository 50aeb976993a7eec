// A bucket whose calls are metrics.
import type { Bucket } from '../bucket/bucket.ts';
import { counted } from '../bucket/counted.ts';
import type { Metrics } from '../metrics/registry.ts';
import type { Platform } from '../platform.ts';

/** `bucket`, its calls counted under `name`. */
export function counting(
  bucket: Bucket,
  name: string,
  platform: Pick<Platform, 'clock'>,
  metrics: Metrics,
): Bucket {
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
