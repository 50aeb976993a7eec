// A flame graph as an indented tree: shares, sums and names, the largest children first. Owns what
// is left out, and says so.
import type { FlameGraph } from '../query/contract.ts';
import { formatAmount, formatShare } from './amounts.ts';
import { type FlameNode, flameNodes } from './flame-tree.ts';
import { printable } from './output.ts';

/** Lines of the tree, at most `linesMax` and one about the rest. */
export function* flameLines(
  graph: FlameGraph,
  profileType: string,
  linesMax: number,
): Generator<string> {
  const nodes = flameNodes(graph);
  const children = childrenOf(nodes);
  const amount = (value: bigint | undefined) => formatAmount(value ?? 0n, profileType).padStart(8);
  yield `${'share'.padStart(6)} ${'total'.padStart(8)} ${'self'.padStart(8)}  function`;
  const stack: { index: number; depth: number }[] =
    nodes.length === 0 ? [] : [{ index: 0, depth: 0 }];
  let lines = 0;
  while (lines < linesMax) {
    const next = stack.pop();
    if (next === undefined) break;
    const node = nodes[next.index] as FlameNode;
    const share = formatShare(node.totals[0] ?? 0n, graph.total).padStart(6);
    const name = `${'  '.repeat(next.depth)}${printable(node.name)}`;
    yield `${share} ${amount(node.totals[0])} ${amount(node.selfs[0])}  ${name}`;
    lines += 1;
    for (const index of children[next.index] ?? []) stack.push({ index, depth: next.depth + 1 });
  }
  const left = nodes.length - lines;
  if (left > 0) yield `${left} more nodes, --lines shows more`;
}

/** Of each node, the smallest first: they are taken from the end. */
function childrenOf(nodes: readonly FlameNode[]): number[][] {
  const children: number[][] = nodes.map(() => []);
  nodes.forEach(({ parent }, index) => {
    children[parent]?.push(index);
  });
  const total = (index: number) => nodes[index]?.totals[0] ?? 0n;
  for (const list of children) {
    list.sort((a, b) => Number(total(a) > total(b)) - Number(total(a) < total(b)) || b - a);
  }
  return children;
}
