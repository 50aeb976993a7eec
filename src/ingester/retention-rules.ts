// When a block is old, when a disk is full, and which block goes next. Pure: numbers and metas in,
// choices out; what is deleted, and how, is `retention.ts` and `bucket-retention.ts`.
import { decodeTime } from 'ulid';
import type { BlockMeta } from '../block/meta.ts';
import type { Settings } from '../config/settings.ts';

/** A head is sealed within a day (`headAgeMax`), so data received as it happened lies within it. */
const blockSpanMsMax = 24 * 3_600_000;
/** The floor under which pushes are refused, as a part of what is to stay free. */
const floorShare = 1 / 10;

/** When the head of a block was made, in milliseconds since the epoch. */
export function createdMsOf(ulid: string): number {
  return decodeTime(ulid);
}

/**
 * The time from which the age of a block counts: the end of its data, but not before its head was
 * made and not over a day after. So old data that was pushed today stays for the whole age, since
 * it was acknowledged, and data dated in the future does not stay for ever.
 */
export function blockEndMs(ulid: string, maxTimeMs: number): number {
  const createdMs = createdMsOf(ulid);
  return Math.min(Math.max(maxTimeMs, createdMs), createdMs + blockSpanMsMax);
}

/** What retention looks at of a `meta.json`: not its datasets, which may be thousands. */
export interface RetainedBlock {
  ulid: string;
  /** End of its data in milliseconds. */
  maxTime: number;
  /** Of its tables. */
  bytes: number;
}

/** The part of a meta that retention looks at. */
export function retainedBlock({ ulid, maxTime, files }: BlockMeta): RetainedBlock {
  return { ulid, maxTime, bytes: files.reduce((sum, file) => sum + file.bytes, 0) };
}

export interface DiskUsage {
  /** Bytes that an unprivileged process may still write. */
  freeBytes: number;
  totalBytes: number;
}

export interface DiskBounds {
  /** Below it blocks are deleted. */
  lowBytes: number;
  /** Below it, when deleting cannot help, pushes are refused. */
  floorBytes: number;
}

/**
 * Either of the two settings is enough: a disk is low when it has less free than both. 6 GB of
 * 100 GB (over 5 %) and 11 GiB of 1 TB (over 10 GiB) are at ease. 0 in either turns the rule off.
 */
export function diskBounds(
  settings: Pick<Settings, 'retentionDiskFreePercent' | 'retentionDiskFreeBytes'>,
  totalBytes: number,
): DiskBounds {
  const byPercent = (totalBytes * settings.retentionDiskFreePercent) / 100;
  const lowBytes = Math.floor(Math.min(byPercent, settings.retentionDiskFreeBytes));
  return { lowBytes, floorBytes: Math.floor(lowBytes * floorShare) };
}

/** How pressed a disk is; a higher number is worse. */
export const diskLevels = { ease: 0, low: 1, full: 2 } as const;
export type DiskLevel = (typeof diskLevels)[keyof typeof diskLevels];

/** The level of a disk; one that cannot be measured is at ease. */
export function diskLevelOf(
  usage: DiskUsage | undefined,
  settings: Pick<Settings, 'retentionDiskFreePercent' | 'retentionDiskFreeBytes'>,
): DiskLevel {
  if (usage === undefined) return diskLevels.ease;
  const { lowBytes, floorBytes } = diskBounds(settings, usage.totalBytes);
  if (usage.freeBytes < floorBytes) return diskLevels.full;
  return usage.freeBytes < lowBytes ? diskLevels.low : diskLevels.ease;
}

/** The local disk, as far as it is known how full it is. */
export interface DiskRoom {
  /** The part of what is kept free that is gone; at 1 the pushes of all are refused. */
  usedPart: number;
  /** What the blocks of all tenants may hold, in bytes. */
  bytesMax: number;
  /** Tenants with local blocks. */
  tenantCount: number;
  bytesOf: (tenant: string) => number;
}

/**
 * What tenants share of a disk: between the two bounds it runs short, and what blocks may hold is
 * what they hold and what is free above the floor. Undefined when the rules are off.
 */
export function diskRoomOf(
  { freeBytes, totalBytes }: DiskUsage,
  settings: Pick<Settings, 'retentionDiskFreePercent' | 'retentionDiskFreeBytes'>,
  held: ReadonlyMap<string, number>,
): DiskRoom | undefined {
  const { lowBytes, floorBytes } = diskBounds(settings, totalBytes);
  if (lowBytes === floorBytes) return undefined;
  let bytesMax = Math.max(0, freeBytes - floorBytes);
  for (const bytes of held.values()) bytesMax += bytes;
  return {
    usedPart: (lowBytes - freeBytes) / (lowBytes - floorBytes),
    bytesMax,
    tenantCount: held.size,
    bytesOf: (tenant) => held.get(tenant) ?? 0,
  };
}

/**
 * The free bytes that deleting should reach: the low bound, or else the floor, whichever `ours` can
 * make up for; undefined when neither. Somebody else fills such a disk, and the blocks would all
 * go without saving it.
 */
export function freeTarget(
  { lowBytes, floorBytes }: DiskBounds,
  freeBytes: number,
  ours: number,
): number | undefined {
  return [lowBytes, floorBytes].find((bound) => freeBytes < bound && bound - freeBytes <= ours);
}

export interface LocalBlock {
  tenant: string;
  ulid: string;
  bytes: number;
  endMs: number;
}

interface Shelf {
  tenant: string;
  /** All local blocks, whether or not they may go. */
  bytes: number;
  /** Those that may go, oldest first. */
  blocks: LocalBlock[];
}

/** The local blocks of all tenants during one pass, and whose turn it is to lose one. */
export class Stock {
  readonly #shelves = new Map<string, Shelf>();

  /** Puts in all blocks of a tenant; all may go until `restrict`. */
  add(tenant: string, found: readonly RetainedBlock[]): void {
    const blocks = found.map(({ ulid, bytes, maxTime }) => ({
      tenant,
      ulid,
      bytes,
      endMs: blockEndMs(ulid, maxTime),
    }));
    blocks.sort(byAge);
    this.#shelves.set(tenant, { tenant, bytes: sumBytes(blocks), blocks });
  }

  /** From now on only blocks that `mayGo` are answered for the tenant; the others still count. */
  restrict(tenant: string, mayGo: (ulid: string) => boolean): void {
    const shelf = this.#shelves.get(tenant);
    if (shelf !== undefined) shelf.blocks = shelf.blocks.filter(({ ulid }) => mayGo(ulid));
  }

  get tenants(): string[] {
    return [...this.#shelves.keys()];
  }

  /** Of tenants that have any. */
  bytesByTenant(): Map<string, number> {
    const held = [...this.#shelves.values()].filter(({ bytes }) => bytes > 0);
    return new Map(held.map(({ tenant, bytes }) => [tenant, bytes]));
  }

  /** Bytes of all local blocks. */
  get bytes(): number {
    return sumBytes(this.#shelves.values());
  }

  /** Bytes of the blocks that may go. */
  get deletableBytes(): number {
    let bytes = 0;
    for (const shelf of this.#shelves.values()) bytes += sumBytes(shelf.blocks);
    return bytes;
  }

  /** Blocks that may go and ended before `beforeMs`, oldest first. */
  endedBefore(beforeMs: number): LocalBlock[] {
    const blocks = [...this.#shelves.values()].flatMap((shelf) => shelf.blocks);
    return blocks.filter(({ endMs }) => endMs < beforeMs).sort(byAge);
  }

  /**
   * The oldest block of the tenant that holds the most, so that whoever fills the disk makes room
   * before others do, and equals take turns. Undefined when none may go.
   */
  next(): LocalBlock | undefined {
    let largest: Shelf | undefined;
    for (const shelf of this.#shelves.values()) {
      if (shelf.blocks.length > 0 && isLarger(shelf, largest)) largest = shelf;
    }
    return largest?.blocks[0];
  }

  /** The block is deleted. */
  remove(block: LocalBlock): void {
    const shelf = this.#shelves.get(block.tenant);
    if (shelf === undefined) return;
    shelf.bytes -= block.bytes;
    this.skip(block);
  }

  /** The block stays for this pass. */
  skip({ tenant, ulid }: LocalBlock): void {
    this.restrict(tenant, (other) => other !== ulid);
  }
}

function isLarger(shelf: Shelf, than: Shelf | undefined): boolean {
  if (than === undefined || shelf.bytes !== than.bytes) return shelf.bytes > (than?.bytes ?? -1);
  const [ours, theirs] = [shelf.blocks[0], than.blocks[0]];
  return ours !== undefined && theirs !== undefined && byAge(ours, theirs) < 0;
}

function byAge(a: LocalBlock, b: LocalBlock): number {
  return a.endMs - b.endMs || (a.ulid < b.ulid ? -1 : 1);
}

function sumBytes(items: Iterable<{ bytes: number }>): number {
  let sum = 0;
  for (const { bytes } of items) sum += bytes;
  return sum;
}
