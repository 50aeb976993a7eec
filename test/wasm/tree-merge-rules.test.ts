// The rules of what is shown of merged trees, one by one: order, truncation, `other`, and names
// that the encodings single out, each differently for flame graphs, tree bytes and diffs.
import { describe, expect, it } from 'vitest';
import { TreeMerge } from '../../src/kernel/tree-merge.ts';
import { createKernel } from '../support/kernel.ts';
import { partOfText } from './tree-parts.ts';

/** The trees of one text, or of a left and a right one. */
function treesOf(left: string, right?: string): TreeMerge {
  const merge = new TreeMerge(createKernel(), right === undefined ? 1 : 2);
  merge.add(0, partOfText(left));
  if (right !== undefined) merge.add(1, partOfText(right));
  return merge;
}

const plain = ({ levels }: { levels: readonly BigInt64Array[] }) =>
  levels.map((level) => Array.from(level, Number));

/** `name self total` of each node of a level that is not the root's. */
function shown(graph: { names: string[]; levels: readonly BigInt64Array[] }): string[][] {
  return plain(graph)
    .slice(1)
    .map((level) =>
      Array.from({ length: level.length / 4 }, (_, i) => {
        const [, total, self, name] = level.slice(i * 4, i * 4 + 4);
        return `${graph.names[name as number]} ${self} ${total}`;
      }),
    );
}

const callsOf = (merge: TreeMerge, maxNodes: number) => {
  const { parents, names, self, total } = merge.callTree(0, maxNodes);
  return names.map((name, i) => `${parents[i]} ${name} ${self[i]} ${total[i]}`);
};

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

describe('a flame graph', () => {
  it('has four values a node, names in order of a walk that takes the last child first', () => {
    const graph = treesOf('a;b;e 1\na;c 2\na;c;d 1').flameGraph(0);
    expect(graph.names).toEqual(['total', 'a', 'c', 'd', 'b', 'e']);
    expect(plain(graph)).toEqual([
      [0, 4, 0, 0],
      [0, 4, 0, 1],
      [0, 1, 0, 4, 0, 3, 2, 2],
      [0, 1, 1, 5, 2, 1, 1, 3],
    ]);
    expect([graph.total, graph.maxSelf]).toEqual([4n, 2n]);
  });

  it('is a root of nothing without data, and without any value', () => {
    const empty = {
      names: ['total'],
      levels: [BigInt64Array.of(0n, 0n, 0n, 0n)],
      total: 0n,
      maxSelf: 0n,
    };
    expect(new TreeMerge(createKernel(), 1).flameGraph(0)).toEqual(empty);
    expect(treesOf('a;b 0\n 0').flameGraph(8)).toEqual(empty);
  });

  it('counts the empty stack in the total alone', () => {
    const graph = treesOf(' 5\na 2').flameGraph(0);
    expect(plain(graph)).toEqual([
      [0, 7, 0, 0],
      [0, 2, 2, 1],
    ]);
    expect([graph.total, graph.maxSelf]).toEqual([7n, 2n]);
  });

  it('leaves out frames without any value, which are not counted either', () => {
    expect(shown(treesOf('a 2\nb;x 0\nc 1').flameGraph(2))).toEqual([['a 2 2', 'c 1 1']]);
  });

  it('sorts siblings by the bytes of their names', () => {
    const names = ['\u{1f525}', '\uffee', 'é', 'z', 'a\0', 'a', 'B', '', 'ab'];
    const graph = treesOf(names.map((name) => `${name}; 0\n${name} 1`).join('\n')).flameGraph(0);
    const sorted = ['', 'B', 'a', 'a\0', 'ab', 'z', 'é', '\uffee', '\u{1f525}'];
    expect(shown(treesOf('a 1\nab 1\naa 1').flameGraph(0))).toEqual([
      ['a 1 1', 'aa 1 1', 'ab 1 1'],
    ]);
    expect(graph.names.slice(1).toReversed()).toEqual(sorted.filter((name) => name !== ''));
  });

  it('gives real frames named total the index of the root, and empty names their own', () => {
    const graph = treesOf('total;x 1\nx;total 1\nx; 2').flameGraph(0);
    expect(graph.names).toEqual(['total', 'x', '']);
    expect(shown(graph)).toEqual([
      ['total 0 1', 'x 0 3'],
      ['x 1 1', ' 2 2', 'total 1 1'],
    ]);
  });

  it('keeps all when there are no more nodes than asked for, or less than one is', () => {
    const merge = treesOf('a;b 1\nc 2');
    for (const limit of [3, 4, 0, -1]) expect(merge.flameGraph(limit)).toEqual(merge.flameGraph(0));
    expect(shown(merge.flameGraph(0))).toEqual([['a 0 1', 'c 2 2'], ['b 1 1']]);
  });

  it('keeps nodes that are equal to the smallest that is kept', () => {
    expect(shown(treesOf('a 3\nb 2\nc 2\nd 2\ne 1').flameGraph(2))).toEqual([
      ['a 3 3', 'b 2 2', 'c 2 2', 'd 2 2', 'other 1 1'],
    ]);
  });

  it('sums up the rest of each parent in its last child', () => {
    const graph = treesOf('p;a 1\np;b;c 2\np;z 9\nq;a 1\nq 8').flameGraph(3);
    expect(shown(graph)).toEqual([
      ['p 0 12', 'q 8 9'],
      ['z 9 9', 'other 3 3', 'other 1 1'],
    ]);
    expect(graph.names).toEqual(['total', 'q', 'other', 'p', 'z']);
  });

  it('folds a real other with all below it, however large it is', () => {
    const merge = treesOf('a 2\nother;x;y 7\nz;other 3\nz 1\nb 1');
    expect(shown(merge.flameGraph(0))).toEqual([
      ['a 2 2', 'b 1 1', 'z 1 4', 'other 7 7'],
      ['other 3 3'],
    ]);
    expect(shown(merge.flameGraph(6))[0]).toEqual(['a 2 2', 'z 1 4', 'other 8 8']);
  });

  it('counts what other holds in the largest self value', () => {
    expect(treesOf('a;b 5\na;c 4\na;d 4\ne 9').flameGraph(2).maxSelf).toBe(13n);
  });
});

describe('tree bytes', () => {
  it('have the root, then each node with the last child first', () => {
    const bytes = treesOf('a;b 300\na;c 2\nd 1').treeBytes(0);
    expect(textOf(bytes)).toBe(
      '\0\0\x02' + '\x01d\x01\0' + '\x01a\0\x02' + '\x01c\x02\0\x01b\xac\x02\0',
    );
  });

  it('are none without data', () => {
    expect(treesOf('a 0').treeBytes(0)).toEqual(new Uint8Array(0));
  });

  it('keep the value of the empty stack in the root', () => {
    expect(textOf(treesOf(' 5').treeBytes(0))).toBe('\0\x05\0');
  });

  it('have the rest of each parent in the order of names', () => {
    const merge = treesOf('a 9\nz 8\nn 1\np 2');
    expect(textOf(merge.treeBytes(2))).toBe('\0\0\x03\x01z\x08\0\x05other\x03\0\x01a\x09\0');
    expect(callsOf(merge, 2)).toEqual(['0  0 20', '0 a 9 9', '0 other 3 3', '0 z 8 8']);
  });

  it('keep a real other however small, with its children, and add the rest to it', () => {
    const merge = treesOf('a 9\nother;k 1\nz 8\nz;other 1\np 2');
    expect(callsOf(merge, 2)).toEqual([
      '0  0 21',
      '0 a 9 9',
      '0 other 2 3',
      '2 other 1 1',
      '0 z 8 9',
      '4 other 1 1',
    ]);
    expect(callsOf(merge, 0)).toContain('0 other 0 1');
  });

  it('name a frame total and one without a name as they are', () => {
    expect(callsOf(treesOf('total; 1\ntotal;other 2'), 0)).toEqual([
      '0  0 3',
      '0 total 0 3',
      '1  1 1',
      '1 other 2 2',
    ]);
  });
});

describe('a diff', () => {
  it('has seven values a node, zeros where a side lacks one', () => {
    const graph = treesOf('a;b 2\nc 1', 'a;d 5\na 1').diff(0);
    expect(graph.names).toEqual(['total', 'c', 'a', 'd', 'b']);
    expect(plain(graph)).toEqual([
      [0, 3, 0, 0, 6, 0, 0],
      [0, 2, 0, 0, 6, 1, 2, 0, 1, 1, 0, 0, 0, 1],
      [0, 2, 2, 1, 0, 0, 4, 0, 0, 0, 0, 5, 5, 3],
    ]);
    expect([graph.total, graph.maxSelf, graph.leftTicks, graph.rightTicks]).toEqual([
      9n,
      5n,
      3n,
      6n,
    ]);
  });

  it('is seven zeros without data', () => {
    expect(new TreeMerge(createKernel(), 2).diff(0)).toEqual({
      names: ['total'],
      levels: [new BigInt64Array(7)],
      total: 0n,
      maxSelf: 0n,
      leftTicks: 0n,
      rightTicks: 0n,
    });
  });

  it('counts the root among the nodes, and keeps what is large on either side', () => {
    const graph = treesOf('a 5\nb 1\nc 1', 'a 1\nb 6\nc 2').diff(3);
    expect(graph.names).toEqual(['total', 'other', 'b', 'a']);
    expect(plain(graph)[1]).toEqual([
      ...[0, 5, 5, 0, 1, 1, 3],
      ...[0, 1, 1, 0, 6, 6, 2],
      ...[0, 1, 1, 0, 2, 2, 1],
    ]);
    expect(plain(treesOf('a 5\nb 1', 'a 1\nb 6').diff(1))).toEqual([
      [0, 6, 0, 0, 7, 0, 0],
      [0, 6, 6, 0, 7, 7, 1],
    ]);
  });

  it('treats a real other like any other frame', () => {
    const graph = treesOf('other;x 5\nz 4\nb 1', 'z 1').diff(4);
    expect(graph.names).toEqual(['total', 'other', 'z', 'x']);
    expect(plain(graph)).toEqual([
      [0, 10, 0, 0, 1, 0, 0],
      [0, 5, 0, 0, 0, 0, 1, 0, 4, 4, 0, 1, 1, 2, 0, 1, 1, 0, 0, 0, 1],
      [0, 5, 5, 0, 0, 0, 3],
    ]);
  });

  it('gives a real frame named total its own index, and empty names the index of the root', () => {
    const graph = treesOf('total; 1', 'b 1').diff(0);
    expect(graph.names).toEqual(['total', 'total', 'b']);
    expect(plain(graph)[2]).toEqual([0, 1, 1, 1, 0, 0, 0]);
  });

  it('needs two trees', () => {
    expect(() => treesOf('a 1').diff(0)).toThrow('status');
  });
});
