// What one segment holds, in memory: a row of numbers per profile, no object. Owns the columns and
// the bytes that each tenant still holds in the segment; which of them are released is told to it.
//
// 57 bytes a row: with 50 KB profiles a thousandth of the log.
import type { RecordHead, TimedKey } from './record.ts';
import type { RecentKey, RecordHeader } from './wal.ts';

const keyBytes = 16;

/** Where a record is in its segment. */
export interface EntryPlace {
  sequence: number;
  position: number;
  headBytes: number;
  bodyBytes: number;
}

type Entry = Pick<
  RecordHead,
  'sequence' | 'position' | 'headBytes' | 'bodyBytes' | 'tenant' | 'timeMs' | 'contentKey'
>;

export class SegmentIndex {
  readonly segment: number;
  /** Where what may be read ends. */
  end = 0;
  /** What the file takes on the disk. */
  fileBytes = 0;
  /** Something in the file is wrong: it is kept aside, not deleted. */
  isDamaged = false;
  #rows = 0;
  #sequences = new Float64Array(16);
  #times = new Float64Array(16);
  #positions = new Uint32Array(16);
  #headBytes = new Uint32Array(16);
  #bodyBytes = new Uint32Array(16);
  #tenantIds = new Uint32Array(16);
  #damaged = new Uint8Array(16);
  #keys = new Uint8Array(16 * keyBytes);
  readonly #tenants: string[] = [];
  readonly #idOf = new Map<string, number>();
  readonly #held = new Map<string, number>();
  /** Keys of profiles whose own segment has gone. */
  readonly #keptKeys: RecentKey[] = [];

  constructor(segment: number) {
    this.segment = segment;
  }

  /** Adds a profile, in sequence order. */
  add(entry: Entry): void {
    const row = this.#rows++;
    if (row === this.#sequences.length) this.#grow(row * 2);
    this.#sequences[row] = entry.sequence;
    this.#times[row] = entry.timeMs;
    this.#positions[row] = entry.position;
    this.#headBytes[row] = entry.headBytes;
    this.#bodyBytes[row] = entry.bodyBytes;
    this.#tenantIds[row] = this.#tenantId(entry.tenant);
    this.#keys.set(entry.contentKey, row * keyBytes);
    this.#hold(entry.tenant, entry.headBytes + entry.bodyBytes);
  }

  addKeys(tenant: string, keys: readonly TimedKey[]): void {
    for (const key of keys) this.#keptKeys.push({ tenant, ...key });
  }

  get rowCount(): number {
    return this.#rows;
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
    const id = this.#idOf.get(tenant);
    if (id === undefined) return;
    for (let row = this.#firstRow(after + 1); row < this.#rows; row++) {
      if ((this.#sequences[row] as number) > upTo) return;
      if (this.#tenantIds[row] !== id || this.#damaged[row] === 1) continue;
      this.#hold(tenant, -this.#bytesOf(row));
    }
  }

  /** The tenant's records from `from` on, in order, without those known to be damaged. */
  places(tenant: string, from: number): EntryPlace[] {
    const id = this.#idOf.get(tenant);
    const found: EntryPlace[] = [];
    if (id === undefined) return found;
    for (let row = this.#firstRow(from); row < this.#rows; row++) {
      if (this.#tenantIds[row] !== id || this.#damaged[row] === 1) continue;
      found.push(this.#placeOf(row));
    }
    return found;
  }

  /** All records, in order. */
  *allPlaces(): Iterable<EntryPlace> {
    for (let row = 0; row < this.#rows; row++) yield this.#placeOf(row);
  }

  /**
   * Notes that a record which was not released cannot be read: it is left out from now on and holds
   * nothing. False when that was known, or there is no such record.
   */
  setDamaged(sequence: number): boolean {
    const row = this.#firstRow(sequence);
    if (this.#sequences[row] !== sequence || this.#damaged[row] === 1) return false;
    this.#damaged[row] = 1;
    this.isDamaged = true;
    this.#hold(this.#tenantOf(row), -this.#bytesOf(row));
    return true;
  }

  /** Headers of the records for which `isHeld` is true. */
  *headers(isHeld: (tenant: string, sequence: number) => boolean): Iterable<RecordHeader> {
    for (let row = 0; row < this.#rows; row++) {
      const sequence = this.#sequences[row] as number;
      const tenant = this.#tenantOf(row);
      if (this.#damaged[row] === 1 || !isHeld(tenant, sequence)) continue;
      const bodyBytes = this.#bodyBytes[row] as number;
      yield { sequence, tenant, ...this.#keyOf(row), bodyBytes };
    }
  }

  /** Keys received at `sinceMs` or later, of profiles here and of those kept beyond theirs. */
  *recentKeys(sinceMs: number): Iterable<RecentKey> {
    for (const key of this.#keptKeys) if (key.receivedMs >= sinceMs) yield { ...key };
    for (let row = 0; row < this.#rows; row++) {
      if ((this.#times[row] as number) < sinceMs) continue;
      yield { tenant: this.#tenantOf(row), ...this.#keyOf(row) };
    }
  }

  #placeOf(row: number): EntryPlace {
    return {
      sequence: this.#sequences[row] as number,
      position: this.#positions[row] as number,
      headBytes: this.#headBytes[row] as number,
      bodyBytes: this.#bodyBytes[row] as number,
    };
  }

  #keyOf(row: number): TimedKey {
    const contentKey = this.#keys.slice(row * keyBytes, (row + 1) * keyBytes);
    return { receivedMs: this.#times[row] as number, contentKey };
  }

  #tenantOf(row: number): string {
    return this.#tenants[this.#tenantIds[row] as number] as string;
  }

  #bytesOf(row: number): number {
    return (this.#headBytes[row] as number) + (this.#bodyBytes[row] as number);
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

  /** The first row whose sequence is at least `sequence`. */
  #firstRow(sequence: number): number {
    let low = 0;
    let high = this.#rows;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sequences[middle] as number) < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #grow(rows: number): void {
    this.#sequences = grown(this.#sequences, new Float64Array(rows));
    this.#times = grown(this.#times, new Float64Array(rows));
    this.#positions = grown(this.#positions, new Uint32Array(rows));
    this.#headBytes = grown(this.#headBytes, new Uint32Array(rows));
    this.#bodyBytes = grown(this.#bodyBytes, new Uint32Array(rows));
    this.#tenantIds = grown(this.#tenantIds, new Uint32Array(rows));
    this.#damaged = grown(this.#damaged, new Uint8Array(rows));
    this.#keys = grown(this.#keys, new Uint8Array(rows * keyBytes));
  }
}

function grown<T extends Float64Array | Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
