// An object's part in the spreading of a tenant, as home and as one of its shards: answers what
// other objects ask, and is the ingester that doors push to. Owns which of the two a call is for.
import { Failure, messageOf } from '../errors.ts';
import type { IngesterService, PushedProfile } from '../ingester/contract.ts';
import type { OtherHeads } from '../ingester/other-heads.ts';
import type { AskKnown } from '../ingester/push-context.ts';
import type { ByteLease } from '../lib/byte-budget.ts';
import type { LimitsOf } from '../limits/limits.ts';
import type { Source, SourceMeter } from '../model/source.ts';
import type { Phlaredb } from '../phlaredb/phlaredb.ts';
import type { Clock } from '../platform.ts';
import {
  ask,
  type CallName,
  type Calls,
  type Message,
  plainFailure,
  type Reply,
  type Send,
  type ViewFacts,
} from './calls.ts';
import { Home, type ObjectStore } from './home.ts';
import type { Region } from './regions.ts';
import { headsOf, openViews, type ShardView } from './remote-heads.ts';
import { type Routing, splitShardName, spreadingOf } from './routing.ts';
import { Shard } from './shard.ts';
import { type PushRouting, pushRemote, pushSpread, unpacked } from './spread-push.ts';
import { boundedAnswer, compiledQuery } from './view-queries.ts';
import { Views } from './views.ts';

/** How the objects of a tenant reach each other, and what this one keeps for itself. */
export interface Peers {
  send: Send;
  store: ObjectStore;
  /** Where a request comes from, if known. */
  regionOf: (request: Request) => Region | undefined;
}

export interface SpreadOptions {
  peers: Peers;
  /** Of this object alone. */
  ingester: IngesterService & {
    push(tenant: string, profiles: readonly PushedProfile[], known?: AskKnown): Promise<void>;
    knows(tenant: string, keys: readonly Uint8Array[]): Promise<boolean[]>;
    isDrained(tenant: string): boolean;
    findDatabase(tenant: string): Promise<Phlaredb | undefined>;
  };
  limitsOf: LimitsOf;
  clock: Clock;
  yield: () => Promise<void>;
  newId: () => string;
  /** Counts bytes of pushes from other objects. */
  leaseBytes: () => ByteLease;
  /** The blocks of a tenant are to be listed again. */
  onRetired: (tenant: string) => void;
  /** Pushes of the tenant follow another routing. */
  onChanged: (tenant: string, routing: Routing) => void;
  /** For how long what was pushed may be sent again. */
  windowMs: number;
}

type Handler<Name extends CallName> = (
  tenant: string,
  body: Calls[Name][0],
  self: string,
) => Promise<Calls[Name][1]>;
type Handlers = { [Name in CallName]: Handler<Name> };

/** Of a call in a view: which head. */
interface InView {
  view: string;
  ulid: string;
}

export class Spread implements IngesterService {
  readonly #options: SpreadOptions;
  readonly #home: Home;
  readonly #shard: Shard;
  readonly #views: Views;
  readonly #handlers: Handlers;
  /** Another one for each life of the object; of it, how many blocks were written. */
  readonly #life: string;
  #storedCount = 0;

  constructor(options: SpreadOptions) {
    this.#options = options;
    const { peers, ingester, limitsOf, clock, onRetired, onChanged, windowMs, newId } = options;
    this.#life = newId();
    this.#shard = new Shard({
      ...peers,
      push: (tenant, profiles, known) => ingester.push(tenant, profiles, known),
    });
    this.#home = new Home({
      store: peers.store,
      wantedOf: (tenant) => spreadingOf(limitsOf(tenant)),
      close: (name, epoch) => this.#close(name, epoch),
      onRetired,
      onChanged,
      nowMs: clock.nowMs,
      windowMs,
    });
    this.#views = new Views({
      findDatabase: (tenant) => ingester.findDatabase(tenant),
      clock,
      yield: options.yield,
      newId,
    });
    this.#handlers = this.#createHandlers();
  }

  /** Where a request comes from, if known. */
  get regionOf(): Peers['regionOf'] {
    return this.#options.peers.regionOf;
  }

  /** Reads what the object keeps; to be awaited before anything else. */
  async load(): Promise<void> {
    await Promise.all([this.#home.load(), this.#shard.load()]);
  }

  /** Another object's call; never rejects. */
  async answer<Name extends CallName>({ to, name, body }: Message<Name>): Promise<Reply<Name>> {
    try {
      const { tenant } = splitShardName(to);
      return { answer: await this.#handlers[name](tenant, body, to) };
    } catch (error) {
      return { failure: plainFailure(error) };
    }
  }

  /** A block was written here, or its records are known to be in one. */
  noteStored(): void {
    this.#storedCount++;
  }

  push(tenant: string, profiles: readonly PushedProfile[]): Promise<void> {
    return this.pushFrom(undefined, tenant, profiles);
  }

  /** A push that a front has not read, because it knows nothing of a spreading. */
  async pushFrom(
    region: string | undefined,
    tenant: string,
    profiles: readonly PushedProfile[],
  ): Promise<void> {
    const home = this.#home;
    if (home.isWhole(tenant)) {
      const epoch = home.epoch(tenant);
      const reply = await this.#shard.push({ tenant, self: tenant, epoch, past: [], profiles });
      if (reply === undefined) return;
    }
    await pushSpread(tenant, region, profiles, {
      routingOf: (_tenant, refused) => this.#routing(tenant, refused),
      pushTo: (shard, _tenant, routing, group) => this.#pushTo(shard, tenant, routing, group),
    });
  }

  /** At a home all objects of the tenant. */
  async flush(named?: string): Promise<void> {
    const { ingester, peers } = this.#options;
    const { openShards } = this.#home;
    if (openShards.length === 0) return ingester.flush(named);
    const flushes = [
      ingester.flush(named),
      ...openShards.map((name) => ask(peers.send, name, 'flush', undefined)),
    ];
    const outcomes = await Promise.allSettled(flushes);
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
    if (failed.length === 0) return;
    const reason: unknown = failed[0]?.reason;
    const counts = `${failed.length} of ${flushes.length} objects not flushed`;
    throw new Failure('unavailable', `${counts}: ${messageOf(reason)}`, {
      cause: reason,
      retryAfterSeconds: 5,
    });
  }

  notReadyReason(): string | undefined {
    return this.#options.ingester.notReadyReason();
  }

  /** Heads of the tenant's other objects, pinned; see `OpenOtherHeads`. */
  async otherHeads(tenant: string): Promise<OtherHeads | undefined> {
    const { openShards } = this.#home;
    if (this.#home.tenant !== tenant || openShards.length === 0) return undefined;
    const { send } = this.#options.peers;
    const views = await openViews(send, openShards);
    try {
      await this.#retire(tenant, views);
    } catch (error) {
      headsOf(send, views).close();
      throw error;
    }
    return headsOf(send, views);
  }

  async #retire(tenant: string, views: readonly ShardView[]): Promise<void> {
    for (const { shard, isDrained, closedUpTo } of views) {
      if (isDrained) await this.#home.drained(tenant, shard, closedUpTo);
    }
  }

  async #routing(tenant: string, refused: number | undefined): Promise<PushRouting> {
    const { current, past } = await this.#home.routing(tenant, refused);
    return { current, past: past.map(({ routing }) => routing) };
  }

  #pushTo(shard: string, tenant: string, routing: PushRouting, profiles: readonly PushedProfile[]) {
    if (shard !== tenant) return pushRemote(this.#options.peers.send, shard, routing, profiles);
    const { current, past } = routing;
    return this.#shard.push({ tenant, self: shard, epoch: current.epoch, past, profiles });
  }

  async #close(name: string, epoch: number): Promise<void> {
    if (name === this.#home.tenant) return this.#shard.close(epoch);
    await ask(this.#options.peers.send, name, 'close', { epoch });
  }

  #createHandlers(): Handlers {
    const { ingester, leaseBytes } = this.#options;
    const inView = <T>(
      { view, ulid }: InView,
      question: (source: Source, meter: SourceMeter) => Promise<T>,
    ) =>
      this.#views.ask(view, ulid, async (source, meter) =>
        boundedAnswer(await question(source, meter), source.name),
      );
    return {
      routing: (tenant, { refused }) => this.#home.routing(tenant, refused),
      push: async (tenant, parts, self) => {
        const lease = leaseBytes();
        try {
          lease.take(parts.bodies.byteLength);
          const { epoch, past } = parts;
          return await this.#shard.push({ tenant, self, epoch, past, profiles: unpacked(parts) });
        } finally {
          lease.release();
        }
      },
      knows: (tenant, { keys }) => ingester.knows(tenant, keys),
      close: async (_tenant, { epoch }) => {
        await this.#shard.close(epoch);
        return undefined;
      },
      flush: async (tenant) => {
        await ingester.flush(tenant);
        return undefined;
      },
      view: (tenant) => this.#view(tenant),
      series: (_tenant, { query, ...at }) =>
        inView(at, (source, meter) => source.series(compiledQuery(query), meter)),
      stacks: (_tenant, { query, ...at }) =>
        inView(at, (source, meter) => source.stacks(compiledQuery(query), meter)),
      points: (_tenant, { query, ...at }) =>
        inView(at, (source, meter) => source.points(compiledQuery(query), meter)),
      closeView: async (_tenant, { view }) => {
        this.#views.close(view);
        return undefined;
      },
    };
  }

  async #view(tenant: string): Promise<ViewFacts> {
    const heads = await this.#views.open(tenant);
    // In the turn in which the heads were pinned.
    return {
      ...heads,
      stamp: `${this.#life}:${this.#storedCount}`,
      closedUpTo: this.#shard.closedUpTo,
      isDrained: !this.#shard.isPushing && this.#options.ingester.isDrained(tenant),
    };
  }
}
