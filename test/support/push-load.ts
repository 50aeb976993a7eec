// Clients of two tenants that push, as fast as they can unless a pause is wanted, each profile
// until it is answered 200, always with the same bytes. Owns what was acknowledged: the oracle of
// tests that end servers under load.
import type { Random } from '../fixtures/random.ts';
import { loadFixture } from './fixtures.ts';
import { push } from './http-push.ts';
import { stamped } from './stamp.ts';

export const loadTenants = ['team-a', 'team-b'] as const;
export const loadConnections = 8;
/** Series of each profile in a block: two sample types in two label groups. */
export const loadSeries = 4;

const { packed } = loadFixture('rust-cpu');
const baseNs = BigInt(Date.UTC(2026, 0, 1)) * 1_000_000n;
/** After so long a client takes the answer for lost. */
const answerMsMax = 2_000;
const pauseMs = 5;
/** Enough to read. */
const problemsMax = 10;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class PushLoad {
  /** Where the server listens; undefined while there is none. */
  url: string | undefined;
  /** Attempts that were not answered 200 and were made again, or given up at `abandon`. */
  retryCount = 0;
  readonly #random: Random;
  readonly #betweenMs: number;
  readonly #acknowledged = new Map<string, Set<bigint>>();
  readonly #sent = new Map<string, Set<bigint>>();
  readonly #clients: Promise<void>[] = [];
  #nextTime = 1n;
  #isOver = false;
  #isAbandoned = false;

  /** `random` decides which clients are impatient; each waits so long between its profiles. */
  constructor(random: Random, betweenMs = 0) {
    this.#random = random;
    this.#betweenMs = betweenMs;
    for (const tenant of loadTenants) {
      this.#acknowledged.set(tenant, new Set());
      this.#sent.set(tenant, new Set());
    }
  }

  start(): void {
    for (let index = 0; index < loadConnections; index++) this.#clients.push(this.#client(index));
  }

  /** Ends when every profile that was begun is acknowledged. */
  async end(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  /** Ends at once: what is not acknowledged stays open, and may be stored or not. */
  async abandon(): Promise<void> {
    this.#isAbandoned = true;
    await this.end();
  }

  /** Times of the tenant's profiles that were answered 200. */
  acknowledged(tenant: string): ReadonlySet<bigint> {
    return this.#acknowledged.get(tenant) ?? new Set();
  }

  /** How many of the tenant's profiles were sent, whatever became of them. */
  sentCount(tenant: string): number {
    return this.#sent.get(tenant)?.size ?? 0;
  }

  get acknowledgedCount(): number {
    return loadTenants.reduce((sum, tenant) => sum + this.acknowledged(tenant).size, 0);
  }

  /**
   * What is wrong with what is stored of a tenant, given how often each time is (`storedTimes`): a
   * profile that was acknowledged and is lost, that is there in part or more than once, or that
   * nobody of this tenant sent.
   */
  problems(tenant: string, stored: ReadonlyMap<bigint, number>): string[] {
    const sent = this.#sent.get(tenant);
    const lost = [...this.acknowledged(tenant)].filter((time) => !stored.has(time));
    const problems = lost.map((time) => `${time} of ${tenant} is acknowledged and lost`);
    for (const [time, copies] of stored) {
      if (copies !== 1) problems.push(`${time} of ${tenant} is there ${copies} times`);
      if (sent?.has(time) !== true) problems.push(`${time} is not of ${tenant}`);
    }
    return problems.slice(0, problemsMax);
  }

  async #client(index: number): Promise<void> {
    const tenant = loadTenants[index % loadTenants.length] as string;
    const labels = { __name__: 'cpu', service_name: `service-${index % 3}` };
    while (!this.#isOver) {
      if (this.#betweenMs > 0) await sleep(this.#betweenMs);
      const timeNs = baseNs + this.#nextTime++;
      const profiles = [stamped(packed, timeNs)];
      this.#sent.get(tenant)?.add(timeNs);
      let isStored = await this.#send(tenant, { labels, profiles });
      while (!isStored && !this.#isAbandoned) {
        this.retryCount++;
        await sleep(pauseMs);
        isStored = await this.#send(tenant, { labels, profiles });
      }
      if (isStored) this.#acknowledged.get(tenant)?.add(timeNs);
    }
  }

  async #send(tenant: string, series: Parameters<typeof push>[1][number]): Promise<boolean> {
    if (this.url === undefined) return false;
    // Now and then one gives up before its answer, which then comes to nobody.
    const isHasty = this.#random.below(50) === 0;
    try {
      const response = await push(this.url, [series], {
        headers: { 'x-scope-orgid': tenant },
        signal: AbortSignal.timeout(isHasty ? this.#random.below(20) : answerMsMax),
      });
      await response.arrayBuffer();
      return response.status === 200;
    } catch {
      // Refused, reset or timed out: nobody knows whether it was stored.
      return false;
    }
  }
}
