// One object's part of a tenant that may be spread: which pushes it takes. Owns that an epoch which
// was closed here takes no more, whoever says what, also after a restart, and that closing it waits
// for the pushes under way; and that a profile which another object has stored a short while ago is
// not stored again.
import { Failure } from '../errors.ts';
import type { PushedProfile } from '../ingester/contract.ts';
import type { AskKnown, KeyedProfile } from '../ingester/push-context.ts';
import { toHex } from '../lib/hex.ts';
import { ask, type PushReply, type Send } from './calls.ts';
import type { ObjectStore } from './home.ts';
import { type Routing, shardsOf } from './routing.ts';

export interface ShardOptions {
  store: ObjectStore;
  send: Send;
  /** Stores profiles; `known` is asked for those that are new here. */
  push: (
    tenant: string,
    profiles: readonly PushedProfile[],
    known: AskKnown | undefined,
  ) => Promise<void>;
}

/** Where profiles are to be stored, and where the same ones may be already. */
export interface ShardPush {
  tenant: string;
  /** The object's own name. */
  self: string;
  epoch: number;
  past: readonly Routing[];
  profiles: readonly PushedProfile[];
}

const stateName = 'spread-shard';

export class Shard {
  readonly #options: ShardOptions;
  /** Epochs up to this one are over here. */
  #closedUpTo = -1;
  /** Pushes under way, by epoch. */
  readonly #pushing = new Map<number, Set<Promise<unknown>>>();

  constructor(options: ShardOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    const stored = await this.#options.store.load(stateName);
    if (stored === undefined) return;
    const { closedUpTo } = stored as { closedUpTo?: unknown };
    if (!Number.isSafeInteger(closedUpTo)) {
      throw new Failure('corrupt', `last epoch of the object is ${String(closedUpTo)}`);
    }
    this.#closedUpTo = closedUpTo as number;
  }

  get closedUpTo(): number {
    return this.#closedUpTo;
  }

  get isPushing(): boolean {
    return this.#pushing.size > 0;
  }

  /** Stores profiles as any push does, unless the epoch is over. */
  async push(push: ShardPush): Promise<PushReply> {
    const { epoch, tenant, profiles } = push;
    if (epoch <= this.#closedUpTo) return { isStale: true };
    const known = push.past.length === 0 ? undefined : this.#askOthers(push);
    // Counted in the turn of the check.
    const pushing = this.#options.push(tenant, profiles, known);
    const others = this.#pushing.get(epoch) ?? new Set();
    this.#pushing.set(epoch, others.add(pushing));
    try {
      await pushing;
    } finally {
      others.delete(pushing);
      if (others.size === 0) this.#pushing.delete(epoch);
    }
    return undefined;
  }

  /** Takes no more pushes of epochs up to this one; resolves when that is durable and none runs. */
  async close(epoch: number): Promise<void> {
    this.#closedUpTo = Math.max(epoch, this.#closedUpTo);
    // Also when it is said again: the first time may have failed.
    await this.#options.store.save(stateName, { closedUpTo: this.#closedUpTo });
    const running = [...this.#pushing].filter(([one]) => one <= epoch);
    await Promise.allSettled(running.flatMap(([, pushes]) => [...pushes]));
  }

  /**
   * Asks the objects that may have got a profile under an earlier routing. They were closed for it
   * before there was this epoch: what they do not know by now they will never store of it.
   */
  #askOthers({ tenant, self, past }: ShardPush): AskKnown {
    return async (profiles) => {
      const asked = new Map<string, KeyedProfile[]>();
      for (const profile of profiles) {
        const names = past.flatMap((routing) => shardsOf(tenant, routing, profile.labels));
        for (const name of new Set(names)) {
          if (name === self) continue;
          const list = asked.get(name);
          if (list === undefined) asked.set(name, [profile]);
          else list.push(profile);
        }
      }
      const known = new Set<string>();
      const askOne = async ([name, list]: [string, KeyedProfile[]]) => {
        const keys = list.map(({ contentKey }) => contentKey.slice());
        const answers = await ask(this.#options.send, name, 'knows', { keys });
        for (const [i, key] of keys.entries()) if (answers[i] === true) known.add(toHex(key));
      };
      await Promise.all([...asked].map(askOne));
      return profiles.map(({ contentKey }) => known.has(toHex(contentKey)));
    };
  }
}
