// What a tenant's object remembers of having told its tenants to the directory. Owns the flag,
// which is durable: a tenant costs one call and two written rows ever.
import type { Logger } from '../lib/log.ts';
import type { ObjectStorage } from '../wal/durable-object-table.ts';
import type { Listed } from './tenant-list.ts';

export interface MembershipOptions {
  storage: ObjectStorage;
  /** Rejects with `unavailable` when the directory does not answer. */
  tell: (tenant: string) => Promise<Listed>;
  log: Logger;
}

export class Membership {
  readonly #options: MembershipOptions;
  /** Told; also such as found no room, until the object is started again. */
  readonly #told: Set<string>;

  /** Makes what is not there. */
  constructor(options: MembershipOptions) {
    const { sql } = options.storage;
    this.#options = options;
    sql.exec('CREATE TABLE IF NOT EXISTS listed (tenant TEXT PRIMARY KEY) WITHOUT ROWID');
    const rows = sql.exec('SELECT tenant FROM listed').toArray();
    this.#told = new Set(rows.map((row) => String(row['tenant'])));
  }

  /**
   * Resolves once all of them are in the list: nothing of a tenant may be acknowledged before, so
   * that whoever asks for all tenants finds it. Rejects when the directory does not answer.
   */
  async ensure(tenants: Iterable<string>): Promise<void> {
    for (const tenant of tenants) {
      if (!this.#told.has(tenant)) await this.#tell(tenant);
    }
  }

  async #tell(tenant: string): Promise<void> {
    const { storage, tell, log } = this.#options;
    const answer = await tell(tenant);
    this.#told.add(tenant);
    if (answer === 'listed') storage.sql.exec('INSERT OR IGNORE INTO listed VALUES (?)', tenant);
    else log.warn('list of tenants is full, calls for all tenants do not reach it', { tenant });
  }
}
