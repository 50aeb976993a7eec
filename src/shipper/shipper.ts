// Copies a tenant's finished blocks into the bucket. Owns the order that keeps readers safe: the
// tables of a block first, `meta.json` last, so that whatever stops an upload leaves nothing that
// looks like a block, and the next sync does it again. Deletes nothing, here or there.
import { blockKey, metaFile } from '../block/files.ts';
import type { BlockMeta, FileEntry } from '../block/meta.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { Failure, isFailure, messageOf } from '../errors.ts';
import { type RetryPolicy, retryUnavailable } from '../lib/backoff.ts';
import { forEachBounded, Serial } from '../lib/bounded.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import { blocksFolder, LocalBlocks } from './local-blocks.ts';
import { RemoteBlocks } from './overlap.ts';
import { ShippedTimes, type Timestamps } from './shipped-times.ts';
import { readShipperFile, writeShipperFile } from './shipper-file.ts';

export interface ShipperOptions {
  /** The tenant's folder on this machine: `local/<ULID>/…` and `shipper.json`. */
  local: Bucket;
  /** The tenant's blocks in the bucket, `<ULID>/…`; retries all it can by itself. */
  remote: Bucket;
  /** Names the bucket in `shipper.json`, without secrets: another name is another bucket. */
  bucketName: string;
  log: Logger;
  metrics: Metrics;
  /** Label of the gauges of what is shipped; without it they are left alone. */
  tenant?: string;
  /** Blocks under way at once. */
  concurrency: number;
  /** For streams, which a bucket cannot begin again by itself. */
  retry: RetryPolicy;
}

export interface SyncReport {
  /** Blocks that this sync stored, oldest first as far as they did not overtake each other. */
  uploaded: string[];
  /** Blocks that were in the bucket although not recorded. */
  found: string[];
  /** Blocks that could not be shipped now; the next sync tries again. */
  failed: { ulid: string; error: unknown }[];
  /** Blocks not shipped because the signal was aborted. */
  pending: string[];
}

/** `compacted`: not before all others. */
type Outcome = 'uploaded' | 'found' | 'ignored' | 'compacted';

// What is held in memory of a table at once; a bucket may hold a part or two besides.
const chunkBytes = 4 * 1024 * 1024;

export class Shipper {
  readonly #options: ShipperOptions;
  readonly #blocks: LocalBlocks;
  readonly #syncs = new Serial();

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#blocks = new LocalBlocks(options.local);
  }

  /**
   * Ships every block that is not in the bucket, oldest first. One block that fails stops no
   * other. Resolves when the signal is aborted, too: what was finished is recorded. Rejects only
   * when the local blocks cannot be listed. Calls run one after another.
   *
   * A block of level 1 is asked for by its name alone. A compacted one, of a higher level, holds
   * what may be in the bucket by another name: it ships after all others, and only when nothing
   * there overlaps it in time; until then it counts as failed.
   *
   * `isPending` is true for a block whose commit is not done: it can be read by then, but a power
   * loss may take it back, and its profiles would come into the bucket again in another block.
   */
  sync(
    signal: AbortSignal,
    isPending: (ulid: string) => boolean = () => false,
  ): Promise<SyncReport> {
    return this.#syncs.run(async () => {
      const { metrics } = this.#options;
      metrics.storage.shipperSyncs.inc();
      try {
        return await this.#sync(signal, isPending);
      } catch (error) {
        metrics.storage.shipperSyncFailures.inc();
        throw error;
      }
    });
  }

  /**
   * Local blocks that are not recorded as shipped, oldest first; asks the bucket nothing. A block
   * whose `meta.json` cannot be read is among them, so that nobody deletes it as safe.
   */
  async unshipped(): Promise<string[]> {
    const { uploaded } = await this.#recorded();
    const unshipped: string[] = [];
    for (const ulid of await this.#blocks.list()) {
      if (!uploaded.has(ulid) && (await this.#isToShip(ulid))) unshipped.push(ulid);
    }
    return unshipped;
  }

  /**
   * From when there is data here, and up to when it is in the bucket, by the record; asks the
   * bucket nothing. Blocks whose `meta.json` cannot be read tell no times.
   */
  async timestamps(): Promise<Timestamps> {
    const { uploaded } = await this.#recorded();
    return this.#timestamps(await this.#blocks.list(), uploaded);
  }

  async #sync(signal: AbortSignal, isPending: (ulid: string) => boolean): Promise<SyncReport> {
    const { concurrency, remote } = this.#options;
    const report: SyncReport = { uploaded: [], found: [], failed: [], pending: [] };
    const { uploaded: recorded, isForeign } = await this.#recorded();
    const blocks = await this.#blocks.list();
    const open = blocks.filter((ulid) => !recorded.has(ulid) && !isPending(ulid));
    const compacted: string[] = [];
    await forEachBounded(open, concurrency, async (ulid) => {
      if ((await this.#shipInto(report, ulid, signal)) === 'compacted') compacted.push(ulid);
    });
    const others = new RemoteBlocks(remote, signal);
    for (const ulid of compacted.sort()) await this.#shipInto(report, ulid, signal, others);

    const shipped = new Set([...recorded, ...report.found, ...report.uploaded]);
    const present = blocks.filter((ulid) => shipped.has(ulid));
    const isSame = present.length === recorded.size && present.every((u) => recorded.has(u));
    if (!isSame || isForeign) await this.#record(present);
    await this.#observe(report, blocks, shipped);
    return report;
  }

  async #observe(
    report: SyncReport,
    blocks: readonly string[],
    shipped: ReadonlySet<string>,
  ): Promise<void> {
    const { metrics, tenant } = this.#options;
    if (tenant === undefined) return;
    const { unshippedBlocks, shipperMinTime, shipperMaxSyncTime } = metrics.storage;
    unshippedBlocks.set({ tenant }, report.failed.length + report.pending.length);
    const { minTime, maxSyncTime } = await this.#timestamps(blocks, shipped);
    const gauges = [
      [shipperMinTime, minTime],
      [shipperMaxSyncTime, maxSyncTime],
    ] as const;
    for (const [gauge, ms] of gauges) {
      if (ms === undefined) gauge.remove({ tenant });
      else gauge.set({ tenant }, ms / 1_000);
    }
  }

  async #timestamps(ulids: readonly string[], uploaded: ReadonlySet<string>): Promise<Timestamps> {
    const sum = new ShippedTimes();
    for (const ulid of ulids) {
      const times = await this.#blocks.times(ulid);
      if (times !== undefined) sum.add(times, uploaded.has(ulid));
    }
    return sum.timestamps;
  }

  /** What the record says of our bucket; `isForeign` when it is not about that one. */
  async #recorded(): Promise<{ uploaded: Set<string>; isForeign: boolean }> {
    const { local, bucketName, log } = this.#options;
    const file = await readShipperFile(local, bucketName, log);
    const isForeign = file !== undefined && file.bucket !== bucketName;
    return { uploaded: new Set(file?.uploaded), isForeign };
  }

  /** Ships one block and notes how it went; rejects only for what is a bug. */
  async #shipInto(
    report: SyncReport,
    ulid: string,
    signal: AbortSignal,
    others?: RemoteBlocks,
  ): Promise<Outcome | undefined> {
    const { log, metrics } = this.#options;
    try {
      signal.throwIfAborted();
      const outcome = await this.#ship(ulid, signal, others);
      if (outcome === 'uploaded' || outcome === 'found') report[outcome].push(ulid);
      if (outcome === 'uploaded') metrics.storage.shipperUploads.inc();
      return outcome;
    } catch (error) {
      if (signal.aborted) {
        report.pending.push(ulid);
        return undefined;
      }
      report.failed.push({ ulid, error });
      metrics.storage.shipperUploadFailures.inc();
      log.warn('block is not shipped', { block: ulid, error: messageOf(error) });
      return undefined;
    }
  }

  /** `others` is given when it is a compacted block's turn. */
  async #ship(ulid: string, signal: AbortSignal, others?: RemoteBlocks): Promise<Outcome> {
    const { remote, retry } = this.#options;
    const read = await this.#blocks.read(ulid);
    if (read === undefined) return 'ignored';
    if (isCompacted(read.meta) && others === undefined) return 'compacted';
    const metaKey = blockKey(ulid, metaFile);
    if (await isThere(remote, metaKey, signal)) return 'found';
    const overlapping = await others?.overlapping(read.meta);
    if (overlapping !== undefined) {
      throw new Failure('invalid', `compacted block overlaps ${overlapping} in the bucket`);
    }
    for (const file of read.meta.files) {
      const upload = () => this.#uploadFile(ulid, file, signal);
      await retryUnavailable(retry, upload, { signal });
    }
    signal.throwIfAborted();
    // From here on readers take the folder for a block.
    await remote.put(metaKey, read.bytes, { signal });
    await others?.add(read.meta);
    return 'uploaded';
  }

  async #uploadFile(ulid: string, file: FileEntry, signal: AbortSignal): Promise<void> {
    const { local, remote } = this.#options;
    const key = blockKey(ulid, file.name);
    const { bytes: found } = await local.head(blocksFolder + key, { signal });
    assertBytes(key, found, file.bytes);
    const chunks = chunksOf(local, blocksFolder + key, file.bytes, signal);
    const stored = await remote.putStream(key, chunks, { signal });
    assertBytes(key, stored, file.bytes);
  }

  async #record(uploaded: readonly string[]): Promise<void> {
    const { local, bucketName, log, metrics } = this.#options;
    try {
      await writeShipperFile(local, { bucket: bucketName, uploaded: [...uploaded] });
    } catch (error) {
      if (!isFailure(error)) throw error;
      // The next sync asks the bucket instead.
      metrics.storage.shipperSyncFailures.inc();
      log.warn('the list of shipped blocks is not written', { error: error.message });
    }
  }

  async #isToShip(ulid: string): Promise<boolean> {
    try {
      return (await this.#blocks.read(ulid)) !== undefined;
    } catch (error) {
      if (!isFailure(error)) throw error;
      return true;
    }
  }
}

/** Made of other blocks, which may be in the bucket: together they would count twice. */
function isCompacted(meta: BlockMeta): boolean {
  return meta.compaction.level > 1;
}

async function isThere(bucket: Bucket, key: string, signal: AbortSignal): Promise<boolean> {
  try {
    await bucket.head(key, { signal });
    return true;
  } catch (error) {
    if (isFailure(error, 'missing')) return false;
    throw error;
  }
}

function assertBytes(key: string, found: number, expected: number): void {
  if (found === expected) return;
  throw new Failure('corrupt', `${key} is ${found} bytes, ${metaFile} says ${expected}`);
}

async function* chunksOf(
  bucket: Bucket,
  key: string,
  bytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes; offset += chunkBytes) {
    signal.throwIfAborted();
    const length = Math.min(chunkBytes, bytes - offset);
    const chunk = await bucket.getRange(key, { offset, length }, { signal });
    if (chunk.length !== length) assertBytes(key, offset + chunk.length, bytes);
    yield chunk;
  }
}
