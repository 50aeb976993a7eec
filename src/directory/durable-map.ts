// Texts by key in an object's storage. Owns the table; whoever uses it bounds how many there are.
import type { ObjectStorage } from '../wal/durable-object-table.ts';

export class DurableMap {
  readonly #sql: ObjectStorage['sql'];
  readonly #table: string;

  /** Makes the table, whose name is ours, when it is not there. */
  constructor({ sql }: ObjectStorage, table: string) {
    this.#sql = sql;
    this.#table = table;
    const columns = 'key TEXT PRIMARY KEY, text TEXT NOT NULL';
    sql.exec(`CREATE TABLE IF NOT EXISTS ${table} (${columns}) WITHOUT ROWID`);
  }

  /** All of them, by key. */
  entries(): [key: string, text: string][] {
    const rows = this.#sql.exec(`SELECT key, text FROM ${this.#table} ORDER BY key`).toArray();
    return rows.map((row) => [String(row['key']), String(row['text'])]);
  }

  set(key: string, text: string): void {
    this.#sql.exec(`INSERT OR REPLACE INTO ${this.#table} VALUES (?, ?)`, key, text);
  }

  delete(key: string): void {
    this.#sql.exec(`DELETE FROM ${this.#table} WHERE key = ?`, key);
  }
}
