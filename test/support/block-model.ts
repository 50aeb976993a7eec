// A block as a plain model, for tests that need a consistent one without a head. Owns the model,
// its random instances (one integer reproduces one), and what a plain walk over it says the SQL
// macros and readers must answer. `tables.ts` makes its tables.
import { type BlockMeta, type Dataset, type FileEntry, metaVersion } from '../../src/block/meta.ts';
import type { Label } from '../../src/model/labels.ts';
import { createRandom } from '../fixtures/random.ts';

export interface ModelBlock {
  series: { profileType: string; serviceName: string; fingerprint: bigint; labels: Label[] }[];
  profiles: {
    series: number;
    timeNs: bigint;
    durationNs: bigint;
    period: bigint;
    uuid: Uint8Array;
    comments: string[];
  }[];
  /** In profile order. */
  samples: {
    profile: number;
    stack: number;
    value: bigint;
    spanId: bigint | undefined;
    traceId: Uint8Array | undefined;
  }[];
  stacks: { parent: number | undefined; location: number | undefined }[];
  locations: {
    mapping: number | undefined;
    address: bigint;
    isFolded: boolean;
    /** Innermost inlined call first, as in pprof. */
    lines: { fn: number; line: bigint }[];
  }[];
  functions: { name: string; systemName: string; filename: string; startLine: bigint }[];
  mappings: { start: bigint; limit: bigint; offset: bigint; filename: string; buildId: string }[];
}

export interface ModelSize {
  services?: number;
  profilesPerSeries?: number;
  samplesPerProfile?: number;
  stacks?: number;
  /** Values are up to this; the default passes 2^53 now and then. */
  valueMax?: bigint;
}

export const cpuType = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
export const spaceType = 'memory:inuse_space:bytes:space:bytes';

/** A random consistent block: two profile types a service, inlined, bare and empty frames. */
export function modelBlock(seed: number, size: ModelSize = {}): ModelBlock {
  const { below } = createRandom(seed);
  const { services = 2, profilesPerSeries = 3, samplesPerProfile = 5, stacks = 20 } = size;
  const { valueMax = 2n ** 60n } = size;
  const functionCount = Math.max(3, stacks >> 1);
  const names = (i: number) => `pkg${i % 7}.fn${i}${i % 5 === 0 ? '→ü' : ''}`;
  const block: ModelBlock = {
    series: [],
    profiles: [],
    samples: [],
    stacks: stacksOf(stacks, below),
    locations: Array.from({ length: Math.max(2, stacks) }, (_, i) => ({
      mapping: i % 3 === 0 ? undefined : i % 2,
      address: 0xffff_ffff_0000_0000n + BigInt(i) * 16n,
      isFolded: i % 4 === 0,
      lines: Array.from({ length: i % 4 }, () => ({
        fn: below(functionCount),
        line: BigInt(below(1000)) - 1n,
      })),
    })),
    functions: Array.from({ length: functionCount }, (_, i) => ({
      name: names(i % (functionCount - 1)),
      systemName: `_Z${i}`,
      filename: i % 6 === 0 ? '' : `/src/${i % 4}/file.go`,
      startLine: BigInt(i),
    })),
    mappings: [0n, 1n].map((i) => ({
      start: 0x400000n + (i << 40n),
      limit: 0xffff_ffff_ffff_ffffn - i,
      offset: i * 4096n,
      filename: `/bin/app${i}`,
      buildId: i === 0n ? '' : 'abc123',
    })),
  };
  for (let service = 0; service < services; service++) {
    for (const profileType of [spaceType, cpuType]) {
      const serviceName = `service-${service}`;
      const labels = [
        { name: '__profile_type__', value: profileType },
        { name: 'pod', value: `pod-${below(1000)}` },
        { name: 'service_name', value: serviceName },
      ];
      const fingerprint = (BigInt(below(2 ** 32)) << 32n) | BigInt(below(2 ** 32));
      block.series.push({ profileType, serviceName, fingerprint, labels });
      addProfiles(block, profilesPerSeries, samplesPerProfile, valueMax, below);
    }
  }
  return block;
}

function stacksOf(count: number, below: (n: number) => number): ModelBlock['stacks'] {
  // The first node is the empty stack, the second a root, so that there is always one of each.
  return Array.from({ length: count }, (_, i) => ({
    parent: i < 2 || i % 9 === 0 ? undefined : 1 + below(i - 1),
    location: i === 0 ? undefined : below(Math.max(2, count)),
  }));
}

function addProfiles(
  block: ModelBlock,
  profiles: number,
  samples: number,
  valueMax: bigint,
  below: (n: number) => number,
): void {
  const series = block.series.length - 1;
  const start = 1_700_000_000_000_000_000n + BigInt(series);
  for (let i = 0; i < profiles; i++) {
    const uuid = Uint8Array.from({ length: 16 }, () => below(256));
    const timeNs = start + BigInt(i) * 10_000_000_123n;
    const comments = i % 2 === 0 ? [] : ['made by a test', 'ünïcode'];
    const profile =
      block.profiles.push({
        series,
        timeNs,
        durationNs: 10_000_000_000n,
        period: 10_000_000n,
        uuid,
        comments,
      }) - 1;
    const stacks = new Set(Array.from({ length: samples }, () => below(block.stacks.length)));
    for (const stack of [...stacks].sort((a, b) => a - b)) {
      const value = (BigInt(below(2 ** 31)) * valueMax) / 2n ** 31n;
      const hasSpan = stack % 4 === 1;
      block.samples.push({
        profile,
        stack,
        value,
        spanId: hasSpan ? 0xf000_0000_0000_0000n + BigInt(stack) : undefined,
        traceId: hasSpan ? uuid : undefined,
      });
    }
  }
}

/** Rows of `totals`: by series and stack. */
export function totalsOf(block: ModelBlock) {
  const sums = new Map<string, { series: number; stack: number; value: bigint; count: number }>();
  for (const { profile, stack, value } of block.samples) {
    const { series } = block.profiles[profile]!;
    const sum = sums.get(`${series} ${stack}`) ?? { series, stack, value: 0n, count: 0 };
    sums.set(`${series} ${stack}`, { ...sum, value: sum.value + value, count: sum.count + 1 });
  }
  return [...sums.values()].sort((a, b) => a.series - b.series || a.stack - b.stack);
}

/** The sum of each profile's values. */
export function profileTotalsOf(block: ModelBlock): bigint[] {
  const totals = block.profiles.map(() => 0n);
  for (const { profile, value } of block.samples) totals[profile]! += value;
  return totals;
}

/** Function names of a stack, root → leaf, inlined calls expanded: the plain walk. */
export function framesOf(block: ModelBlock, stack: number): string[] {
  const frames: string[] = [];
  for (let at: number | undefined = stack; at !== undefined; at = block.stacks[at]!.parent) {
    const { location } = block.stacks[at]!;
    if (location === undefined) continue;
    const { lines } = block.locations[location]!;
    if (lines.length === 0) frames.push('');
    for (const { fn } of lines) frames.push(block.functions[fn]!.name);
  }
  return frames.reverse();
}

/** What `stack_totals` must answer over these blocks: `[type, service, stack]` as JSON → sum. */
export function stackTotalsOf(blocks: readonly ModelBlock[]): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const block of blocks) {
    for (const { profile, stack, value } of block.samples) {
      const { profileType, serviceName } = block.series[block.profiles[profile]!.series]!;
      const key = JSON.stringify([profileType, serviceName, framesOf(block, stack)]);
      sums.set(key, (sums.get(key) ?? 0n) + value);
    }
  }
  return sums;
}

/** The `meta.json` of the model as an ingester would write it, one dataset a series. */
export function metaOf(block: ModelBlock, ulid: string, files: FileEntry[]): BlockMeta {
  const totals = totalsOf(block);
  const datasets: Dataset[] = block.series.map(({ serviceName, profileType }, id) => {
    const profiles = block.profiles.filter((profile) => profile.series === id);
    const times = profiles.map((profile) => Number(profile.timeNs / 1_000_000n));
    return {
      serviceName,
      profileType,
      series: [id, 1],
      profiles: rangeOf(block.profiles, (profile) => profile.series, id),
      samples: rangeOf(block.samples, (sample) => block.profiles[sample.profile]!.series, id),
      totals: rangeOf(totals, (total) => total.series, id),
      minTime: Math.min(...times),
      maxTime: Math.max(...times),
    };
  });
  return {
    version: metaVersion,
    ulid,
    tenant: 'anonymous',
    minTime: Math.min(...datasets.map((dataset) => dataset.minTime)),
    maxTime: Math.max(...datasets.map((dataset) => dataset.maxTime)),
    stats: {
      numSeries: block.series.length,
      numProfiles: block.profiles.length,
      numSamples: block.samples.length,
    },
    files,
    compaction: { level: 1, sources: [ulid] },
    source: 'ingester',
    labels: {},
    log: { id: '01HZZZZZZZZZZZZZZZZZZZZZZZ', lastSequence: block.profiles.length },
    datasets,
  };
}

function rangeOf<T>(
  rows: readonly T[],
  seriesOf: (row: T) => number,
  id: number,
): [number, number] {
  const from = rows.filter((row) => seriesOf(row) < id).length;
  return [from, rows.filter((row) => seriesOf(row) === id).length];
}
