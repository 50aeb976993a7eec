// A steady service: any number of consecutive profiles of one program, derived from a real one.
// Owns the simulation. The same options give the same pprof bytes on every runtime (the gzip
// around them may differ). The call graph and the frames are those of a Go fixture; which stacks
// a profile holds, and with which values, is drawn from a Zipf distribution with a seed.
import { gzipSync } from 'node:zlib';
import { Profile, type Sample } from 'pprof-format';
import { createRandom, type Random } from '../fixtures/random.ts';
import { loadFixture } from './fixtures.ts';
import { cpuPeriodNs, encodeSteady, heapPeriodBytes, type SteadyRow } from './steady-pprof.ts';

export interface SteadyOptions {
  kind: 'cpu' | 'heap';
  /** How many profiles. */
  count: number;
  seed?: number;
  /** Time of the first profile, in milliseconds since the epoch. */
  startMs?: number;
  /** Between two profiles; also their duration. */
  intervalMs?: number;
}

export interface SteadyProfile {
  timeNs: bigint;
  /** pprof, not compressed. */
  plain: Uint8Array<ArrayBuffer>;
  /** The same, gzip at the level Go's runtime uses. */
  packed: Uint8Array;
}

/** Distinct stacks the program can be seen in; a profile shows a fraction of them. */
const stackCount = 3000;
const depthMax = 64;
const allocationsPerProfile = 400;

interface Stack {
  /** Indexes into the fixture's locations, leaf first. */
  locations: readonly number[];
  /** Object size in bytes; 0 for cpu. */
  size: number;
  /** What the program allocated so far, in samples taken. */
  allocated: number;
  /** Samples whose objects are still alive. */
  live: number;
  /** Of its objects, the share that dies within one interval. */
  deathRate: number;
}

interface Program {
  profile: Profile;
  stacks: Stack[];
  /** Running sum of the stacks' weights, to draw one by binary search. */
  cumulative: Float64Array;
}

/** Yields the profiles in order of time; each is encoded when it is asked for. */
export function* steadyService(options: SteadyOptions): Generator<SteadyProfile> {
  const { kind, count, seed = 1, startMs = 1_700_000_000_000, intervalMs = 10_000 } = options;
  const random = createRandom(seed);
  const program = createProgram(kind, random);
  for (let index = 0; index < count; index++) {
    const timeNs = BigInt(startMs + index * intervalMs) * 1_000_000n;
    const rows = kind === 'cpu' ? cpuRows(program, intervalMs, random) : heapRows(program, random);
    const plain = encodeSteady({ kind, rows, timeNs, intervalMs, source: program.profile });
    yield { timeNs, plain, packed: new Uint8Array(gzipSync(plain, { level: 1 })) };
  }
}

function createProgram(kind: SteadyOptions['kind'], random: Random): Program {
  const profile = Profile.decode(loadFixture(kind === 'cpu' ? 'go-cpu' : 'go-heap-2').plain);
  const places = new Map(profile.location.map((one, index) => [Number(one.id), index]));
  const real = profile.sample.map((one) => one.locationId.map((id) => places.get(Number(id)) ?? 0));
  const sizes = profile.sample.map((one) => (kind === 'cpu' ? 0 : sizeOf(one)));
  const stacks: Stack[] = real.map((locations, i) => stackOf(locations, sizes[i] ?? 0, random));
  const walk = createWalk(real, random);
  const seen = new Set(real.map((one) => one.join()));
  // The bound only guards against a fixture whose call graph is too small to give new stacks.
  for (let tries = 0; stacks.length < stackCount && tries < stackCount * 50; tries++) {
    const locations = walk();
    const key = locations.join();
    if (seen.has(key)) continue;
    seen.add(key);
    stacks.push(stackOf(locations, sizes[random.below(sizes.length)] ?? 0, random));
  }
  random.shuffle(stacks);
  const cumulative = new Float64Array(stacks.length);
  let sum = 0;
  for (let rank = 0; rank < stacks.length; rank++) {
    sum += 1 / (rank + 1);
    cumulative[rank] = sum;
  }
  return { profile, stacks, cumulative };
}

/** Go's heap profile tells the object size in a numeric label. */
function sizeOf(sample: Sample): number {
  return Number(sample.label[0]?.num ?? 1024);
}

function stackOf(locations: readonly number[], size: number, random: Random): Stack {
  // Most objects die young, some caches never.
  const deathRate = random.unit() < 0.85 ? 1 : random.unit() * 0.3;
  return { locations, size, allocated: 0, live: 0, deathRate };
}

/** Random walks from root to leaf over the edges of real stacks, as often as they were seen. */
function createWalk(real: readonly (readonly number[])[], random: Random): () => number[] {
  const end = -1;
  const next = new Map<number, number[]>();
  const follow = (from: number, to: number) => {
    const targets = next.get(from) ?? [];
    targets.push(to);
    next.set(from, targets);
  };
  for (const stack of real) {
    let from = end;
    for (const location of stack.toReversed()) {
      follow(from, location);
      from = location;
    }
    follow(from, end);
  }
  return () => {
    const stack: number[] = [];
    let at = end;
    while (stack.length < depthMax) {
      const targets = next.get(at) ?? [end];
      at = targets[random.below(targets.length)] ?? end;
      if (at === end) break;
      stack.push(at);
    }
    return stack.reverse();
  };
}

function draw(program: Program, random: Random): Stack {
  const { cumulative, stacks } = program;
  const at = random.unit() * (cumulative[cumulative.length - 1] ?? 0);
  let low = 0;
  let high = cumulative.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cumulative[middle] ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  const stack = stacks[low];
  if (!stack) throw new Error('the program has no stacks');
  return stack;
}

function cpuRows(program: Program, intervalMs: number, random: Random): SteadyRow[] {
  // One core at 100 Hz, busy between 60 and 100 percent of the time.
  const samples = Math.round((intervalMs / 10) * (0.6 + 0.4 * random.unit()));
  const counts = new Map<Stack, number>();
  for (let i = 0; i < samples; i++) {
    const stack = draw(program, random);
    counts.set(stack, (counts.get(stack) ?? 0) + 1);
  }
  return [...counts].map(([stack, count]) => ({
    locations: stack.locations,
    size: 0,
    values: [count, count * cpuPeriodNs],
  }));
}

/** Cumulative, as Go's are: a stack once seen stays in every later profile. */
function heapRows(program: Program, random: Random): SteadyRow[] {
  for (const stack of program.stacks) {
    if (stack.live > 0) stack.live -= Math.round(stack.live * stack.deathRate * random.unit());
  }
  for (let i = 0; i < allocationsPerProfile; i++) {
    const stack = draw(program, random);
    stack.allocated++;
    stack.live++;
  }
  const rows: SteadyRow[] = [];
  for (const stack of program.stacks) {
    if (stack.allocated === 0) continue;
    const [objects, space] = unsampled(stack.allocated, stack.size);
    const [liveObjects, liveSpace] = unsampled(stack.live, stack.size);
    const { locations, size } = stack;
    rows.push({ locations, size, values: [objects, space, liveObjects, liveSpace] });
  }
  return rows;
}

/** What Go's profiler estimates from `samples` objects of `size` bytes it has caught. */
function unsampled(samples: number, size: number): [objects: number, bytes: number] {
  const objects = Math.floor(samples / (1 - 1 / exponential(size / heapPeriodBytes)));
  return [objects, objects * size];
}

/** e^x to a tenth of a percent. Math.exp may differ in its last bit between engines. */
function exponential(x: number): number {
  let power = 1 + x / 1024;
  for (let i = 0; i < 10; i++) power *= power;
  return power;
}
