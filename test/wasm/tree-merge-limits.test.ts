// Merged function trees at their limits: values, depth, width, slices, memory, misuse.
import { describe, expect, it } from 'vitest';
import { isFailure } from '../../src/errors.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { TreeMerge } from '../../src/kernel/tree-merge.ts';
import type { FunctionTree } from '../../src/model/source.ts';
import { createRandom } from '../fixtures/random.ts';
import { createKernel } from '../support/kernel.ts';
import { answersOf, digestOf, mergeParts, modelAnswers } from './tree-answers.ts';
import { partOf, partOfText, randomPart } from './tree-parts.ts';

const topOf = (kernel: Kernel) =>
  (kernel.exports as unknown as { memoryTop(): number }).memoryTop();

/** Chains of `depth` nodes below the root, all with one name, every node with value 1. */
function chains(count: number, depth: number): FunctionTree {
  const nodes = 1 + count * depth;
  const part = {
    parents: new Uint32Array(nodes),
    nameIds: new Uint32Array(nodes),
    self: new BigInt64Array(nodes).fill(1n, 1),
    names: { offsets: Uint32Array.of(0, 1, 2), bytes: new TextEncoder().encode('ab') },
  };
  for (let node = 1; node < nodes; node++) {
    part.parents[node] = (node - 1) % depth === 0 ? 0 : node - 1;
    part.nameIds[node] = node <= depth ? 0 : 1;
  }
  return part;
}

/** As many names as nodes, below the root. */
function wide(count: number, prefix: string): FunctionTree {
  const random = createRandom(count);
  const names = Array.from({ length: count }, (_, i) => `${prefix}${i.toString(36)}`);
  random.shuffle(names);
  const nodes = names.map((name) => ({ parent: 0, name, self: 1n }));
  return partOf([{ parent: 0, name: '', self: 0n }, ...nodes]);
}

describe('values', () => {
  it('add up to 2^63-1 over both trees; a part past that is refused, and changes nothing', () => {
    const half = 1n << 62n;
    const parts = [
      { tree: 0, part: partOfText(`a;b ${half}`) },
      { tree: 1, part: partOfText(`a;b ${half - 2n}\nc 1`) },
    ] as const;
    const merge = mergeParts(parts);
    for (const tree of [0, 1] as const) {
      expect(() => merge.add(tree, partOfText('z;y 1'))).toThrow(
        'selected values add up to more than 9223372036854775807',
      );
    }
    expect(answersOf(merge, [0])).toEqual(modelAnswers(parts, [0]));
    expect(merge.diff(0).total).toBe(2n ** 63n - 1n);
  });

  it('are refused below 0', () => {
    const merge = mergeParts([]);
    const part = partOfText('a 5\nb 3');
    part.self[1] = -5n;
    expect(() => merge.add(0, part)).toThrow('is below 0');
    expect(merge.flameGraph(0).names).toEqual(['total']);
  });
});

describe('shape', () => {
  it('may be 100,000 levels deep', () => {
    const merge = new TreeMerge(createKernel(256 << 20), 2);
    merge.add(0, chains(2, 100_000));
    merge.add(1, chains(1, 100_000));
    const graph = merge.flameGraph(0);
    expect(graph.levels.length).toBe(100_001);
    expect(graph.levels[1]).toEqual(
      BigInt64Array.of(...[0n, 100_000n, 1n, 2n], ...[0n, 100_000n, 1n, 1n]),
    );
    expect(graph.levels.at(-1)).toEqual(BigInt64Array.of(99_999n, 1n, 1n, 2n, 99_999n, 1n, 1n, 1n));
    const calls = merge.callTree(1, 50);
    expect(calls.total).toEqual(
      BigInt64Array.from({ length: 52 }, (_, i) => BigInt(i === 0 ? 100_000 : 100_001 - i)),
    );
    expect(calls.names.at(-1)).toBe('other');
    expect(merge.diff(1000).levels.length).toBe(502);
    // Root, a name and two varints of a byte for each node, larger ones at the top.
    expect(merge.treeBytes(0).length).toBe(3 + 200_000 * 4);
    merge.release();
  });

  it('may be wide, with names of one long beginning', () => {
    const merge = new TreeMerge(createKernel(256 << 20), 1);
    merge.add(0, wide(100_000, `${'github.com/'.repeat(9)}x`));
    const { names } = merge.callTree(0, 0);
    expect(names.length).toBe(100_001);
    expect(names.findIndex((name, i) => i > 0 && name <= (names[i - 1] as string))).toBe(-1);
    merge.release();
  });
});

describe('slices', () => {
  it('answer the same as all at once, and there are many of them', () => {
    const random = createRandom(3);
    const options = { nodes: 40_000, names: 9000, valueMax: 1n << 40n, chain: 80 };
    const parts = [randomPart(random, options), randomPart(random, options)];
    const whole = new TreeMerge(createKernel(128 << 20), 2);
    const sliced = new TreeMerge(createKernel(128 << 20), 2);
    let steps = 0;
    for (const part of parts) {
      whole.add(0, part);
      sliced.add(0, part);
      while (sliced.stepPart()) steps++;
    }
    while (sliced.step()) steps++;
    expect(steps).toBeGreaterThan(4);
    expect(sliced.step()).toBe(false);
    expect(digestOf(answersOf(sliced, [0, 8192]))).toBe(digestOf(answersOf(whole, [0, 8192])));
  });
});

describe('memory', () => {
  const part = randomPart(createRandom(17), {
    nodes: 6000,
    names: 1000,
    valueMax: 1n << 30n,
    chain: 70,
  });

  it('goes back on release: merging again needs none', () => {
    const kernel = createKernel();
    const mergeAll = () => {
      const merge = mergeParts(
        [
          { tree: 0, part },
          { tree: 1, part },
        ],
        kernel,
      );
      answersOf(merge, [0, 100]);
      merge.release();
      merge.release();
      expect(() => merge.flameGraph(0)).toThrow('released');
      return topOf(kernel);
    };
    const top = mergeAll();
    expect([mergeAll(), mergeAll(), mergeAll()]).toEqual([top, top, top]);
  });

  it('used up is `unavailable`, wherever that is, and changes nothing', () => {
    const expected = digestOf(answersOf(mergeParts([{ tree: 0, part }]), [0, 50]));
    const failed = new Set<string>();
    for (let pages = 4; pages < 100; pages += 3) {
      const kernel = createKernel(pages << 16);
      const held: TreeMerge[] = [];
      const attempt = (what: string, run: () => void) => {
        try {
          run();
          return true;
        } catch (error) {
          if (!isFailure(error, 'unavailable')) throw error;
          failed.add(what);
          return false;
        }
      };
      attempt('begin', () => {
        held.push(new TreeMerge(kernel, 2));
      });
      const digest = kernel.digest();
      const [merge] = held;
      if (merge === undefined) continue;
      const isAdded = attempt('add', () => merge.add(0, part));
      if (!isAdded) {
        // What did not find room left no trace, and a small part finds some.
        merge.add(0, partOfText('a 1'));
        expect(merge.flameGraph(0).total).toBe(1n);
      } else if (attempt('step', () => merge.flameGraph(50))) {
        attempt('ask', () => expect(digestOf(answersOf(merge, [0, 50]))).toBe(expected));
      }
      merge.release();
      expect(kernel.digest()).toBe(digest);
    }
    expect(failed).toEqual(new Set(['add', 'step', 'ask']));
  });

  it('is void after a reset of its kernel', () => {
    const kernel = createKernel();
    const merge = mergeParts([{ tree: 0, part }], kernel);
    kernel.reset([5, 6]);
    expect(() => merge.flameGraph(0)).toThrow('reset');
    merge.release();
    expect(mergeParts([], kernel).flameGraph(0).names).toEqual(['total']);
  });
});

describe('parts', () => {
  const broken: [what: string, change: (part: FunctionTree) => FunctionTree][] = [
    ['a parent after its child', (p) => ({ ...p, parents: Uint32Array.of(0, 2, 0) })],
    ['a name that is not there', (p) => ({ ...p, nameIds: Uint32Array.of(0, 0, 2) })],
    ['names that end before they begin', (p) => namesOf(p, [0, 2, 1])],
    ['names past their bytes', (p) => namesOf(p, [0, 1, 9])],
    ['columns of other lengths', (p) => ({ ...p, self: new BigInt64Array(2) })],
    ['no node', () => partOf([])],
  ];
  const namesOf = (part: FunctionTree, offsets: number[]): FunctionTree => ({
    ...part,
    names: { ...part.names, offsets: Uint32Array.from(offsets) },
  });

  it.each(broken)('with %s are our bug, and change nothing', (_, change) => {
    const merge = mergeParts([]);
    let error: unknown;
    try {
      merge.add(0, change(partOfText('a 1\nb 2')));
    } catch (thrown) {
      error = thrown;
    }
    expect(isFailure(error, 'internal')).toBe(true);
    merge.add(0, partOfText('c 1'));
    expect(merge.flameGraph(0).names).toEqual(['total', 'c']);
  });

  it('are of a tree that there is', () => {
    const merge = new TreeMerge(createKernel(), 1);
    expect(() => merge.add(1, partOfText('c 1'))).toThrow();
    expect(() => merge.callTree(1, 0)).toThrow();
  });
});
