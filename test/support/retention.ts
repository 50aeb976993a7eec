// Blocks for retention: tenants with local blocks in memory, a disk that is as full as they and
// others make it, and the same blocks in a bucket. Tables hold patterns; only `samples` has bytes.
import { encodeTime } from 'ulid';
import { metaFile, tableFile, tableNames } from '../../src/block/files.ts';
import { type BlockMeta, encodeBlockMeta } from '../../src/block/meta.ts';
import type { Bucket } from '../../src/bucket/bucket.ts';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import type { RetainedBlocks } from '../../src/ingester/local-deletion.ts';
import { Retention, type RetentionOptions } from '../../src/ingester/retention.ts';
import { retainedBlock } from '../../src/ingester/retention-rules.ts';
import { createLogger } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/metrics/registry.ts';
import { patterned } from './bytes.ts';
import { testSettings, testStartMs } from './memory-platform.ts';
import { metaOf } from './shipped-blocks.ts';

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** A ULID made at `ms`; `index` tells apart those of one time. */
export function ulidAt(ms: number, index = 0): string {
  return encodeTime(ms, 10) + index.toString(16).toUpperCase().padStart(16, '0');
}

export interface BlockOptions {
  /** When its head was made. */
  createdMs: number;
  /** End of its data; default an hour after. */
  maxTime?: number;
  bytes?: number;
  index?: number;
}

export function blockMeta(tenant: string, options: BlockOptions): BlockMeta {
  const { createdMs, maxTime = createdMs + hourMs, bytes = 100, index = 0 } = options;
  return metaOf(ulidAt(createdMs, index), {
    tenant,
    minTime: Math.min(createdMs, maxTime),
    maxTime,
    files: tableNames.map((name) => ({
      name: tableFile(name),
      bytes: name === 'samples' ? bytes : 0,
      rows: 0,
      checksum: '0123456789abcdef',
      footerBytes: 0,
    })),
  });
}

/** Puts two tables and `meta.json` below `prefix`; in listings it is between the two. */
export async function putFolder(bucket: Bucket, prefix: string, meta: BlockMeta): Promise<void> {
  const bytes = meta.files.reduce((sum, file) => sum + file.bytes, 0);
  await bucket.put(`${prefix}${meta.ulid}/samples.parquet`, patterned(bytes));
  await bucket.put(`${prefix}${meta.ulid}/locations.parquet`, patterned(0));
  await bucket.put(`${prefix}${meta.ulid}/${metaFile}`, encodeBlockMeta(meta));
}

/** Every key of the bucket. */
export async function keysOf(bucket: Bucket): Promise<string[]> {
  return (await bucket.list('')).objects.map(({ key }) => key);
}

export async function countOf(
  metric: { get(): Promise<{ values: { value: number; labels: object }[] }> },
  labels: Record<string, string> = {},
): Promise<number> {
  const { values } = await metric.get();
  const matching = values.filter(({ labels: found }) =>
    Object.entries(labels).every(([name, value]) => Reflect.get(found, name) === value),
  );
  return matching.reduce((sum, { value }) => sum + value, 0);
}

/** One machine with local blocks. */
export class LocalWorld {
  nowMs = testStartMs;
  readonly tenants = new Map<string, { bucket: Bucket; metas: BlockMeta[] }>();
  readonly unshipped = new Set<string>();
  readonly pinned = new Set<string>();
  /** Undefined: cannot be measured. `others` is what somebody else's files take. */
  disk: { totalBytes: number; others: number } | undefined;
  /** `tenant/ulid`, in the order in which they were taken off the list. */
  readonly forgotten: string[] = [];
  readonly warnings: string[] = [];
  readonly metrics = createMetrics({ processMetrics: false });

  newBucket(): MemoryBucket {
    return new MemoryBucket({ nowMs: () => this.nowMs });
  }

  /** The tenant's blocks, in `bucket` when it is the first call for the tenant. */
  folder(tenant: string, bucket: Bucket = this.newBucket()) {
    const found = this.tenants.get(tenant) ?? { bucket, metas: [] };
    this.tenants.set(tenant, found);
    return found;
  }

  async put(tenant: string, options: BlockOptions & { isUnshipped?: boolean }): Promise<BlockMeta> {
    const meta = blockMeta(tenant, options);
    const { bucket, metas } = this.folder(tenant);
    await putFolder(bucket, '', meta);
    metas.push(meta);
    if (options.isUnshipped) this.unshipped.add(meta.ulid);
    return meta;
  }

  /** ULIDs on the lists, by tenant. */
  listed(tenant: string): string[] {
    return this.folder(tenant).metas.map(({ ulid }) => ulid);
  }

  async freeBytes(): Promise<number> {
    let used = this.disk?.others ?? 0;
    for (const { bucket } of this.tenants.values()) {
      for (const { key, bytes } of (await bucket.list('')).objects) {
        if (!key.endsWith(metaFile)) used += bytes;
      }
    }
    return (this.disk?.totalBytes ?? 0) - used;
  }

  readonly blocks: RetainedBlocks = {
    tenants: async () => [...this.tenants.keys()],
    blocks: async (tenant) => this.folder(tenant).metas.map(retainedBlock),
    unshipped: async () => this.unshipped,
    isPinned: (_tenant, ulid) => this.pinned.has(ulid),
    forget: (tenant, ulid) => {
      const found = this.folder(tenant);
      found.metas = found.metas.filter((meta) => meta.ulid !== ulid);
      this.forgotten.push(`${tenant}/${ulid}`);
    },
    folder: (tenant) => this.folder(tenant).bucket,
  };

  /** Retention with all rules off but those of `file`, the names of which are the settings'. */
  retention(
    file: Record<string, unknown> = {},
    changes: Partial<RetentionOptions> = {},
  ): Retention {
    return new Retention({
      blocks: this.blocks,
      isBucketConfigured: true,
      diskUsage: async () =>
        this.disk && { freeBytes: await this.freeBytes(), totalBytes: this.disk.totalBytes },
      settings: testSettings({ retentionLocalAge: 'off', retentionDiskFreePercent: 0, ...file }),
      metrics: this.metrics,
      log: createLogger({
        level: 'warn',
        format: 'logfmt',
        nowMs: () => this.nowMs,
        sink: (line) => this.warnings.push(line),
      }),
      ...changes,
    });
  }
}

/** Ticks at the world's time and waits for what the tick began; answers the next time. */
export async function tick(
  service: { tick(nowMs: number): Promise<number>; idle(): Promise<void> },
  nowMs: number,
): Promise<number> {
  const nextMs = await service.tick(nowMs);
  await service.idle();
  return nextMs;
}
