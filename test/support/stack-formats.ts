// The same stacks in every format that `/ingest` takes besides pprof. Written apart from the
// product's readers; slow and simple.
import { Writer } from '../fixtures/protobuf.ts';

/** A stack, root first, joined by `;`, and how often it was seen. */
export type Stacks = readonly (readonly [stack: string, count: number])[];

const utf8 = new TextEncoder();

export function toFolded(stacks: Stacks): Uint8Array {
  return utf8.encode(stacks.map(([stack, count]) => `${stack} ${count}\n`).join(''));
}

export function toLines(stacks: Stacks): Uint8Array {
  return utf8.encode(stacks.flatMap(([stack, count]) => Array(count).fill(`${stack}\n`)).join(''));
}

interface Node {
  text: Uint8Array;
  value: number;
  children: Map<string, Node>;
}

function emptyNode(text: Uint8Array): Node {
  return { text, value: 0, children: new Map() };
}

function treeOf(paths: readonly (readonly [path: readonly string[], count: number])[]): Node {
  const root = emptyNode(new Uint8Array(0));
  for (const [path, count] of paths) {
    let node = root;
    for (const part of path) {
      const next = node.children.get(part) ?? emptyNode(Uint8Array.from(utf8.encode(part)));
      node.children.set(part, next);
      node = next;
    }
    node.value += count;
  }
  return root;
}

function encodeNode(node: Node, bytes: number[]): void {
  bytes.push(...varint(node.text.length), ...node.text);
  bytes.push(...varint(node.value), ...varint(node.children.size));
  for (const child of node.children.values()) encodeNode(child, bytes);
}

export function varint(value: number | bigint): Uint8Array {
  return new Writer().varint(value).finish();
}

export function toTree(stacks: Stacks): Uint8Array {
  const bytes: number[] = [];
  encodeNode(treeOf(stacks.map(([stack, n]) => [stack.split(';'), n])), bytes);
  return Uint8Array.from(bytes);
}

/** Fragments of three bytes each, so that they end in the middle of names and of characters. */
export function toTrie(stacks: Stacks): Uint8Array {
  const root = emptyNode(new Uint8Array(0));
  for (const [stack, count] of stacks) {
    const text = utf8.encode(stack);
    let node = root;
    for (let at = 0; at < text.length; at += 3) {
      const fragment = text.slice(at, at + 3);
      const key = fragment.join();
      const next = node.children.get(key) ?? emptyNode(fragment);
      node.children.set(key, next);
      node = next;
    }
    node.value += count;
  }
  const bytes: number[] = [];
  encodeNode(root, bytes);
  return Uint8Array.from(bytes);
}

export interface SpeedscopeOptions {
  unit?: string;
  /** Multiplies every count. */
  weight?: number;
  type?: 'sampled' | 'evented';
}

/** One profile called `main thread`. */
export function toSpeedscope(stacks: Stacks, options: SpeedscopeOptions = {}): Uint8Array {
  const { unit = 'none', weight = 1, type = 'sampled' } = options;
  const names = [...new Set(stacks.flatMap(([stack]) => stack.split(';')))];
  const indexes = (stack: string) => stack.split(';').map((name) => names.indexOf(name));
  const total = stacks.reduce((sum, [, count]) => sum + count * weight, 0);
  const shared = { name: 'main thread', unit, type, startValue: 1, endValue: 1 + total };
  let at = 1;
  const events = stacks.flatMap(([stack, count]) => {
    const start = at;
    at += count * weight;
    const opened = indexes(stack).map((frame) => ({ type: 'O', frame, at: start }));
    return [...opened, ...opened.toReversed().map(({ frame }) => ({ type: 'C', frame, at }))];
  });
  const samples = stacks.map(([stack]) => indexes(stack));
  const weights = stacks.map(([, count]) => count * weight);
  return utf8.encode(
    JSON.stringify({
      $schema: 'https://www.speedscope.app/file-format-schema.json',
      shared: { frames: names.map((name) => ({ name })) },
      profiles: [{ ...shared, ...(type === 'sampled' ? { samples, weights } : { events }) }],
    }),
  );
}
