// The list of tenants, in the storage of the one object that keeps it. Owns its bound; tenants are
// told by their own objects, once each, and are never taken off: there is nobody who could say that
// one will not come back.
import type { ObjectStorage } from '../wal/durable-object-table.ts';

/** With pages of the list, all of them are called within the 10,000 subrequests of one request. */
export const tenantsMax = 9_000;
/** Names of one answer: some 150 KB at most. */
const pageNames = 1_000;

/** What is said to an object that tells its tenant. */
export type Listed = 'listed' | 'full';

export interface TenantPage {
  /** In the order of their bytes. */
  tenants: string[];
  /** True over the bound: there may be tenants that are in no page. */
  isFull: boolean;
}

export class TenantList {
  readonly #storage: ObjectStorage;
  readonly #max: number;
  #count = 0;

  /** Makes what is not there. `max` is `tenantsMax`, but in tests. */
  constructor(storage: ObjectStorage, max = tenantsMax) {
    this.#storage = storage;
    this.#max = max;
    const table = 'CREATE TABLE IF NOT EXISTS tenants (tenant TEXT PRIMARY KEY) WITHOUT ROWID';
    storage.sql.exec(table);
    const [row] = storage.sql.exec('SELECT count(*) AS count FROM tenants').toArray();
    this.#count = Number(row?.['count']);
  }

  get count(): number {
    return this.#count;
  }

  /** Takes a tenant, which may be there already. One written row when it is new. */
  add(tenant: string): Listed {
    const { sql } = this.#storage;
    const [found] = sql.exec('SELECT 1 FROM tenants WHERE tenant = ?', tenant).toArray();
    if (found !== undefined) return 'listed';
    if (this.#count > this.#max) return 'full';
    // One more than the bound is taken, so that it is known that there are more.
    sql.exec('INSERT INTO tenants VALUES (?)', tenant);
    this.#count++;
    return 'listed';
  }

  /** The tenants behind one, from the first one on for `''`; the last page has none. */
  page(after: string): TenantPage {
    const query = 'SELECT tenant FROM tenants WHERE tenant > ? ORDER BY tenant LIMIT ?';
    const rows = this.#storage.sql.exec(query, after, pageNames).toArray();
    return {
      tenants: rows.map((row) => String(row['tenant'])),
      isFull: this.#count > this.#max,
    };
  }
}
