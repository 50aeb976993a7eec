// The plain model of sums by stack: function trees as maps by path of names, from the descriptions
// of rows. Shares no code with the kernel. Owns also how a kernel's tree is read as such a map.
import { expect } from 'vitest';
import type { FunctionTree } from '../../src/model/source.ts';
import type { FrameSpec, ModelRow } from './seal-profiles.ts';

export type ModelSample = ModelRow['samples'][number];

/** Values of the stacks that end in a path of names, root first, as JSON; without zeros. */
export type SelfByPath = Map<string, bigint>;

/** Calls of one location, outermost first; by its address when it has no lines. */
export function namesOf({ address, lines, mapping }: FrameSpec): string[] {
  if (lines.length > 0) return lines.map((line) => line.fn.name).toReversed();
  const base = mapping?.filename.split('/').at(-1) ?? '';
  return [`${base === '' ? 'unknown' : base}!0x${address.toString(16)}`];
}

/** Names from the root down. */
export const pathOf = (frames: readonly FrameSpec[]): string[] =>
  frames.toReversed().flatMap(namesOf);

/** True when the stack begins with these names. */
export function beginsWith(frames: readonly FrameSpec[], callSite: readonly string[]): boolean {
  const path = pathOf(frames);
  return callSite.every((name, depth) => path[depth] === name);
}

/** What the samples add up to. */
export function modelSelf(samples: readonly ModelSample[]): SelfByPath {
  const sums: SelfByPath = new Map();
  for (const { frames, value } of samples) {
    const key = JSON.stringify(pathOf(frames));
    if (value !== 0n) sums.set(key, (sums.get(key) ?? 0n) + value);
  }
  return sums;
}

/**
 * The same of a kernel's tree. Fails when a path has two nodes, a child precedes its parent, a node
 * has nothing below it, or a name is there twice or without use.
 */
export function plainSelf(tree: FunctionTree): SelfByPath {
  const { parents, nameIds, self, names } = tree;
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const texts = Array.from(names.offsets.subarray(1), (end, i) =>
    decoder.decode(names.bytes.subarray(names.offsets[i], end)),
  );
  expect(new Set(texts).size).toBe(texts.length);
  expect(new Set(nameIds.subarray(1)).size).toBe(texts.length);
  const leaves = new Set(parents.keys());
  const paths: string[][] = [[]];
  const plain: SelfByPath = new Map();
  for (let node = 0; node < parents.length; node++) {
    const parent = parents[node] as number;
    if (node > 0) {
      expect(parent).toBeLessThan(node);
      leaves.delete(parent);
      paths.push([...(paths[parent] as string[]), texts[nameIds[node] as number] as string]);
    }
    const value = self[node] as bigint;
    if (value !== 0n) plain.set(JSON.stringify(paths[node]), value);
  }
  expect(new Set(paths.map((path) => JSON.stringify(path))).size).toBe(parents.length);
  for (const leaf of leaves) if (leaf > 0) expect(self[leaf]).not.toBe(0n);
  return plain;
}
