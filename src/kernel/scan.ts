// Reading what a scan found out of the kernel's memory. Owns the decoding of facts; everything is
// copied, so the answer outlives the scan.
import { compareUtf8 } from '../lib/compare-utf8.ts';
import type { Label } from '../model/labels.ts';
import type { LabelGroup, ScanFacts, ValueType } from './facts.ts';
import { factsLayout as at } from './layout.ts';

/** Copies the facts at `pointer` out of `buffer`; the scan left `ignoredLabels` out. */
export function readFacts(
  buffer: ArrayBufferLike,
  pointer: number,
  ignoredLabels: ReadonlySet<string> | undefined,
): ScanFacts {
  const words = new Uint32Array(buffer);
  const view = new DataView(buffer);
  const u32 = (offset: number) => words[(pointer + offset) >>> 2] as number;
  const strings = createStrings(buffer, words, u32(at.strings));
  const typeCount = u32(at.sampleTypeCount);
  const types: ValueType[] = [];
  for (let i = 0; i <= typeCount; i++) {
    const entry = (u32(at.valueTypes) + i * 16) >>> 2;
    types.push({
      type: strings(words[entry] as number),
      unit: strings(words[entry + 2] as number),
    });
  }
  const comments: string[] = [];
  for (let i = 0; i < u32(at.commentCount); i++) {
    comments.push(strings(words[(u32(at.comments) >>> 2) + i * 2] as number));
  }
  return {
    periodType: u32(at.hasPeriodType) ? types[0] : undefined,
    sampleTypes: types.slice(1),
    period: view.getBigInt64(pointer + at.period, true),
    timeNs: view.getBigInt64(pointer + at.time, true),
    durationNs: view.getBigInt64(pointer + at.duration, true),
    defaultSampleType: strings(u32(at.defaultType)),
    dropFrames: strings(u32(at.drop)),
    keepFrames: strings(u32(at.keep)),
    comments,
    groups: readGroups(words, u32, strings),
    ignoredLabels: ignoredLabels === undefined ? [] : [...ignoredLabels].sort(compareUtf8),
    sampleCount: u32(at.sampleCount),
    negativeSampleCount: u32(at.negativeCount),
    danglingSampleCount: u32(at.danglingSampleCount),
    truncatedStackCount: u32(at.truncatedStackCount),
    truncatedStringCount: u32(at.truncatedStringCount),
    functionCount: u32(at.functionCount),
    isUnnumbered: u32(at.unnumbered) !== 0,
    mappingCount: u32(at.mappingCount),
    locationCount: u32(at.locationCount),
    stringCount: u32(at.stringCount),
    depthMax: u32(at.depthMax),
    sampleLabelsMax: u32(at.sampleLabelsMax),
  };
}

/** Ill-formed bytes become U+FFFD, as the kernel stores them. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Decodes strings of the profile by index, each once: a small index may name a large string. */
function createStrings(buffer: ArrayBufferLike, words: Uint32Array, table: number) {
  const known = new Map<number, string>();
  return (index: number): string => {
    if (index === 0) return '';
    let text = known.get(index);
    if (text === undefined) {
      const entry = (table >>> 2) + index * 2;
      const start = words[entry] as number;
      text = decoder.decode(new Uint8Array(buffer, start, (words[entry + 1] as number) - start));
      known.set(index, text);
    }
    return text;
  };
}

/** The groups that a scan had found when they became too many, with the keys of their labels. */
export function readExcess(buffer: ArrayBufferLike, pointer: number) {
  const words = new Uint32Array(buffer);
  const u32 = (offset: number) => words[(pointer + offset) >>> 2] as number;
  const strings = createStrings(buffer, words, u32(at.strings));
  const keys = new Set<number>();
  const end = words[(u32(at.groupExtents) >>> 2) + u32(at.groupCount) * 2 - 1] as number;
  for (let pair = 0; pair < end; pair++) {
    keys.add(words[(u32(at.groupPairs) >>> 2) + pair * 2 + 1] as number);
  }
  return {
    sets: readGroups(words, u32, strings).map(({ labels }) => labels),
    names: new Map([...keys].map((key) => [key, strings(key)])),
  };
}

function readGroups(
  words: Uint32Array,
  u32: (offset: number) => number,
  strings: (index: number) => string,
): LabelGroup[] {
  const typeCount = u32(at.sampleTypeCount);
  const extents = u32(at.groupExtents) >>> 2;
  const pairs = u32(at.groupPairs) >>> 2;
  const counts = u32(at.groupCounts) >>> 2;
  const groups: LabelGroup[] = [];
  for (let group = 0; group < u32(at.groupCount); group++) {
    // Two entries of the string table may spell one name: the first counts.
    const values = new Map<string, string>();
    const end = words[extents + group * 2 + 1] as number;
    for (let pair = words[extents + group * 2] as number; pair < end; pair++) {
      const name = strings(words[pairs + pair * 2 + 1] as number);
      if (!values.has(name)) values.set(name, strings(words[pairs + pair * 2] as number));
    }
    const labels: Label[] = [...values].map(([name, value]) => ({ name, value }));
    const first = counts + group * typeCount;
    groups.push({ labels, sampleCounts: words.slice(first, first + typeCount) });
  }
  return groups;
}
