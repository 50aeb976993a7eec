// Random profiles for the tests of seal and merge: plain descriptions, their pprof bytes, and the
// rows that an append makes of them. Owns the model of an append as far as those tests need it.
import {
  Label,
  Line,
  Location,
  Mapping,
  Function as PprofFunction,
  Profile,
  Sample,
  StringTable,
  ValueType,
} from 'pprof-format';
import { type LabelGroup, noSeries } from '../../src/kernel/facts.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';

export interface FunctionSpec {
  name: string;
  systemName: string;
  filename: string;
  startLine: bigint;
}
export interface MappingSpec {
  start: bigint;
  limit: bigint;
  offset: bigint;
  filename: string;
  buildId: string;
  flags: readonly [boolean, boolean, boolean, boolean];
}
export interface FrameSpec {
  address: bigint;
  isFolded: boolean;
  mapping: MappingSpec | undefined;
  /** Innermost first. */
  lines: readonly { fn: FunctionSpec; line: bigint }[];
}
export interface SampleSpec {
  /** Leaf first. */
  frames: readonly FrameSpec[];
  values: readonly bigint[];
  label: string;
  /** 16 hex digits, or empty. */
  span: string;
  /** 32 hex digits, or empty. */
  trace: string;
}
export interface ProfileSpec {
  service: string;
  timeNs: bigint;
  uuid: Uint8Array;
  types: number;
  samples: readonly SampleSpec[];
  period: bigint;
  durationNs: bigint;
  defaultType: string;
  dropFrames: string;
  keepFrames: string;
  comments: readonly string[];
  /** Sample types that get no series. */
  skipped: readonly number[];
}

/** One row as the kernel should have it; the place in the list is the row number. */
export interface ModelRow {
  profile: ProfileSpec;
  series: string;
  samples: { frames: readonly FrameSpec[]; span: string; trace: string; value: bigint }[];
}

/** A small generator with a seed: numbers below `bound`. */
export type Random = (bound: number) => number;

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (bound) => {
    // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let z = Math.imul(state ^ (state >>> 15), state | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) % bound;
  };
}

const pick = <T>(random: Random, from: readonly T[]): T => from[random(from.length)] as T;
const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const hex = (random: Random, digits: number): string =>
  times(digits, () => random(16).toString(16)).join('');

function randomFrames(random: Random): FrameSpec[] {
  const functions = times(20, (i): FunctionSpec => {
    const name = ['', 'main', 'naïve·λ', 'work'][i % 4] as string;
    return {
      name: name + (i >> 3),
      systemName: pick(random, ['', `_Z${i}`]),
      filename: pick(random, ['', 'a.go', `dir/f${i}.c`]),
      startLine: BigInt(random(50)),
    };
  });
  const mappings = times(4, (i): MappingSpec => {
    const flag = () => random(2) === 1;
    return {
      start: BigInt(i) << 60n,
      limit: (BigInt(i) << 60n) + 0xffffn,
      offset: BigInt(random(9)) * 4096n,
      filename: pick(random, ['', `/bin/app${i}`]),
      buildId: pick(random, ['', `build${i}`]),
      flags: [flag(), flag(), flag(), flag()],
    };
  });
  return times(40, (i) => {
    const frame: FrameSpec = {
      address: i % 5 === 0 ? (1n << 63n) + BigInt(i) : BigInt(i),
      isFolded: random(4) === 0,
      mapping: random(3) === 0 ? undefined : pick(random, mappings),
      lines: times(random(4), () => ({ fn: pick(random, functions), line: BigInt(random(99)) })),
    };
    // As a scan leaves them: an address says nothing where the names of all functions are known.
    const isNamed = frame.mapping?.flags[0] === true && frame.lines.length > 0;
    return isNamed ? { ...frame, address: 0n } : frame;
  });
}

/** Profiles that share their symbols; `valueMax` bounds each value, 0 and repeats are common. */
export function randomProfiles(random: Random, count: number, valueMax: bigint): ProfileSpec[] {
  const frames = randomFrames(random);
  const stacks = times(25, () => times(random(7), () => pick(random, frames)));
  const value = () => (random(3) === 0 ? 0n : (valueMax * BigInt(random(1000))) / 999n);
  return times(count, () => {
    const types = 1 + random(3);
    const hasSpans = random(2) === 0;
    const sample = (): SampleSpec => ({
      frames: pick(random, stacks),
      values: times(types, value),
      label: random(3) === 0 ? pick(random, ['red', 'blue']) : '',
      span: hasSpans && random(3) > 0 ? pick(random, ['00000000000000ff', hex(random, 16)]) : '',
      trace: hasSpans && random(3) > 0 ? pick(random, ['f'.repeat(32), hex(random, 32)]) : '',
    });
    return {
      service: `svc${random(3)}`,
      timeNs: 1_700_000_000_000_000_000n + BigInt(random(20)),
      uuid: Uint8Array.from({ length: 16 }, () => random(256)),
      types,
      samples: times(random(60), sample),
      period: BigInt(random(3)) * 10_000_000n,
      durationNs: BigInt(random(2)) * 15_000_000_000n,
      defaultType: pick(random, ['', 'type0']),
      dropFrames: pick(random, ['', 'drop.*']),
      keepFrames: pick(random, ['', 'keep.*']),
      comments: times(random(3), (i) => `note ${i}`),
      skipped: random(4) === 0 ? [random(types)] : [],
    };
  });
}

/** The profile as pprof bytes. */
export function encodeProfile(spec: ProfileSpec): Uint8Array {
  const strings = new StringTable();
  const text = (value: string) => strings.dedup(value);
  const ids = { fn: new Map<unknown, number>(), mapping: new Map(), frame: new Map() };
  const idOf = (map: Map<unknown, number>, key: unknown, add: (id: number) => void): number => {
    const known = map.get(key);
    if (known !== undefined) return known;
    const id = map.size + 1;
    map.set(key, id);
    add(id);
    return id;
  };
  const functions: PprofFunction[] = [];
  const mappings: Mapping[] = [];
  const locations: Location[] = [];
  const functionId = (fn: FunctionSpec) =>
    idOf(ids.fn, fn, (id) => {
      const names = { name: text(fn.name), systemName: text(fn.systemName) };
      const rest = { filename: text(fn.filename), startLine: fn.startLine };
      functions.push(new PprofFunction({ id, ...names, ...rest }));
    });
  const mappingId = (mapping: MappingSpec) =>
    idOf(ids.mapping, mapping, (id) => {
      const [hasFunctions, hasFilenames, hasLineNumbers, hasInlineFrames] = mapping.flags;
      mappings.push(
        new Mapping({
          ...{ id, hasFunctions, hasFilenames, hasLineNumbers, hasInlineFrames },
          ...{ memoryStart: mapping.start, memoryLimit: mapping.limit, fileOffset: mapping.offset },
          ...{ filename: text(mapping.filename), buildId: text(mapping.buildId) },
        }),
      );
    });
  const frameId = (frame: FrameSpec) =>
    idOf(ids.frame, frame, (id) => {
      const line = frame.lines.map(
        (at) => new Line({ functionId: functionId(at.fn), line: at.line }),
      );
      const owner = frame.mapping ? mappingId(frame.mapping) : 0;
      const rest = { address: frame.address, isFolded: frame.isFolded };
      locations.push(new Location({ id, mappingId: owner, line, ...rest }));
    });
  const label = (key: string, str: string) =>
    str === '' ? [] : [new Label({ key: text(key), str: text(str) })];
  const sample = spec.samples.map(
    (one) =>
      new Sample({
        locationId: one.frames.map(frameId),
        value: [...one.values],
        label: [
          ...label('color', one.label),
          ...label('span_id', one.span),
          ...label('trace_id', one.trace),
        ],
      }),
  );
  const type = (index: number) => new ValueType({ type: text(`type${index}`), unit: text('unit') });
  return new Profile({
    ...{ sample, function: functions, mapping: mappings, location: locations },
    ...{ sampleType: times(spec.types, type), periodType: type(0), period: spec.period },
    ...{ timeNanos: spec.timeNs, durationNanos: spec.durationNs },
    ...{ defaultSampleType: text(spec.defaultType), comment: spec.comments.map(text) },
    ...{ dropFrames: text(spec.dropFrames), keepFrames: text(spec.keepFrames) },
    stringTable: strings,
  }).encode();
}

/** Appends a profile, a series per (service, type, label), and answers the rows that it makes. */
export function appendProfile(kernel: Kernel, spec: ProfileSpec): ModelRow[] {
  const facts = kernel.scan(encodeProfile(spec));
  const labels = facts.groups.map((group: LabelGroup) => group.labels[0]?.value ?? '');
  const isSkipped = (type: number) => spec.skipped.includes(type);
  const cells = labels.flatMap(() => times(spec.types, (type) => (isSkipped(type) ? noSeries : 7)));
  kernel.append({
    timeNs: spec.timeNs,
    uuid: spec.uuid,
    groupTargets: Uint32Array.from(labels.keys()),
    series: Uint32Array.from(cells),
  });
  return labels.flatMap((label) =>
    times(spec.types, (type) => (isSkipped(type) ? [] : rowOf(spec, label, type))).flat(),
  );
}

function rowOf(spec: ProfileSpec, label: string, type: number): ModelRow[] {
  const merged = new Map<string, ModelRow['samples'][number]>();
  for (const sample of spec.samples) {
    const counts = sample.values.some((value, i) => value !== 0n && !spec.skipped.includes(i));
    if (sample.label !== label || !counts) continue;
    const { frames, span, trace } = sample;
    const key = `${frameKeys(frames)} ${span} ${trace}`;
    const value = (merged.get(key)?.value ?? 0n) + (sample.values[type] as bigint);
    merged.set(key, { frames, span, trace, value });
  }
  const samples = [...merged.values()].filter((sample) => sample.value !== 0n);
  const series = `${spec.service} type${type} ${label}`;
  return samples.length > 0 ? [{ profile: spec, series, samples }] : [];
}

/** Text by which two frames are the same location. */
export function frameKey(frame: FrameSpec): string {
  return JSON.stringify(frame, (_, value) => (typeof value === 'bigint' ? `${value}n` : value));
}

/** Text by which two stacks are the same. */
export function frameKeys(frames: readonly FrameSpec[]): string {
  return frames.map(frameKey).join('|');
}
