// Function trees of several sources merged into one, or into two beside each other, and what is
// shown of them: flame graphs, tree bytes, diffs, call trees. Owns the calls to the query module's
// trees; truncation comes after the merge. The order of parts changes no answer.
import { assert, Failure } from '../errors.ts';
import type { FunctionTree } from '../model/source.ts';
import type { Kernel } from './kernel.ts';
import { statuses } from './status.ts';
import { readNames } from './tree-names.ts';

/** Work of one step, in look-ups of up to 100 ns: about 3 ms. */
const stepBudget = 1 << 15;
const valueMax = 9223372036854775807n;
/** More nodes than a tree can have: a question about that many is about all. */
const nodesMax = 2 ** 32 - 1;
/** The answer as in `wasm/query/trees-state.ts`: columns, then numbers. */
const answer = {
  values: 0,
  words: 12,
  nameOffsets: 24,
  nameBytes: 36,
  encoded: 48,
  totals: 60,
  maxSelf: 76,
} as const;

/** Exports of `wasm/query/trees*.ts`; `wasm/ABI.md` says what they do. */
interface TreeExports {
  treesBegin(trees: number): number;
  treesPart(handle: number, nodes: number, names: number, bytes: number): number;
  treesAdd(handle: number, tree: number): number;
  treesStepPart(handle: number, budget: number): number;
  treesStep(handle: number, budget: number): number;
  treesFlame(handle: number, maxNodes: number): number;
  treesDiff(handle: number, maxNodes: number): number;
  treesBytes(handle: number, maxNodes: number): number;
  treesCalls(handle: number, tree: number, maxNodes: number): number;
  treesAnswer(handle: number): number;
  treesRelease(handle: number): void;
}

/** Levels of nodes from the left: `dx, total, self, name` each. */
export interface TreeFlameGraph {
  /** 0 is `total`. */
  names: string[];
  /** Parts of one buffer, which the caller owns. */
  levels: BigInt64Array[];
  total: bigint;
  /** The root's, of the empty stack, does not count. */
  maxSelf: bigint;
}

/** Nodes are `dx, total, self` left, the same right, `name`; `total` is of both sides. */
export interface TreeDiff extends TreeFlameGraph {
  leftTicks: bigint;
  rightTicks: bigint;
}

/** Depth first, siblings in bytewise order of their names; node 0 is the root. */
export interface TreeCalls {
  /** The root's is 0. */
  parents: Uint32Array;
  /** Of each node; the root's is empty. */
  names: string[];
  self: BigInt64Array;
  total: BigInt64Array;
}

/**
 * One tree or two over the same names, in an empty kernel. Questions do what `step` has left to do.
 * `maxNodes` below 1 leaves nothing out; more nodes than that are answered when they are equal to
 * the smallest. Frames without any value are left out always. Release it, or the kernel keeps its
 * memory.
 */
export class TreeMerge {
  readonly #kernel: Kernel;
  #calls: TreeExports | undefined;
  /** A reset of the kernel makes another object of these, and the handle void. */
  readonly #head: Kernel['exports'];
  readonly #handle: number;

  /** Throws `unavailable` when the kernel is out of memory. */
  constructor(kernel: Kernel, treeCount: 1 | 2) {
    const calls = kernel.query as unknown as TreeExports;
    this.#handle = kernel.check(kernel.call(() => calls.treesBegin(treeCount)));
    this.#kernel = kernel;
    this.#calls = calls;
    this.#head = kernel.exports;
  }

  #call(run: (calls: TreeExports, handle: number) => number): number {
    const calls = this.#calls;
    assert(calls !== undefined && this.#isOpen(), 'trees are released, or their kernel was reset');
    return this.#kernel.call(() => run(calls, this.#handle));
  }

  #isOpen(): boolean {
    return this.#calls !== undefined && this.#kernel.exports === this.#head;
  }

  /**
   * Copies a part in, and merges it in the next steps; the part before is finished first. Throws
   * `invalid` for a value below 0, or when all that was added, to both trees, would pass 2^63-1,
   * `unavailable` without memory; the trees are what they were then.
   */
  add(tree: 0 | 1, part: FunctionTree): void {
    while (this.stepPart());
    const { parents, nameIds, self, names } = part;
    const nodes = parents.length;
    assert(
      nodes > 0 && nameIds.length === nodes && self.length === nodes && names.offsets.length > 0,
      `tree has ${nodes} nodes, ${nameIds.length} names of them and ${self.length} values`,
    );
    const nameCount = names.offsets.length - 1;
    const at = this.#kernel.check(
      this.#call((calls, handle) => calls.treesPart(handle, nodes, nameCount, names.bytes.length)),
    );
    const bytes = this.#kernel.u8();
    const parentsAt = at + nodes * 8;
    new BigInt64Array(bytes.buffer, at, nodes).set(self);
    new Uint32Array(bytes.buffer, parentsAt, nodes).set(parents);
    new Uint32Array(bytes.buffer, parentsAt + nodes * 4, nodes).set(nameIds);
    const offsetsAt = parentsAt + nodes * 8;
    new Uint32Array(bytes.buffer, offsetsAt, nameCount + 1).set(names.offsets);
    bytes.set(names.bytes, offsetsAt + (nameCount + 1) * 4);
    const status = this.#call((calls, handle) => calls.treesAdd(handle, tree));
    if (status === statuses.VALUE_SUM) {
      throw new Failure('invalid', `selected values add up to more than ${valueMax}`);
    }
    if (status === statuses.NEGATIVE) {
      throw new Failure('invalid', 'a selected value is below 0, must be 0 or more');
    }
    this.#kernel.check(status);
  }

  /** Merges the part that was added last for a few milliseconds; true while work remains. */
  stepPart(): boolean {
    return this.#call((calls, handle) => calls.treesStepPart(handle, stepBudget)) > 0;
  }

  /**
   * The same, and then sorts and adds up: before questions, not between parts. Throws `unavailable`
   * without memory, and may be called again then.
   */
  step(): boolean {
    const left = this.#call((calls, handle) => calls.treesStep(handle, stepBudget));
    return this.#kernel.check(left) > 0;
  }

  #ask(ask: (calls: TreeExports, handle: number) => number): DataView {
    while (this.step());
    this.#kernel.check(this.#call(ask));
    const at = this.#call((calls, handle) => calls.treesAnswer(handle)) >>> 0;
    return new DataView(this.#kernel.buffer, at);
  }

  /** The first tree. Throws `unavailable` without memory, like the other questions. */
  flameGraph(maxNodes: number): TreeFlameGraph {
    const most = limitOf(maxNodes);
    const view = this.#ask((calls, handle) => calls.treesFlame(handle, most));
    return readLevels(view, 4);
  }

  /** Of two trees: left 0, right 1. Throws `invalid` when they add up to more than 2^63-1. */
  diff(maxNodes: number): TreeDiff {
    const most = limitOf(maxNodes);
    const view = this.#ask((calls, handle) => calls.treesDiff(handle, most));
    const graph = readLevels(view, 7);
    const rightTicks = view.getBigInt64(answer.totals + 8, true);
    return { ...graph, total: graph.total + rightTicks, leftTicks: graph.total, rightTicks };
  }

  /** The first tree as Pyroscope's bytes; none when it is empty. */
  treeBytes(maxNodes: number): Uint8Array<ArrayBuffer> {
    const most = limitOf(maxNodes);
    const view = this.#ask((calls, handle) => calls.treesBytes(handle, most));
    const { at, count } = columnOf(view, answer.encoded);
    return new Uint8Array(view.buffer as ArrayBuffer, at, count).slice();
  }

  /** One tree as columns, truncated as tree bytes are. */
  callTree(tree: 0 | 1, maxNodes: number): TreeCalls {
    const most = limitOf(maxNodes);
    const view = this.#ask((calls, handle) => calls.treesCalls(handle, tree, most));
    const words = columnOf(view, answer.words);
    const values = columnOf(view, answer.values);
    const names = namesOf(view);
    const count = words.count / 2;
    const nameIds = new Uint32Array(view.buffer, words.at + count * 4, count);
    return {
      parents: new Uint32Array(view.buffer, words.at, count).slice(),
      names: Array.from(nameIds, (id) => names[id] ?? ''),
      self: new BigInt64Array(view.buffer, values.at, count).slice(),
      total: new BigInt64Array(view.buffer, values.at + count * 8, count).slice(),
    };
  }

  /** Gives the memory back. May be called twice. */
  release(): void {
    // Nothing to give back to a kernel that was reset, or broken by a trap.
    if (this.#calls !== undefined && this.#isOpen() && !this.#kernel.isBroken) {
      this.#calls.treesRelease(this.#handle);
    }
    this.#calls = undefined;
  }
}

/** 0 for all. */
function limitOf(maxNodes: number): number {
  return maxNodes >= 1 && maxNodes < nodesMax ? Math.floor(maxNodes) : 0;
}

function columnOf(view: DataView, column: number): { at: number; count: number } {
  return { at: view.getUint32(column, true), count: view.getUint32(column + 4, true) };
}

function namesOf(view: DataView): string[] {
  const offsets = columnOf(view, answer.nameOffsets);
  const bytes = columnOf(view, answer.nameBytes);
  return readNames(
    new Uint32Array(view.buffer, offsets.at, offsets.count),
    new Uint8Array(view.buffer as ArrayBuffer, bytes.at, bytes.count),
  );
}

function readLevels(view: DataView, width: 4 | 7): TreeFlameGraph {
  const words = columnOf(view, answer.words);
  const values = columnOf(view, answer.values);
  const firsts = new Uint32Array(view.buffer, words.at, words.count);
  const all = new BigInt64Array(view.buffer, values.at, values.count).slice();
  const levels: BigInt64Array[] = [];
  for (let depth = 0; depth + 1 < firsts.length; depth++) {
    const [from = 0, to = 0] = firsts.subarray(depth, depth + 2);
    levels.push(all.subarray(from * width, to * width));
  }
  return {
    names: namesOf(view),
    levels,
    total: view.getBigInt64(answer.totals, true),
    maxSelf: view.getBigInt64(answer.maxSelf, true),
  };
}
