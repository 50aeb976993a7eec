// What is made of a merged tree: flame graph, tree bytes, call tree and diff; and what each of them
// is without data. Owns the number of nodes each is cut to; the kernel does the cutting.
import { emptyCallTree } from './call-tree.ts';
import type { CallTree, FlameGraph, FlameGraphDiff, StacktracesRequest } from './contract.ts';
import { ofOneMoment } from './one-moment.ts';
import { rangeNs } from './range.ts';
import type { Reading } from './sources.ts';
import { type Kernels, mergeTrees } from './stacks.ts';
import { type Planning, planStacks, type StacksPlan } from './validate.ts';

/** What one answer is made from. */
export interface TreeQuery {
  reading: Reading;
  kernels: Kernels;
  plan: StacksPlan;
}

/** Of no data: the root alone. */
export function emptyFlameGraph(): FlameGraph {
  return { names: ['total'], levels: [new BigInt64Array(4)], total: 0n, maxSelf: 0n };
}

/** Of no data on both sides. */
export function emptyDiff(): FlameGraphDiff {
  const levels = [new BigInt64Array(7)];
  return { names: ['total'], levels, total: 0n, maxSelf: 0n, leftTicks: 0n, rightTicks: 0n };
}

/** Cut to the nodes of the plan. */
export async function flameGraphOf({ reading, kernels, plan }: TreeQuery): Promise<FlameGraph> {
  const { nodes } = plan;
  const graph = await mergeTrees(reading, kernels, [plan], (merge) => merge.flameGraph(nodes));
  return graph ?? emptyFlameGraph();
}

/** Pyroscope's tree bytes, cut to the nodes of the plan; empty without data. */
export async function treeBytesOf({ reading, kernels, plan }: TreeQuery): Promise<Uint8Array> {
  const { nodes } = plan;
  const bytes = await mergeTrees(reading, kernels, [plan], (merge) => merge.treeBytes(nodes));
  return bytes ?? new Uint8Array(0);
}

/** Cut to about `nodes`. */
export async function callTreeOf(query: TreeQuery, nodes: number): Promise<CallTree> {
  const { reading, kernels, plan } = query;
  const tree = await mergeTrees(reading, kernels, [plan], (merge) => merge.callTree(0, nodes));
  return tree ?? emptyCallTree();
}

/** Left and right; undefined sides are empty. */
export type DiffPlan = readonly [StacksPlan | undefined, StacksPlan | undefined];

/** Both sides are cut with the larger number of nodes. Throws `invalid`, for the left first. */
export function planDiff(
  left: StacktracesRequest,
  right: StacktracesRequest,
  planning: Planning,
): DiffPlan {
  const maxNodes = Math.max(left.maxNodes ?? 0, right.maxNodes ?? 0);
  const side = (request: StacktracesRequest) =>
    planStacks({ ...request, maxNodes }, planning, 'bounded');
  return [side(left), side(right)];
}

/** Left and right over the union of their trees. */
export async function diffOf(
  reading: Reading,
  kernels: Kernels,
  plan: DiffPlan,
): Promise<FlameGraphDiff> {
  const nodes = plan[0]?.nodes ?? plan[1]?.nodes ?? 0;
  const ranges = plan.flatMap((side) => (side ? [rangeNs(side.range)] : []));
  if (ranges.length === 0) return emptyDiff();
  const shared = await ofOneMoment(reading, ranges);
  const graph = await mergeTrees(shared, kernels, plan, (merge) => merge.diff(nodes));
  return graph ?? emptyDiff();
}
