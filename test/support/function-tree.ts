// A function tree as plain sums by stack, to compare with a model's.
import type { FunctionTree } from '../../src/model/source.ts';

/** Self values that are not zero, by frames joined by `;`; equal paths are one. */
export function stacksOfTree({ parents, nameIds, self, names }: FunctionTree): Map<string, bigint> {
  const decoder = new TextDecoder();
  const paths: string[] = [];
  const sums = new Map<string, bigint>();
  for (const [node, value] of self.entries()) {
    const parent = parents[node] as number;
    const id = nameIds[node] as number;
    const name = decoder.decode(names.bytes.subarray(names.offsets[id], names.offsets[id + 1]));
    const above = paths[parent] ?? '';
    paths.push(node === 0 ? '' : parent === 0 ? name : `${above};${name}`);
    const path = paths[node] as string;
    if (value !== 0n) sums.set(path, (sums.get(path) ?? 0n) + value);
  }
  return sums;
}
