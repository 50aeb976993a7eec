// Series of one head: label sets ↔ ids, and the rows of each. Owns identity (the labels, never
// their hash) and the rollback of what a refused append created.
import type { Labels } from '../model/labels.ts';

export interface Series {
  /** Dense, in order of creation. */
  readonly id: number;
  readonly labels: Labels;
  /** Row numbers of the kernel, ascending. */
  readonly rows: number[];
}

/** Row facts the head needs after the kernel has the rest: grown by doubling. */
interface RowColumns {
  series: Uint32Array;
  timesNs: BigInt64Array;
  /** 16 bytes a row. */
  uuids: Uint8Array;
}

const initialRows = 256;
/**
 * What a series takes of the heap, rather too much: measured were 2,130 bytes for ten labels of 18
 * characters, key and label together. Texts are there twice; a character is two bytes at most.
 */
function bytesOf(labels: Labels, key: string): number {
  return 300 + 150 * labels.length + 4 * key.length;
}

export class SeriesIndex {
  readonly #series: Series[] = [];
  readonly #keys: string[] = [];
  readonly #byKey = new Map<string, Series>();
  #columns: RowColumns = {
    series: new Uint32Array(initialRows),
    timesNs: new BigInt64Array(initialRows),
    uuids: new Uint8Array(initialRows * 16),
  };
  #rows = 0;
  #labelBytes = 0;

  get count(): number {
    return this.#series.length;
  }

  /** What label sets and their keys take of the heap, about. */
  get labelBytes(): number {
    return this.#labelBytes;
  }

  get rows(): number {
    return this.#rows;
  }

  /** The series with this key (`labelsKey`), created when there is none. */
  getOrCreate(key: string, labels: Labels): Series {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const series: Series = { id: this.#series.length, labels, rows: [] };
    this.#series.push(series);
    this.#keys.push(key);
    this.#byKey.set(key, series);
    this.#labelBytes += bytesOf(labels, key);
    return series;
  }

  get(id: number): Series {
    return this.#series[id] as Series;
  }

  /** Notes the kernel's next row. */
  addRow(seriesId: number, timeNs: bigint, uuid: Uint8Array): void {
    const row = this.#rows;
    if (row === this.#columns.series.length) this.#grow();
    this.#columns.series[row] = seriesId;
    this.#columns.timesNs[row] = timeNs;
    this.#columns.uuids.set(uuid, row * 16);
    this.get(seriesId).rows.push(row);
    this.#rows = row + 1;
  }

  /** Forgets every series with id ≥ `seriesCount` and every row ≥ `rows`. */
  truncate(seriesCount: number, rows: number): void {
    for (let row = this.#rows - 1; row >= rows; row--) {
      this.get(this.#columns.series[row] as number).rows.pop();
    }
    this.#rows = Math.min(this.#rows, rows);
    for (const key of this.#keys.splice(seriesCount)) {
      this.#labelBytes -= bytesOf(this.#byKey.get(key)?.labels ?? [], key);
      this.#byKey.delete(key);
    }
    this.#series.length = Math.min(this.#series.length, seriesCount);
  }

  /** All series, by id; later ones may have no visible row yet. */
  all(): readonly Series[] {
    return this.#series;
  }

  /** Time of a row, nanoseconds since the epoch. */
  timeNs(row: number): bigint {
    return this.#columns.timesNs[row] as bigint;
  }

  /** The 16 bytes of a row's uuid: a view, to be read at once. */
  uuid(row: number): Uint8Array {
    return this.#columns.uuids.subarray(row * 16, row * 16 + 16);
  }

  /** Series with a row below `rows`: what is visible. */
  *visible(rows: number): Generator<Series> {
    for (const series of this.#series) {
      const first = series.rows[0];
      if (first !== undefined && first < rows) yield series;
    }
  }

  /** Orders two rows by (time, uuid, arrival). */
  compareRows(a: number, b: number): number {
    const { timesNs, uuids } = this.#columns;
    const x = timesNs[a] as bigint;
    const y = timesNs[b] as bigint;
    if (x !== y) return x < y ? -1 : 1;
    for (let i = 0; i < 16; i++) {
      const difference = (uuids[a * 16 + i] as number) - (uuids[b * 16 + i] as number);
      if (difference !== 0) return difference;
    }
    return a - b;
  }

  #grow(): void {
    const { series, timesNs, uuids } = this.#columns;
    const capacity = series.length * 2;
    const grown = {
      series: new Uint32Array(capacity),
      timesNs: new BigInt64Array(capacity),
      uuids: new Uint8Array(capacity * 16),
    };
    grown.series.set(series);
    grown.timesNs.set(timesNs);
    grown.uuids.set(uuids);
    this.#columns = grown;
  }
}
