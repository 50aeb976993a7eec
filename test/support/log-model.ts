// What a log owes after whatever happened to it: a model kept beside the real one. Owns what must
// be there, what may be there, and what must never be read.
import type { ProfileRecord, StoredRecord, Wal } from '../../src/wal/wal.ts';

interface Tenant {
  /** A release up to here was confirmed. */
  released: number;
  /** A release up to here was asked for: it may have happened. */
  asked: number;
}

export class LogModel {
  readonly #appended = new Map<number, ProfileRecord>();
  readonly #committed = new Set<number>();
  readonly #refused = new Set<number>();
  readonly #tenants = new Map<string, Tenant>();
  /** Records that a process took with it: there or not. */
  readonly #lost = new Set<number>();

  append(sequence: number, record: ProfileRecord): void {
    const known = this.#appended.get(sequence);
    // A number is given again only when its record cannot come back: a check found it gone.
    if (known !== undefined && !this.#lost.delete(sequence)) {
      throw new Error(`sequence ${sequence} is given twice`);
    }
    this.#appended.set(sequence, record);
    this.#refused.delete(sequence);
  }

  /** All up to `sequence` that were not refused are durable. */
  commit(sequence: number): void {
    for (const each of this.#appended.keys()) {
      if (each <= sequence && !this.#refused.has(each) && !this.#lost.has(each)) {
        this.#committed.add(each);
      }
    }
  }

  refuseUpTo(sequence: number): void {
    for (const each of this.#appended.keys()) {
      if (each <= sequence && !this.#committed.has(each)) this.#refused.add(each);
    }
  }

  isCommitted(sequence: number): boolean {
    return this.#committed.has(sequence);
  }

  /** The newest committed record of the tenant that is not asked to be released, or one before. */
  committedOf(tenant: string): number[] {
    return [...this.#committed].filter((each) => this.#appended.get(each)?.tenant === tenant);
  }

  ask(tenant: string, upTo: number): void {
    const state = this.#tenant(tenant);
    state.asked = Math.max(state.asked, upTo);
  }

  release(tenant: string, upTo: number): void {
    const state = this.#tenant(tenant);
    state.released = Math.max(state.released, upTo);
  }

  /**
   * Problems of a log that was just opened. `isHonest`: the dead process had fenced every failure,
   * so that nothing refused may be read.
   */
  async check(wal: Wal, isHonest: boolean): Promise<string[]> {
    const problems: string[] = [];
    const found = new Map<number, StoredRecord>();
    const tenants = new Set([...this.#appended.values()].map(({ tenant }) => tenant));
    for (const tenant of tenants) {
      let before = 0;
      for await (const record of wal.read(tenant, 0)) {
        if (record.tenant !== tenant) problems.push(`${record.sequence} is of ${record.tenant}`);
        if (record.sequence <= before) problems.push(`${record.sequence} after ${before}`);
        before = record.sequence;
        found.set(record.sequence, record);
      }
    }
    problems.push(...this.#inventions(found, isHonest), ...this.#losses(found));
    problems.push(...(await this.#headerProblems(wal, found)), ...(await this.#keyProblems(wal)));
    this.#settle(found);
    return problems;
  }

  #inventions(found: ReadonlyMap<number, StoredRecord>, isHonest: boolean): string[] {
    const problems: string[] = [];
    for (const [sequence, record] of found) {
      const sent = this.#appended.get(sequence);
      if (sent === undefined || !isSame(sent, record)) problems.push(`${sequence} is invented`);
      if (isHonest && this.#refused.has(sequence)) problems.push(`${sequence} was refused`);
      const { released } = this.#tenant(record.tenant);
      if (sequence <= released) problems.push(`${sequence} was released`);
    }
    return problems;
  }

  #losses(found: ReadonlyMap<number, StoredRecord>): string[] {
    const problems: string[] = [];
    for (const sequence of this.#committed) {
      const { tenant } = this.#appended.get(sequence) as ProfileRecord;
      const isThere = found.has(sequence) || sequence <= this.#tenant(tenant).asked;
      if (!isThere) problems.push(`${sequence} was committed and is lost`);
    }
    return problems;
  }

  async #headerProblems(wal: Wal, found: ReadonlyMap<number, StoredRecord>): Promise<string[]> {
    const told: number[] = [];
    for await (const { sequence } of wal.headers()) told.push(sequence);
    const expected = [...found.keys()].sort((a, b) => a - b);
    return `${told}` === `${expected}` ? [] : [`headers tell ${told}, records are ${expected}`];
  }

  async #keyProblems(wal: Wal): Promise<string[]> {
    const keys = new Set<string>();
    for (const { tenant, contentKey } of wal.recentKeys(0)) keys.add(`${tenant} ${contentKey}`);
    const missing = [...this.#committed].filter((sequence) => {
      const { tenant, contentKey } = this.#appended.get(sequence) as ProfileRecord;
      return !keys.has(`${tenant} ${contentKey}`);
    });
    return missing.map((sequence) => `the key of ${sequence} is forgotten`);
  }

  /** What was found is committed from now on; what was not and need not be is gone for good. */
  #settle(found: ReadonlyMap<number, StoredRecord>): void {
    for (const sequence of found.keys()) {
      this.#committed.add(sequence);
      this.#refused.delete(sequence);
    }
    for (const sequence of this.#appended.keys()) {
      if (!this.#committed.has(sequence)) this.#lost.add(sequence);
    }
    for (const [tenant, state] of this.#tenants) {
      // A release that was asked for has happened when what it covers is not there any more.
      const covered = this.committedOf(tenant).filter((each) => each <= state.asked);
      const gone = covered.filter((each) => !found.has(each));
      state.released = Math.max(state.released, ...gone);
      state.asked = state.released;
    }
  }

  #tenant(tenant: string): Tenant {
    let state = this.#tenants.get(tenant);
    if (state === undefined) {
      state = { released: 0, asked: 0 };
      this.#tenants.set(tenant, state);
    }
    return state;
  }
}

function isSame(sent: ProfileRecord, read: StoredRecord): boolean {
  const { sequence: _sequence, ...rest } = read;
  return JSON.stringify(textOf(sent)) === JSON.stringify(textOf(rest));
}

function textOf({ contentKey, body, ...rest }: ProfileRecord) {
  return { ...rest, contentKey: [...contentKey], body: [...body] };
}
