// What a log may give back, given what was appended, committed and released, and which of it was
// answered. Owns the rule: what was acknowledged is read once and in order until it is released;
// what was refused is never read; what was not answered is read in order or not at all.
import { isFailure } from '../../src/errors.ts';
import type { ProfileRecord, StoredRecord, Wal } from '../../src/wal/wal.ts';

/** How long keys are kept, in milliseconds. */
export const keyWindowMs = 15 * 60_000;

type State = 'open' | 'acknowledged' | 'refused';

interface Appended {
  record: ProfileRecord;
  state: State;
}

export class WalOracle {
  nowMs = 1_767_323_045_000;
  /** The log's identity, once something was acknowledged under it. */
  id: string | undefined;
  /** Failures that calls were answered with. */
  readonly failures: unknown[] = [];
  /** Set while a disk stays broken: what was refused may come back, for nothing could be fenced. */
  mayKeepRefused = false;
  readonly #appended = new Map<number, Appended>();
  /** Up to where a tenant's records are gone for certain, and may be gone. */
  readonly #released = new Map<string, { is: number; may: number }>();
  readonly #lastOf = new WeakMap<Wal, number>();
  #count = 0;

  /** Appends a record nobody else has; answers its sequence. */
  append(wal: Wal, tenant: string, bodyBytes: number): number {
    const record = this.#make(tenant, bodyBytes);
    const sequence = wal.append(record);
    // What another process was refused, or never heard of again, left no trace.
    const last = Math.max(this.#lastOf.get(wal) ?? 0, this.#lastAcknowledged());
    if (sequence <= last) throw new Error(`sequence ${sequence} was given after ${last}`);
    this.#lastOf.set(wal, sequence);
    this.#appended.set(sequence, { record, state: 'open' });
    return sequence;
  }

  /** Commits; answers whether it was acknowledged. */
  async commit(wal: Wal, sequence: number): Promise<boolean> {
    const isCommitted = await this.#commits(wal, sequence);
    if (isCommitted) {
      this.id = wal.id;
      this.#settle((each, state) => each <= sequence && state === 'open', 'acknowledged');
      return true;
    }
    // Whatever was appended before the failure is decided: a group before it may be durable.
    const decided = wal.refusedUpTo();
    for (const [each, { state }] of this.#appended) {
      if (state !== 'open' || each > decided) continue;
      const isDurable = await this.#commits(wal, each);
      this.#settle((other) => other === each, isDurable ? 'acknowledged' : 'refused');
    }
    return false;
  }

  /** Appends and commits, again as long as the log refuses. */
  async push(wal: Wal, tenant: string, bodyBytes: number): Promise<number> {
    return this.retry(wal, async () => {
      const sequence = this.append(wal, tenant, bodyBytes);
      return (await this.commit(wal, sequence)) ? sequence : undefined;
    });
  }

  async release(wal: Wal, tenant: string, upTo: number): Promise<void> {
    await this.retry(wal, async () => {
      const released = this.#released.get(tenant) ?? { is: 0, may: 0 };
      released.may = Math.max(released.may, upTo);
      this.#released.set(tenant, released);
      await wal.release(tenant, upTo, '01J00000000000000000000000');
      released.is = Math.max(released.is, upTo);
      return true;
    });
  }

  /** Makes a call again while it is `unavailable` or answers undefined; time goes on meanwhile. */
  async retry<T>(wal: Wal, call: () => Promise<T | undefined>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await call();
        if (answer !== undefined) return answer;
      } catch (error) {
        this.notes(error);
      }
      if (attempt === 6) throw this.failures.at(-1);
      this.nowMs += 60_000;
      await wal.tick(this.nowMs);
    }
  }

  /** What a started log shows is relied upon: it has to stay as it is. */
  async trusts(wal: Wal): Promise<void> {
    const read = new Set((await readAll(wal, this.#tenants())).map(({ sequence }) => sequence));
    for (const [sequence, appended] of this.#appended) {
      const { tenant } = appended.record;
      const released = this.#released.get(tenant);
      if (read.has(sequence)) appended.state = 'acknowledged';
      else if (appended.state === 'open') appended.state = 'refused';
      else if (appended.state === 'acknowledged' && released !== undefined) {
        released.is = Math.max(released.is, Math.min(sequence, released.may));
      }
    }
  }

  /** What is wrong with a started log, one line each. */
  async problems(wal: Wal): Promise<string[]> {
    const read = await readAll(wal, this.#tenants());
    const problems = [...this.#wrongRecords(read), ...this.#lostRecords(read)];
    const headers = (await headersOf(wal)).map(({ sequence, tenant }) => `${sequence} ${tenant}`);
    const expected = read
      .map(({ sequence, tenant }) => ({ sequence, text: `${sequence} ${tenant}` }))
      .sort((a, b) => a.sequence - b.sequence)
      .map(({ text }) => text);
    if (headers.join() !== expected.join()) {
      problems.push(`headers are ${headers.join()}, records ${expected.join()}`);
    }
    if (this.id !== undefined && wal.id !== this.id)
      problems.push(`log is ${wal.id}, not ${this.id}`);
    problems.push(...(await this.#wrongKeys(wal)));
    return problems;
  }

  async #commits(wal: Wal, sequence: number): Promise<boolean> {
    try {
      await wal.commit(sequence);
      return true;
    } catch (error) {
      this.notes(error);
      return false;
    }
  }

  #make(tenant: string, bodyBytes: number): ProfileRecord {
    const number = ++this.#count;
    const contentKey = new Uint8Array(16);
    new DataView(contentKey.buffer).setUint32(4, number);
    const body = new Uint8Array(bodyBytes);
    for (let at = 0; at < bodyBytes; at++) body[at] = (number * 31 + at * 7) % 251;
    const labels = [{ name: 'service_name', value: `service-${number}` }];
    return { tenant, receivedMs: this.nowMs, contentKey, labels, body };
  }

  #wrongRecords(read: readonly StoredRecord[]): string[] {
    const problems: string[] = [];
    const last = new Map<string, number>();
    for (const { sequence, ...record } of read) {
      const { tenant } = record;
      const known = this.#appended.get(sequence);
      const name = `${tenant} ${sequence}`;
      if (sequence <= (last.get(tenant) ?? 0)) problems.push(`${name} is out of order`);
      last.set(tenant, sequence);
      if (known === undefined) problems.push(`${name} was never appended`);
      else if (textOf(known.record) !== textOf(record)) problems.push(`${name} is another record`);
      else if (known.state === 'refused' && !this.mayKeepRefused)
        problems.push(`${name} was refused`);
      const released = this.#released.get(tenant)?.is ?? 0;
      if (sequence <= released) problems.push(`${name} was released`);
    }
    return problems;
  }

  #lostRecords(read: readonly StoredRecord[]): string[] {
    const problems: string[] = [];
    const found = new Set(read.map(({ sequence }) => sequence));
    const lastFound = Math.max(0, ...found);
    for (const [sequence, { record, state }] of this.#appended) {
      const { may } = this.#released.get(record.tenant) ?? { may: 0 };
      if (found.has(sequence) || sequence <= may || state === 'refused') continue;
      const name = `${record.tenant} ${sequence}`;
      if (state === 'acknowledged') problems.push(`${name} is lost`);
      else if (sequence < lastFound) problems.push(`${name} is left out before ${lastFound}`);
    }
    return problems;
  }

  async #wrongKeys(wal: Wal): Promise<string[]> {
    const problems: string[] = [];
    const sinceMs = this.nowMs - keyWindowMs;
    const found = new Set<string>();
    for (const { tenant, receivedMs, contentKey } of wal.recentKeys(sinceMs)) {
      found.add(`${tenant} ${receivedMs} ${contentKey.join()}`);
    }
    for (const [sequence, { record, state }] of this.#appended) {
      const { tenant, receivedMs, contentKey } = record;
      const isFound = found.delete(`${tenant} ${receivedMs} ${contentKey.join()}`);
      if (state === 'acknowledged' && receivedMs >= sinceMs && !isFound) {
        problems.push(`key of ${tenant} ${sequence} is lost`);
      }
      if (state === 'refused' && isFound && !this.mayKeepRefused) {
        problems.push(`key of ${tenant} ${sequence} was refused`);
      }
    }
    if (found.size > 0) problems.push(`keys ${[...found].join(' and ')} were never appended`);
    return problems;
  }

  #tenants(): string[] {
    return [...new Set([...this.#appended.values()].map(({ record }) => record.tenant))];
  }

  #lastAcknowledged(): number {
    const known = [...this.#appended].filter(([, { state }]) => state === 'acknowledged');
    return Math.max(0, ...known.map(([sequence]) => sequence));
  }

  #settle(isMeant: (sequence: number, state: State) => boolean, state: State): void {
    for (const [sequence, each] of this.#appended) {
      if (isMeant(sequence, each.state)) each.state = state;
    }
  }

  /** Keeps a failure that a caller may see; throws anything else. */
  notes(error: unknown): void {
    if (!isFailure(error, 'unavailable')) throw error;
    this.failures.push(error);
  }
}

async function readAll(wal: Wal, tenants: readonly string[]): Promise<StoredRecord[]> {
  const found: StoredRecord[] = [];
  for (const tenant of tenants) {
    for await (const record of wal.read(tenant, 0)) found.push(record);
  }
  return found;
}

async function headersOf(wal: Wal): Promise<{ sequence: number; tenant: string }[]> {
  const found: { sequence: number; tenant: string }[] = [];
  for await (const { sequence, tenant } of wal.headers()) found.push({ sequence, tenant });
  return found;
}

function textOf({ tenant, receivedMs, contentKey, labels, body }: ProfileRecord): string {
  return JSON.stringify([tenant, receivedMs, [...contentKey], labels, [...body]]);
}
