// What a source answers as plain sums by stack, to compare with a model's: from a function tree and
// from a pprof.
import { Profile } from 'pprof-format';
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

/** Sums of a pprof of one sample type by frames joined by `;`, by an independent decoder. */
export function stacksOfPprof(bytes: Uint8Array): Map<string, bigint> {
  const profile = Profile.decode(bytes);
  const text = (index: number | bigint) => profile.stringTable.strings[Number(index)] ?? '';
  const functions = new Map(profile.function.map((one) => [String(one.id), text(one.name)]));
  const files = new Map(profile.mapping.map((one) => [String(one.id), text(one.filename)]));
  const frames = new Map(
    profile.location.map(({ id, line, address, mappingId }): [string, string[]] => {
      const names = line.toReversed().map((one) => functions.get(String(one.functionId)) ?? '');
      const file = files.get(String(mappingId))?.split('/').at(-1) ?? 'unknown';
      return [String(id), names.length > 0 ? names : [`${file}!0x${address.toString(16)}`]];
    }),
  );
  const sums = new Map<string, bigint>();
  for (const { locationId, value } of profile.sample) {
    const path = locationId.toReversed().flatMap((id) => frames.get(String(id)) ?? ['?']);
    const key = path.join(';');
    sums.set(key, (sums.get(key) ?? 0n) + BigInt(value[0] ?? 0));
  }
  return sums;
}
