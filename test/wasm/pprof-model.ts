// Pprofs as plain maps: what an independent decoder reads, and what the model says of truncation
// and of profile-guided optimisation. Shares no code with the kernel.
import { Profile } from 'pprof-format';
import { expect } from 'vitest';
import type { PprofOptions } from '../../src/kernel/pprof-options.ts';
import { type FrameSpec, frameKey, type MappingSpec } from './seal-profiles.ts';
import type { ModelSample } from './sums-model.ts';

/** Values by stack: frames leaf first, each as JSON; without zeros. */
export type ValuesByStack = Map<string, bigint>;

/** What stands for the frames that are left out. */
export const otherFrame: FrameSpec = {
  address: 0n,
  isFolded: false,
  mapping: undefined,
  lines: [{ fn: { name: 'other', systemName: 'other', filename: '', startLine: 0n }, line: 0n }],
};

const big = (value: number | bigint) => BigInt.asUintN(64, BigInt(value));
const int = (value: number | bigint) => BigInt.asIntN(64, BigInt(value));
const keyOf = (frames: readonly FrameSpec[]) => JSON.stringify(frames.map(frameKey));

function addTo(map: ValuesByStack, frames: readonly FrameSpec[], value: bigint): void {
  if (value !== 0n) map.set(keyOf(frames), (map.get(keyOf(frames)) ?? 0n) + value);
}

/**
 * Reads a pprof back. Fails when ids are not 1, 2, 3 …, when the string table does not begin with
 * the empty string, has one twice or one without use, when a symbol is not used, or a stack is
 * there twice.
 */
export function readPprof(bytes: Uint8Array): { profile: Profile; values: ValuesByStack } {
  const profile = Profile.decode(bytes);
  const { strings } = profile.stringTable;
  expect(strings[0]).toBe('');
  expect(new Set(strings).size).toBe(strings.length);
  const used = { strings: new Set([0]), functions: new Set(), mappings: new Set() };
  const text = (index: number | bigint): string => {
    used.strings.add(Number(index));
    return strings[Number(index)] as string;
  };
  const idsOf = (list: readonly { id: number | bigint }[]) => list.map(({ id }) => Number(id));
  const counted = (list: readonly unknown[]) => [...list.keys()].map((index) => index + 1);
  for (const list of [profile.function, profile.mapping, profile.location]) {
    expect(idsOf(list)).toEqual(counted(list));
  }
  const functions = profile.function.map((fn) => ({
    ...{ name: text(fn.name), systemName: text(fn.systemName), filename: text(fn.filename) },
    startLine: int(fn.startLine),
  }));
  const mappings = profile.mapping.map(
    (mapping): MappingSpec => ({
      ...{ start: big(mapping.memoryStart), limit: big(mapping.memoryLimit) },
      ...{ offset: big(mapping.fileOffset), filename: text(mapping.filename) },
      buildId: text(mapping.buildId),
      flags: [
        ...([mapping.hasFunctions, mapping.hasFilenames] as const),
        ...([mapping.hasLineNumbers, mapping.hasInlineFrames] as const),
      ],
    }),
  );
  const frames = profile.location.map((location): FrameSpec => {
    if (location.mappingId) used.mappings.add(Number(location.mappingId));
    return {
      ...{ address: big(location.address), isFolded: location.isFolded },
      mapping: mappings[Number(location.mappingId) - 1],
      lines: location.line.map(({ functionId, line }) => {
        used.functions.add(Number(functionId));
        return { fn: functions[Number(functionId) - 1] as never, line: int(line) };
      }),
    };
  });
  const values: ValuesByStack = new Map();
  const usedFrames = new Set<number>();
  for (const { locationId, value, label } of profile.sample) {
    expect([value.length, label.length]).toEqual([1, 0]);
    const stack = locationId.map((id) => {
      usedFrames.add(Number(id));
      return frames[Number(id) - 1] as FrameSpec;
    });
    expect(values.has(keyOf(stack))).toBe(false);
    values.set(keyOf(stack), int(value[0] as number | bigint));
  }
  for (const type of [...profile.sampleType, ...(profile.periodType ? [profile.periodType] : [])]) {
    text(type.type);
    text(type.unit);
  }
  text(profile.defaultSampleType);
  expect(usedFrames.size).toBe(profile.location.length);
  expect(used.functions.size).toBe(profile.function.length);
  expect(used.mappings.size).toBe(profile.mapping.length);
  expect(used.strings.size).toBe(strings.length);
  return { profile, values };
}

/** The samples as they should come out. */
export function modelPprof(
  samples: readonly ModelSample[],
  { maxNodes = 0, goPgo }: PprofOptions = {},
): ValuesByStack {
  const stacks = samples.map(({ frames, value }) => {
    if (goPgo === undefined) return { frames, value };
    const kept = goPgo.keepLocations > 0 ? frames.slice(0, goPgo.keepLocations) : frames;
    const [leaf, ...rest] = kept;
    if (!goPgo.aggregateCallees || leaf === undefined) return { frames: kept, value };
    return { frames: [withoutLine(leaf), ...rest], value };
  });
  const least = leastTotal(stacks, maxNodes);
  const values: ValuesByStack = new Map();
  for (const { frames, value } of stacks) {
    const root = frames.toReversed();
    const depth = least.isCut ? root.findIndex((_, i) => !least.keeps(root.slice(0, i + 1))) : -1;
    const kept = depth < 0 ? frames : [otherFrame, ...root.slice(0, depth).toReversed()];
    addTo(values, kept, value);
  }
  return values;
}

function withoutLine(leaf: FrameSpec): FrameSpec {
  const [first, ...others] = leaf.lines;
  if (first === undefined) return leaf;
  return { ...leaf, address: 0n, lines: [{ ...first, line: 0n }, ...others] };
}

/** Which nodes are kept when only so many may be. */
function leastTotal(
  stacks: readonly { frames: readonly FrameSpec[]; value: bigint }[],
  maxNodes: number,
) {
  const totals = new Map<string, bigint>();
  for (const { frames, value } of stacks) {
    if (value === 0n) continue;
    const root = frames.toReversed();
    for (let depth = 1; depth <= root.length; depth++) {
      const key = keyOf(root.slice(0, depth));
      totals.set(key, (totals.get(key) ?? 0n) + value);
    }
  }
  const sorted = [...totals.values()].toSorted((a, b) => (a > b ? -1 : Number(a < b)));
  const isCut = maxNodes > 0 && sorted.length > maxNodes;
  const least = sorted[maxNodes - 1] ?? 0n;
  const keeps = (root: readonly FrameSpec[]) => (totals.get(keyOf(root)) ?? 0n) >= least;
  return { isCut, keeps };
}
