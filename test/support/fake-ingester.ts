// An ingester that remembers what the API asked of it, for tests of the doors.
import type { IngesterService, LabelQuery, PushedProfile } from '../../src/ingester/contract.ts';
import type { Label } from '../../src/model/labels.ts';

export interface FakeIngester extends IngesterService {
  readonly pushes: { tenant: string; profiles: readonly PushedProfile[] }[];
  /** Tenants asked to flush; `undefined` stands for all. */
  readonly flushes: (string | undefined)[];
  /** Label calls as `[method, tenant, arguments]`. */
  readonly asked: [string, string, unknown][];
  /** Thrown by every call while it is set. */
  failure: unknown;
  notReady: string | undefined;
  /** Awaited by `push` before it answers. */
  pushGate: Promise<void> | undefined;
  names: string[];
  sets: Label[][];
}

/** A fake that accepts everything. */
export function createFakeIngester(): FakeIngester {
  const fake: FakeIngester = {
    pushes: [],
    flushes: [],
    asked: [],
    failure: undefined,
    notReady: undefined,
    pushGate: undefined,
    names: ['__name__', 'k8s.pod', 'service_name'],
    sets: [[{ name: 'service_name', value: 'checkout' }]],
    async push(tenant, profiles) {
      if (fake.failure !== undefined) throw fake.failure;
      fake.pushes.push({ tenant, profiles });
      await fake.pushGate;
    },
    async flush(tenant) {
      if (fake.failure !== undefined) throw fake.failure;
      fake.flushes.push(tenant);
    },
    notReadyReason: () => fake.notReady,
    labelNames: (tenant, query) => answer('labelNames', tenant, query, fake.names),
    labelValues: (tenant, name, query: LabelQuery) =>
      answer('labelValues', tenant, { name, ...query }, ['checkout', 'search']),
    profileTypes: (tenant) =>
      answer('profileTypes', tenant, {}, ['process_cpu:cpu:nanoseconds:cpu:nanoseconds', 'odd']),
    series: (tenant, query) => answer('series', tenant, query, fake.sets),
  };
  const answer = async <T>(method: string, tenant: string, query: unknown, value: T) => {
    if (fake.failure !== undefined) throw fake.failure;
    fake.asked.push([method, tenant, query]);
    return value;
  };
  return fake;
}
