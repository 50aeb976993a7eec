// Copies a tenant's finished blocks into the bucket. Owns the order that keeps readers safe: the
// tables of a block first, `meta.json` last, so that whatever stops an upload leaves nothing that
// looks like a block, and the next sync does it again. Deletes nothing, here or there.
import { blockKey, isUlid, metaFile } from '../block/files.ts';
import { type BlockMeta, type FileEntry, parseBlockMeta } from '../block/meta.ts';
import type { Bucket } from '../bucket/bucket.ts';
import { Failure, isFailure, messageOf } from '../errors.ts';
import { type RetryPolicy, retryUnavailable } from '../lib/backoff.ts';
import { forEachBounded, Serial } from '../lib/bounded.ts';
import type { Logger } from '../lib/log.ts';
import type { Metrics } from '../metrics/registry.ts';
import { readShipperFile, writeShipperFile } from './shipper-file.ts';

export interface ShipperOptions {
  /** The tenant's folder on this machine: `local/<ULID>/…` and `shipper.json`. */
  local: Bucket;
  /** The tenant's blocks in the bucket, `<ULID>/…`; retries all it can by itself. */
  remote: Bucket;
  log: Logger;
  metrics: Metrics;
  /** Label of the gauge of blocks not shipped; without it the gauge is left alone. */
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

type Outcome = 'uploaded' | 'found' | 'ignored';

const blocksFolder = 'local/';
// What is held in memory of a table at once; a bucket may hold a part or two besides.
const chunkBytes = 4 * 1024 * 1024;

export class Shipper {
  readonly #options: ShipperOptions;
  readonly #syncs = new Serial();

  constructor(options: ShipperOptions) {
    this.#options = options;
  }

  /**
   * Ships every block that is not in the bucket, oldest first. One block that fails stops no
   * other. Resolves when the signal is aborted, too: what was finished is recorded. Rejects only
   * when the local blocks cannot be listed. Calls run one after another.
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
    const recorded = await readShipperFile(this.#options.local, this.#options.log);
    const unshipped: string[] = [];
    for (const ulid of await this.#listBlocks()) {
      if (!recorded.has(ulid) && (await this.#isToShip(ulid))) unshipped.push(ulid);
    }
    return unshipped;
  }

  async #sync(signal: AbortSignal, isPending: (ulid: string) => boolean): Promise<SyncReport> {
    const { local, log, concurrency, metrics, tenant } = this.#options;
    const report: SyncReport = { uploaded: [], found: [], failed: [], pending: [] };
    const recorded = await readShipperFile(local, log);
    const blocks = await this.#listBlocks();
    const open = blocks.filter((ulid) => !recorded.has(ulid) && !isPending(ulid));
    await forEachBounded(open, concurrency, (ulid) => this.#shipInto(report, ulid, signal));

    const shipped = new Set([...recorded, ...report.found, ...report.uploaded]);
    const present = blocks.filter((ulid) => shipped.has(ulid));
    const isChanged = present.length !== recorded.size || present.some((u) => !recorded.has(u));
    if (isChanged) await this.#record(present);
    if (tenant !== undefined) {
      const count = report.failed.length + report.pending.length;
      metrics.storage.unshippedBlocks.set({ tenant }, count);
    }
    return report;
  }

  /** Ships one block and notes how it went; rejects only for what is a bug. */
  async #shipInto(report: SyncReport, ulid: string, signal: AbortSignal): Promise<void> {
    const { log, metrics } = this.#options;
    if (signal.aborted) {
      report.pending.push(ulid);
      return;
    }
    try {
      const outcome = await this.#ship(ulid, signal);
      if (outcome === 'ignored') return;
      report[outcome].push(ulid);
      if (outcome === 'uploaded') metrics.storage.shipperUploads.inc();
    } catch (error) {
      if (signal.aborted) {
        report.pending.push(ulid);
        return;
      }
      report.failed.push({ ulid, error });
      metrics.storage.shipperUploadFailures.inc();
      log.warn('block is not shipped', { block: ulid, error: messageOf(error) });
    }
  }

  async #ship(ulid: string, signal: AbortSignal): Promise<Outcome> {
    const { remote, retry } = this.#options;
    const read = await this.#readMeta(ulid);
    if (read === undefined || !isOwnBlock(read.meta)) return 'ignored';
    const metaKey = blockKey(ulid, metaFile);
    if (await isThere(remote, metaKey, signal)) return 'found';
    for (const file of read.meta.files) {
      const upload = () => this.#uploadFile(ulid, file, signal);
      await retryUnavailable(retry, upload, { signal });
    }
    signal.throwIfAborted();
    // From here on readers take the folder for a block.
    await remote.put(metaKey, read.bytes, { signal });
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
    const { local, log, metrics } = this.#options;
    try {
      await writeShipperFile(local, uploaded);
    } catch (error) {
      if (!isFailure(error)) throw error;
      // The next sync asks the bucket instead.
      metrics.storage.shipperSyncFailures.inc();
      log.warn('the list of shipped blocks is not written', { error: error.message });
    }
  }

  /** Folders named by a ULID, ascending, which is by the time they were made. */
  async #listBlocks(): Promise<string[]> {
    const ulids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.#options.local.list(blocksFolder, {
        delimiter: '/',
        ...(cursor !== undefined && { cursor }),
      });
      for (const prefix of page.prefixes) {
        const name = prefix.slice(blocksFolder.length, -1);
        if (isUlid(name)) ulids.push(name);
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
    return ulids;
  }

  /** The meta of a local block; undefined for a folder without one, which is no block. */
  async #readMeta(ulid: string): Promise<{ meta: BlockMeta; bytes: Uint8Array } | undefined> {
    let bytes: Uint8Array;
    try {
      bytes = await this.#options.local.get(blocksFolder + blockKey(ulid, metaFile));
    } catch (error) {
      if (isFailure(error, 'missing')) return undefined;
      throw error;
    }
    const name = `${metaFile} of ${ulid}`;
    const meta = parseBlockMeta(bytes, name);
    if (meta.ulid !== ulid) throw new Failure('corrupt', `${name} is that of ${meta.ulid}`);
    return { meta, bytes };
  }

  async #isToShip(ulid: string): Promise<boolean> {
    try {
      const read = await this.#readMeta(ulid);
      return read !== undefined && isOwnBlock(read.meta);
    } catch (error) {
      if (!isFailure(error)) throw error;
      return true;
    }
  }
}

/** A compacted block is made of blocks that ship by themselves: it would count them twice. */
function isOwnBlock(meta: BlockMeta): boolean {
  return meta.compaction.level <= 1;
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
