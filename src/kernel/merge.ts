// Sums of selected rows by stack, and the tree of function names over them. Owns the calls to the
// kernel's merge. Each query makes a `StackSums` of its own, so that queries of one live head may
// take turns between slices; appends in between are fine, a rollback past the rows is not.
import { assert, Failure } from '../errors.ts';
import type { Kernel } from './kernel.ts';
import { statuses } from './status.ts';

/** Work of one step of the tree, in look-ups of up to 100 ns: about 3 ms. */
const stepBudget = 1 << 15;
/** Columns in the record behind a merge handle, as in `wasm/query/merge-state.ts`. */
const columns = { nodes: 0, sums: 48, self: 84, total: 96 } as const;
const valueMax = 9223372036854775807n;

/** Exports of `wasm/query/`; `wasm/ABI.md` says what they do. Addresses come back signed. */
interface MergeExports {
  mergeBegin(): number;
  mergeRows(merge: number, count: number): number;
  mergeAdd(merge: number, count: number): number;
  mergeRelease(merge: number): void;
  treeStep(merge: number, budget: number): number;
}

/** The same of the head module. */
interface StringExports {
  stringAddress(id: number): number;
  stringLength(id: number): number;
}

/** Stacks whose sum is not zero. */
export interface StackTotals {
  /** Dense ordinals of the kernel's stacks, ascending. */
  readonly ordinals: Uint32Array;
  readonly values: BigInt64Array;
}

/** Nodes in columns; node 0 is the root of all, and a parent comes before its children. */
export interface FunctionTree {
  /** Parent of each node; the root's is itself, 0. */
  readonly parents: Uint32Array;
  /**
   * String id of each node's function name, for `stringOf`; 0, the empty string, for the root and
   * for a location without lines. Inlined calls are nodes below their caller.
   */
  readonly names: Uint32Array;
  /** Values of the stacks that end in the node. */
  readonly self: BigInt64Array;
  /** Those and the totals of all children. */
  readonly total: BigInt64Array;
}

/** Sums of the rows that were added, by stack. Release it, or the kernel keeps its memory. */
export class StackSums {
  readonly #kernel: Kernel;
  #calls: MergeExports | undefined;
  /** A reset of the kernel makes another object of these, and the handle void. */
  readonly #head: Kernel['exports'];
  readonly #merge: number;
  #hasTree = false;

  /** Sums of no rows. Throws `unavailable` when the kernel is out of memory. */
  constructor(kernel: Kernel) {
    const calls = kernel.query as unknown as MergeExports;
    this.#merge = kernel.check(kernel.call(() => calls.mergeBegin()));
    this.#kernel = kernel;
    this.#calls = calls;
    this.#head = kernel.exports;
  }

  #call(run: (calls: MergeExports, merge: number) => number): number {
    const calls = this.#calls;
    assert(calls !== undefined && this.#isOpen(), 'sums are released, or their kernel was reset');
    return this.#kernel.call(() => run(calls, this.#merge));
  }

  #isOpen(): boolean {
    return this.#calls !== undefined && this.#kernel.exports === this.#head;
  }

  /**
   * Adds rows by number, about 2 ns a sample; many rows are better added in several calls. Throws
   * `invalid` when all that was added would pass 2^63-1, `unavailable` without memory; the rows of
   * the call are not added then.
   */
  add(rows: Uint32Array): void {
    const at = this.#kernel.check(
      this.#call((calls, merge) => calls.mergeRows(merge, rows.length)),
    );
    new Uint32Array(this.#kernel.u8().buffer, at, rows.length).set(rows);
    const answer = this.#call((calls, merge) => calls.mergeAdd(merge, rows.length));
    if (answer === statuses.VALUE_SUM) {
      throw new Failure('invalid', `selected values add up to more than ${valueMax}`);
    }
    this.#kernel.check(answer);
    this.#hasTree = false;
  }

  /** Where a column of the merge is now; the buffer is void after a call that may grow it. */
  #column(name: keyof typeof columns) {
    assert(this.#isOpen(), 'sums are released, or their kernel was reset');
    const { buffer } = this.#kernel.u8();
    const record = new DataView(buffer, this.#merge + columns[name]);
    return { buffer, at: record.getUint32(0, true), count: record.getUint32(4, true) };
  }

  /** A copy of the sums that are not zero. */
  totals(): StackTotals {
    const { buffer, at, count } = this.#column('sums');
    const sums = new BigInt64Array(buffer, at, count);
    // Halves instead of BigInts: the test for zero is several times faster.
    const halves = new Uint32Array(buffer, at, count * 2);
    const ordinals: number[] = [];
    for (let i = 0; i < count; i++) {
      if (halves[2 * i] !== 0 || halves[2 * i + 1] !== 0) ordinals.push(i);
    }
    const values = new BigInt64Array(ordinals.length);
    for (const [i, ordinal] of ordinals.entries()) values[i] = sums[ordinal] ?? 0n;
    return { ordinals: Uint32Array.from(ordinals), values };
  }

  /**
   * Builds the function tree for a few milliseconds; true while work remains. Throws `unavailable`
   * without memory; release the sums then. Adding rows makes the next call start over.
   */
  stepTree(): boolean {
    if (this.#hasTree) return false;
    const left = this.#call((calls, merge) => calls.treeStep(merge, stepBudget));
    const more = this.#kernel.check(left) > 0;
    this.#hasTree = !more;
    return more;
  }

  /** A copy of the function tree, about 30 ns a node; does what `stepTree` has left to do. */
  functionTree(): FunctionTree {
    while (this.stepTree());
    const { buffer, at, count } = this.#column('nodes');
    const nodes = new Uint32Array(buffer, at, count * 2);
    const parents = new Uint32Array(count);
    const names = new Uint32Array(count);
    for (let i = 1; i < count; i++) {
      parents[i] = nodes[2 * i] ?? 0;
      names[i] = nodes[2 * i + 1] ?? 0;
    }
    const self = new BigInt64Array(buffer, this.#column('self').at, count).slice();
    const total = new BigInt64Array(buffer, this.#column('total').at, count).slice();
    return { parents, names, self, total };
  }

  /** Gives the memory back. May be called twice. */
  release(): void {
    // Nothing to give back to a kernel that was reset, or broken by a trap.
    if (this.#calls !== undefined && this.#isOpen() && !this.#kernel.isBroken) {
      this.#calls.mergeRelease(this.#merge);
    }
    this.#calls = undefined;
  }
}

/** Sums of the given rows: release them. Throws like `StackSums.add`. */
export function sumStacks(kernel: Kernel, rows: Uint32Array): StackSums {
  const sums = new StackSums(kernel);
  try {
    sums.add(rows);
  } catch (error) {
    sums.release();
    throw error;
  }
  return sums;
}

const decoder = new TextDecoder();

/** The string with an id of this kernel. */
export function stringOf(kernel: Kernel, id: number): string {
  const calls = kernel.exports as unknown as StringExports;
  const { strings } = kernel.stats();
  assert(id >= 0 && id < strings, `string ${id}, kernel has ${strings}`);
  const length = kernel.call(() => calls.stringLength(id));
  const at = kernel.call(() => calls.stringAddress(id)) >>> 0;
  return decoder.decode(kernel.u8().subarray(at, at + length));
}
