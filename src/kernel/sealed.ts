// A sealed head: the rows of a kernel in final order, as the tables of a block. Owns the order of
// the calls to the kernel's seal and its memory; the kernel's live columns stay as they are, so
// queries go on, but nothing may be appended or rolled back before `release`.
import { assert } from '../errors.ts';
import type { Table } from '../model/table.ts';
import type { Kernel } from './kernel.ts';
import { SlotReader, type TableShape, tableShapes } from './sealed-columns.ts';

/**
 * Work of one step, in samples: about 5 ms. The rows of a seal are read in its first step, at a
 * few nanoseconds each, and one step may finish a stack that it began.
 */
const stepBudget = 1 << 20;
/** Bytes of a series record; the fields are read in `seriesRanges`. */
const seriesBytes = 40;

/** Exports of `wasm/seal.ts`; `wasm/ABI.md` says what they do. Addresses come back signed. */
interface SealExports {
  sealBegin(rowCount: number): number;
  sealStep(budget: number): number;
  sealResult(): number;
  sealFill(table: number, from: number, count: number): number;
  sealRelease(): void;
}

/** First row and number of rows. */
export type RowRange = readonly [from: number, count: number];

/** Where the rows of one series are in the tables that are ordered by series. */
export interface SeriesRange {
  readonly seriesId: number;
  readonly profiles: RowRange;
  readonly samples: RowRange;
  readonly totals: RowRange;
  /** Times of the first and the last profile, inclusive. */
  readonly minTimeNs: bigint;
  readonly maxTimeNs: bigint;
}

/** The rows of one head, on their way into a block. One seal per kernel at a time. */
export class SealedHead {
  readonly #kernel: Kernel;
  readonly #rowOrder: Uint32Array;
  readonly #seriesIds: Uint32Array;
  /** The instance that the seal is open in; a reset of the kernel ends both. */
  #open: SealExports | undefined;
  #state: 'new' | 'sealing' | 'ready' | 'released' = 'new';

  /**
   * `rowOrder` has the kernel's row numbers by (series, time, uuid), `seriesIds` the final series
   * id of each, ascending. Both must not change before the first step; nothing is done before it.
   */
  constructor(kernel: Kernel, rowOrder: Uint32Array, seriesIds: Uint32Array) {
    assert(
      rowOrder.length === seriesIds.length,
      `seal has ${rowOrder.length} rows, but ${seriesIds.length} series ids`,
    );
    this.#kernel = kernel;
    this.#rowOrder = rowOrder;
    this.#seriesIds = seriesIds;
  }

  /**
   * Goes on for a few milliseconds; true while work remains. Throws `unavailable` when the kernel
   * is out of memory: all of the seal's memory is given back then, and the next step starts over.
   */
  step(): boolean {
    assert(this.#state !== 'released', 'seal is released already');
    if (this.#state === 'ready') return false;
    if (this.#state === 'new') this.#begin();
    const left = this.#call((calls) => calls.sealStep(stepBudget));
    if (left < 0) {
      this.#giveBack();
      this.#state = 'new';
    }
    const more = this.#kernel.check(left) > 0;
    if (!more) this.#state = 'ready';
    return more;
  }

  #begin(): void {
    const calls = this.#kernel.exports as unknown as SealExports;
    const count = this.#rowOrder.length;
    const rowsAt = this.#kernel.check(this.#kernel.call(() => calls.sealBegin(count)));
    this.#open = calls;
    this.#state = 'sealing';
    const { idsAt } = this.#result();
    const { buffer } = this.#kernel.u8();
    new Uint32Array(buffer, rowsAt, count).set(this.#rowOrder);
    new Uint32Array(buffer, idsAt, count).set(this.#seriesIds);
  }

  #call(run: (calls: SealExports) => number): number {
    const calls = this.#open;
    assert(calls !== undefined, `seal is ${this.#state}`);
    assert(this.#isOpen(), 'kernel was reset under its seal');
    return this.#kernel.call(() => run(calls));
  }

  #isOpen(): boolean {
    return this.#open !== undefined && (this.#kernel.exports as unknown) === this.#open;
  }

  /** What the seal says of itself; offsets as in `wasm/seal.ts`. */
  #result() {
    const at = this.#call((calls) => calls.sealResult()) >>> 0;
    const view = new DataView(this.#kernel.u8().buffer, at);
    return {
      seriesAt: view.getUint32(0, true),
      seriesCount: view.getUint32(4, true),
      hasSpans: view.getUint32(8, true) === 1,
      slotsAt: view.getUint32(12, true),
      idsAt: view.getUint32(16, true),
      rows: (table: number) => view.getUint32(20 + 4 * table, true),
    };
  }

  /** The tables, in the order of a block's files without `series`; once `step` said false. */
  tables(): Table[] {
    assert(this.#state === 'ready', `seal is ${this.#state}, must be ready`);
    return tableShapes.map((shape, index) => this.#table(shape, index));
  }

  #table(shape: TableShape, index: number): Table {
    const result = this.#result();
    const rows = result.rows(index);
    return {
      name: shape.name,
      rows,
      bytes: rows * shape.rowBytes,
      columns: (from, count) => {
        assert(
          from >= 0 && count >= 0 && from + count <= rows,
          `rows ${from} to ${from + count} of ${shape.name}, which has ${rows}`,
        );
        this.#kernel.check(this.#call((calls) => calls.sealFill(index, from, count)));
        const { slotsAt, hasSpans } = this.#result();
        return shape.columns(new SlotReader(this.#kernel.u8().buffer, slotsAt, count), hasSpans);
      },
    };
  }

  /** The series of the head, ascending, with the rows that each has in the tables. */
  seriesRanges(): SeriesRange[] {
    assert(this.#state === 'ready', `seal is ${this.#state}, must be ready`);
    const { seriesAt, seriesCount } = this.#result();
    // One record more has the ends.
    const length = (seriesCount + 1) * seriesBytes;
    const records = new DataView(this.#kernel.u8().buffer, seriesAt, length);
    return Array.from({ length: seriesCount }, (_, index) => {
      const at = index * seriesBytes;
      const range = (field: number): RowRange => {
        const from = records.getUint32(at + field, true);
        return [from, records.getUint32(at + seriesBytes + field, true) - from];
      };
      return {
        seriesId: records.getUint32(at, true),
        profiles: range(4),
        samples: range(8),
        totals: range(12),
        minTimeNs: records.getBigInt64(at + 16, true),
        maxTimeNs: records.getBigInt64(at + 24, true),
      };
    });
  }

  /** Gives the seal's memory back; the tables and their columns are void. May be called twice. */
  release(): void {
    this.#giveBack();
    this.#state = 'released';
  }

  #giveBack(): void {
    const calls = this.#open;
    // Nothing to give back to a kernel that was reset, or broken by a trap.
    if (calls !== undefined && this.#isOpen() && !this.#kernel.isBroken) calls.sealRelease();
    this.#open = undefined;
  }
}
