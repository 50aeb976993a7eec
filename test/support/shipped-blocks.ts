// Small blocks on a local bucket, a shipper to carry them, and what a reader finds at the other
// end. The tables hold patterns, not Parquet: a shipper never looks inside.
import { metaFile, tableFile, tableNames } from '../../src/block/files.ts';
import { type BlockMeta, encodeBlockMeta } from '../../src/block/meta.ts';
import type { Bucket } from '../../src/bucket/bucket.ts';
import { createLogger } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/metrics/registry.ts';
import { Shipper, type ShipperOptions } from '../../src/shipper/shipper.ts';
import { patterned } from './bytes.ts';

/** A ULID that sorts by `index`. */
export function ulidOf(index: number): string {
  return `01J${index.toString(16).toUpperCase().padStart(23, '0')}`;
}

/** Files of a block in the order in which they must arrive. */
export const blockFiles = [...tableNames.map(tableFile), metaFile];

/** Bytes of a table: small, different from each other, one of them empty. */
export function tableBytes(index: number): number {
  return index * 1_001;
}

export function metaOf(ulid: string, changes: Partial<BlockMeta> = {}): BlockMeta {
  return {
    version: 1,
    ulid,
    tenant: 'tenant-1',
    minTime: 1_000,
    maxTime: 2_000,
    stats: { numSeries: 0, numProfiles: 0, numSamples: 0 },
    files: tableNames.map((name, index) => ({
      name: tableFile(name),
      bytes: tableBytes(index),
      rows: 0,
      checksum: '0123456789abcdef',
      footerBytes: 0,
    })),
    compaction: { level: 1, sources: [ulid] },
    source: 'ingester',
    labels: {},
    log: { id: ulidOf(0), lastSequence: 7 },
    datasets: [],
    ...changes,
  };
}

/** Puts a whole block under `local/` of a tenant's folder. */
export async function putBlock(
  tenant: Bucket,
  ulid: string,
  changes: Partial<BlockMeta> = {},
): Promise<void> {
  const meta = metaOf(ulid, changes);
  const stage = await tenant.stage(`local/${ulid}/`);
  for (const { name, bytes } of meta.files) {
    await stage.putStream(
      name,
      (async function* () {
        yield patterned(bytes);
      })(),
    );
  }
  await stage.commit(encodeBlockMeta(meta));
}

export interface Shipping {
  shipper: Shipper;
  metrics: ReturnType<typeof createMetrics>;
  /** Log lines of level `warn` and above. */
  warnings: string[];
}

/** A shipper that waits no time and, unless told otherwise, tries each stream once. */
export function shipping(
  local: Bucket,
  remote: Bucket,
  changes: Partial<ShipperOptions> = {},
): Shipping {
  const warnings: string[] = [];
  const sink = (line: string) => void warnings.push(line);
  const metrics = createMetrics({ processMetrics: false });
  const shipper = new Shipper({
    local,
    remote,
    bucketName: 'memory',
    log: createLogger({ level: 'warn', format: 'json', nowMs: () => 0, sink }),
    metrics,
    tenant: 'tenant-1',
    concurrency: 1,
    retry: { attempts: 1, baseMs: 1, maxMs: 1, random: () => 0, sleep: async () => undefined },
    ...changes,
  });
  return { shipper, metrics, warnings };
}

/**
 * What a reader makes of the bucket: for each folder with a `meta.json`, whether all its files are
 * there and equal to the local ones. A folder without one is no block.
 */
export async function blocksSeen(
  tenant: Bucket,
  remote: Bucket,
): Promise<Record<string, 'whole' | 'broken'>> {
  const seen: Record<string, 'whole' | 'broken'> = {};
  const { objects } = await remote.list('');
  for (const { key } of objects) {
    const [ulid = '', name] = key.split('/');
    if (name === metaFile) seen[ulid] = (await isWhole(tenant, remote, ulid)) ? 'whole' : 'broken';
  }
  return seen;
}

async function isWhole(tenant: Bucket, remote: Bucket, ulid: string): Promise<boolean> {
  const { objects } = await remote.list(`${ulid}/`);
  const found = new Set(objects.map(({ key }) => key.slice(ulid.length + 1)));
  if (blockFiles.some((name) => !found.has(name))) return false;
  for (const name of blockFiles) {
    const ours = await tenant.get(`local/${ulid}/${name}`);
    const theirs = await remote.get(`${ulid}/${name}`);
    if (Buffer.compare(ours, theirs) !== 0) return false;
  }
  return true;
}
