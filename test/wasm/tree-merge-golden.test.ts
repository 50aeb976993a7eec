// Encodings of merged trees byte for byte as they were: clients read them, and caches keep them.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { goldenJson, goldenTrees, left, limits, right } from '../golden/query/content.ts';
import { mergeModel, modelDiff, modelFlameGraph, modelTreeBytes } from './tree-model.ts';
import { partOfText } from './tree-parts.ts';

const golden = (name: string) =>
  readFileSync(new URL(`../golden/query/1/${name}`, import.meta.url));

test('flame graphs, diffs and call trees are as they were', () => {
  expect(goldenJson(goldenTrees())).toBe(golden('answers.json').toString());
});

test.each(limits)('tree bytes of %i nodes are as they were', (maxNodes) => {
  const bytes = goldenTrees().treeBytes(maxNodes);
  expect(Buffer.from(bytes).equals(golden(`tree-${maxNodes}.bin`))).toBe(true);
});

test('the model agrees', () => {
  const root = mergeModel([
    { tree: 0, part: partOfText(left) },
    { tree: 1, part: partOfText(right) },
  ]);
  const trees = goldenTrees();
  for (const maxNodes of limits) {
    expect(trees.flameGraph(maxNodes)).toEqual(modelFlameGraph(root, maxNodes));
    expect(trees.diff(maxNodes)).toEqual(modelDiff(root, maxNodes));
    expect(trees.treeBytes(maxNodes)).toEqual(modelTreeBytes(root, maxNodes));
  }
});
