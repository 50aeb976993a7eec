// Stacks by function name: asks all sources for their trees and merges them in a kernel of the
// pool. Owns the life of that kernel and of the merge; what is made of the merged tree is the
// caller's. Merge first, truncate after.
import { assert } from '../errors.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { KernelPool } from '../kernel/pool.ts';
import { TreeMerge } from '../kernel/tree-merge.ts';
import { arraysIn, freeBytes } from '../lib/free-bytes.ts';
import type { StackPart, StackQuery } from '../model/source.ts';
import { rangeNs } from './range.ts';
import type { NamedSource, Question, Reading } from './sources.ts';
import type { StacksPlan } from './validate.ts';

/** What the kernels of a query are borrowed from. */
export type Kernels = Pick<KernelPool, 'acquire' | 'release'>;

/** Asks a source for its stacks. */
export function stacksOf(query: StackQuery): Question<StackPart | undefined> {
  return { call: { stacks: query }, ask: (source, meter) => source.stacks(query, meter) };
}

/** The question of a plan to one source. */
export function stackQuery(plan: StacksPlan, shape: StackQuery['shape']): StackQuery {
  const { selector, profileType, filter } = plan;
  return { ...rangeNs(plan.range), selector, profileType: profileType.id, filter, shape };
}

/**
 * One tree, or two over the same names. An undefined plan is an empty side. Answers what `finish`
 * makes of the merge, which is released afterwards; undefined when no side has data.
 */
export async function mergeTrees<T>(
  reading: Reading,
  kernels: Kernels,
  plans:
    | readonly [StacksPlan | undefined]
    | readonly [StacksPlan | undefined, StacksPlan | undefined],
  finish: (merge: TreeMerge) => T,
): Promise<T | undefined> {
  const sides: (readonly NamedSource[])[] = [];
  for (const plan of plans) sides.push(plan ? await reading.open(rangeNs(plan.range)) : []);
  let kernel: Kernel | undefined;
  let merge: TreeMerge | undefined;
  const held = reading.hold();
  try {
    for (const [side, plan] of plans.entries()) {
      if (plan === undefined) continue;
      const query = stackQuery(plan, 'functions');
      await reading.ask(sides[side] ?? [], stacksOf(query), async (part) => {
        if (part === undefined) return;
        assert(part.shape === 'functions', `asked for functions, got ${part.shape}`);
        kernel ??= kernels.acquire();
        merge ??= new TreeMerge(kernel, plans.length);
        merge.add(side as 0 | 1, part.tree);
        freeBytes(arraysIn(part.tree));
        while (merge.stepPart()) await reading.meter.pause();
        held.resize(kernel.bytesReserved());
        await reading.meter.pause();
      });
    }
    if (merge === undefined) return undefined;
    while (merge.step()) await reading.meter.pause();
    return finish(merge);
  } finally {
    merge?.release();
    if (kernel !== undefined) kernels.release(kernel);
    held.release();
  }
}
