// Plain model of merged function trees: nested maps, recursion replaced by lists, and the rules of
// each encoding written down one after the other. Owns no kernel; `tree-merge` must agree with it.
import type { FunctionTree } from '../../src/model/source.ts';

/** Stacks by path of names, root first. */
export type Stacks = readonly (readonly [path: readonly string[], value: bigint])[];

/** `values` are of the left and of the right tree; of one tree, the right is 0. */
export interface ModelNode {
  name: string;
  self: [bigint, bigint];
  total: [bigint, bigint];
  children: ModelNode[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export function compareBytes(a: string, b: string): number {
  const [x, y] = [encoder.encode(a), encoder.encode(b)];
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    if (x[i] !== y[i]) return (x[i] as number) - (y[i] as number);
  }
  return x.length - y.length;
}

const nodeOf = (name: string): ModelNode => ({
  name,
  self: [0n, 0n],
  total: [0n, 0n],
  children: [],
});

/** All nodes, parents before children. */
function allNodes(root: ModelNode): ModelNode[] {
  const list = [root];
  for (const node of list) list.push(...node.children);
  return list;
}

/** Merges parts by name, adds up, sorts, and leaves out what has no value. */
export function mergeModel(parts: readonly { tree: 0 | 1; part: FunctionTree }[]): ModelNode {
  const root = nodeOf('');
  const byName = new Map<ModelNode, Map<string, ModelNode>>();
  for (const { tree, part } of parts) {
    const nodes: ModelNode[] = [];
    for (const [i, parent] of part.parents.entries()) {
      const node = i === 0 ? root : childOf(byName, nodes[parent] as ModelNode, nameAt(part, i));
      node.self[tree] += part.self[i] as bigint;
      nodes.push(node);
    }
  }
  for (const node of allNodes(root).toReversed()) {
    node.total = node.children.reduce<[bigint, bigint]>(
      ([left, right], child) => [left + child.total[0], right + child.total[1]],
      [node.self[0], node.self[1]],
    );
    node.children = node.children
      .filter((child) => larger(child) > 0n)
      .toSorted((a, b) => compareBytes(a.name, b.name));
  }
  return root;
}

function nameAt({ names, nameIds }: FunctionTree, node: number): string {
  const id = nameIds[node] as number;
  return decoder.decode(names.bytes.subarray(names.offsets[id], names.offsets[id + 1]));
}

function childOf(
  byName: Map<ModelNode, Map<string, ModelNode>>,
  parent: ModelNode,
  name: string,
): ModelNode {
  const children = byName.get(parent) ?? new Map<string, ModelNode>();
  byName.set(parent, children);
  const child = children.get(name) ?? nodeOf(name);
  if (!children.has(name)) parent.children.push(child);
  children.set(name, child);
  return child;
}

export const larger = ({ total: [left, right] }: ModelNode) => (left > right ? left : right);

/** One of two trees alone. */
export function sideOf(root: ModelNode, side: 0 | 1): ModelNode {
  const copies = new Map<ModelNode, ModelNode>();
  for (const node of allNodes(root).toReversed()) {
    copies.set(node, {
      name: node.name,
      self: [node.self[side], 0n],
      total: [node.total[side], 0n],
      children: node.children
        .map((child) => copies.get(child) as ModelNode)
        .filter(({ total }) => total[0] > 0n),
    });
  }
  return copies.get(root) as ModelNode;
}

/** The `maxNodes`-th largest, 0 when all are kept. */
function smallestKept(nodes: readonly ModelNode[], maxNodes: number): bigint {
  if (maxNodes < 1 || nodes.length <= maxNodes) return 0n;
  const sizes = nodes.map(larger).toSorted((a, b) => (a < b ? 1 : -1));
  return sizes[maxNodes - 1] as bigint;
}

function otherOf(nodes: readonly ModelNode[]): ModelNode {
  const other = nodeOf('other');
  for (const { total } of nodes) {
    other.total = [other.total[0] + total[0], other.total[1] + total[1]];
  }
  return { ...other, self: [...other.total] };
}

/** A copy whose nodes have the children that `choose` makes of theirs. */
function rebuild(root: ModelNode, choose: (node: ModelNode) => ModelNode[]): ModelNode {
  const copy = { ...root, children: [] };
  const waiting: [from: ModelNode, to: ModelNode][] = [[root, copy]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [from, to] = next;
    to.children = choose(from).map((child) => {
      const made = { ...child, children: [] };
      waiting.push([child, made]);
      return made;
    });
  }
  return copy;
}

/** The rest of each parent as its last child, a real `other` with it when `folds`. */
function cutLast(root: ModelNode, smallest: bigint, folds: boolean): ModelNode {
  return rebuild(root, ({ children }) => {
    const isRest = (child: ModelNode) =>
      larger(child) < smallest || (folds && child.name === 'other');
    const rest = otherOf(children.filter(isRest));
    const kept = children.filter((child) => !isRest(child));
    return larger(rest) > 0n ? [...kept, rest] : kept;
  });
}

/** The rest of each parent in the `other` at its place, which is never rest itself. */
function cutSorted(root: ModelNode, smallest: bigint): ModelNode {
  return rebuild(root, ({ children }) => {
    const isRest = (child: ModelNode) => larger(child) < smallest && child.name !== 'other';
    const rest = otherOf(children.filter(isRest));
    const kept = children.filter((child) => !isRest(child));
    if (larger(rest) === 0n) return kept;
    const real = kept.find(({ name }) => name === 'other') ?? nodeOf('other');
    const merged: ModelNode = {
      ...real,
      self: [real.self[0] + rest.total[0], 0n],
      total: [real.total[0] + rest.total[0], 0n],
    };
    return [...kept.filter((child) => child !== real), merged].toSorted((a, b) =>
      compareBytes(a.name, b.name),
    );
  });
}

/** Every node with its depth, the last child first. */
function lastFirst(root: ModelNode): { node: ModelNode; depth: number }[] {
  const list: { node: ModelNode; depth: number }[] = [];
  const waiting = [{ node: root, depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    list.push(next);
    const { node, depth } = next;
    for (const child of node.children) waiting.push({ node: child, depth: depth + 1 });
  }
  return list;
}

/** Levels of `dx, total, self` for each side, and the name. */
function levelsOf(root: ModelNode, sides: readonly (0 | 1)[], shared: string) {
  const names = ['total'];
  const indexes = new Map([[shared, 0]]);
  const lefts = new Map<ModelNode, bigint[]>([[root, sides.map(() => 0n)]]);
  const levels: ModelNode[][] = [];
  for (const { node, depth } of lastFirst(root)) {
    levels[depth] = [node, ...(levels[depth] ?? [])];
    // The root's own value is not shown.
    let at = (lefts.get(node) as bigint[]).map((x, side) =>
      node === root ? x : x + node.self[sides[side] as 0 | 1],
    );
    for (const child of node.children) {
      lefts.set(child, at);
      at = at.map((x, side) => x + child.total[sides[side] as 0 | 1]);
    }
    if (node !== root && !indexes.has(node.name)) {
      indexes.set(node.name, names.length);
      names.push(node.name);
    }
  }
  const rows = levels.map((level) => {
    const ends = sides.map(() => 0n);
    return BigInt64Array.from(
      level.flatMap((node) => [
        ...sides.flatMap((side, i) => {
          const left = lefts.get(node)?.[i] as bigint;
          const dx = left - (ends[i] as bigint);
          ends[i] = left + node.total[side];
          return [dx, node.total[side], node === root ? 0n : node.self[side]];
        }),
        node === root ? 0n : BigInt(indexes.get(node.name) as number),
      ]),
    );
  });
  const selfs = allNodes(root)
    .slice(1)
    .flatMap(({ self }) => self);
  return { names, levels: rows, maxSelf: selfs.toSorted((a, b) => (a < b ? 1 : -1))[0] ?? 0n };
}

/** A flame graph of the left tree. */
export function modelFlameGraph(merged: ModelNode, maxNodes: number) {
  const root = sideOf(merged, 0);
  const smallest = smallestKept(allNodes(root).slice(1), maxNodes);
  const graph = levelsOf(cutLast(root, smallest, true), [0], 'total');
  return { ...graph, total: root.total[0] };
}

/** Both trees beside each other. */
export function modelDiff(root: ModelNode, maxNodes: number) {
  const smallest = smallestKept(allNodes(root), maxNodes);
  const graph = levelsOf(cutLast(root, smallest, false), [0, 1], '');
  const [leftTicks, rightTicks] = root.total;
  return { ...graph, total: leftTicks + rightTicks, leftTicks, rightTicks };
}

function truncated(root: ModelNode, maxNodes: number): ModelNode {
  return cutSorted(root, smallestKept(allNodes(root).slice(1), maxNodes));
}

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

/** Tree bytes of the left tree. */
export function modelTreeBytes(merged: ModelNode, maxNodes: number): Uint8Array {
  const root = truncated(sideOf(merged, 0), maxNodes);
  if (root.total[0] === 0n) return new Uint8Array(0);
  const bytes = lastFirst(root).flatMap(({ node }) => {
    const name = encoder.encode(node.name);
    const counts = [...varint(node.self[0]), ...varint(BigInt(node.children.length))];
    return [...varint(BigInt(name.length)), ...name, ...counts];
  });
  return Uint8Array.from(bytes);
}

/** Columns of one tree, depth first, the first child first. */
export function modelCallTree(merged: ModelNode, side: 0 | 1, maxNodes: number) {
  const root = truncated(sideOf(merged, side), maxNodes);
  const nodes: ModelNode[] = [];
  const parents: number[] = [];
  const waiting: [node: ModelNode, parent: number][] = [[root, 0]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [node, parent] = next;
    const index = nodes.length;
    nodes.push(node);
    parents.push(parent);
    for (const child of node.children.toReversed()) waiting.push([child, index]);
  }
  return {
    parents: Uint32Array.from(parents),
    names: nodes.map(({ name }) => name),
    self: BigInt64Array.from(nodes, ({ self }) => self[0]),
    total: BigInt64Array.from(nodes, ({ total }) => total[0]),
  };
}
