// Graphviz text of the call graph of a tree: functions as nodes, calls as edges. Owns the fold from
// paths to functions, which functions stay, and the text. Recursion is counted once a stack, so no
// percentage passes 100. https://graphviz.org/doc/info/lang.html
import { compareUtf8 } from '../lib/compare-utf8.ts';
import { childrenOf, percent, shownName } from './call-tree.ts';
import type { CallTree } from './contract.ts';

/** Functions shown when the request names no number. */
export const graphNodesDefault = 100;

interface GraphNode {
  name: string;
  self: bigint;
  total: bigint;
}

interface GraphEdge {
  from: string;
  to: string;
  weight: bigint;
  /** Functions between the two are not shown. */
  isResidual: boolean;
}

export interface DotOptions {
  /** Most functions shown; the largest totals stay. */
  nodesMax: number;
  title: string;
  unit: string;
}

/** Empty without data. */
export function dotText(tree: CallTree, { nodesMax, title, unit }: DotOptions): string {
  const total = tree.total[0] ?? 0n;
  if (total === 0n) return '';
  const all = functionsOf(tree);
  const nodes = all.slice(0, nodesMax);
  const edges = edgesOf(tree, new Set(nodes.map(({ name }) => name)));
  const ids = new Map(nodes.map(({ name }, i) => [name, `N${i + 1}`] as const));
  const hidden = all.length - nodes.length;
  const summary = `${title}\ntotal ${total} ${unit}, ${nodes.length} functions, ${hidden} hidden`;
  const lines = [
    'digraph {',
    '  node [shape=box, fontname="sans-serif"];',
    `  legend [shape=plaintext, label=${quoted(summary)}];`,
  ];
  for (const { name, self, total: sum } of nodes) {
    const shown = shownName(name);
    const label =
      `${shown}\nself ${self} (${percent(self, total)})\n` +
      `total ${sum} (${percent(sum, total)})`;
    lines.push(`  ${ids.get(name)} [label=${quoted(label)}, tooltip=${quoted(shown)}];`);
  }
  for (const { from, to, weight, isResidual } of edges) {
    const label = `label=${quoted(`${weight} (${percent(weight, total)})`)}`;
    const style = isResidual ? ', style=dashed' : '';
    lines.push(`  ${ids.get(from)} -> ${ids.get(to)} [${label}${style}];`);
  }
  lines.push('}', '');
  return lines.join('\n');
}

/** All functions, the largest total first. */
function functionsOf(tree: CallTree): GraphNode[] {
  const found = new Map<string, GraphNode>();
  const open = new Map<string, number>();
  walk(tree, {
    enter(node) {
      const name = tree.names[node] as string;
      const entry = found.get(name) ?? { name, self: 0n, total: 0n };
      entry.self += tree.self[node] as bigint;
      const depth = open.get(name) ?? 0;
      if (depth === 0) entry.total += tree.total[node] as bigint;
      open.set(name, depth + 1);
      found.set(name, entry);
    },
    leave(node) {
      const name = tree.names[node] as string;
      open.set(name, (open.get(name) as number) - 1);
    },
  });
  return [...found.values()].sort(
    (a, b) => descending(a.total, b.total) || compareUtf8(a.name, b.name),
  );
}

/** Calls among the functions that are shown, over hidden ones where there are such. */
function edgesOf(tree: CallTree, shown: ReadonlySet<string>): GraphEdge[] {
  const found = new Map<string, GraphEdge>();
  const open = new Map<string, number>();
  /** Shown callers of the node that is being visited, and the edges that led to them. */
  const callers: { name: string; node: number; edge: string | undefined }[] = [];
  walk(tree, {
    enter(node) {
      const name = tree.names[node] as string;
      if (!shown.has(name)) return;
      const caller = callers.at(-1);
      let key: string | undefined;
      if (caller !== undefined) {
        const isResidual = tree.parents[node] !== caller.node;
        key = `${isResidual ? 1 : 0}${caller.name.length}:${caller.name}${name}`;
        const edge = found.get(key) ?? { from: caller.name, to: name, weight: 0n, isResidual };
        const depth = open.get(key) ?? 0;
        if (depth === 0) edge.weight += tree.total[node] as bigint;
        open.set(key, depth + 1);
        found.set(key, edge);
      }
      callers.push({ name, node, edge: key });
    },
    leave(node) {
      if (callers.at(-1)?.node !== node) return;
      const edge = callers.pop()?.edge;
      if (edge !== undefined) open.set(edge, (open.get(edge) as number) - 1);
    },
  });
  return [...found.values()].sort(
    (a, b) =>
      descending(a.weight, b.weight) ||
      compareUtf8(a.from, b.from) ||
      compareUtf8(a.to, b.to) ||
      Number(a.isResidual) - Number(b.isResidual),
  );
}

function descending(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a > b ? -1 : 1;
}

/** Depth first over all nodes but the root, without recursion: stacks may be deep. */
function walk(tree: CallTree, visit: { enter(node: number): void; leave(node: number): void }) {
  const children = childrenOf(tree);
  const path: { node: number; next: number }[] = [{ node: 0, next: 0 }];
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const child = (children[top.node] as number[])[top.next++];
    if (child === undefined) {
      path.pop();
      if (top.node !== 0) visit.leave(top.node);
      continue;
    }
    visit.enter(child);
    path.push({ node: child, next: 0 });
  }
}

/** A quoted string; a line break becomes the escape for a centered one. */
function quoted(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return `"${escaped}"`;
}
