// What the golden answers beside this file are about: two small trees with every oddity, and how
// answers are written down. Owns no answers.
import type { TreeMerge } from '../../../src/kernel/tree-merge.ts';
import { mergeParts } from '../../wasm/tree-answers.ts';
import { partOfText } from '../../wasm/tree-parts.ts';

/** Folded stacks: the worked example, real shapes, and the names that encodings single out. */
export const left = [
  'main.main;net/http.(*Server).Serve;net/http.(*conn).serve 120',
  'main.main;net/http.(*Server).Serve;net/http.(*conn).serve;json.Marshal 45',
  'main.main;net/http.(*Server).Serve;net/http.(*conn).serve;json.Marshal;runtime.mallocgc 31',
  'main.main;run;other 7',
  'main.main;run;other;inner 2',
  'main.main;run;naïve 3',
  'main.main;run;\u{1f525} 4',
  'main.main;run;\uffee 5',
  'main.main; 6',
  'total;total 8',
  'other;deep 9',
  'a;b;e 1',
  'a;c 2',
  'a;c;d 1',
  'runtime.gcBgMarkWorker 4611686018427387904',
  ' 11',
].join('\n');

export const right = [
  'main.main;net/http.(*Server).Serve;net/http.(*conn).serve 80',
  'main.main;net/http.(*Server).Serve;net/http.(*conn).serve;proto.Marshal 300',
  'main.main;run;other 1',
  'other;deep 40',
  'a;c;d 5',
  'new;total 6',
].join('\n');

/** How many nodes are kept; 0 is all. */
export const limits = [0, 12, 4];

/** The two trees, in an empty kernel. */
export function goldenTrees(): TreeMerge {
  return mergeParts([
    { tree: 0, part: partOfText(left) },
    { tree: 1, part: partOfText(right) },
  ]);
}

/** Flame graphs, diffs and call trees at each limit, as JSON with numbers of any size as text. */
export function goldenJson(merge: TreeMerge): string {
  const answers = limits.map((maxNodes) => ({
    maxNodes,
    flameGraph: merge.flameGraph(maxNodes),
    diff: merge.diff(maxNodes),
    callTree: merge.callTree(0, maxNodes),
  }));
  const plain = (_: string, value: unknown) => {
    if (typeof value === 'bigint') return `${value}`;
    if (value instanceof BigInt64Array) return Array.from(value).join(' ');
    return value instanceof Uint32Array ? Array.from(value).join(' ') : value;
  };
  return `${JSON.stringify(answers, plain, 1)}\n`;
}
