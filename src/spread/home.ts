// A tenant's home: which routing its pushes follow, and which of its objects a query must ask. Owns
// the order that makes a change safe. First every shard of the old routing takes no more pushes and
// has settled those under way; then the new routing is durable; then somebody hears of it. So what
// was pushed is always in a block or in an object that is on the list, whatever others remember.
import { Serial } from '../lib/bounded.ts';
import type { RoutingAnswer } from './calls.ts';
import {
  type HomeState,
  initialState,
  isRetired,
  mustChange,
  parseHomeState,
  recent,
  withNext,
  withoutDrained,
} from './home-state.ts';
import { type Routing, type Spreading, shardNames } from './routing.ts';

/** Values of one object that outlive it, by name; `save` resolves once it is durable. */
export interface ObjectStore {
  load(name: string): Promise<unknown>;
  save(name: string, value: object): Promise<void>;
}

export interface HomeOptions {
  store: ObjectStore;
  /** What the limits ask for by now. */
  wantedOf: (tenant: string) => Spreading;
  /** Ends an epoch in an object: see `Calls.close`. */
  close: (name: string, epoch: number) => Promise<void>;
  /** An object is asked no more: its last block may be one that no list has. */
  onRetired: (tenant: string) => void;
  /** A routing has taken the place of another. */
  onChanged: (tenant: string, routing: Routing) => void;
  nowMs: () => number;
  /** For how long what was pushed may be sent again. */
  windowMs: number;
}

const stateName = 'spread-home';

export class Home {
  readonly #options: HomeOptions;
  readonly #updates = new Serial();
  /** As it is durable; undefined: the tenant was never spread. */
  #state: HomeState | undefined;
  #changing: Promise<void> | undefined;

  constructor(options: HomeOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    this.#state = parseHomeState(await this.#options.store.load(stateName));
  }

  /** The tenant, once it was spread. */
  get tenant(): string | undefined {
    return this.#state?.tenant;
  }

  /** Objects besides this one that may hold what is in no block. */
  get openShards(): string[] {
    return Object.keys(this.#state?.open ?? {});
  }

  /**
   * The routing to follow, changed first when the limits ask for another, or when a shard `refused`
   * this epoch. Throws when an object of the old one cannot be told: then nothing has changed.
   */
  async routing(tenant: string, refused?: number): Promise<RoutingAnswer> {
    const { wantedOf } = this.#options;
    while (mustChange(this.#stateOf(tenant), wantedOf(tenant), refused)) {
      this.#changing ??= this.#change(tenant).finally(() => {
        this.#changing = undefined;
      });
      await this.#changing;
    }
    return this.#answer(tenant);
  }

  /** True while the tenant is not spread, and was not lately: pushes need no routing then. */
  isWhole(tenant: string): boolean {
    const state = this.#stateOf(tenant);
    if (mustChange(state, this.#options.wantedOf(tenant), undefined)) return false;
    return state.current.shards === 1 && this.#recent(state).length === 0;
  }

  /** The epoch to push under while `isWhole`. */
  epoch(tenant: string): number {
    return this.#stateOf(tenant).current.epoch;
  }

  /** An object has said that it holds nothing and takes nothing of epochs up to `closedUpTo`. */
  async drained(tenant: string, name: string, closedUpTo: number): Promise<void> {
    if (!isRetired(this.#stateOf(tenant), name, closedUpTo)) return;
    await this.#update(tenant, (state) => withoutDrained(state, name, closedUpTo));
    this.#options.onRetired(tenant);
  }

  async #change(tenant: string): Promise<void> {
    const { wantedOf, close, onChanged, nowMs, windowMs } = this.#options;
    await this.#update(tenant, (state) => ({ ...state, isEnding: true }));
    const { current } = this.#stateOf(tenant);
    const names = shardNames(tenant, current);
    await Promise.all(names.map((name) => close(name, current.epoch)));
    await this.#update(tenant, (state) => withNext(state, wantedOf(tenant), nowMs(), windowMs));
    onChanged(tenant, this.#stateOf(tenant).current);
  }

  /** One after another: each is made of the one before, and nobody sees it before it is durable. */
  #update(tenant: string, step: (state: HomeState) => HomeState): Promise<void> {
    return this.#updates.run(async () => {
      const next = step(this.#stateOf(tenant));
      await this.#options.store.save(stateName, next);
      this.#state = next;
    });
  }

  #stateOf(tenant: string): HomeState {
    return this.#state ?? initialState(tenant);
  }

  #answer(tenant: string): RoutingAnswer {
    const state = this.#stateOf(tenant);
    const { nowMs, windowMs } = this.#options;
    const past = this.#recent(state).map(({ routing, endedMs }) => {
      return { routing, leftMs: Math.max(0, endedMs + windowMs - nowMs()) };
    });
    return { current: state.current, past };
  }

  #recent({ past }: HomeState) {
    return recent(past, this.#options.nowMs(), this.#options.windowMs);
  }
}
