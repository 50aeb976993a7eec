// The log kept in memory: the same contract without durability. What it holds is lost with the
// process; what it gives is order, and records from which a dropped head is rebuilt.
import { Failure } from '../errors.ts';
import type { ProfileRecord, RecentKey, RecordHeader, StoredRecord, Wal } from './wal.ts';

/** Counted for each record beside its body: labels, key, bookkeeping. */
const recordOverheadBytes = 512;
/** Keys told by `recentKeys`; the oldest are forgotten first. */
const keysMax = 100_000;

export interface MemoryWalOptions {
  id: string;
  bytesMax: number;
}

export class MemoryWal implements Wal {
  readonly id: string;
  readonly isDurable = false;
  readonly #bytesMax: number;
  readonly #records = new Map<string, StoredRecord[]>();
  #keys: (RecentKey & { sequence: number })[] = [];
  #sequence = 0;
  #committed = 0;
  #bytes = 0;

  constructor(options: MemoryWalOptions) {
    this.id = options.id;
    this.#bytesMax = options.bytesMax;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  append(record: ProfileRecord): number {
    const bytes = record.body.length + recordOverheadBytes;
    if (this.#bytes + bytes > this.#bytesMax) {
      throw new Failure(
        'unavailable',
        `log holds ${this.#bytes} bytes, record is ${bytes}, limit ${this.#bytesMax}`,
        { reason: 'log_full', retryAfterSeconds: 5 },
      );
    }
    const sequence = ++this.#sequence;
    const contentKey = record.contentKey.slice();
    const stored = { ...record, contentKey, body: record.body.slice(), sequence };
    this.#noteKey(stored);
    const records = this.#records.get(record.tenant);
    if (records === undefined) this.#records.set(record.tenant, [stored]);
    else records.push(stored);
    this.#bytes += bytes;
    return sequence;
  }

  commit(sequence: number): Promise<void> {
    this.#committed = Math.max(this.#committed, sequence);
    return Promise.resolve();
  }

  async *headers(tenant?: string): AsyncIterable<RecordHeader> {
    const chosen = tenant === undefined ? [...this.#records.values()] : [this.#records.get(tenant)];
    const all = chosen
      .flatMap((records) => records ?? [])
      .filter((one) => one.sequence <= this.#committed);
    all.sort((a, b) => a.sequence - b.sequence);
    for (const { body, labels: _labels, ...header } of all) {
      yield { ...header, bodyBytes: body.length };
    }
  }

  async *read(tenant: string, from: number): AsyncIterable<StoredRecord> {
    for (const record of [...(this.#records.get(tenant) ?? [])]) {
      if (record.sequence >= from && record.sequence <= this.#committed) yield record;
    }
  }

  newestHeld(): ReadonlyMap<string, number> {
    const newest = new Map<string, number>();
    for (const [tenant, records] of this.#records) {
      const last = records.findLast(({ sequence }) => sequence <= this.#committed);
      if (last !== undefined) newest.set(tenant, last.sequence);
    }
    return newest;
  }

  *recentKeys(sinceMs: number, only?: string): Iterable<RecentKey> {
    for (const { sequence, tenant, receivedMs, contentKey } of [...this.#keys]) {
      if (sequence > this.#committed || receivedMs < sinceMs) continue;
      if (only !== undefined && tenant !== only) continue;
      yield { tenant, receivedMs, contentKey };
    }
  }

  release(tenant: string, upTo: number, _ulid: string): Promise<void> {
    const records = this.#records.get(tenant) ?? [];
    const kept = records.filter((record) => record.sequence > upTo);
    for (const record of records) {
      if (record.sequence <= upTo) this.#bytes -= record.body.length + recordOverheadBytes;
    }
    if (kept.length === 0) this.#records.delete(tenant);
    else this.#records.set(tenant, kept);
    return Promise.resolve();
  }

  bytesUsed(): number {
    return this.#bytes;
  }

  bytesUsedBy(tenant: string): number {
    const records = this.#records.get(tenant) ?? [];
    const held = records.filter(({ sequence }) => sequence <= this.#committed);
    return held.reduce((sum, { body }) => sum + body.length + recordOverheadBytes, 0);
  }

  refusedUpTo(): number {
    return 0;
  }

  pinnedBy(): readonly string[] {
    const held = [...this.#records].map(([tenant, records]) => ({
      tenant,
      bytes: records.reduce((sum, { body }) => sum + body.length, 0),
    }));
    return held.sort((a, b) => b.bytes - a.bytes).map(({ tenant }) => tenant);
  }

  failure(): string | undefined {
    return undefined;
  }

  tick(): Promise<number> {
    return Promise.resolve(Number.POSITIVE_INFINITY);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #noteKey({ sequence, tenant, receivedMs, contentKey }: StoredRecord): void {
    this.#keys.push({ sequence, tenant, receivedMs, contentKey });
    // Half at once, so that forgetting costs nothing per record.
    if (this.#keys.length > keysMax) this.#keys = this.#keys.slice(-keysMax / 2);
  }
}
