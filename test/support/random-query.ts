// Random pushes and random questions about them, for comparing answers with the query model's. Owns
// the corners that are drawn: times on edges, spans, inlined and bare frames, reserved names,
// values around 2^53 and 2^60, selectors of all kinds. The same random numbers give the same draw.
import { encodePprof } from '../fixtures/pprof-writer.ts';
import type { Random } from '../fixtures/random.ts';
import type { ModelMatcher, ModelSelect, ModelSeriesSelect } from './query-model.ts';
import type { ModelPush } from './query-model-rows.ts';

export interface DrawOptions {
  tenants: readonly string[];
  /** Profiles lie in these milliseconds, often on whole steps from the first. */
  fromMs: number;
  toMs: number;
  stepMs: number;
  /** Sums of this many pushes stay below 2^63; the default is 1000. */
  pushesMax?: number;
  /** One push in so many has values near 2^62; the default is none. */
  hugeEvery?: number;
  /** Every profile carries its time; by default one in ten has none. */
  isTimed?: boolean;
}

const names = [
  ...['main', 'work', 'other', 'total', '', 'runtime.mallocgc', 'Lcom/Foo;.bar()V', 'a"\\b'],
  ...['ünïcode', '￿', '😀', 'a|b`c', 'x y'],
];
const files = ['', 'main.go', '/src/very/long/path/work.ts', 'a\\b.cs'];
const pods = ['', 'x', 'y', 'ü'];
const types = [
  {
    name: 'process_cpu',
    types: [
      ['samples', 'count'],
      ['cpu', 'nanoseconds'],
    ],
  },
  { name: 'memory', types: [['inuse_space', 'bytes']] },
] as const;

const pickFrom =
  (random: Random) =>
  <T>(list: readonly T[]) =>
    list[random.below(list.length)] as T;
const hexDigits = (random: Random, count: number) =>
  Array.from({ length: count }, () => random.below(16).toString(16)).join('');

/** The spans and traces that samples have and questions name. */
const spans = ['00000000000000ff', 'ffffffffffffffff', '0123456789abcdef'];
const traces = ['0123456789abcdef0123456789abcdef', '000000000000000000000000000000ff'];

/** A push of one to a few samples. */
export function randomPush(random: Random, options: DrawOptions): ModelPush {
  const pick = pickFrom(random);
  const kind = pick(types);
  const functionCount = 1 + random.below(names.length);
  const locationCount = 1 + random.below(12);
  const sampleCount = random.below(12);
  const perSample = 2n ** 62n / BigInt((options.pushesMax ?? 1000) * 12);
  const isHuge = options.hugeEvery !== undefined && random.below(options.hugeEvery) === 0;
  const huge = () => 2n ** 62n - BigInt(random.below(1_000));
  const value = () =>
    pick([
      () => BigInt(random.below(4)),
      () => BigInt(random.below(1_000_000)),
      () => 2n ** 53n / 3n + BigInt(random.below(100)),
      () => perSample - BigInt(random.below(100)),
      () => (random.below(8) === 0 ? -1n : 1n),
    ])();
  const sampleLabels = () =>
    [
      { key: pick(['span_id', 'profile_id']), text: pick([...spans, 'bad']) },
      { key: 'trace_id', text: pick(traces) },
      { key: 'region', text: pick(['eu', 'us']) },
      { key: 'service_name', text: 'ignored' },
    ].filter(() => random.below(4) === 0);
  const profile = encodePprof({
    sampleTypes: kind.types,
    ...(random.below(12) > 0 ? { periodType: ['cpu', 'nanoseconds'] as const } : {}),
    timeNs: random.below(10) === 0 && !options.isTimed ? 0n : randomTimeNs(random, options),
    samples: Array.from({ length: sampleCount }, (_, i) => ({
      locations: Array.from({ length: random.below(6) }, () => 1 + random.below(locationCount)),
      values: kind.types.map(isHuge && i === 0 ? huge : value),
      labels: sampleLabels(),
    })),
    functions: Array.from({ length: functionCount }, (_, i) => ({
      id: i + 1,
      name: pick(names),
      file: pick(files),
      startLine: random.below(100),
    })),
    mappings: [{ id: 1, file: pick(['/bin/app', 'plain', '']) }],
    locations: Array.from({ length: locationCount }, (_, i) => ({
      id: i + 1,
      mapping: random.below(2),
      address: 0x1000 + random.below(4) * 16,
      lines: Array.from({ length: pick([0, 1, 1, 1, 3]) }, () => ({
        function: 1 + random.below(functionCount),
        line: random.below(50),
      })),
    })),
    isUnpacked: random.below(3) === 0,
  });
  const { fromMs, toMs } = options;
  return {
    tenant: pick(options.tenants),
    labels: [
      ['__name__', kind.name],
      ['service_name', pick(['shop', 'cart', ''])],
      ['pod', pick(pods)],
      ['k8s.ns', pick(['', 'a', 'b'])],
      ['__delta__', 'false'],
    ],
    profile,
    receivedMs: fromMs + random.below(toMs - fromMs + 1),
    profileId: hexDigits(random, 32),
  };
}

function randomTimeNs(random: Random, options: DrawOptions): bigint {
  const atMs = randomTimeMs(random, options);
  return BigInt(atMs) * 1_000_000n + BigInt(random.below(3) - 1);
}

function randomTimeMs(random: Random, { fromMs, toMs, stepMs }: DrawOptions): number {
  const span = toMs - fromMs;
  if (random.below(2) === 0) return fromMs + random.below(span + 1);
  return fromMs + random.below(Math.floor(span / stepMs) + 1) * stepMs;
}

/** Up to three matchers. */
export function randomMatchers(random: Random): ModelMatcher[] {
  const pick = pickFrom(random);
  const matcher = (): ModelMatcher => {
    const operator = pick(['=', '!=', '=~', '!~'] as const);
    const name = pick(['pod', 'service_name', 'k8s.ns', 'region', '__name__', 'nobody']);
    const plain = pick([...pods, 'shop', 'cart', 'a', 'eu', 'memory']);
    const pattern = pick(['', '.*', '.+', 'x|y', 's.*', '[a-c].*', '(eu|us)?', 'ü']);
    return { name, operator, value: operator.includes('~') ? pattern : plain };
  };
  return Array.from({ length: pick([0, 0, 0, 0, 1, 1, 2, 3]) }, matcher);
}

/** A question about stacks; `profileIds` are those that may be selected. */
export function randomSelect(
  random: Random,
  options: DrawOptions,
  profileIds: readonly string[],
): ModelSelect {
  const pick = pickFrom(random);
  const [a, b] = [randomTimeMs(random, options), randomTimeMs(random, options)];
  const range = { startMs: Math.min(a, b), endMs: Math.max(a, b) };
  const whole = { startMs: options.fromMs, endMs: options.toMs };
  const period = random.below(12) > 0 ? ':cpu:nanoseconds' : '::';
  const select: ModelSelect = {
    tenants: random.below(4) > 0 ? [pick(options.tenants)] : options.tenants,
    profileType:
      pick([
        'process_cpu:cpu:nanoseconds',
        'process_cpu:samples:count',
        'memory:inuse_space:bytes',
      ]) + period,
    matchers: randomMatchers(random),
    range: random.below(3) > 0 ? range : whole,
  };
  const list = <T>(all: readonly T[]) => all.filter(() => random.below(3) > 0);
  const filters = random.below(12);
  if (filters === 0) select.callSite = Array.from({ length: random.below(3) }, () => pick(names));
  if (filters === 1) select.spanIds = list(spans);
  if (filters === 2) select.traceIds = list(traces);
  if (filters === 3) select.profileIds = list(profileIds);
  return select;
}

/** A question about a time series. */
export function randomSeriesSelect(random: Random, options: DrawOptions): ModelSeriesSelect {
  const pick = pickFrom(random);
  const {
    profileIds: _,
    spanIds: __,
    traceIds: ___,
    ...select
  } = randomSelect(random, options, []);
  return {
    ...select,
    stepMs: pick([options.stepMs, options.stepMs * 7, 1_000 + random.below(60_000)]),
    groupBy: ['pod', 'k8s.ns', '__type__', 'nobody'].filter(() => random.below(2) === 0),
    aggregation: pick(['sum', 'average'] as const),
    limit: pick([0, 0, 1, 2]),
  };
}
