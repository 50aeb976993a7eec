// Stacks and their values as a tree of calls: what every format that is not pprof is read into.
// Owns the merging of equal stacks and the bounds on it. A profile is the same tree in whichever
// format and order it came, so that it becomes the same bytes.
import { Failure } from '../errors.ts';
import { int64Max } from './count.ts';

export interface Frame {
  name: string;
  /** Empty: not known. */
  file: string;
  /** 0: not known. */
  line: number;
}

/** Calls in one profile: about 40 bytes of memory each. */
const nodesMax = 1 << 19;
/** A node with more children finds them in a map; a list of few is faster. */
const narrowChildrenMax = 8;

/** The node that has no frame: the empty stack. */
export const rootNode = 0;

export class StackTree {
  readonly #frameIds = new Map<string, number>();
  readonly #frames: Frame[] = [];
  readonly #frameOfNode: number[] = [-1];
  readonly #values: bigint[] = [0n];
  /** Lists of children, the newest first; 0, the root, ends them. */
  readonly #firstChild: number[] = [0];
  readonly #nextSibling: number[] = [0];
  /** Children by frame of nodes that have many. */
  readonly #wide = new Map<number, Map<number, number>>();

  get frames(): readonly Frame[] {
    return this.#frames;
  }

  /** In no order. */
  childrenOf(node: number): number[] {
    const children: number[] = [];
    for (let at = this.#firstChild[node]; at; at = this.#nextSibling[at]) children.push(at);
    return children;
  }

  /** An index into `frames`; -1 for the root. */
  frameOf(node: number): number {
    return this.#frameOfNode[node] as number;
  }

  /** Of this very stack, without those that go deeper. */
  valueOf(node: number): bigint {
    return this.#values[node] as bigint;
  }

  /** The id of a frame; equal frames have one. */
  frame(name: string, file = '', line = 0): number {
    const isBare = file === '' && line === 0;
    const key = isBare ? `n${name}` : `l${line}:${file.length}:${file}${name}`;
    const known = this.#frameIds.get(key);
    if (known !== undefined) return known;
    this.#frameIds.set(key, this.#frames.length);
    return this.#frames.push({ name, file, line }) - 1;
  }

  /** The node of a call of `frame` from `node`. Throws `invalid` over the bound on nodes. */
  child(node: number, frame: number): number {
    let seen = 0;
    for (let at = this.#firstChild[node]; at; at = this.#nextSibling[at]) {
      if (this.#frameOfNode[at] === frame) return at;
      seen += 1;
      if (seen === narrowChildrenMax) return this.#wideChild(node, frame);
    }
    return this.#addChild(node, frame);
  }

  /** Adds to the value of a stack. Throws `invalid` below 0 and past 64 bits. */
  add(node: number, value: bigint): void {
    if (value < 0n) assertValue(value);
    const sum = this.valueOf(node) + value;
    assertValue(sum);
    this.#values[node] = sum;
  }

  #wideChild(node: number, frame: number): number {
    let children = this.#wide.get(node);
    if (children === undefined) {
      children = new Map(this.childrenOf(node).map((child) => [this.frameOf(child), child]));
      this.#wide.set(node, children);
    }
    const known = children.get(frame);
    if (known !== undefined) return known;
    const made = this.#addChild(node, frame);
    children.set(frame, made);
    return made;
  }

  #addChild(node: number, frame: number): number {
    const made = this.#values.length;
    if (made === nodesMax) {
      const message = `profile has more than ${nodesMax} distinct calls, the limit`;
      throw new Failure('invalid', message, { reason: 'profile_size_limit' });
    }
    this.#frameOfNode.push(frame);
    this.#values.push(0n);
    this.#nextSibling.push(this.#firstChild[node] as number);
    this.#firstChild.push(0);
    this.#firstChild[node] = made;
    return made;
  }

  /** Adds to the value of a stack of names, root first, joined by `;`. */
  addJoined(stack: string, value: bigint): void {
    let node = rootNode;
    if (stack !== '') {
      for (const name of stack.split(';')) node = this.child(node, this.frame(name));
    }
    this.add(node, value);
  }
}

/** Throws `invalid` for what pprof has no value for, or what is no amount of anything. */
export function assertValue(value: bigint): void {
  if (value >= 0n && value <= int64Max) return;
  const message = `value ${value} of a stack is not from 0 to 2^63-1`;
  throw new Failure('invalid', message, { reason: 'malformed_profile' });
}
