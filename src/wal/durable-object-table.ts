// The tables of a Durable Object's log. Owns the SQL, and which row is written over; what of it is
// committed, `durable-object.ts` knows.
import { Failure } from '../errors.ts';
import type { PendingRecord } from './commit-queue.ts';
import { KeyPages, keysSchema, type PackedKeys } from './durable-object-keys.ts';
import { decodeRowHeads, type NewRow, type RowHead, rowsOf } from './durable-object-rows.ts';
import type { SqlRow, SqlValue } from './durable-object-sql.ts';
import type { FlushPlan } from './wal.ts';

/**
 * The part of a Durable Object's storage that is used here.
 * https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/
 */
export interface ObjectStorage {
  readonly sql: { exec(query: string, ...values: SqlValue[]): { toArray(): SqlRow[] } };
  transactionSync<T>(work: () => T): T;
  /** Resolves once everything written before is durable. */
  sync(): Promise<void>;
}

/** What is known of a tenant without reading its records. */
export interface LoggedTenant {
  /** Sequence of its newest record. */
  newest: number;
  /** Bytes of all its records ever. */
  total: number;
  /** Up to here its records are released, and `releasedTotal` bytes with them. */
  released: number;
  releasedTotal: number;
  /** No row up to this one holds any of it. */
  after: number;
  /** Its newest row. */
  lastRow: number;
}

/** The first row of records that were committed together. */
export interface Batch {
  id: number;
  heads: RowHead[];
  /** Bytes of the tenant's records ever, up to and with these. */
  total: number;
}

const version = '1';
/** Rows of heads that are read at a time: some 40 bytes for each record in them. */
const batchesPerRead = 64;
/** The keys of as many rows are packed at a time: that writes one row more. */
const rowsPerPack = 64;
/** So few rows are kept for later in any case. */
const spareRowsMin = 16;

const schema = [
  `CREATE TABLE IF NOT EXISTS log (
    id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, part INTEGER NOT NULL, last INTEGER NOT NULL,
    written REAL NOT NULL, total INTEGER NOT NULL, heads BLOB NOT NULL, data BLOB NOT NULL)`,
  `CREATE TABLE IF NOT EXISTS tenants (
    tenant TEXT PRIMARY KEY, released INTEGER NOT NULL, total INTEGER NOT NULL,
    after INTEGER NOT NULL) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS plans (
    tenant TEXT PRIMARY KEY, ulid TEXT NOT NULL, upTo INTEGER NOT NULL) WITHOUT ROWID`,
  'CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID',
  keysSchema,
];

export class LogTable {
  readonly #storage: ObjectStorage;
  readonly #keyWindowMs: number;
  readonly #keys = new KeyPages((query, ...values) => this.#rows(query, ...values));
  #nextId = 1;

  /** Rows younger than `keyWindowMs` are not written over: they tell the keys of their records. */
  constructor(storage: ObjectStorage, keyWindowMs: number) {
    this.#storage = storage;
    this.#keyWindowMs = keyWindowMs;
  }

  /** Makes what is not there. Answers the log's identity. Throws `corrupt` for another version. */
  open(newId: () => string): string {
    return this.#storage.transactionSync(() => {
      for (const statement of schema) this.#rows(statement);
      const found = this.#fact('version');
      if (found === undefined) {
        this.#rows('INSERT INTO facts VALUES (?, ?), (?, ?)', 'version', version, 'id', newId());
      } else if (found !== version) {
        throw new Failure('corrupt', `log has format version ${found}, known is ${version}`);
      }
      // Numbers grow also when rows were deleted.
      const [newest] = this.#rows('SELECT max(id) AS id FROM log');
      const [released] = this.#rows('SELECT max(after) AS id FROM tenants');
      this.#nextId = Math.max(Number(newest?.['id'] ?? 0), Number(released?.['id'] ?? 0)) + 1;
      return this.#fact('id') as string;
    });
  }

  /** One row is read for each tenant, and one more. */
  tenants(): Map<string, LoggedTenant> {
    const found = new Map<string, LoggedTenant>();
    for (const row of this.#rows('SELECT * FROM tenants')) {
      const tenant = String(row['tenant']);
      const query = 'SELECT id, last, total FROM log WHERE tenant = ? ORDER BY id DESC LIMIT 1';
      const [newest] = this.#rows(query, tenant);
      const released = Number(row['released']);
      const releasedTotal = Number(row['total']);
      found.set(tenant, {
        newest: Math.max(released, Number(newest?.['last'] ?? 0)),
        total: Math.max(releasedTotal, Number(newest?.['total'] ?? 0)),
        released,
        releasedTotal,
        after: Number(row['after']),
        lastRow: Number(newest?.['id'] ?? 0),
      });
    }
    return found;
  }

  /**
   * Stores records, which are of one tenant. To be called in a transaction. Answers the tenant as
   * it is from then on.
   */
  write(
    logTag: number,
    records: readonly PendingRecord[],
    logged: ReadonlyMap<string, LoggedTenant>,
    nowMs: number,
  ): LoggedTenant {
    const { tenantName: tenant, sequence: last } = records.at(-1) as PendingRecord;
    let state = logged.get(tenant);
    if (state === undefined) {
      this.#rows('INSERT INTO tenants VALUES (?, 0, 0, 0)', tenant);
      state = { newest: 0, total: 0, released: 0, releasedTotal: 0, after: 0, lastRow: 0 };
    }
    const total = records.reduce((sum, { bytes }) => sum + bytes, state.total);
    const firstId = this.#nextId;
    for (const row of rowsOf(logTag, firstId, records)) {
      this.#writeRow(
        row,
        [tenant, row.part, last, nowMs, total, row.heads, row.data],
        logged,
        nowMs,
      );
    }
    const packOf = (id: number) => Math.floor(id / rowsPerPack);
    if (packOf(this.#nextId) !== packOf(firstId)) this.#packKeys(firstId - 1, nowMs);
    return { ...state, newest: last, total, lastRow: this.#nextId - 1 };
  }

  /** The tenant's rows behind `after` with records from `from` on, at most `count` of them. */
  batches(tenant: string, after: number, from: number, count = batchesPerRead): Batch[] {
    const query =
      'SELECT id, total, heads FROM log ' +
      'WHERE id > ? AND tenant = ? AND part = 0 AND last >= ? ORDER BY id LIMIT ?';
    return this.#rows(query, after, tenant, from, count).map(batchOf);
  }

  /** The bytes of all rows of a batch; as many as there are of one that was written over. */
  data(id: number): Uint8Array {
    const next = '(SELECT min(id) FROM log WHERE id > ? AND part = 0)';
    const query = `SELECT data FROM log WHERE id >= ? AND id < coalesce(${next}, ?) ORDER BY id`;
    const parts = this.#rows(query, id, id, this.#nextId).map((row) => blobOf(row['data']));
    if (parts.length === 1) return parts[0] as Uint8Array;
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    return bytes;
  }

  /** Heads of rows written at or after `sinceMs`, oldest first, with their tenants. */
  headsSince(sinceMs: number): { tenant: string; heads: RowHead[] }[] {
    const found: { tenant: string; heads: RowHead[] }[] = [];
    for (let before = this.#nextId; ; ) {
      const query =
        'SELECT id, tenant, part, written, heads FROM log WHERE id < ? ORDER BY id DESC LIMIT ?';
      const rows = this.#rows(query, before, batchesPerRead);
      for (const { tenant, part, written, heads } of rows) {
        if (Number(written) < sinceMs) return found.reverse();
        if (part === 0)
          found.push({ tenant: String(tenant), heads: decodeRowHeads(blobOf(heads)) });
      }
      if (rows.length < batchesPerRead) return found.reverse();
      before = Number(rows.at(-1)?.['id']);
    }
  }

  /**
   * Keys of records up to `committed`, of rows written at or after `sinceMs` and of some others.
   * Reads a row for some thousand of them, and a bounded number more.
   */
  keysSince(sinceMs: number, committed: number): PackedKeys {
    const heads = this.#unpackedHeads(this.#nextId);
    const isCommitted = ({ sequence }: RowHead) => sequence <= committed;
    return this.#keys.load(sinceMs, heads.filter(isCommitted));
  }

  /** The tenant as it is once its records up to `upTo`, which is one of its own, are released. */
  releasedAt(tenant: string, logged: LoggedTenant, upTo: number): LoggedTenant {
    if (upTo >= logged.newest) {
      const { newest, total, lastRow } = logged;
      return { ...logged, released: newest, releasedTotal: total, after: lastRow };
    }
    const [batch] = this.batches(tenant, logged.after, upTo + 1, 1);
    if (batch === undefined) return logged;
    const held = batch.heads.filter(({ sequence }) => sequence > upTo);
    const heldBytes = held.reduce((sum, { bytes }) => sum + bytes, 0);
    return {
      ...logged,
      released: upTo,
      releasedTotal: batch.total - heldBytes,
      after: batch.id - 1,
    };
  }

  /** Stores what is released, and gives back rows that are not worth keeping. In a transaction. */
  release(tenant: string, before: LoggedTenant, now: LoggedTenant, nowMs: number): void {
    const { released, releasedTotal, after } = now;
    const update = 'UPDATE tenants SET released = ?, total = ?, after = ? WHERE tenant = ?';
    this.#rows(update, released, releasedTotal, after, tenant);
    // As many as this block took will do for the next one.
    const count = (from: number, to: number) => {
      const query = 'SELECT count(*) AS count FROM log WHERE id > ? AND id <= ? AND tenant = ?';
      return Number(this.#rows(query, from, to, tenant)[0]?.['count']);
    };
    const kept = spareRowsMin + 2 * count(before.after, after);
    const spare = count(0, after) - kept;
    if (spare <= 0) return;
    const oldest =
      'SELECT id FROM log WHERE id <= ? AND tenant = ? AND written < ? ORDER BY id LIMIT ?';
    const query = `DELETE FROM log WHERE id IN (${oldest})`;
    this.#rows(query, after, tenant, nowMs - this.#keyWindowMs, spare);
  }

  /** The block that was planned last. */
  planOf(tenant: string): FlushPlan | undefined {
    const [row] = this.#rows('SELECT ulid, upTo FROM plans WHERE tenant = ?', tenant);
    return row && { tenant, ulid: String(row['ulid']), upTo: Number(row['upTo']) };
  }

  /** Takes the place of the tenant's last one: nobody deletes it, as that would write a row. */
  plan({ tenant, ulid, upTo }: FlushPlan): void {
    this.#rows('INSERT OR REPLACE INTO plans VALUES (?, ?, ?)', tenant, ulid, upTo);
  }

  #writeRow(
    { id }: NewRow,
    values: SqlValue[],
    logged: ReadonlyMap<string, LoggedTenant>,
    nowMs: number,
  ): void {
    this.#nextId = id + 1;
    const query = 'SELECT id, tenant, last, written FROM log ORDER BY id LIMIT 1';
    const [oldest] = this.#rows(query);
    const released = logged.get(String(oldest?.['tenant']))?.released ?? 0;
    const isFree =
      oldest !== undefined &&
      Number(oldest['last']) <= released &&
      Number(oldest['written']) < nowMs - this.#keyWindowMs;
    if (!isFree) {
      this.#rows('INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?)', id, ...values);
      return;
    }
    const columns = 'id = ?, tenant = ?, part = ?, last = ?, written = ?, total = ?';
    const update = `UPDATE log SET ${columns}, heads = ?, data = ? WHERE id = ?`;
    this.#rows(update, id, ...values, Number(oldest['id']));
  }

  /** All rows up to `upTo` were committed before: what a pack holds was acknowledged. */
  #packKeys(upTo: number, nowMs: number): void {
    this.#keys.pack(this.#unpackedHeads(upTo), upTo, nowMs, nowMs - this.#keyWindowMs);
  }

  #unpackedHeads(upTo: number): RowHead[] {
    const query = 'SELECT heads FROM log WHERE id > ? AND id <= ? AND part = 0 ORDER BY id';
    const rows = this.#rows(query, this.#keys.packedUpTo(), upTo);
    return rows.flatMap(({ heads }) => decodeRowHeads(blobOf(heads)));
  }

  #fact(name: string): string | undefined {
    const [row] = this.#rows('SELECT value FROM facts WHERE name = ?', name);
    return row === undefined ? undefined : String(row['value']);
  }

  #rows(query: string, ...values: SqlValue[]): SqlRow[] {
    return this.#storage.sql.exec(query, ...values).toArray();
  }
}

function batchOf(row: SqlRow): Batch {
  return {
    id: Number(row['id']),
    heads: decodeRowHeads(blobOf(row['heads'])),
    total: Number(row['total']),
  };
}

function blobOf(value: SqlValue | undefined): Uint8Array {
  return value instanceof ArrayBuffer ? new Uint8Array(value) : new Uint8Array(0);
}
