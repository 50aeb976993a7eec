// The log in a Durable Object's SQLite: one transaction for all who wait. Owns what is taken,
// committed, held and released; `durable-object-table.ts` stores it.
//
// A start costs the same however much is held: what it needs is in the newest row of each tenant. A
// row that is not needed any more is written over, under a number above all others: that is one
// written row, where deleting and inserting would be two.
import { assert, Failure, messageOf } from '../errors.ts';
import type { Logger } from '../lib/log.ts';
import type { Clock } from '../platform.ts';
import { CommitQueue, type PendingRecord } from './commit-queue.ts';
import { crc32c } from './crc32c.ts';
import type { PackedKeys } from './durable-object-keys.ts';
import { batchRecordsMax, headerOf, recordsOf } from './durable-object-rows.ts';
import {
  type Batch,
  type LoggedTenant,
  LogTable,
  type ObjectStorage,
} from './durable-object-table.ts';
import { encodeTenant, headBytesOf, noKey, recordKinds } from './record.ts';
import { encodeTreatedLabels } from './treated-labels.ts';
import type {
  FlushPlan,
  FlushPlans,
  KeyLookup,
  ProfileRecord,
  RecentKey,
  RecordHeader,
  StoredRecord,
  Wal,
} from './wal.ts';

const defaultKeyWindowMs = 15 * 60 * 1_000;
/** Records of one transaction, unless one alone is larger. */
const batchBytesMax = 8 * 1024 * 1024;
/** After a failure nothing is taken for so long; then the next push tries again. */
const retryMs = 5_000;

export interface DurableObjectWalOptions {
  storage: ObjectStorage;
  clock: Pick<Clock, 'nowMs'>;
  /** A new ULID. */
  newId: () => string;
  log: Logger;
  /** Bound of what is held. */
  bytesMax: number;
  /** How long keys are kept beyond their records. */
  keyWindowMs?: number;
}

/** What there is after `start`. */
interface OpenLog {
  id: string;
  logTag: number;
  queue: CommitQueue;
  /** Committed records only. */
  tenants: Map<string, LoggedTenant>;
}

export class DurableObjectWal implements Wal, FlushPlans, KeyLookup {
  readonly isDurable = true;
  readonly #options: DurableObjectWalOptions;
  readonly #table: LogTable;
  #open: OpenLog | undefined;
  #onDamage: ((kind: string) => void) | undefined;
  #isWriting = false;
  /** Settles, never rejecting, when nothing is being written. */
  #written: Promise<void> = Promise.resolve();
  #failure: { message: string; retryAtMs: number } | undefined;

  constructor(options: DurableObjectWalOptions) {
    this.#options = options;
    this.#table = new LogTable(options.storage, options.keyWindowMs ?? defaultKeyWindowMs);
  }

  /** Known after `start`. */
  get id(): string {
    return this.#opened().id;
  }

  /** All that have, or had, a committed record. Known after `start`. */
  tenants(): Iterable<string> {
    return this.#opened().tenants.keys();
  }

  async start(onDamage?: (kind: string) => void): Promise<void> {
    assert(this.#open === undefined, 'log is started twice');
    this.#onDamage = onDamage;
    try {
      const id = this.#table.open(this.#options.newId);
      const tenants = this.#table.tenants();
      const newest = Math.max(0, ...[...tenants.values()].map((each) => each.newest));
      const logTag = crc32c(new TextEncoder().encode(id));
      this.#open = { id, logTag, tenants, queue: new CommitQueue(newest) };
    } catch (error) {
      throw logFailure(error, 'start');
    }
  }

  append(record: ProfileRecord): number {
    const { queue } = this.#opened();
    const failure = this.failure();
    if (failure !== undefined) throw logFailure(new Error(failure), 'append');
    const tenant = encodeTenant(record.tenant);
    const { labels, version } = encodeTreatedLabels(record);
    assert(record.contentKey.length === noKey.length, 'content key is not 16 bytes');
    const bytes = headBytesOf(tenant, labels) + record.body.length;
    const held = this.bytesUsed();
    const { bytesMax } = this.#options;
    if (held + bytes > bytesMax) {
      const message = `log holds ${held} bytes, record is ${bytes}, limit ${bytesMax}`;
      throw new Failure('unavailable', message, { reason: 'log_full', retryAfterSeconds: 5 });
    }
    const pending = queue.add({
      kind: recordKinds.profile,
      tenantName: record.tenant,
      tenant,
      timeMs: record.receivedMs,
      contentKey: record.contentKey.slice(),
      version,
      labels,
      body: record.body.slice(),
    });
    return pending.sequence;
  }

  commit(sequence: number): Promise<void> {
    const { queue } = this.#opened();
    assert(sequence <= queue.sequence, `record ${sequence} was never appended`);
    const committed = queue.waitForSequence(sequence);
    if (!this.#isWriting) {
      this.#isWriting = true;
      // It tells those who wait and never rejects.
      this.#written = this.#write();
    }
    return committed;
  }

  refusedUpTo(): number {
    return this.#open?.queue.refusedUpTo() ?? 0;
  }

  async *headers(tenant?: string): AsyncIterable<RecordHeader> {
    if (tenant !== undefined) return yield* this.#headersOf(tenant);
    const all = [...this.#opened().tenants.keys()].flatMap((name) => [...this.#headersOf(name)]);
    yield* all.sort((a, b) => a.sequence - b.sequence);
  }

  *#headersOf(tenant: string): Generator<RecordHeader> {
    for (const { heads } of this.#heldBatches(tenant, 0)) {
      for (const head of heads) {
        if (this.#isHeld(tenant, head.sequence)) yield headerOf(tenant, head);
      }
    }
  }

  async *read(tenant: string, from: number): AsyncIterable<StoredRecord> {
    const { logTag } = this.#opened();
    for (const { id, heads } of this.#heldBatches(tenant, from)) {
      // All of it at once: what comes after may have been released and written over meanwhile.
      const isHeld = heads.some(({ sequence }) => this.#isHeld(tenant, sequence));
      if (!isHeld) continue;
      const data = this.#table.data(id);
      const onDamage = (sequence: number) => this.#noteDamage(tenant, sequence);
      for (const record of recordsOf({ logTag, id }, heads, data, from, onDamage)) {
        if (this.#isHeld(tenant, record.sequence)) yield record;
      }
    }
  }

  newestHeld(): ReadonlyMap<string, number> {
    const held = [...this.#opened().tenants].filter(
      ([, { newest, released }]) => newest > released,
    );
    return new Map(held.map(([tenant, { newest }]) => [tenant, newest]));
  }

  *recentKeys(sinceMs: number, only?: string): Iterable<RecentKey> {
    const { queue } = this.#opened();
    for (const { tenant, heads } of this.#table.headsSince(sinceMs)) {
      if (only !== undefined && tenant !== only) continue;
      for (const { sequence, receivedMs, contentKey } of heads) {
        if (sequence > queue.committed || receivedMs < sinceMs) continue;
        yield { tenant, receivedMs, contentKey };
      }
    }
  }

  /** Reads the keys when first asked, packed; to be asked for some minutes, and forgotten. */
  keysSince(sinceMs: number): (contentKey: Uint8Array) => boolean {
    const { queue } = this.#opened();
    let keys: PackedKeys | undefined;
    return (contentKey) => {
      keys ??= this.#table.keysSince(sinceMs, queue.committed);
      return keys.has(contentKey, sinceMs);
    };
  }

  async release(tenant: string, upTo: number, _ulid: string): Promise<void> {
    const { queue, tenants } = this.#opened();
    const before = tenants.get(tenant);
    const last = Math.min(upTo, queue.committed);
    if (before === undefined || last <= before.released) return;
    const { storage, clock } = this.#options;
    try {
      const now = this.#table.releasedAt(tenant, before, last);
      storage.transactionSync(() => this.#table.release(tenant, before, now, clock.nowMs()));
      await this.#sync();
      // Records may have been committed meanwhile.
      const { newest, total, lastRow } = tenants.get(tenant) ?? now;
      tenants.set(tenant, { ...now, newest, total, lastRow });
    } catch (error) {
      throw logFailure(error, 'release');
    }
  }

  planOf(tenant: string): FlushPlan | undefined {
    const plan = this.#table.planOf(tenant);
    const released = this.#opened().tenants.get(tenant)?.released ?? 0;
    return plan === undefined || plan.upTo <= released ? undefined : plan;
  }

  async plan(plan: FlushPlan): Promise<void> {
    try {
      this.#table.plan(plan);
      await this.#sync();
    } catch (error) {
      throw logFailure(error, 'plan of a block');
    }
  }

  bytesUsed(): number {
    if (this.#open === undefined) return 0;
    const { tenants, queue } = this.#open;
    let bytes = queue.pendingBytes;
    for (const { total, releasedTotal } of tenants.values()) bytes += total - releasedTotal;
    return bytes;
  }

  bytesUsedBy(tenant: string): number {
    const logged = this.#open?.tenants.get(tenant);
    return logged === undefined ? 0 : logged.total - logged.releasedTotal;
  }

  pinnedBy(): readonly string[] {
    return [...this.newestHeld().keys()].sort((a, b) => this.bytesUsedBy(b) - this.bytesUsedBy(a));
  }

  failure(): string | undefined {
    const nowMs = this.#options.clock.nowMs();
    if (this.#failure !== undefined && nowMs >= this.#failure.retryAtMs) this.#failure = undefined;
    return this.#failure?.message;
  }

  tick(): Promise<number> {
    return Promise.resolve(Number.POSITIVE_INFINITY);
  }

  async close(): Promise<void> {
    await this.#written;
  }

  #opened(): OpenLog {
    assert(this.#open !== undefined, 'log is not started');
    return this.#open;
  }

  async #write(): Promise<void> {
    const { queue } = this.#opened();
    while (queue.hasWaiters) {
      const fitting = queue.batch(batchBytesMax, Number.POSITIVE_INFINITY);
      const batch = fitting.slice(0, batchRecordsMax);
      try {
        await this.#writeBatch(batch);
      } catch (error) {
        this.#fail(logFailure(error, 'commit'));
      }
    }
    // In the turn of the last look: whoever comes next starts another.
    this.#isWriting = false;
  }

  async #writeBatch(batch: readonly PendingRecord[]): Promise<void> {
    const { logTag, queue, tenants } = this.#opened();
    const { storage, clock } = this.#options;
    const byTenant = new Map<string, PendingRecord[]>();
    for (const record of batch) {
      const records = byTenant.get(record.tenantName);
      if (records === undefined) byTenant.set(record.tenantName, [record]);
      else records.push(record);
    }
    const written = storage.transactionSync(() =>
      [...byTenant].map(([tenant, records]) => ({
        tenant,
        logged: this.#table.write(logTag, records, tenants, clock.nowMs()),
      })),
    );
    await this.#sync();
    for (const { tenant, logged } of written) {
      // Records may have been released meanwhile.
      const { newest, total, lastRow } = logged;
      tenants.set(tenant, { ...(tenants.get(tenant) ?? logged), newest, total, lastRow });
    }
    queue.commit(batch);
  }

  /**
   * A transaction whose way to the disk failed may be there or not: until the object is started
   * again, and reads what is there, nothing more is taken.
   */
  async #sync(): Promise<void> {
    try {
      await this.#options.storage.sync();
    } catch (error) {
      const message = `log: store has failed: ${messageOf(error)}`;
      this.#failure = { message, retryAtMs: Number.POSITIVE_INFINITY };
      throw error;
    }
  }

  #fail(failure: Failure): void {
    const { clock, log } = this.#options;
    this.#failure ??= { message: failure.message, retryAtMs: clock.nowMs() + retryMs };
    const { queue } = this.#opened();
    const tell = queue.refuse();
    log.error('log cannot be written, what is pending is refused', {
      refusedUpTo: queue.refusedUpTo(),
      error: failure.message,
    });
    tell(failure);
  }

  *#heldBatches(tenant: string, from: number): Generator<Batch> {
    const { tenants } = this.#opened();
    const logged = tenants.get(tenant);
    if (logged === undefined) return;
    const first = Math.max(from, logged.released + 1);
    // A start looks at the first one only.
    for (let after = logged.after, count: number | undefined = 1; ; count = undefined) {
      const batches = this.#table.batches(tenant, after, first, count);
      yield* batches;
      const last = batches.at(-1);
      if (last === undefined) return;
      after = last.id;
    }
  }

  /** Committed and not released. */
  #isHeld(tenant: string, sequence: number): boolean {
    const { queue, tenants } = this.#opened();
    const released = tenants.get(tenant)?.released ?? 0;
    return sequence <= queue.committed && sequence > released;
  }

  #noteDamage(tenant: string, sequence: number): void {
    if (!this.#isHeld(tenant, sequence)) return;
    this.#options.log.error('log is damaged', { tenant, sequence });
    this.#onDamage?.('wrong_checksum');
  }
}

function logFailure(error: unknown, doing: string): Failure {
  if (error instanceof Failure) return error;
  const options = { cause: error, reason: 'log_failed', retryAfterSeconds: 5 };
  return new Failure('unavailable', `log: ${doing}: ${messageOf(error)}`, options);
}
