// Walks over a truncated call tree that folded stacks, call graphs and reports share. Owns the
// order of children and how nameless things are shown.
import type { CallTree } from './contract.ts';

/** What the weight of the empty stack is shown as: no frame has it. */
export const noStackName = '(no stack)';

/** A function's name on one line; some are empty. */
export function shownName(name: string): string {
  return name === '' ? '(unnamed)' : name.replaceAll(/[\r\n]+/g, ' ');
}

/** Ids of the children of each node, in the order of the tree. */
export function childrenOf({ parents }: CallTree): number[][] {
  const children: number[][] = Array.from({ length: parents.length }, () => []);
  for (let node = 1; node < parents.length; node++) {
    (children[parents[node] as number] as number[]).push(node);
  }
  return children;
}

/** A tree without data: the root alone. */
export function emptyCallTree(): CallTree {
  return {
    parents: new Uint32Array(1),
    names: [''],
    self: new BigInt64Array(1),
    total: new BigInt64Array(1),
  };
}

/** `value` as a share of `total`, like `12.3 %`, rounded down; without a total `0.0 %`. */
export function percent(value: bigint, total: bigint): string {
  const tenths = total === 0n ? 0n : (value * 1000n) / total;
  return `${tenths / 10n}.${tenths % 10n} %`;
}
