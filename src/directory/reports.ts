// The metrics of all objects, in the storage of the directory: of each its last report, and the sum
// of what it had counted in earlier lives. Owns that nothing is counted twice: a report says all
// that was counted since its object was started, so that one that comes again changes nothing.
//
// An object is started and ended at any time. Its last report of a life is added to its sum when
// the first of another one comes, in the same row.
import { familiesOf, MetricSums } from '../metrics/sums.ts';
import type { ObjectStorage } from '../wal/durable-object-table.ts';

/** What an object says of its metrics. */
export interface Report {
  /** The object, for as long as there is one. */
  sender: string;
  /** Its life, and when that began. */
  life: string;
  startedMs: number;
  /** Of its reports in this life, from 1. */
  sequence: number;
  /** Of `samplesOf`. */
  samples: string;
}

export type Reported = 'taken' | 'known' | 'full';

/** With sum and report a row stays under the 2 MB that one may have. */
export const reportCharsMax = 900_000;
/** More objects than tenants: one may be spread over several. */
const sendersMax = 10_000;
/** Rows that are in memory at a time. */
const rowsPerRead = 20;
/** What an object held is gone with it: gauges older than this are left out. */
const gaugesMsMax = 5 * 60_000;
/** Of a scrape: some 5 MB of text. */
const samplesMax = 50_000;

export interface ReportsOptions {
  storage: ObjectStorage;
  /** What a registry of all metrics says, for their names, kinds and heads. */
  registryText: string;
  samplesMax?: number;
  sendersMax?: number;
}

export interface Scrape {
  text: string;
  senderCount: number;
  /** Samples that had no place. */
  leftOutCount: number;
}

const schema = `CREATE TABLE IF NOT EXISTS reports (
  id INTEGER PRIMARY KEY, sender TEXT NOT NULL UNIQUE, life TEXT NOT NULL,
  started REAL NOT NULL, sequence INTEGER NOT NULL, at REAL NOT NULL,
  earlier TEXT NOT NULL, samples TEXT NOT NULL)`;

export class Reports {
  readonly #options: ReportsOptions;
  readonly #families: ReturnType<typeof familiesOf>;

  /** Makes what is not there. */
  constructor(options: ReportsOptions) {
    this.#options = options;
    this.#families = familiesOf(options.registryText);
    options.storage.sql.exec(schema);
  }

  /** Takes a report: one written row. */
  take(report: Report, nowMs: number): Reported {
    const { sender, life, startedMs, sequence, samples } = report;
    const query = 'SELECT life, started, sequence FROM reports WHERE sender = ?';
    const [row] = this.#rows(query, sender);
    if (row === undefined) return this.#insert(report, nowMs);
    if (row['life'] === life) {
      if (sequence <= Number(row['sequence'])) return 'known';
      const update = 'UPDATE reports SET sequence = ?, at = ?, samples = ? WHERE sender = ?';
      this.#rows(update, sequence, nowMs, samples, sender);
      return 'taken';
    }
    // On its way when its object was ended, and overtaken by the next one.
    if (startedMs < Number(row['started'])) return 'known';
    const columns = 'life = ?, started = ?, sequence = ?, at = ?, earlier = ?, samples = ?';
    const update = `UPDATE reports SET ${columns} WHERE sender = ?`;
    this.#rows(update, life, startedMs, sequence, nowMs, this.#earlier(sender), samples, sender);
    return 'taken';
  }

  /** The sums of all, as a registry writes them. */
  scrape(nowMs: number): Scrape {
    const sums = new MetricSums(this.#families, this.#options.samplesMax ?? samplesMax);
    let senderCount = 0;
    for (let after = 0; ; ) {
      // In the order in which they came, so that the same tenants have a place of their own.
      const query = 'SELECT id, at, earlier, samples FROM reports WHERE id > ? ORDER BY id LIMIT ?';
      const rows = this.#rows(query, after, rowsPerRead);
      for (const { id, at, earlier, samples } of rows) {
        after = Number(id);
        senderCount++;
        sums.add(String(earlier), { hasGauges: false });
        sums.add(String(samples), { hasGauges: nowMs - Number(at) <= gaugesMsMax });
      }
      if (rows.length < rowsPerRead) break;
    }
    return { text: sums.text(), senderCount, leftOutCount: sums.leftOutCount };
  }

  #insert({ sender, life, startedMs, sequence, samples }: Report, nowMs: number): Reported {
    const [row] = this.#rows('SELECT count(*) AS count FROM reports');
    if (Number(row?.['count']) >= (this.#options.sendersMax ?? sendersMax)) return 'full';
    const insert =
      'INSERT INTO reports (sender, life, started, sequence, at, earlier, samples) ' +
      'VALUES (?, ?, ?, ?, ?, ?, ?)';
    this.#rows(insert, sender, life, startedMs, sequence, nowMs, '', samples);
    return 'taken';
  }

  /** What the object has counted up to its last report. */
  #earlier(sender: string): string {
    const [row] = this.#rows('SELECT earlier, samples FROM reports WHERE sender = ?', sender);
    const sums = new MetricSums(this.#families, Number.POSITIVE_INFINITY);
    for (const name of ['earlier', 'samples']) sums.add(String(row?.[name]), { hasGauges: false });
    const text = sums.samples();
    // Labels have changed over many lives: its counters begin anew, as after a restart.
    return text.length <= reportCharsMax ? text : '';
  }

  #rows(query: string, ...values: (string | number)[]) {
    return this.#options.storage.sql.exec(query, ...values).toArray();
  }
}
