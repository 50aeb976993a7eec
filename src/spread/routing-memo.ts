// What a front remembers of the routings of tenants. Owns for how long: a home is asked again now
// and then, because nobody tells a front that its limits want another, and at once when a shard has
// refused an epoch.
import type { Clock } from '../platform.ts';
import type { RoutingAnswer } from './calls.ts';
import type { PushRouting } from './spread-push.ts';

export interface RoutingMemoOptions {
  clock: Pick<Clock, 'monotonicMs'>;
  askHome: (tenant: string, refused: number | undefined) => Promise<RoutingAnswer>;
}

interface Remembered {
  answer: RoutingAnswer;
  askedMs: number;
}

const freshMs = 60_000;
/** Tenants remembered; the one that was asked for first goes first. */
const tenantsMax = 1_000;

export class RoutingMemo {
  readonly #options: RoutingMemoOptions;
  readonly #known = new Map<string, Remembered>();
  readonly #asking = new Map<string, Promise<RoutingAnswer>>();

  constructor(options: RoutingMemoOptions) {
    this.#options = options;
  }

  async routingOf(tenant: string, refused?: number): Promise<PushRouting> {
    const nowMs = this.#options.clock.monotonicMs();
    let known = this.#known.get(tenant);
    const isFresh = known !== undefined && nowMs - known.askedMs < freshMs;
    if (known === undefined || !isFresh || known.answer.current.epoch === refused) {
      const answer = await this.#ask(tenant, refused);
      known = { answer, askedMs: nowMs };
      this.#known.delete(tenant);
      this.#known.set(tenant, known);
      if (this.#known.size > tenantsMax) {
        const [first] = this.#known.keys();
        this.#known.delete(first as string);
      }
    }
    const { answer, askedMs } = known;
    const past = answer.past.filter(({ leftMs }) => nowMs - askedMs < leftMs);
    return { current: answer.current, past: past.map(({ routing }) => routing) };
  }

  /** Once for all who wait for the same. */
  #ask(tenant: string, refused: number | undefined): Promise<RoutingAnswer> {
    const key = `${refused ?? ''} ${tenant}`;
    const running = this.#asking.get(key);
    if (running !== undefined) return running;
    const asking = this.#options.askHome(tenant, refused).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asking);
    return asking;
  }
}
