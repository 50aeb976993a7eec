// What the whole log holds, in memory: the segments in order, and up to where each tenant is in
// blocks. Owns what counts as held, who holds the oldest room, and which segment may go next.
// Segments go oldest first: each is explained by the start of the next one.
import type { TimedKey } from './record.ts';
import type { SegmentIndex } from './segment-index.ts';
import type { EntryPlace } from './segment-rows.ts';
import type { RecentKey, RecordHeader } from './wal.ts';

export class LogIndex {
  readonly #segments: SegmentIndex[] = [];
  /** Of tenants with records in the log only. */
  readonly #released = new Map<string, number>();
  /** Bytes of the segments that are no longer written to. */
  #sealedBytes = 0;

  /** Ascending; the last one is written to. */
  get segments(): readonly SegmentIndex[] {
    return this.#segments;
  }

  get active(): SegmentIndex | undefined {
    return this.#segments.at(-1);
  }

  get sealedBytes(): number {
    return this.#sealedBytes;
  }

  /** Adds the segment that is written to from now on. */
  push(segment: SegmentIndex): void {
    const before = this.active;
    if (before !== undefined) this.#sealedBytes += before.fileBytes;
    this.#segments.push(segment);
  }

  /** The file of a segment became shorter or longer. */
  resize(segment: SegmentIndex, fileBytes: number): void {
    if (segment !== this.active) this.#sealedBytes += fileBytes - segment.fileBytes;
    segment.fileBytes = fileBytes;
  }

  /** Says that the tenant's records up to `upTo` are in blocks. */
  release(tenant: string, upTo: number): void {
    const before = this.#released.get(tenant) ?? 0;
    if (upTo <= before) return;
    this.#released.set(tenant, upTo);
    for (const segment of this.#segments) segment.release(tenant, before, upTo);
  }

  isHeld(tenant: string, sequence: number): boolean {
    return sequence > (this.#released.get(tenant) ?? 0);
  }

  /** True when the tenant has a record up to `upTo` that is not released. */
  holds(tenant: string, upTo: number): boolean {
    const from = (this.#released.get(tenant) ?? 0) + 1;
    return this.#segments.some((segment) => {
      if (!segment.held.has(tenant)) return false;
      const first = segment.places(tenant, from)[0];
      return first !== undefined && first.sequence <= upTo;
    });
  }

  /**
   * Bytes that cannot be used again: of a sealed segment the whole file as long as anything in it
   * or before it is held, of the last one the records that are.
   */
  heldBytes(): number {
    let dead = 0;
    for (const segment of this.#segments) {
      if (segment === this.active || segment.held.size > 0) break;
      dead += segment.fileBytes;
    }
    return this.#sealedBytes - dead + (this.active?.heldBytes() ?? 0);
  }

  /** Bytes of the tenant's records that are held. */
  heldBytesOf(tenant: string): number {
    return this.#segments.reduce((sum, { held }) => sum + (held.get(tenant) ?? 0), 0);
  }

  /** Tenants that keep the oldest segment with anything held, the largest holder first. */
  pinnedBy(): string[] {
    const oldest = this.#segments.find((segment) => segment.held.size > 0);
    const holders = [...(oldest?.held ?? [])].sort((a, b) => b[1] - a[1]);
    return holders.map(([tenant]) => tenant);
  }

  /** The oldest segment when nothing in it is held and it is not the last. */
  oldestDead(): SegmentIndex | undefined {
    const [oldest] = this.#segments;
    return oldest === this.active || (oldest?.held.size ?? 0) > 0 ? undefined : oldest;
  }

  /** Forgets a segment whose file has gone. */
  drop(segment: SegmentIndex): void {
    const at = this.#segments.indexOf(segment);
    if (at < 0) return;
    this.#segments.splice(at, 1);
    this.#sealedBytes -= segment.fileBytes;
    for (const tenant of segment.tenants) {
      if (!this.#segments.some((each) => each.hasRecordsOf(tenant))) {
        this.#released.delete(tenant);
      }
    }
  }

  /** Keys kept of profiles whose segment has gone. */
  keptKeyCount(): number {
    let count = 0;
    for (const segment of this.#segments) count += segment.keptKeyCount;
    return count;
  }

  *headers(tenant?: string): Iterable<RecordHeader> {
    const isHeld = (of: string, sequence: number) => this.isHeld(of, sequence);
    // A copy, because a segment may go while the reader waits.
    for (const segment of [...this.#segments]) yield* segment.headers(isHeld, tenant);
  }

  /** The newest record that is held of each tenant that has one. */
  newestHeld(): Map<string, number> {
    const newest = new Map<string, number>();
    for (const segment of this.#segments) {
      for (const [tenant, sequence] of segment.newest()) {
        if (this.isHeld(tenant, sequence)) newest.set(tenant, sequence);
      }
    }
    return newest;
  }

  *recentKeys(sinceMs: number, tenant?: string): Iterable<RecentKey> {
    for (const segment of [...this.#segments]) yield* segment.recentKeys(sinceMs, tenant);
  }

  /** The tenant's records from `from` on that are held, by segment. */
  places(tenant: string, from: number): { segment: SegmentIndex; places: EntryPlace[] }[] {
    const first = Math.max(from, (this.#released.get(tenant) ?? 0) + 1);
    return this.#segments
      .map((segment) => ({ segment, places: segment.places(tenant, first) }))
      .filter(({ places }) => places.length > 0);
  }
}

/** Keys by tenant, at most `countMax` in one group. */
export function groupKeys(
  keys: Iterable<RecentKey>,
  countMax: number,
): { tenant: string; keys: TimedKey[] }[] {
  const groups: { tenant: string; keys: TimedKey[] }[] = [];
  const open = new Map<string, TimedKey[]>();
  for (const { tenant, receivedMs, contentKey } of keys) {
    let group = open.get(tenant);
    if (group === undefined || group.length === countMax) {
      group = [];
      groups.push({ tenant, keys: group });
      open.set(tenant, group);
    }
    group.push({ receivedMs, contentKey });
  }
  return groups;
}
