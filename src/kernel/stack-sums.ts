// Sums of selected samples by stack, of a head's rows or of a block's tables, and what they are
// answered as. Owns the calls to `wasm/query/`; which rows and samples are selected is the caller's
// business. Each query makes sums of its own, so that queries of one live head may take turns
// between slices; appends in between are fine, a rollback past the rows is not.
import { assert, Failure } from '../errors.ts';
import type { FunctionTree } from '../model/source.ts';
import type { Kernel } from './kernel.ts';
import {
  headerInput,
  optionNumbers,
  type PprofHeader,
  type PprofOptions,
} from './pprof-options.ts';
import { statuses } from './status.ts';
import { type BatchFilter, batchColumns, type SampleBatch, setFilter } from './sum-filter.ts';
import { columnAt, detailOf, fillInput, type SumsExports } from './sums-record.ts';

/** Work of one step, in look-ups of up to 100 ns: about 3 ms. */
const stepBudget = 1 << 15;
/** Samples that are copied at a time: what stays in a processor's second cache. */
const batchMax = 1 << 14;
const valueMax = 2n ** 63n - 1n;

/** Which samples of a row count; an empty list lets none pass. */
export interface SpanFilter {
  readonly spanIds?: BigUint64Array;
  /** 16 bytes each, back to back. */
  readonly traceIds?: Uint8Array;
}

/** Sums of what was added. Release it, or the kernel keeps its memory. */
export class StackSums {
  readonly #kernel: Kernel;
  #calls: SumsExports | undefined;
  /** A reset of the kernel makes another object of these, and the handle void. */
  readonly #head: Kernel['exports'];
  readonly #sums: number;
  /** What `step` works towards. */
  #answer: 'functions' | 'pprof' = 'functions';
  /** The filter that the kernel has; `undefined`: none. */
  #filter: BatchFilter | undefined;

  /** Sums of nothing. Throws `unavailable` when the kernel is out of memory. */
  constructor(kernel: Kernel) {
    const calls = kernel.query as unknown as SumsExports;
    this.#sums = kernel.check(kernel.call(() => calls.sumsBegin()));
    this.#kernel = kernel;
    this.#calls = calls;
    this.#head = kernel.exports;
  }

  #isOpen(): boolean {
    return this.#calls !== undefined && this.#kernel.exports === this.#head;
  }

  #call(run: (calls: SumsExports, sums: number) => number): number {
    const calls = this.#calls;
    assert(calls !== undefined && this.#isOpen(), 'sums are released, or their kernel was reset');
    return this.#kernel.call(() => run(calls, this.#sums));
  }

  /** Answers what is not a status, or throws what a status stands for. */
  #check(status: number): number {
    if (status === statuses.VALUE_SUM) {
      throw new Failure('invalid', `selected values add up to more than ${valueMax}`);
    }
    if (status !== statuses.BAD_BLOCK) return this.#kernel.check(status);
    const detail = detailOf(this.#kernel, this.#sums);
    throw new Failure('corrupt', `row ${detail} of the block's stacks or samples is not possible`);
  }

  /** Puts arrays back to back where the next call reads them. */
  #input(...parts: readonly ArrayBufferView[]): void {
    fillInput(this.#kernel, parts, (bytes) =>
      this.#check(this.#call((calls, sums) => calls.sumsInput(sums, bytes))),
    );
  }

  /**
   * Takes over the tree of a block's stacks, before anything else: `noId` for the parent of a root
   * and for the location of the empty stack. Throws `corrupt` for ids that are not there.
   */
  setNodes(parents: Uint32Array, locations: Uint32Array): void {
    assert(parents.length === locations.length, 'stacks have as many parents as locations');
    this.#input(parents, locations);
    this.#check(this.#call((calls, sums) => calls.sumsSetNodes(sums, parents.length)));
  }

  /**
   * From now on only stacks that begin with these function names count, root first, inlined calls
   * included. Set it before anything is added; no names: all stacks.
   */
  maskCallSite(names: readonly string[]): void {
    const texts = names.map((name) => encoder.encode(name));
    const offsets = new Uint32Array(names.length + 1);
    for (const [i, text] of texts.entries()) offsets[i + 1] = (offsets[i] ?? 0) + text.length;
    this.#input(offsets, ...texts);
    const bytes = offsets[names.length] ?? 0;
    this.#check(this.#call((calls, sums) => calls.callSite(sums, names.length, bytes)));
  }

  /** A filter is told to the kernel once: it must not change while it is used. */
  #setFilter(filter: BatchFilter | undefined): void {
    if (filter === this.#filter) return;
    // A filter that is set in part is none.
    this.#filter = undefined;
    this.#call((calls, sums) => {
      calls.filterNone(sums);
      return 0;
    });
    if (filter === undefined) return;
    setFilter(
      filter,
      (...parts) => this.#input(...parts),
      (run) => this.#check(this.#call(run)),
    );
    this.#filter = filter;
  }

  /**
   * Adds rows of a head by number, about 2 ns a sample: many are better added in slices. Throws
   * `invalid` when all that was added would pass 2^63-1, `unavailable` without memory; the rows of
   * the call are not added then.
   */
  addRows(rows: Uint32Array, filter?: SpanFilter): void {
    this.#setFilter(filter);
    this.#input(rows);
    this.#check(this.#call((calls, sums) => calls.sumsAddRows(sums, rows.length)));
  }

  /** Total of each row of a head: of the stacks that begin with the call site. */
  rowTotals(rows: Uint32Array): BigInt64Array {
    this.#setFilter(undefined);
    this.#input(rows);
    this.#check(this.#call((calls, sums) => calls.sumsRowTotals(sums, rows.length)));
    const { buffer, at } = this.#column('totals');
    return new BigInt64Array(buffer, at, rows.length).slice();
  }

  /**
   * Adds samples of a block that pass the filter, a few ns each. Throws `invalid` when all that was
   * added would pass 2^63-1, and `corrupt`; of no use afterwards but to be released.
   */
  addSamples(batch: SampleBatch, filter?: BatchFilter): void {
    this.#setFilter(filter);
    for (let from = 0; from < batch.stacks.length; from += batchMax) {
      const to = Math.min(from + batchMax, batch.stacks.length);
      this.#input(...batchColumns(batch, filter, from, to, false));
      this.#check(this.#call((calls, sums) => calls.sumsAddBatch(sums, to - from)));
    }
  }

  /**
   * Adds the samples of a block that pass the filter and the call site to
   * `into[profiles[i] - firstProfile]`. Throws as `addSamples`, for each total by itself; `corrupt`
   * also for a profile that `into` has no entry for.
   */
  profileTotals(
    batch: SampleBatch,
    filter: BatchFilter | undefined,
    into: BigInt64Array,
    firstProfile: number,
  ): void {
    this.#setFilter(filter);
    this.#check(this.#call((calls, sums) => calls.sumsStartTotals(sums, into.length)));
    const view = () => {
      const { buffer, at } = this.#column('totals');
      return new BigInt64Array(buffer, at, into.length);
    };
    view().set(into);
    for (let from = 0; from < batch.stacks.length; from += batchMax) {
      const to = Math.min(from + batchMax, batch.stacks.length);
      this.#input(...batchColumns(batch, filter, from, to, true));
      this.#check(
        this.#call((calls, sums) => calls.sumsBatchTotals(sums, to - from, firstProfile)),
      );
    }
    into.set(view());
  }

  /** Where a column is now; the buffer is void after a call that may grow it. */
  #column(name: Parameters<typeof columnAt>[2]) {
    assert(this.#isOpen(), 'sums are released, or their kernel was reset');
    return columnAt(this.#kernel, this.#sums, name);
  }

  /** True when nothing but zero was added. */
  get isEmpty(): boolean {
    return this.#call((calls, sums) => calls.sumsIsEmpty(sums)) === 1;
  }

  /**
   * Works for a few milliseconds on the pprof that was begun, else on the function tree; true while
   * work remains. Throws `unavailable` without memory; release the sums then. What is added makes a
   * function tree start over, and forgets a pprof that was begun.
   */
  step(): boolean {
    const isPprof = this.#answer === 'pprof';
    const answer = this.#call((calls, sums) =>
      isPprof ? calls.pprofStep(sums, stepBudget) : calls.functionsStep(sums, stepBudget),
    );
    return this.#check(answer) === 1;
  }

  /** Makes a pprof of all that was added what `step` works towards. */
  beginPprof(header: PprofHeader, options: PprofOptions = {}): void {
    this.#input(...headerInput(header));
    const numbers = optionNumbers(options);
    this.#check(this.#call((calls, sums) => calls.pprofBegin(sums, ...numbers)));
    this.#answer = 'pprof';
  }

  /**
   * The sums as an uncompressed pprof with one sample type, a copy: one sample for each distinct
   * stack, and only the symbols that are used. Does what `step` has left to do on the pprof that
   * was begun; with a header, all of it.
   */
  pprof(header?: PprofHeader, options?: PprofOptions): Uint8Array<ArrayBuffer> {
    if (header !== undefined) this.beginPprof(header, options);
    assert(this.#answer === 'pprof', 'pprof was not begun');
    while (this.step());
    const { buffer, at, count } = this.#column('pprof');
    return new Uint8Array(buffer, at, count).slice();
  }

  /**
   * A copy of the function tree; does what `step` has left to do. It has only nodes on the way to a
   * sum that is not zero, and only their names; node 0 alone when there is none.
   */
  functionTree(): FunctionTree {
    this.#answer = 'functions';
    while (this.step());
    const nodes = this.#column('answer');
    const { buffer, count } = nodes;
    const pairs = new Uint32Array(buffer, nodes.at, count * 2);
    const parents = new Uint32Array(count);
    const nameIds = new Uint32Array(count);
    for (let i = 1; i < count; i++) {
      parents[i] = pairs[2 * i] ?? 0;
      nameIds[i] = pairs[2 * i + 1] ?? 0;
    }
    const self = new BigInt64Array(buffer, this.#column('answerSums').at, count).slice();
    const offsets = this.#column('nameOffsets');
    const bytes = this.#column('nameBytes');
    return {
      ...{ parents, nameIds, self },
      names: {
        offsets: new Uint32Array(buffer, offsets.at, offsets.count).slice(),
        bytes: new Uint8Array(buffer, bytes.at, bytes.count).slice(),
      },
    };
  }

  /** Gives the memory back. May be called twice. */
  release(): void {
    // Nothing to give back to a kernel that was reset, or broken by a trap.
    if (this.#isOpen() && !this.#kernel.isBroken) this.#calls?.sumsRelease(this.#sums);
    this.#calls = undefined;
  }
}

const encoder = new TextEncoder();
