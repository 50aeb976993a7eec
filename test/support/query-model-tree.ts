// Trees of the query model: what flame graphs, tree bytes and diffs must be, by brute force over
// stacks of names. Part of the query model: shares no code with the product.
import { compareBytes } from './query-model-rows.ts';

export interface WeightedStack {
  /** Root first. */
  names: readonly string[];
  /** One value a side. */
  values: readonly bigint[];
}

export interface ModelNode {
  name: string;
  self: bigint[];
  total: bigint[];
  /** Sorted by bytes, unless an `other` of truncation is last. */
  children: ModelNode[];
}

export interface ModelFlameGraph {
  names: string[];
  levels: bigint[][];
  total: bigint;
  maxSelf: bigint;
}

const newNode = (name: string, sides: number): ModelNode => ({
  name,
  self: Array(sides).fill(0n),
  total: Array(sides).fill(0n),
  children: [],
});

const addTo = (sums: bigint[], values: readonly bigint[]) => {
  for (const [side, value] of values.entries()) sums[side] = (sums[side] ?? 0n) + value;
};

/** The whole tree below a root without name, which holds the empty stack as its self. */
export function treeOf(stacks: readonly WeightedStack[], sides: number): ModelNode {
  const root = newNode('', sides);
  for (const { names, values } of stacks) {
    let node = root;
    addTo(node.total, values);
    for (const name of names) {
      let child = node.children.find((one) => one.name === name);
      if (child === undefined) {
        child = newNode(name, sides);
        node.children.push(child);
      }
      node = child;
      addTo(node.total, values);
    }
    addTo(node.self, values);
  }
  for (const node of nodesOf(root)) node.children.sort((a, b) => compareBytes(a.name, b.name));
  return root;
}

/** All nodes, the root first. */
export function nodesOf(root: ModelNode): ModelNode[] {
  return [root, ...root.children.flatMap(nodesOf)];
}

function maxOf(values: readonly bigint[]): bigint {
  let max = 0n;
  for (const value of values) if (value > max) max = value;
  return max;
}

const largest = (node: ModelNode) => maxOf(node.total);

/** Of all nodes but the root, which shows none. */
const selfsOf = (root: ModelNode) =>
  nodesOf(root)
    .slice(1)
    .flatMap(({ self }) => self);

/** The smallest of the `count` largest totals; 0 when all nodes may stay. */
function threshold(nodes: readonly ModelNode[], count: number): bigint {
  if (count < 1 || nodes.length <= count) return 0n;
  const totals = nodes.map(largest).sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
  return totals[count - 1] as bigint;
}

/** `other` of a parent: everything that went, as self. */
function otherOf(gone: readonly ModelNode[], sides: number): ModelNode {
  const other = newNode('other', sides);
  for (const { total } of gone) {
    addTo(other.self, total);
    addTo(other.total, total);
  }
  return other;
}

/** For flame graphs: `other` is last, and whatever was called so is in it. */
function cutForGraph(node: ModelNode, least: bigint): ModelNode {
  const isKept = (child: ModelNode) => child.total[0]! >= least && child.name !== 'other';
  const children = node.children.filter(isKept).map((child) => cutForGraph(child, least));
  const gone = node.children.filter((child) => !isKept(child));
  if (gone.length > 0) children.push(otherOf(gone, 1));
  return { ...node, children };
}

/** For tree bytes: `other` stays and takes in what goes, at its sorted place. */
function cutForBytes(node: ModelNode, least: bigint): ModelNode {
  const isKept = (child: ModelNode) => child.total[0]! >= least || child.name === 'other';
  const children = node.children.filter(isKept).map((child) => cutForBytes(child, least));
  const gone = node.children.filter((child) => !isKept(child));
  if (gone.length > 0) {
    const added = otherOf(gone, 1);
    const known = children.find(({ name }) => name === 'other');
    if (known === undefined) children.push(added);
    else {
      addTo(known.self, added.self);
      addTo(known.total, added.total);
    }
    children.sort((a, b) => compareBytes(a.name, b.name));
  }
  return { ...node, self: [...node.self], total: [...node.total], children };
}

/** For diffs: a node stays when one side is large enough. */
function cutForDiff(node: ModelNode, least: bigint): ModelNode {
  const children = node.children
    .filter((child) => largest(child) >= least)
    .map((child) => cutForDiff(child, least));
  const gone = node.children.filter((child) => largest(child) < least);
  if (gone.length > 0) children.push(otherOf(gone, 2));
  return { ...node, children };
}

/** `maxNodes` < 1: the whole tree. */
export function modelFlameGraph(
  stacks: readonly WeightedStack[],
  maxNodes: number,
): ModelFlameGraph {
  const whole = treeOf(stacks, 1);
  const tree = cutForGraph(whole, threshold(nodesOf(whole).slice(1), maxNodes));
  const { names, levels } = encode(tree, 1, true);
  const maxSelf = maxOf(selfsOf(tree));
  return { names, levels, total: whole.total[0]!, maxSelf };
}

/** Two values a stack, left and right. */
export function modelDiff(stacks: readonly WeightedStack[], maxNodes: number) {
  const whole = treeOf(stacks, 2);
  const tree = cutForDiff(whole, threshold(nodesOf(whole), maxNodes));
  const { names, levels } = encode(tree, 2, false);
  const [leftTicks, rightTicks] = whole.total as [bigint, bigint];
  return {
    names,
    levels,
    total: leftTicks + rightTicks,
    maxSelf: maxOf(selfsOf(tree)),
    leftTicks,
    rightTicks,
  };
}

/**
 * Levels of `dx, total, self` a side and the name's index. The root has no self. `sharesTotal`: a
 * frame called `total` has index 0, otherwise one without a name.
 */
function encode(root: ModelNode, sides: number, sharesTotal: boolean) {
  const names = ['total'];
  const ids = new Map([[sharesTotal ? 'total' : '', 0]]);
  const levels: bigint[][] = [];
  const ends: bigint[][] = [];
  const none: bigint[] = Array(sides).fill(0n);
  const put = (node: ModelNode, depth: number, x: bigint[], self: bigint[], id: number) => {
    ends[depth] ??= [...none];
    const end = ends[depth] as bigint[];
    levels[depth] ??= [];
    const level = levels[depth] as bigint[];
    for (let side = 0; side < sides; side++) {
      level.push(x[side]! - end[side]!, node.total[side]!, self[side]!);
      end[side] = x[side]! + node.total[side]!;
    }
    level.push(BigInt(id));
  };
  const number = (node: ModelNode) => {
    if (!ids.has(node.name)) ids.set(node.name, names.push(node.name) - 1);
    for (const child of node.children.toReversed()) number(child);
  };
  for (const child of root.children.toReversed()) number(child);
  const emit = (node: ModelNode, depth: number, x: bigint[]) => {
    const isRoot = depth === 0;
    put(node, depth, x, isRoot ? none : node.self, isRoot ? 0 : (ids.get(node.name) as number));
    let at = isRoot ? x : x.map((one, side) => one + node.self[side]!);
    for (const child of node.children) {
      emit(child, depth + 1, at);
      at = at.map((one, side) => one + child.total[side]!);
    }
  };
  emit(root, 0, none);
  return { names, levels };
}

/** Tree bytes; empty without stacks. */
export function modelTreeBytes(stacks: readonly WeightedStack[], maxNodes: number): Uint8Array {
  if (stacks.length === 0) return new Uint8Array(0);
  const whole = treeOf(stacks, 1);
  const tree = cutForBytes(whole, threshold(nodesOf(whole).slice(1), maxNodes));
  const bytes: number[] = [];
  const varint = (value: bigint) => {
    let rest = value;
    for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
    bytes.push(Number(rest));
  };
  const emit = (node: ModelNode, self: bigint) => {
    const name = Buffer.from(node.name);
    varint(BigInt(name.length));
    bytes.push(...name);
    varint(self);
    varint(BigInt(node.children.length));
    for (const child of node.children.toReversed()) emit(child, child.self[0]!);
  };
  // The weight of the empty stack has no other place than the root.
  emit(tree, tree.self[0]!);
  return Uint8Array.from(bytes);
}

/** The tree that call graphs and folded stacks are made from, cut as tree bytes are. */
export function modelCallTree(stacks: readonly WeightedStack[], maxNodes: number): ModelNode {
  const whole = treeOf(stacks, 1);
  return cutForBytes(whole, threshold(nodesOf(whole).slice(1), maxNodes));
}
