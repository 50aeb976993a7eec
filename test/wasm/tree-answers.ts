// All that is asked of merged function trees, of the kernel and of the model alike. Owns no
// expectations.
import { createHash } from 'node:crypto';
import { TreeMerge } from '../../src/kernel/tree-merge.ts';
import type { FunctionTree } from '../../src/model/source.ts';
import { createKernel } from '../support/kernel.ts';
import {
  mergeModel,
  modelCallTree,
  modelDiff,
  modelFlameGraph,
  modelTreeBytes,
} from './tree-model.ts';

/** A part and which tree it is of. */
export interface SidedPart {
  tree: 0 | 1;
  part: FunctionTree;
}

/** Two trees with these parts. */
export function mergeParts(parts: readonly SidedPart[], kernel = createKernel()): TreeMerge {
  const merge = new TreeMerge(kernel, 2);
  for (const { tree, part } of parts) merge.add(tree, part);
  return merge;
}

/** Everything that is answered, at every limit. */
export function answersOf(merge: TreeMerge, limits: readonly number[]) {
  return limits.map((limit) => ({
    flame: merge.flameGraph(limit),
    diff: merge.diff(limit),
    bytes: merge.treeBytes(limit),
    calls: [merge.callTree(0, limit), merge.callTree(1, limit)],
  }));
}

/** The same by the model. */
export function modelAnswers(parts: readonly SidedPart[], limits: readonly number[]) {
  const root = mergeModel(parts);
  return limits.map((limit) => ({
    flame: modelFlameGraph(root, limit),
    diff: modelDiff(root, limit),
    bytes: modelTreeBytes(root, limit),
    calls: [modelCallTree(root, 0, limit), modelCallTree(root, 1, limit)],
  }));
}

/** One text for answers too large to be compared value by value. */
export function digestOf(answers: unknown): string {
  const hash = createHash('sha256');
  const add = (value: unknown) => {
    if (ArrayBuffer.isView(value)) {
      hash.update(`${value.byteLength}:`);
      hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    } else if (typeof value === 'object' && value !== null) {
      for (const key of Object.keys(value).toSorted()) {
        hash.update(`${key}=`);
        add(Reflect.get(value, key));
      }
    } else {
      hash.update(`${typeof value} ${value};`);
    }
  };
  add(answers);
  return hash.digest('hex');
}
