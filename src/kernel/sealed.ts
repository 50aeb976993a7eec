// A sealed head: the rows of a kernel in final order, as the tables of a block. Owns the order of
// the calls to the kernel's seal and its memory; the kernel's live columns stay as they are, so
// queries go on, but nothing may be appended or rolled back before `release`.
import { assert } from '../errors.ts';
import type { Table } from '../model/table.ts';
import type { Kernel } from './kernel.ts';
import { SlotReader, spanBytes, type TableShape, tableShapes } from './sealed-columns.ts';

/**
 * Work of one step, in samples: about 5 ms. The rows of a seal are read in its first step, at a
 * few nanoseconds each, and one step may finish a stack that it began.
 */
const stepBudget = 1 << 20;
/** Bytes of a series record; the fields are read in `seriesRanges`. */
const seriesBytes = 48;

/** Exports of `wasm/seal.ts`; `wasm/ABI.md` says what they do. Addresses come back signed. */
interface SealExports {
  sealBegin(rowCount: number): number;
  sealSeriesIds(): number;
  sealStep(budget: number): number;
  sealRows(table: number): number;
  sealExtraBytes(table: number): number;
  sealHasSpans(): number;
  sealSeries(): number;
  sealSeriesCount(): number;
  sealFill(table: number, from: number, count: number): number;
  sealSlots(): number;
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
    const idsAt = this.#call(() => calls.sealSeriesIds()) >>> 0;
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

  /** The tables, in the order of a block's files without `series`; once `step` said false. */
  tables(): Table[] {
    assert(this.#state === 'ready', `seal is ${this.#state}, must be ready`);
    const hasSpans = this.#call((calls) => calls.sealHasSpans()) === 1;
    return tableShapes.map((shape, index) => this.#table(shape, index, hasSpans));
  }

  #table(shape: TableShape, index: number, hasSpans: boolean): Table {
    const rows = this.#call((calls) => calls.sealRows(index)) >>> 0;
    const rowBytes = shape.rowBytes + (hasSpans && shape.name === 'samples' ? spanBytes : 0);
    const extraBytes = this.#call((calls) => calls.sealExtraBytes(index));
    return {
      name: shape.name,
      rows,
      bytes: rows * rowBytes + extraBytes,
      columns: (from, count) => {
        assert(
          from >= 0 && count >= 0 && from + count <= rows,
          `rows ${from} to ${from + count} of ${shape.name}, which has ${rows}`,
        );
        this.#kernel.check(this.#call((calls) => calls.sealFill(index, from, count)));
        const slotsAt = this.#call((calls) => calls.sealSlots()) >>> 0;
        return shape.columns(new SlotReader(this.#kernel.u8().buffer, slotsAt, count), hasSpans);
      },
    };
  }

  /** The series of the head, ascending, with the rows that each has in the tables. */
  seriesRanges(): SeriesRange[] {
    assert(this.#state === 'ready', `seal is ${this.#state}, must be ready`);
    const count = this.#call((calls) => calls.sealSeriesCount()) >>> 0;
    const at = this.#call((calls) => calls.sealSeries()) >>> 0;
    const records = new DataView(this.#kernel.u8().buffer, at, count * seriesBytes);
    return Array.from({ length: count }, (_, index) => {
      const u32 = (field: number) => records.getUint32(index * seriesBytes + field, true);
      const i64 = (field: number) => records.getBigInt64(index * seriesBytes + field, true);
      return {
        seriesId: u32(0),
        profiles: [u32(4), u32(8)],
        samples: [u32(12), u32(16)],
        totals: [u32(20), u32(24)],
        minTimeNs: i64(32),
        maxTimeNs: i64(40),
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
