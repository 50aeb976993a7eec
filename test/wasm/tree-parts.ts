// Parts for tests of merged function trees: from stacks written out, and random ones that meet
// every rule. Owns no expectations.
import type { FunctionTree } from '../../src/model/source.ts';
import type { Random } from '../fixtures/random.ts';
import type { Stacks } from './tree-model.ts';

const encoder = new TextEncoder();

/** Columns of a tree; siblings may share a name. */
export function partOf(
  nodes: readonly { parent: number; name: string; self: bigint }[],
): FunctionTree {
  const names = [...new Set(nodes.slice(1).map(({ name }) => name))];
  const ids = new Map(names.map((name, id) => [name, id]));
  const encoded = names.map((name) => encoder.encode(name));
  const offsets = new Uint32Array(names.length + 1);
  for (const [i, { length }] of encoded.entries()) offsets[i + 1] = (offsets[i] ?? 0) + length;
  const bytes = new Uint8Array(offsets.at(-1) ?? 0);
  for (const [i, name] of encoded.entries()) bytes.set(name, offsets[i]);
  return {
    parents: Uint32Array.from(nodes, ({ parent }) => parent),
    nameIds: Uint32Array.from(nodes, ({ name }) => ids.get(name) ?? 0),
    self: BigInt64Array.from(nodes, ({ self }) => self),
    names: { offsets, bytes },
  };
}

/** A tree in which each stack has nodes of its own. */
export function partOfStacks(stacks: Stacks): FunctionTree {
  const nodes = [{ parent: 0, name: '', self: 0n }];
  for (const [path, value] of stacks) {
    let parent = 0;
    for (const name of path) {
      nodes.push({ parent, name, self: 0n });
      parent = nodes.length - 1;
    }
    const leaf = nodes[parent];
    if (leaf !== undefined) leaf.self += value;
  }
  return partOf(nodes);
}

/** `a;b 3` a line; the empty stack is ` 3`. */
export function partOfText(text: string): FunctionTree {
  return partOfStacks(
    text.split('\n').map((line) => {
      const at = line.lastIndexOf(' ');
      const path = line.slice(0, at);
      return [path === '' ? [] : path.split(';'), BigInt(line.slice(at + 1))];
    }),
  );
}

/** Reserved names, prefixes of each other, many lengths, and what sorts apart in UTF-16. */
const oddNames = [
  ...['other', 'total', '', 'othe', 'others', 'a', 'a\0', 'a\0\0', 'main.main', 'main.mai'],
  ...['net/http.(*conn).serve', 'net/http.(*conn).serve.func1', 'é', '\u{1f525}', '\uffee'],
  ...['\ufeffmark', 'ÿ', '\0'.repeat(9), '\0'.repeat(20), 'x'.repeat(300), 'y'.repeat(200)],
];

const prefix = 'github.com/example/service/internal/';

export interface RandomTreeOptions {
  nodes: number;
  names: number;
  /** Below 2^63. */
  valueMax: bigint;
  /** How often, of 100, a node hangs below the one before. */
  chain: number;
}

/** Any 64-bit value below a bound, small ones as often as large ones. */
function randomValue(random: Random, bound: bigint): bigint {
  const high = BigInt(random.below(2 ** 31));
  const value = (high << 32n) | BigInt(random.below(2 ** 32));
  return (value >> BigInt(random.below(63))) % bound;
}

/** Some nodes have no value, siblings share names, and names come in any order. */
export function randomPart(random: Random, options: RandomTreeOptions): FunctionTree {
  const names = Array.from({ length: options.names }, (_, i) => `${prefix}f${i}`);
  names.push(...oddNames);
  const nodes = [{ parent: 0, name: '', self: random.below(3) === 0 ? 5n : 0n }];
  while (nodes.length < options.nodes) {
    const isChain = random.below(100) < options.chain;
    const parent = isChain ? nodes.length - 1 : random.below(nodes.length);
    const self = random.below(3) === 0 ? 0n : randomValue(random, options.valueMax);
    nodes.push({ parent, name: names[random.below(names.length)] ?? '', self });
  }
  return partOf(nodes);
}
