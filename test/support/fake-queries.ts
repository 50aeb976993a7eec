// A query service that remembers what the doors asked of it and answers what it is told to.
import { create, toBinary } from '@bufbuild/protobuf';
import { ProfileSchema } from '../../src/gen/google/v1/profile_pb.ts';
import type { Labels } from '../../src/model/labels.ts';
import type {
  CallTree,
  FlameGraph,
  FlameGraphDiff,
  MsRange,
  QueryContext,
  QueryService,
  TimeSeries,
} from '../../src/query/contract.ts';

export interface Answers {
  profileTypes: string[];
  labelNames: string[];
  labelValues: string[];
  series: Labels[];
  profileStats: MsRange | undefined;
  flameGraph: FlameGraph;
  tree: Uint8Array;
  callTree: CallTree;
  dot: string;
  pprof: Uint8Array;
  timeSeries: TimeSeries[];
  diff: FlameGraphDiff;
  folded: string;
  report: string;
}

export interface FakeQueries extends QueryService {
  /** Calls as `[method, tenants, ...arguments]`. */
  readonly asked: [string, readonly string[], ...unknown[]][];
  /** Thrown by every call while it is set. */
  failure: unknown;
  /** Awaited before a call answers; rejects with the signal's reason when it is aborted first. */
  gate: Promise<void> | undefined;
  answers: Answers;
}

/** Of the stacks a;b;e=1, a;c=2 and a;c;d=1. */
export const sampleGraph: FlameGraph = {
  names: ['total', 'a', 'c', 'd', 'b', 'e'],
  levels: [
    BigInt64Array.of(0n, 4n, 0n, 0n),
    BigInt64Array.of(0n, 4n, 0n, 1n),
    BigInt64Array.of(0n, 1n, 0n, 4n, 0n, 3n, 2n, 2n),
    BigInt64Array.of(0n, 1n, 1n, 5n, 2n, 1n, 1n, 3n),
  ],
  total: 4n,
  maxSelf: 2n,
};

export const sampleDiff: FlameGraphDiff = {
  names: ['total', 'a'],
  levels: [
    BigInt64Array.of(0n, 4n, 0n, 0n, 6n, 0n, 0n),
    BigInt64Array.of(0n, 4n, 4n, 0n, 6n, 6n, 1n),
  ],
  total: 10n,
  maxSelf: 6n,
  leftTicks: 4n,
  rightTicks: 6n,
};

export const sampleProfile = {
  sampleType: [{ type: 1n, unit: 2n }],
  stringTable: ['', 'cpu', 'nanoseconds', 'main'],
  function: [{ id: 1n, name: 3n }],
  location: [{ id: 1n, line: [{ functionId: 1n }] }],
  sample: [{ locationId: [1n], value: [2n ** 60n] }],
};

function sampleAnswers(): Answers {
  return {
    profileTypes: ['process_cpu:cpu:nanoseconds:cpu:nanoseconds', 'odd'],
    labelNames: ['__name__', 'k8s.pod', 'service_name'],
    labelValues: ['checkout', 'search'],
    series: [[{ name: 'service_name', value: 'checkout' }]],
    profileStats: { startMs: 1_700_000_000_000, endMs: 1_700_000_060_000 },
    flameGraph: sampleGraph,
    tree: Uint8Array.of(0, 0, 1, 1, 97, 4, 0),
    callTree: {
      parents: Uint32Array.of(0, 0),
      names: ['', 'a'],
      self: BigInt64Array.of(0n, 4n),
      total: BigInt64Array.of(4n, 4n),
    },
    dot: 'digraph "cpu" {}\n',
    pprof: toBinary(ProfileSchema, create(ProfileSchema, sampleProfile)),
    timeSeries: [
      {
        labels: [{ name: 'service_name', value: 'checkout' }],
        points: [{ timestampMs: 1_700_000_010_000, value: 2 ** 60 }],
      },
    ],
    diff: sampleDiff,
    folded: 'a;c 2\na;b;e 1\na;c;d 1\n',
    report: '# Hot spots\n',
  };
}

/** A fake that answers its samples. */
export function createFakeQueries(): FakeQueries {
  const fake = { asked: [], failure: undefined, gate: undefined, answers: sampleAnswers() };
  const answering = (method: string, answerOf: (answers: Answers) => unknown) => {
    const call = async (context: QueryContext, ...asked: unknown[]) => {
      const self = fake as unknown as FakeQueries;
      self.asked.push([method, context.tenants, ...asked]);
      await waitFor(self.gate, context.signal);
      if (self.failure !== undefined) throw self.failure;
      return answerOf(self.answers);
    };
    Object.assign(fake, { [method]: call });
  };
  for (const method of Object.keys(fake.answers) as (keyof Answers)[]) {
    answering(method, (answers) => answers[method]);
  }
  answering('flameGraphAndSeries', ({ flameGraph: graph, timeSeries: series }) => {
    return { graph, series };
  });
  return fake as unknown as FakeQueries;
}

function waitFor(gate: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  if (gate === undefined) return Promise.resolve();
  return new Promise((resolve, reject) => {
    gate.then(resolve, reject);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
