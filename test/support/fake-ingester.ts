// An ingester that remembers what the API asked of it, for tests of the doors.
import type { IngesterService, PushedProfile } from '../../src/ingester/contract.ts';

export interface FakeIngester extends IngesterService {
  readonly pushes: { tenant: string; profiles: readonly PushedProfile[] }[];
  /** Tenants asked to flush; `undefined` stands for all. */
  readonly flushes: (string | undefined)[];
  /** Thrown by every call while it is set. */
  failure: unknown;
  notReady: string | undefined;
  /** Awaited by `push` before it answers. */
  pushGate: Promise<void> | undefined;
}

/** A fake that accepts everything. */
export function createFakeIngester(): FakeIngester {
  const fake: FakeIngester = {
    pushes: [],
    flushes: [],
    failure: undefined,
    notReady: undefined,
    pushGate: undefined,
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
  };
  return fake;
}
