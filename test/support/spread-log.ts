// The log of an object that may end at any moment, over what outlives it: records are taken in
// memory and become durable with their commit, as in a Durable Object's storage.
import { MemoryWal } from '../../src/wal/memory.ts';
import type {
  FlushPlan,
  FlushPlans,
  ProfileRecord,
  RecentKey,
  RecordHeader,
  StoredRecord,
  Wal,
} from '../../src/wal/wal.ts';

/** What is durable of one object. */
export class StoredLog {
  readonly records: MemoryWal;
  sequence = 0;
  released = 0;
  plan: FlushPlan | undefined;

  constructor(id: string) {
    this.records = new MemoryWal({ id, bytesMax: 2 ** 28 });
  }
}

export class MortalLog implements Wal, FlushPlans {
  readonly isDurable = true;
  readonly #stored: StoredLog;
  readonly #turn: (name: string) => Promise<void>;
  #pending: ProfileRecord[] = [];

  /** `turn` never resolves once the object has ended. */
  constructor(stored: StoredLog, turn: (name: string) => Promise<void>) {
    this.#stored = stored;
    this.#turn = turn;
  }

  get id(): string {
    return this.#stored.records.id;
  }

  start(): Promise<void> {
    return this.#turn('log start');
  }

  append(record: ProfileRecord): number {
    this.#pending.push({ ...record, body: record.body.slice() });
    return this.#stored.sequence + this.#pending.length;
  }

  async commit(sequence: number): Promise<void> {
    await this.#turn('log commit');
    while (this.#stored.sequence < sequence) {
      const record = this.#pending.shift() as ProfileRecord;
      this.#stored.sequence = this.#stored.records.append(record);
      await this.#stored.records.commit(this.#stored.sequence);
    }
    await this.#turn('log committed');
  }

  refusedUpTo(): number {
    return 0;
  }

  headers(tenant?: string): AsyncIterable<RecordHeader> {
    return this.#stored.records.headers(tenant);
  }

  async *read(tenant: string, from: number): AsyncIterable<StoredRecord> {
    await this.#turn('log read');
    yield* this.#stored.records.read(tenant, from);
  }

  newestHeld(): ReadonlyMap<string, number> {
    return this.#stored.records.newestHeld();
  }

  recentKeys(sinceMs: number, tenant?: string): Iterable<RecentKey> {
    return this.#stored.records.recentKeys(sinceMs, tenant);
  }

  async release(tenant: string, upTo: number, ulid: string): Promise<void> {
    await this.#turn('log release');
    await this.#stored.records.release(tenant, upTo, ulid);
    this.#stored.released = Math.max(upTo, this.#stored.released);
    await this.#turn('log released');
  }

  planOf(_tenant: string): FlushPlan | undefined {
    const { plan, released } = this.#stored;
    return plan !== undefined && plan.upTo > released ? plan : undefined;
  }

  async plan(plan: FlushPlan): Promise<void> {
    await this.#turn('log plan');
    this.#stored.plan = plan;
    await this.#turn('log planned');
  }

  bytesUsed(): number {
    return this.#stored.records.bytesUsed();
  }

  bytesUsedBy(tenant: string): number {
    return this.#stored.records.bytesUsedBy(tenant);
  }

  pinnedBy(): readonly string[] {
    return this.#stored.records.pinnedBy();
  }

  failure(): string | undefined {
    return undefined;
  }

  tick(): Promise<number> {
    return Promise.resolve(Number.POSITIVE_INFINITY);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
