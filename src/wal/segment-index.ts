// What one segment holds, in memory. Owns its tenants and the bytes that each still holds in it;
// which records are released is told to it. The rows are `segment-rows.ts`'s.
import type { TimedKey } from './record.ts';
import { type EntryPlace, type Row, SegmentRows } from './segment-rows.ts';
import type { RecentKey, RecordHeader } from './wal.ts';

export class SegmentIndex {
  readonly segment: number;
  /** Where what may be read ends. */
  end = 0;
  /** What the file takes on the disk. */
  fileBytes = 0;
  /** What the index record behind `end` takes; 0: there is none. */
  indexBytes = 0;
  /** Something in the file is wrong: it is kept aside, not deleted. */
  isDamaged = false;
  /** The highest sequence that any record here knows of. */
  lastSequence = 0;
  /** Up to where tenants are in blocks, as far as this segment says. */
  readonly flushed = new Map<string, number>();
  /** Where the records with kept keys are. */
  readonly keysAt: number[] = [];
  readonly #rows = new SegmentRows();
  readonly #tenants: string[] = [];
  readonly #idOf = new Map<string, number>();
  readonly #held = new Map<string, number>();
  /** Keys of profiles whose own segment has gone. */
  readonly #keptKeys: RecentKey[] = [];

  constructor(segment: number) {
    this.segment = segment;
  }

  /** Adds a profile, in sequence order. */
  add(entry: Row & { tenant: string }): void {
    this.noteSequence(entry.sequence);
    this.#rows.add(entry, this.#tenantId(entry.tenant));
    this.#hold(entry.tenant, entry.headBytes + entry.bodyBytes);
  }

  /** The segment says that the tenant's records up to `sequence` are in blocks. */
  addFlushed(tenant: string, sequence: number): void {
    this.noteSequence(sequence);
    this.flushed.set(tenant, Math.max(sequence, this.flushed.get(tenant) ?? 0));
  }

  /** Adds what the `keys` record at `position` says. */
  addKeys(tenant: string, keys: readonly TimedKey[], position: number): void {
    this.keysAt.push(position);
    for (const key of keys) this.#keptKeys.push({ tenant, ...key });
  }

  noteSequence(sequence: number): void {
    this.lastSequence = Math.max(this.lastSequence, sequence);
  }

  get rowCount(): number {
    return this.#rows.count;
  }

  get keptKeyCount(): number {
    return this.#keptKeys.length;
  }

  /** Bytes per tenant with records that are not released. */
  get held(): ReadonlyMap<string, number> {
    return this.#held;
  }

  /** Tenants with records here, released or not. */
  get tenants(): readonly string[] {
    return this.#tenants;
  }

  hasRecordsOf(tenant: string): boolean {
    return this.#idOf.has(tenant);
  }

  heldBytes(): number {
    let bytes = 0;
    for (const each of this.#held.values()) bytes += each;
    return bytes;
  }

  /** Takes back what the tenant's records in `after < sequence <= upTo` hold. */
  release(tenant: string, after: number, upTo: number): void {
    const rows = this.#rows;
    const id = this.#idOf.get(tenant);
    if (id === undefined) return;
    for (let row = rows.firstFrom(after + 1); row < rows.count; row++) {
      if (rows.sequenceOf(row) > upTo) return;
      if (rows.tenantIdOf(row) === id && !rows.isDamaged(row)) {
        this.#hold(tenant, -rows.bytesOf(row));
      }
    }
  }

  /** The tenant's records from `from` on, in order, without those known to be damaged. */
  places(tenant: string, from: number): EntryPlace[] {
    const rows = this.#rows;
    const id = this.#idOf.get(tenant);
    const found: EntryPlace[] = [];
    if (id === undefined) return found;
    for (let row = rows.firstFrom(from); row < rows.count; row++) {
      if (rows.tenantIdOf(row) === id && !rows.isDamaged(row)) found.push(rows.placeOf(row));
    }
    return found;
  }

  /** The newest record of each tenant that is not known to be damaged. */
  newest(): Map<string, number> {
    const rows = this.#rows;
    const newest = new Float64Array(this.#tenants.length);
    for (let row = 0; row < rows.count; row++) {
      if (!rows.isDamaged(row)) newest[rows.tenantIdOf(row)] = rows.sequenceOf(row);
    }
    return new Map(this.#tenants.map((tenant, id) => [tenant, newest[id] as number]));
  }

  /**
   * Notes that a record which was not released cannot be read: it is left out from now on and holds
   * nothing. False when that was known, or there is no such record.
   */
  setDamaged(sequence: number): boolean {
    const rows = this.#rows;
    const row = rows.firstFrom(sequence);
    const isThere = row < rows.count && rows.sequenceOf(row) === sequence;
    if (!isThere || rows.isDamaged(row)) return false;
    rows.setDamaged(row);
    this.isDamaged = true;
    this.#hold(this.#tenantOf(row), -rows.bytesOf(row));
    return true;
  }

  /** Headers of the records, of one tenant or all, for which `isHeld` is true. */
  *headers(
    isHeld: (tenant: string, sequence: number) => boolean,
    only?: string,
  ): Iterable<RecordHeader> {
    const rows = this.#rows;
    const id = only === undefined ? undefined : this.#idOf.get(only);
    if (only !== undefined && id === undefined) return;
    for (let row = 0; row < rows.count; row++) {
      if (id !== undefined && rows.tenantIdOf(row) !== id) continue;
      const tenant = this.#tenantOf(row);
      const { sequence, bodyBytes } = rows.placeOf(row);
      if (rows.isDamaged(row) || !isHeld(tenant, sequence)) continue;
      yield { sequence, tenant, ...rows.keyOf(row), bodyBytes };
    }
  }

  /**
   * Keys received at `sinceMs` or later, of profiles here and of those kept beyond theirs; of one
   * tenant when it is named.
   */
  *recentKeys(sinceMs: number, tenant?: string): Iterable<RecentKey> {
    for (const key of this.#keptKeys) {
      const isWanted = tenant === undefined || key.tenant === tenant;
      if (isWanted && key.receivedMs >= sinceMs) yield { ...key };
    }
    const rows = this.#rows;
    const id = tenant === undefined ? undefined : this.#idOf.get(tenant);
    if (tenant !== undefined && id === undefined) return;
    for (let row = 0; row < rows.count; row++) {
      if (rows.timeOf(row) < sinceMs || (id !== undefined && rows.tenantIdOf(row) !== id)) continue;
      yield { tenant: this.#tenantOf(row), ...rows.keyOf(row) };
    }
  }

  /** Writes the rows as an index record holds them. */
  encodeRows(to: Uint8Array): void {
    this.#rows.encode(to);
  }

  /**
   * Fills an empty index with what `encodeRows` wrote; `tenants` are those of the index it was
   * called on. False when a row names none of them.
   */
  decodeRows(from: Uint8Array, tenants: readonly string[]): boolean {
    const rows = this.#rows;
    rows.decode(from);
    const held = new Float64Array(tenants.length);
    for (let row = 0; row < rows.count; row++) {
      const id = rows.tenantIdOf(row);
      if (id >= tenants.length) return false;
      held[id] = (held[id] as number) + rows.bytesOf(row);
    }
    for (const [id, tenant] of tenants.entries()) {
      this.#tenantId(tenant);
      this.#hold(tenant, held[id] as number);
    }
    return true;
  }

  #tenantOf(row: number): string {
    return this.#tenants[this.#rows.tenantIdOf(row)] as string;
  }

  #hold(tenant: string, bytes: number): void {
    const held = (this.#held.get(tenant) ?? 0) + bytes;
    if (held > 0) this.#held.set(tenant, held);
    else this.#held.delete(tenant);
  }

  #tenantId(tenant: string): number {
    const known = this.#idOf.get(tenant);
    if (known !== undefined) return known;
    const id = this.#tenants.push(tenant) - 1;
    this.#idOf.set(tenant, id);
    return id;
  }
}
