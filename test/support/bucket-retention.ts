// A bucket with blocks of several tenants, the calls made to it, and retention over it.
import type { Bucket } from '../../src/bucket/bucket.ts';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import { BucketRetention } from '../../src/ingester/bucket-retention.ts';
import { createLogger } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/metrics/registry.ts';
import { faulty } from './faulty-bucket.ts';
import { testStartMs } from './memory-platform.ts';
import { type BlockOptions, blockMeta, dayMs, putFolder } from './retention.ts';

/** The age of `retention` when none is given. */
export const month = 31 * dayMs;

/** A bucket in which everything was written when its clock stood at `nowMs`. */
export class RemoteWorld {
  nowMs = testStartMs - 2 * dayMs;
  readonly memory = new MemoryBucket({ nowMs: () => this.nowMs });
  readonly faulty = faulty(this.memory);
  readonly pinned = new Set<string>();
  readonly warnings: string[] = [];
  readonly metrics = createMetrics({ processMetrics: false });

  /** Answers the prefix of the block. */
  async put(tenant: string, options: BlockOptions): Promise<string> {
    const meta = blockMeta(tenant, options);
    await putFolder(this.memory, `${tenant}/phlaredb/`, meta);
    return `${tenant}/phlaredb/${meta.ulid}/`;
  }

  retention(ageMs = month, bucket: Bucket = this.faulty.bucket): BucketRetention {
    return new BucketRetention({
      bucket,
      ageMs,
      isPinned: (tenant, ulid) => this.pinned.has(`${tenant}/phlaredb/${ulid}/`),
      metrics: this.metrics,
      log: createLogger({
        level: 'warn',
        format: 'logfmt',
        nowMs: () => this.nowMs,
        sink: (line) => this.warnings.push(line),
      }),
    });
  }

  /** Keys below the prefix, without it. */
  async files(prefix: string): Promise<string[]> {
    const { objects } = await this.memory.list(prefix);
    return objects.map(({ key }) => key.slice(prefix.length));
  }
}
