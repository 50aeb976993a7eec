// A tenant's instance on Workers: a Durable Object that runs the app over its own storage. Owns its
// life: it starts when somebody calls it or its alarm rings, sets the alarm for what is due, and
// may be ended at any moment. The tenant's name is in the rows of its log.
import { DurableObject } from 'cloudflare:workers';
import { createPools, PoolShares, type Pools } from '../app/pools.ts';
import { type App, createApp } from '../app.ts';
import { Membership } from '../directory/membership.ts';
import type { Reporter } from '../directory/reporter.ts';
import { assert, messageOf } from '../errors.ts';
import type { Message, Reply } from '../spread/calls.ts';
import type { ObjectStorage } from '../wal/durable-object-table.ts';
import { directoryOf } from './object-directory.ts';
import { type KeyedStorage, objectStore, requestRegion, sendTo } from './object-peers.ts';
import { objectPlatform, type WorkerEnv, workerLogger, workerSettings } from './object-platform.ts';
import { reporterOf } from './object-reporter.ts';

/** https://developers.cloudflare.com/durable-objects/api/state/ */
interface ObjectState {
  readonly id: unknown;
  readonly storage: ObjectStorage &
    KeyedStorage & {
      getAlarm(): Promise<number | null>;
      setAlarm(atMs: number): Promise<void>;
      deleteAlarm(): Promise<void>;
    };
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>;
  waitUntil(promise: Promise<unknown>): void;
}

/** When an alarm rings again whose work did not end: with the object, or in an error of ours. */
const successorMs = 60_000;
/** What seems to be due at once has waited for something, which takes a moment. */
const pauseMs = 20;
/** What is still due after this long has failed, and is tried again that much later. */
const retryMs = 1_000;

/** Objects of one isolate share its memory: what one of them holds counts for all. */
let pools: Pools | undefined;
/** What each of them has of the pools, by its id. Nobody is told when one ends. */
const shares = new Map<string, { share: PoolShares; object: WeakRef<TenantObject> }>();

/** Takes back what objects had that are gone. */
function sweep(): void {
  for (const [id, { share, object }] of shares) {
    if (object.deref() !== undefined) continue;
    share.abandon();
    shares.delete(id);
  }
}

export class TenantObject extends DurableObject {
  readonly #state: ObjectState;
  #app!: App;
  /** Has the directory know of all tenants with records here, before that is told to anybody. */
  #beListed!: () => Promise<void>;
  #reporter!: Reporter;
  /** When the alarm is to ring; undefined: not at all. */
  #alarmAtMs: number | undefined;

  constructor(context: unknown, env: unknown) {
    super(context, env);
    this.#state = context as ObjectState;
    const starting = this.#state.blockConcurrencyWhile(() => this.#start(env as WorkerEnv));
    this.#state.waitUntil(starting);
  }

  /** Answers as any server does; the front Worker has checked the request already. */
  async fetch(request: Request): Promise<Response> {
    sweep();
    const response = await this.#app.fetch(request, () => sourceOf(request));
    await this.#beforeAnswer();
    return response;
  }

  /** Another object of the tenant, or the front, asks; nobody else can. */
  async answer(message: Message): Promise<Reply> {
    sweep();
    assert(this.#app.answer !== undefined, 'an object has peers');
    const reply = await this.#app.answer(message);
    await this.#beforeAnswer();
    return reply;
  }

  /** Never throws: the platform would try again a few times, and then never. */
  async alarm(): Promise<void> {
    sweep();
    const { storage } = this.#state;
    this.#alarmAtMs = Date.now() + successorMs;
    await storage.setAlarm(this.#alarmAtMs);
    try {
      await this.#tick();
      await this.#beListed();
      await this.#reporter.report(Date.now());
      const nowMs = Date.now();
      const dueAtMs = this.#app.dueAtMs(nowMs);
      // A push that came meanwhile has set it where it wants it.
      this.#alarmAtMs = undefined;
      if (dueAtMs === Number.POSITIVE_INFINITY) await storage.deleteAlarm();
      else this.#setAlarm(Math.max(dueAtMs, nowMs + retryMs));
    } catch (error) {
      console.error(
        JSON.stringify({ level: 'error', msg: 'alarm failed', error: messageOf(error) }),
      );
    }
  }

  async #start(env: WorkerEnv): Promise<void> {
    const { storage } = this.#state;
    const settings = workerSettings(env);
    const platform = objectPlatform(storage, env, settings);
    pools ??= createPools(platform, settings);
    const share = new PoolShares(pools, platform, settings);
    const id = String(this.#state.id);
    // There is one of a name at a time: the one before has ended.
    shares.get(id)?.share.abandon();
    shares.set(id, { share, object: new WeakRef(this) });
    sweep();
    const peers = {
      send: sendTo(env.TENANTS),
      store: objectStore(storage),
      regionOf: requestRegion,
    };
    this.#app = await createApp(platform, settings, share, peers);
    const tell = directoryOf(env.DIRECTORY).addTenant;
    const membership = new Membership({ storage, tell, log: workerLogger(settings) });
    this.#beListed = () => membership.ensure(platform.wal.tenants());
    this.#reporter = reporterOf(env, settings, id, () => this.#app.metrics());
    await this.#app.start();
    this.#alarmAtMs = (await storage.getAlarm()) ?? undefined;
  }

  /** What an answer waits for; its metrics follow it. */
  async #beforeAnswer(): Promise<void> {
    const nowMs = Date.now();
    this.#schedule(nowMs);
    await this.#beListed();
    this.#state.waitUntil(this.#reporter.report(nowMs));
  }

  /** Until nothing is due: a tenant is opened in the background of the first tick. */
  async #tick(): Promise<void> {
    for (const startMs = Date.now(); ; ) {
      await this.#app.tick(Date.now());
      const nowMs = Date.now();
      if (this.#app.dueAtMs(nowMs) > nowMs || nowMs - startMs > retryMs) return;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  /** Each alarm that is set costs a row: only an earlier one is. */
  #schedule(nowMs: number): void {
    const atMs = Math.max(this.#app.dueAtMs(nowMs), nowMs);
    if (atMs < (this.#alarmAtMs ?? Number.POSITIVE_INFINITY)) this.#setAlarm(atMs);
  }

  /** No answer leaves the object before this is as durable as the rows it is for. */
  #setAlarm(atMs: number): void {
    this.#alarmAtMs = atMs;
    this.#state.waitUntil(this.#state.storage.setAlarm(atMs));
  }
}

function sourceOf(request: Request): string | undefined {
  return request.headers.get('cf-connecting-ip') ?? undefined;
}
