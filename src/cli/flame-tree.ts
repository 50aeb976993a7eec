// Levels of a flame graph, or of a difference, back into nodes that know their parents. Owns the
// geometry: where a node lies tells whose child it is.
import type { FlameGraph, FlameGraphDiff } from '../query/contract.ts';

export interface FlameNode {
  name: string;
  /** -1 for the root. */
  parent: number;
  /** Of each side: one for a flame graph, two for a difference. */
  totals: bigint[];
  selfs: bigint[];
}

interface Placed {
  index: number;
  end: bigint;
}

/** The nodes, level by level: the root first, parents before children. */
export function flameNodes(graph: FlameGraph | FlameGraphDiff): FlameNode[] {
  const sides = 'leftTicks' in graph ? 2 : 1;
  const stride = 3 * sides + 1;
  const nodes: FlameNode[] = [];
  let above: Placed[] = [];
  for (const level of graph.levels) {
    const placed: Placed[] = [];
    let parentAt = 0;
    // The sides are laid out in the same order, so that they can be walked as their sum.
    let x = 0n;
    for (let at = 0; at + stride <= level.length; at += stride) {
      const totals: bigint[] = [];
      const selfs: bigint[] = [];
      for (let side = 0; side < sides; side++) {
        const [dx = 0n, total = 0n, self = 0n] = level.subarray(at + 3 * side, at + 3 * side + 3);
        x += dx;
        totals.push(total);
        selfs.push(self);
      }
      while (parentAt + 1 < above.length && x >= (above[parentAt] as Placed).end) parentAt++;
      const end = totals.reduce((sum, total) => sum + total, x);
      placed.push({ index: nodes.length, end });
      const name = graph.names[Number(level[at + stride - 1])] ?? '';
      nodes.push({ name, parent: above[parentAt]?.index ?? -1, totals, selfs });
      x = end;
    }
    above = placed;
  }
  return nodes;
}

export interface FunctionSum {
  name: string;
  /** Of each side. */
  totals: bigint[];
  selfs: bigint[];
}

/** Sums by function name, the root apart; a recursive function counts once a stack. */
export function functionSums(nodes: readonly FlameNode[]): FunctionSum[] {
  const sums = new Map<string, FunctionSum>();
  for (const node of nodes) {
    if (node.parent < 0) continue;
    const zeros = node.totals.map(() => 0n);
    const sum = sums.get(node.name) ?? { name: node.name, totals: zeros, selfs: [...zeros] };
    sums.set(node.name, sum);
    const isOutermost = !hasAncestor(nodes, node);
    node.totals.forEach((total, side) => {
      if (isOutermost) sum.totals[side] = (sum.totals[side] ?? 0n) + total;
      sum.selfs[side] = (sum.selfs[side] ?? 0n) + (node.selfs[side] ?? 0n);
    });
  }
  return [...sums.values()];
}

/** True when a node above has the same name. */
function hasAncestor(nodes: readonly FlameNode[], node: FlameNode): boolean {
  let above = nodes[node.parent];
  while (above !== undefined && above.parent >= 0) {
    if (above.name === node.name) return true;
    above = nodes[above.parent];
  }
  return false;
}
