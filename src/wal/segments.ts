// The durable log: segments in a folder, one fsync for all who wait. Owns what is taken, read and
// released; `committer.ts` writes, `log-writer.ts` opens segments, `log-load.ts` reads them at
// start, `log-drop.ts` deletes them. `FORMAT.md` draws the bytes.
//
// A record is in the index only when it is durable, and only what is in the index is read.
import { assert, Failure, messageOf } from '../errors.ts';
import { Serial } from '../lib/bounded.ts';
import type { FileSystem } from '../lib/file-system.ts';
import type { Logger } from '../lib/log.ts';
import type { Clock } from '../platform.ts';
import type { NewRecord } from './commit-queue.ts';
import { Committer } from './committer.ts';
import { dropDead } from './log-drop.ts';
import { LogFolder } from './log-folder.ts';
import type { LogIndex } from './log-index.ts';
import { loadLog, logTagOf } from './log-load.ts';
import { LogWriter } from './log-writer.ts';
import { PageLayout } from './pages.ts';
import {
  encodeTenant,
  encodeUlid,
  headBytesOf,
  noBytes,
  noKey,
  type RecordKind,
  recordKinds,
} from './record.ts';
import { logFailure } from './segment-file.ts';
import type { LogFault } from './segment-load.ts';
import { readTenant } from './segment-read.ts';
import { rowBytes } from './segment-rows.ts';
import { encodeTreatedLabels } from './treated-labels.ts';
import type { ProfileRecord, RecentKey, RecordHeader, StoredRecord, Wal } from './wal.ts';

const defaultSegmentBytes = 64 * 1024 * 1024;
const defaultKeyWindowMs = 15 * 60 * 1_000;
/** Appended but not committed: some fsyncs' worth on a slow disk. */
const pendingBytesMax = 32 * 1024 * 1024;
const dropRetryMs = 5_000;

export interface SegmentWalOptions {
  /** Made when it is not there; belongs to this log alone. */
  folder: string;
  fileSystem: FileSystem;
  clock: Clock;
  /** A number from 0 up to, but not including, 1. */
  random: () => number;
  /** A new ULID. */
  newId: () => string;
  log: Logger;
  /**
   * Bound of what is held. The disk holds at most three segments more: the open one, the spare one,
   * and one of releases and keys, which are never refused. At least a few segments.
   */
  bytesMax: number;
  /** Default 64 MiB; a record must fit. */
  segmentBytes?: number;
  /** Default 32 KiB, and always the same for one log. */
  pageBytes?: number;
  /** How long keys are kept beyond their records. */
  keyWindowMs?: number;
  /** Told once for each damage found. */
  onFault?: (fault: LogFault) => void;
}

/** What there is after `start`. */
interface OpenLog {
  id: string;
  logTag: number;
  index: LogIndex;
  writer: LogWriter;
  committer: Committer;
}

export class SegmentWal implements Wal {
  readonly isDurable = true;
  readonly #options: SegmentWalOptions;
  readonly #folder: LogFolder;
  readonly #layout: PageLayout;
  readonly #dropping = new Serial();
  #open: OpenLog | undefined;
  #onDamage: ((kind: string) => void) | undefined;
  #isClosed = false;
  #hasDropFailed = false;

  constructor(options: SegmentWalOptions) {
    this.#options = options;
    this.#folder = new LogFolder(options.folder, options.fileSystem);
    this.#layout = new PageLayout(options.pageBytes);
  }

  /** Known after `start`. */
  get id(): string {
    return this.#opened().id;
  }

  /** A disk that is full fails no start: the log is read, and takes records once there is room. */
  async start(onDamage?: (kind: string) => void): Promise<void> {
    assert(this.#open === undefined, 'log is started twice');
    this.#onDamage = onDamage;
    const { newId, clock, random, log, segmentBytes = defaultSegmentBytes } = this.#options;
    const [folder, layout] = [this.#folder, this.#layout];
    try {
      const loaded = await loadLog(folder, layout, newId);
      const { id, index, lastSequence, nextSegment } = loaded;
      for (const fault of loaded.faults) this.#noteFault(fault);
      if (loaded.isTorn) log.warn('log ends in an unfinished record: dropped');
      const logTag = logTagOf(id);
      const { nowMs } = clock;
      const fixed = { folder, layout, index, logId: id, logTag };
      const writer = new LogWriter({ ...fixed, segmentBytes, nextSegment, nowMs, log });
      const committer = new Committer({ index, writer, clock, random, log, lastSequence });
      await writer.tidySealed();
      await writer.adoptSpare();
      await committer.start();
      this.#open = { id, logTag, index, writer, committer };
    } catch (error) {
      throw logFailure(error, 'start');
    }
  }

  append(record: ProfileRecord): number {
    const { committer } = this.#opened();
    committer.assertWritable();
    const tenant = encodeTenant(record.tenant);
    const { labels, version } = encodeTreatedLabels(record);
    assert(record.contentKey.length === noKey.length, 'content key is not 16 bytes');
    this.#admit(headBytesOf(tenant, labels) + record.body.length);
    const pending = committer.add({
      kind: recordKinds.profile,
      tenantName: record.tenant,
      tenant,
      timeMs: record.receivedMs,
      contentKey: record.contentKey.slice(),
      version,
      labels,
      body: record.body.slice(),
    });
    return pending.sequence;
  }

  async commit(sequence: number): Promise<void> {
    await this.#opened().committer.commit(sequence);
  }

  refusedUpTo(): number {
    return this.#open?.committer.queue.refusedUpTo() ?? 0;
  }

  async *headers(tenant?: string): AsyncIterable<RecordHeader> {
    yield* this.#opened().index.headers(tenant);
  }

  read(tenant: string, from: number): AsyncIterable<StoredRecord> {
    const { index, logTag } = this.#opened();
    const onFault = (fault: LogFault) => this.#noteFault(fault);
    const [folder, layout] = [this.#folder, this.#layout];
    return readTenant({ folder, layout, index, logTag, onFault }, tenant, from);
  }

  newestHeld(): ReadonlyMap<string, number> {
    return this.#opened().index.newestHeld();
  }

  recentKeys(sinceMs: number, tenant?: string): Iterable<RecentKey> {
    return this.#opened().index.recentKeys(sinceMs, tenant);
  }

  async release(tenant: string, upTo: number, ulid: string): Promise<void> {
    const { index, committer } = this.#opened();
    // What is pending is in no block yet.
    const last = Math.min(upTo, committer.queue.committed);
    if (!index.holds(tenant, last)) return;
    const flushed = this.#control(recordKinds.flushed, tenant, encodeUlid(ulid));
    await committer.commitControls([flushed], last);
    await this.#dropDead();
  }

  bytesUsed(): number {
    if (this.#open === undefined) return 0;
    const { index, committer } = this.#open;
    return index.heldBytes() + committer.queue.pendingBytes;
  }

  bytesUsedBy(tenant: string): number {
    return this.#open?.index.heldBytesOf(tenant) ?? 0;
  }

  pinnedBy(): readonly string[] {
    return this.#open?.index.pinnedBy() ?? [];
  }

  failure(): string | undefined {
    return this.#open?.committer.failure?.message;
  }

  async tick(nowMs: number): Promise<number> {
    if (this.#open === undefined || this.#isClosed) return Number.POSITIVE_INFINITY;
    const { committer } = this.#open;
    if (committer.isDue(nowMs)) await committer.recover();
    if (committer.failure !== undefined) return committer.retryAtMs;
    await this.#dropDead();
    return this.#hasDropFailed ? nowMs + dropRetryMs : Number.POSITIVE_INFINITY;
  }

  async close(): Promise<void> {
    if (this.#isClosed || this.#open === undefined) return;
    this.#isClosed = true;
    const { writer, committer } = this.#open;
    try {
      await committer.close(this.#control(recordKinds.end, '', noBytes));
    } finally {
      // Whoever is deleting a segment finishes first.
      await this.#dropping.run(() => writer.close());
    }
  }

  #opened(): OpenLog {
    assert(this.#open !== undefined, 'log is not started');
    return this.#open;
  }

  #control(kind: RecordKind, tenantName: string, body: Uint8Array): NewRecord {
    const [tenant, timeMs] = [encodeTenant(tenantName), this.#options.clock.nowMs()];
    return { kind, tenantName, tenant, timeMs, contentKey: noKey, labels: noBytes, body };
  }

  /** Throws when there is no room for a record of `bytes` bytes. */
  #admit(bytes: number): void {
    const { index, writer, committer } = this.#opened();
    const { bytesMax } = this.#options;
    const { pendingBytes } = committer.queue;
    if (bytes > writer.segmentRoom) {
      const message = `log record is ${bytes} bytes, limit ${writer.segmentRoom}`;
      throw new Failure('invalid', message, { reason: 'record_too_large' });
    }
    if (pendingBytes > 0 && pendingBytes + bytes > pendingBytesMax) {
      throw noRoom(`log has ${pendingBytes} bytes to write`, bytes, pendingBytesMax);
    }
    const held = index.heldBytes() + pendingBytes;
    if (held + bytes > bytesMax) throw noRoom(`log holds ${held} bytes`, bytes, bytesMax);
    if (pendingBytes + bytes <= writer.room) return;
    // The open segment is about to be sealed with all that is to go before this record, and then
    // counts as a whole.
    const { active, sealedBytes } = index;
    const isPinned = pendingBytes > 0 || (active?.held.size ?? 0) > 0;
    const indexBytes = (active?.rowCount ?? 0) * rowBytes;
    const sealed = sealedBytes + (isPinned ? (active?.end ?? 0) + indexBytes + pendingBytes : 0);
    if (sealed > bytesMax) throw noRoom(`log segments have ${sealed} bytes`, bytes, bytesMax);
  }

  /** Takes room back; what fails is tried again by `tick`. */
  #dropDead(): Promise<void> {
    const { folder, log } = { folder: this.#folder, log: this.#options.log };
    const { index, committer, writer } = this.#opened();
    const { keyWindowMs = defaultKeyWindowMs, clock } = this.#options;
    return this.#dropping.run(async () => {
      try {
        const { segmentRoom } = writer;
        const sinceMs = clock.nowMs() - keyWindowMs;
        await dropDead({ folder, index, committer, segmentRoom, log }, sinceMs);
        this.#hasDropFailed = false;
      } catch (error) {
        this.#hasDropFailed = true;
        log.warn('log segments cannot be deleted yet', { error: messageOf(error) });
      }
    });
  }

  #noteFault(fault: LogFault): void {
    this.#options.log.error('log is damaged', { ...fault });
    this.#options.onFault?.(fault);
    this.#onDamage?.(fault.kind);
  }
}

function noRoom(holds: string, bytes: number, bytesMax: number): Failure {
  return new Failure('unavailable', `${holds}, record is ${bytes}, limit ${bytesMax}`, {
    reason: 'log_full',
    retryAfterSeconds: 5,
  });
}
