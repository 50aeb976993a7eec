// The query engine over fake sources, with a clock that a test sets. Owns the wiring and small
// profiles to ask about; no expectations.
import { KernelPool } from '../../src/kernel/pool.ts';
import { MemoryBudget } from '../../src/lib/memory-budget.ts';
import { defaultLimits, type Limits } from '../../src/limits/limits.ts';
import { createMetrics } from '../../src/metrics/registry.ts';
import type { StacktracesRequest } from '../../src/query/contract.ts';
import { createQueries } from '../../src/query/service.ts';
import { encodePprof } from '../fixtures/pprof-writer.ts';
import { FakeProvider } from './fake-sources.ts';
import { kernelModules } from './kernel-modules.ts';
import type { QueryModel } from './query-model.ts';

export const cpuType = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
/** A Tuesday; profiles of these tests lie a little before. */
export const nowMs = 1_700_000_000_000;

export interface EngineOptions {
  rowsPerSource?: number;
  limits?: Partial<Limits>;
  /** Bytes that queries may take together; a source takes 1, and a merge a kernel's memory. */
  memoryMax?: number;
}

/** The engine over what the model holds now. */
export function createEngine(model: QueryModel, options: EngineOptions = {}) {
  const provider = new FakeProvider(model.rows, options.rowsPerSource ?? 1);
  const clock = { wallMs: nowMs, monotonic: 0, yields: 0 };
  const pool = new KernelPool({
    modules: kernelModules,
    random: (bytes) => bytes.fill(7),
    headBytesMax: 64 << 20,
    keepIdleMax: 2,
  });
  const lent = { now: 0, all: 0 };
  const limits = { ...defaultLimits, ...options.limits };
  const metrics = createMetrics({ processMetrics: false });
  const memory = new MemoryBudget({
    what: 'queries',
    bytesMax: () => options.memoryMax ?? 1 << 30,
    oneBytesMax: 1 << 30,
  });
  const queries = createQueries({
    provider,
    pool: {
      acquire: () => {
        lent.now++;
        lent.all++;
        return pool.acquire();
      },
      release: (kernel) => {
        lent.now--;
        pool.release(kernel);
      },
    },
    limitsOf: () => limits,
    clock: { nowMs: () => clock.wallMs, monotonicMs: () => clock.monotonic },
    yield: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      clock.yields++;
    },
    metrics: metrics.query,
    memory,
  });
  const abort = new AbortController();
  const context = { tenants: ['a'], signal: abort.signal };
  return { queries, provider, clock, lent, metrics, memory, abort, context };
}

export interface SmallPush {
  tenant?: string;
  labels?: Record<string, string>;
  /** After `nowMs`, usually negative. */
  atMs?: number;
  /** Added to `atMs`. */
  atNs?: bigint;
  /** Frames `name` or `name@file:line`, root first, joined by `;`. */
  stacks: Record<string, number | bigint>;
}

/** Files a CPU profile of the stacks. */
export function pushStacks(model: QueryModel, push: SmallPush): string {
  const { tenant = 'a', labels = {}, atMs = -60_000, atNs = 0n, stacks } = push;
  const frames = [...new Set(Object.keys(stacks).flatMap((path) => path.split(';')))];
  const profileId = (model.rows.length + 1).toString(16).padStart(32, '0');
  model.push({
    tenant,
    labels: Object.entries({ __name__: 'process_cpu', service_name: 'shop', ...labels }),
    profile: encodePprof({
      sampleTypes: [['cpu', 'nanoseconds']],
      periodType: ['cpu', 'nanoseconds'],
      timeNs: BigInt(nowMs + atMs) * 1_000_000n + atNs,
      samples: Object.entries(stacks).map(([path, value]) => ({
        locations:
          path === ''
            ? []
            : path
                .split(';')
                .map((one) => frames.indexOf(one) + 1)
                .reverse(),
        values: [value],
      })),
      functions: frames.map((frame, i) => {
        const [name = '', place = ''] = frame.split('@');
        return { id: i + 1, name, file: place.split(':')[0] ?? '' };
      }),
      locations: frames.map((frame, i) => {
        const line = Number(frame.split(':').at(-1)) || 0;
        return { id: i + 1, lines: [{ function: i + 1, line }] };
      }),
    }),
    receivedMs: nowMs,
    profileId,
  });
  return profileId;
}

/** A request for the last hour of everything; changes on top. */
export function requestOf(changes: Partial<StacktracesRequest> = {}): StacktracesRequest {
  return {
    profileType: cpuType,
    selector: '{}',
    range: { startMs: nowMs - 3_600_000, endMs: nowMs },
    maxNodes: undefined,
    samples: {},
    ...changes,
  };
}
