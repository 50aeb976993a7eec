// Merged function trees against a plain model on random parts, in any order of them.
import { describe, expect, it } from 'vitest';
import { createRandom } from '../fixtures/random.ts';
import { createKernel } from '../support/kernel.ts';
import { answersOf, mergeParts, modelAnswers, type SidedPart } from './tree-answers.ts';
import { partOfText, randomPart } from './tree-parts.ts';

const limits = [0, 1, 2, 3, 7, 20, 100, 1_000_000];

describe('merged trees', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])('agree with the model in any order, seed %i', (seed) => {
    const random = createRandom(seed);
    const parts = Array.from({ length: 1 + random.below(6) }, (): SidedPart => {
      const options = {
        nodes: 1 + random.below(120),
        names: 1 + random.below(60),
        valueMax: seed % 2 === 0 ? 1n << 52n : 9n,
        chain: random.below(100),
      };
      return { tree: random.below(2) === 0 ? 0 : 1, part: randomPart(random, options) };
    });
    const expected = modelAnswers(parts, limits);
    expect(answersOf(mergeParts(parts), limits)).toEqual(expected);
    random.shuffle(parts);
    const other = mergeParts(parts, createKernel(64 << 20, [seed, 99]));
    expect(answersOf(other, limits)).toEqual(expected);
  });

  it('are exact near 2^63', () => {
    const half = (1n << 62n) - 1n;
    const parts: SidedPart[] = [
      { tree: 0, part: partOfText(`a;b ${half - 3n}\na;c 2\nother 1`) },
      { tree: 1, part: partOfText(`a;b ${half - 1n}\na;d 1`) },
    ];
    const merge = mergeParts(parts);
    expect(answersOf(merge, limits)).toEqual(modelAnswers(parts, limits));
    expect(merge.diff(0).total).toBe(2n * half);
  });

  it('take parts after a question, and answers do not change with the questions before', () => {
    const parts: SidedPart[] = [
      { tree: 0, part: partOfText('a;b 3\nother;z 2\nc 1') },
      { tree: 1, part: partOfText('a;b 1\nd;e 7') },
      { tree: 0, part: partOfText('d;e;f 9\na 1') },
    ];
    const merge = mergeParts([]);
    for (const [i, { tree, part }] of parts.entries()) {
      merge.add(tree, part);
      expect(answersOf(merge, limits)).toEqual(modelAnswers(parts.slice(0, i + 1), limits));
    }
    expect(answersOf(merge, limits.toReversed())).toEqual(modelAnswers(parts, limits.toReversed()));
  });

  it('answer copies', () => {
    const merge = mergeParts([{ tree: 0, part: partOfText('a;b 3') }]);
    const [graph, bytes, calls] = [merge.flameGraph(0), merge.treeBytes(0), merge.callTree(0, 0)];
    merge.add(0, partOfText('z 4'));
    merge.flameGraph(0);
    expect(graph.levels[1]).toEqual(BigInt64Array.of(0n, 3n, 0n, 1n));
    expect(bytes.at(-1)).toBe(0);
    expect(calls.names).toEqual(['', 'a', 'b']);
  });
});
