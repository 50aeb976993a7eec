// The content keys of a Durable Object's log, packed: an object that is started for one push must
// not read a row for each record of the last minutes. Owns the table `keys` and how one key is
// looked for; `durable-object-table.ts` says which rows are not in it yet.
import type { RowHead } from './durable-object-rows.ts';
import type { RunSql, SqlRow } from './durable-object-sql.ts';

export const keysSchema = `CREATE TABLE IF NOT EXISTS keys (
    page INTEGER PRIMARY KEY, upTo INTEGER NOT NULL, written REAL NOT NULL, entries BLOB NOT NULL)`;

const entryBytes = 24;
const entryWords = entryBytes / 4;
/** A page is written anew with each of its packs: 96 KiB at the most. */
const pageEntriesMax = 4_096;

/** Keys with the times at which they were received, in the layout of a page. */
function encodeEntries(heads: readonly RowHead[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(heads.length * entryBytes);
  const view = new DataView(bytes.buffer);
  for (const [index, { receivedMs, contentKey }] of heads.entries()) {
    view.setFloat64(index * entryBytes, receivedMs, true);
    bytes.set(contentKey, index * entryBytes + 8);
  }
  return bytes;
}

/** Entries that do not change, in several pieces. */
export class PackedKeys {
  readonly #pieces: readonly ArrayBuffer[];

  constructor(pieces: readonly ArrayBuffer[]) {
    this.#pieces = pieces;
  }

  /** Compares with all of them: some ten thousand take as long as one round trip of anything. */
  has(key: Uint8Array, sinceMs: number): boolean {
    const [a, b, c, d] = new Uint32Array(key.slice().buffer);
    for (const piece of this.#pieces) {
      const words = new Uint32Array(piece);
      for (let at = 0; at < words.length; at += entryWords) {
        if (words[at + 2] !== a || words[at + 3] !== b) continue;
        if (words[at + 4] !== c || words[at + 5] !== d) continue;
        if (new DataView(piece).getFloat64(at * 4, true) >= sinceMs) return true;
      }
    }
    return false;
  }
}

export class KeyPages {
  readonly #sql: RunSql;

  constructor(sql: RunSql) {
    this.#sql = sql;
  }

  /** The last row of the log whose keys are in a page. */
  packedUpTo(): number {
    const [row] = this.#sql('SELECT upTo FROM keys ORDER BY page DESC LIMIT 1');
    return Number(row?.['upTo'] ?? 0);
  }

  /**
   * Adds the keys of rows up to the row `upTo`, and drops pages that were written last before
   * `sinceMs`. In a transaction.
   */
  pack(heads: readonly RowHead[], upTo: number, nowMs: number, sinceMs: number): void {
    const [newest] = this.#sql('SELECT page, entries FROM keys ORDER BY page DESC LIMIT 1');
    let page = Number(newest?.['page'] ?? 0);
    let entries = encodeEntries(heads);
    const before = newest === undefined ? new Uint8Array(0) : bytesOf(newest);
    if (before.length < pageEntriesMax * entryBytes) {
      const joined = new Uint8Array(before.length + entries.length);
      joined.set(before);
      joined.set(entries, before.length);
      entries = joined;
    } else {
      page++;
    }
    for (let at = 0; at < entries.length; at += pageEntriesMax * entryBytes, page++) {
      const piece = entries.subarray(at, at + pageEntriesMax * entryBytes);
      this.#sql('INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?)', page, upTo, nowMs, piece);
    }
    this.#sql('DELETE FROM keys WHERE written < ?', sinceMs);
  }

  /** The keys of pages that were written last at or after `sinceMs`, and those of `heads`. */
  load(sinceMs: number, heads: readonly RowHead[]): PackedKeys {
    const rows = this.#sql('SELECT entries FROM keys WHERE written >= ?', sinceMs);
    return new PackedKeys([
      ...rows.map((row) => row['entries']).filter((entries) => entries instanceof ArrayBuffer),
      encodeEntries(heads).buffer,
    ]);
  }
}

function bytesOf(row: SqlRow): Uint8Array {
  const entries = row['entries'];
  return entries instanceof ArrayBuffer ? new Uint8Array(entries) : new Uint8Array(0);
}
