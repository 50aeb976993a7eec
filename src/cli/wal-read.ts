// Reads a log that may be in use: opens its segments for reading, one after the other, and says
// what is in them and what is damaged. Owns the sums; the format is `wal/`'s. A segment that is
// deleted meanwhile is left out, and what is being written at the end of the last one is no damage.

import { isFailure, messageOf } from '../errors.ts';
import { LogFolder } from '../wal/log-folder.ts';
import { logTagOf } from '../wal/log-load.ts';
import { recordKinds } from '../wal/record.ts';
import type { SegmentReader } from '../wal/segment-file.ts';
import { type ScannedRecord, scanSegment } from '../wal/segment-scan.ts';
import {
  endOf,
  type LogPlace,
  listLog,
  readStart,
  type SegmentFile,
  sizeOf,
  withReader,
} from './wal-files.ts';

/** What one screen of damage needs, and more; the rest is only counted. */
const damageMax = 10_000;
/** Names of tenants of a log that holds many: past this they are summed up under no name. */
const tenantsMax = 50_000;

export interface LogDamage {
  /** Name of the file. */
  file: string;
  /** Position in the segment's records and how many of their bytes, where that is known. */
  position?: number;
  bytes?: number;
  sequence?: number;
  reason: string;
}

export interface SegmentSummary {
  file: string;
  fileBytes: number;
  /** Bytes of records with their heads. */
  usedBytes: number;
  profiles: number;
  /** Records that are no profiles: releases, keys, the start and the end of a segment. */
  others: number;
  /** When the first and the last profile arrived, in milliseconds. */
  firstMs: number | undefined;
  lastMs: number | undefined;
  damageCount: number;
}

export interface TenantSummary {
  profiles: number;
  bytes: number;
  /** Of those, what is in no block yet. */
  heldProfiles: number;
  heldBytes: number;
  oldestHeldMs: number | undefined;
}

export interface LogSummary {
  id: string | undefined;
  segments: SegmentSummary[];
  /** The largest held first. */
  tenants: [name: string, TenantSummary][];
  /** True when there were more tenants than are told apart. */
  isCut: boolean;
  /** Segments that the server found damaged and put aside. */
  setAside: { file: string; bytes: number }[];
  /** At most ten thousand. */
  damage: LogDamage[];
  damageCount: number;
}

export interface ReadLogOptions extends LogPlace {
  /** False: only heads are read, and damage to bodies stays unseen. */
  areBodiesChecked: boolean;
}

/** Throws `missing` when there is no log in the folder. */
export async function readLog(options: ReadLogOptions): Promise<LogSummary> {
  const names = await listLog(options);
  const folder = new LogFolder(options.folder, options.fileSystem);
  const id = await folder.readIdentity();
  const log = new LogSums(id, options);
  for (const file of names.setAside) {
    const bytes = await sizeOf(options, file);
    if (bytes !== undefined) log.summary.setAside.push({ file, bytes });
  }
  if (id === undefined) {
    log.damage({ file: 'LOG', reason: 'the identity of the log is missing or damaged' });
    return log.finish();
  }
  const logTag = logTagOf(id);
  const segments: SegmentFile[] = [];
  for (const file of names.segments) {
    const fileBytes = await sizeOf(options, file);
    if (fileBytes === undefined) continue;
    const name = { logTag, segment: Number.parseInt(file, 10) };
    segments.push({ file, name, fileBytes, start: undefined, durableEnd: 0 });
  }
  const walk = async (read: (segment: SegmentFile, reader: SegmentReader) => Promise<void>) => {
    for (const segment of segments) {
      await withReader(options, folder, segment, (reader) =>
        guarded(log, segment, () => read(segment, reader)),
      );
    }
  };
  await walk((segment, reader) => log.readHeads(segment, reader));
  await walk((segment, reader) => {
    return log.readRecords(segment, reader, endOf(segments, segment.name.segment));
  });
  return log.finish();
}

/** A segment that cannot be understood at all is damage, not the end. */
async function guarded(log: LogSums, { file }: SegmentFile, read: () => Promise<void>) {
  try {
    await read();
  } catch (error) {
    if (!isFailure(error, 'corrupt')) throw error;
    log.damage({ file, reason: messageOf(error) });
  }
}

class LogSums {
  readonly summary: LogSummary;
  readonly #options: ReadLogOptions;
  readonly #tenants = new Map<string, TenantSummary>();
  /** Up to which sequence each tenant is in blocks. */
  readonly #released = new Map<string, number>();

  constructor(id: string | undefined, options: ReadLogOptions) {
    this.#options = options;
    this.summary = {
      id,
      segments: [],
      tenants: [],
      isCut: false,
      setAside: [],
      damage: [],
      damageCount: 0,
    };
  }

  damage(damage: LogDamage): void {
    this.summary.damageCount += 1;
    if (this.summary.damage.length < damageMax) this.summary.damage.push(damage);
  }

  finish(): LogSummary {
    const tenants = [...this.#tenants].sort(([, a], [, b]) => b.heldBytes - a.heldBytes);
    return { ...this.summary, tenants };
  }

  /** First walk: what the segment says about itself, the one before, and what is in blocks. */
  async readHeads(segment: SegmentFile, reader: SegmentReader): Promise<void> {
    const { name } = segment;
    segment.start = await readStart(reader, name);
    const visit = ({ head }: ScannedRecord) => {
      segment.durableEnd = Math.max(segment.durableEnd, head.durableEnd);
      if (head.kind !== recordKinds.flushed) return true;
      const known = this.#released.get(head.tenant) ?? 0;
      this.#released.set(head.tenant, Math.max(known, head.sequence));
      return true;
    };
    await scanSegment({ reader, name, limit: reader.capacity, wantsBody: () => false, visit });
  }

  /** Second walk: counts records up to `end`, or, where nobody says it, to the first torn one. */
  async readRecords(
    { file, name, fileBytes, durableEnd }: SegmentFile,
    reader: SegmentReader,
    end: number | undefined,
  ): Promise<void> {
    const sums: SegmentSummary = {
      ...{ file, fileBytes, usedBytes: 0, profiles: 0, others: 0 },
      ...{ firstMs: undefined, lastMs: undefined, damageCount: 0 },
    };
    this.summary.segments.push(sums);
    const sure = end ?? durableEnd;
    const damage = (position: number, bytes: number, reason: string, sequence?: number) => {
      if (bytes <= 0) return;
      sums.damageCount += 1;
      const number = sequence === undefined ? {} : { sequence };
      this.damage({ file, position, bytes, reason, ...number });
    };
    const { areBodiesChecked } = this.#options;
    const limit = end ?? reader.capacity;
    let position = 0;
    const visit = (record: ScannedRecord) => {
      const { head } = record;
      const isBodyWrong = areBodiesChecked && record.body === undefined;
      // Behind what is durable, a record that is not whole is one being written, or a torn one.
      if (head.position > position && position >= sure) return false;
      damage(position, head.position - position, 'records cannot be read');
      position = head.position;
      // It stands behind the end.
      if (head.kind === recordKinds.index) return false;
      if (isBodyWrong && position >= sure) return false;
      if (isBodyWrong) {
        damage(position, record.end - position, 'body has a wrong checksum', head.sequence);
      }
      this.#count(sums, record, isBodyWrong);
      position = record.end;
      return head.kind !== recordKinds.end;
    };
    await scanSegment({ reader, name, limit, wantsBody: () => areBodiesChecked, visit });
    damage(position, sure - position, 'records cannot be read');
  }

  #count(sums: SegmentSummary, { head, end }: ScannedRecord, isBodyWrong: boolean): void {
    const bytes = end - head.position;
    sums.usedBytes += bytes;
    if (head.kind !== recordKinds.profile || isBodyWrong) {
      sums.others += 1;
      return;
    }
    sums.profiles += 1;
    sums.firstMs = Math.min(sums.firstMs ?? head.timeMs, head.timeMs);
    sums.lastMs = Math.max(sums.lastMs ?? head.timeMs, head.timeMs);
    const tenant = this.#tenant(head.tenant);
    tenant.profiles += 1;
    tenant.bytes += bytes;
    if (head.sequence <= (this.#released.get(head.tenant) ?? 0)) return;
    tenant.heldProfiles += 1;
    tenant.heldBytes += bytes;
    tenant.oldestHeldMs = Math.min(tenant.oldestHeldMs ?? head.timeMs, head.timeMs);
  }

  #tenant(name: string): TenantSummary {
    const isFull = this.#tenants.size >= tenantsMax && !this.#tenants.has(name);
    if (isFull) this.summary.isCut = true;
    // No tenant has an empty name.
    const key = isFull ? '' : name;
    let tenant = this.#tenants.get(key);
    if (tenant === undefined) {
      tenant = { profiles: 0, bytes: 0, heldProfiles: 0, heldBytes: 0, oldestHeldMs: undefined };
      this.#tenants.set(key, tenant);
    }
    return tenant;
  }
}
