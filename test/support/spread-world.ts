// Objects of tenants as on Workers, in one process: each a whole app over a log of its own, all
// over one bucket, behind fronts of the last two deployments. Owns what outlives an object, its end
// at any moment, and that what they say to each other is cloned and takes a while.
import { createFront, type FrontFetch } from '../../src/app/front.ts';
import { type App, createApp } from '../../src/app.ts';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import { resolveSettings } from '../../src/config/settings.ts';
import { Failure, messageOf } from '../../src/errors.ts';
import { limitsOfTenant, parseLimitsFile } from '../../src/limits/limits-file.ts';
import type { EditedFile, Platform } from '../../src/platform.ts';
import type { Message, Reply, Send } from '../../src/spread/calls.ts';
import type { Region } from '../../src/spread/regions.ts';
import { MortalLog, StoredLog } from './spread-log.ts';

/** Time, chance, and the order in which things go on. */
export interface Schedule {
  turn: (name: string) => Promise<void>;
  sleep: Platform['sleep'];
  clock: Platform['clock'];
  random: Platform['random'];
  /** From 0 up to, not including, `bound`. */
  below: (bound: number) => number;
}

/** Answers a message in place of its object, or with it: a bug that is to be found. */
export type Sabotage = (message: Message, answer: () => Promise<Reply>) => Promise<Reply>;

interface Life {
  app: App;
  /** Rejects when the object ends. */
  ended: Promise<never>;
}

interface Stored {
  log: StoredLog;
  values: Map<string, object>;
  life: { living: Promise<Life>; end: () => void } | undefined;
}

interface Deployed {
  limits: string;
  front: FrontFetch;
}

/** Limits of a deployment, on top of those that let everything in. */
export type Deployment = Readonly<Record<string, unknown>>;

export class SpreadWorld {
  readonly bucket: MemoryBucket;
  /** Objects that were ended in the middle of their life. */
  ends = 0;
  readonly #base: Platform;
  readonly #schedule: Schedule;
  readonly #sabotage: Sabotage;
  readonly #objects = new Map<string, Stored>();
  /** The last two; the newest comes last. */
  #deployments: Deployed[] = [];

  constructor(
    base: Platform,
    schedule: Schedule,
    deployment: Deployment,
    sabotage: Sabotage = (_message, answer) => answer(),
  ) {
    this.#base = base;
    this.#sabotage = sabotage;
    this.#schedule = schedule;
    this.bucket = new MemoryBucket({ nowMs: schedule.clock.nowMs });
    this.deploy(deployment);
  }

  /** Names of the objects there are. */
  get names(): string[] {
    return [...this.#objects.keys()];
  }

  /** Other limits from now on, and for as long as `isMixed`, now and then still those before. */
  deploy(deployment: Deployment, isMixed = false): void {
    const limits = JSON.stringify({ defaults: { ...openLimits, ...deployment } });
    const table = parseLimitsFile(limits);
    const { clock, sleep, random } = this.#schedule;
    const life = this.#newLife();
    const front = createFront({
      platform: { ...this.#base, clock, sleep, random, yield: () => life.turn('front yields') },
      settings: settingsOf(limits),
      requestBytesMax: 2 ** 24,
      forward: async (tenant, request) => {
        await life.turn('forward');
        return this.#at(tenant, (app) => app.fetch(request));
      },
      // One tenant lives here.
      tenantsAfter: async () => ({ tenants: [], isFull: false }),
      allMetrics: async () => '',
      limitsOf: (tenant) => limitsOfTenant(table, tenant),
      send: this.#sendOf(life.turn),
      regionOf,
    });
    this.#deployments = [...(isMixed ? this.#deployments.slice(-1) : []), { limits, front }];
    // As a deployment does.
    for (const name of this.names) this.abort(name);
  }

  /** Through any of the fronts. */
  async fetch(request: Request): Promise<Response> {
    const { front } = this.#pick();
    return front(request, () => undefined);
  }

  /** Ends an object, whatever it is at. */
  abort(name: string): void {
    const stored = this.#objects.get(name);
    if (stored?.life === undefined) return;
    stored.life.end();
    stored.life = undefined;
    this.ends++;
  }

  /** What the alarm of an object does. */
  async tick(name: string): Promise<void> {
    const { app, ended } = await this.#living(name);
    await Promise.race([app.tick(this.#schedule.clock.nowMs()), ended]).catch(() => undefined);
  }

  /** Flushes one object and not the others. */
  async flushOne(name: string): Promise<void> {
    const { app } = await this.#living(name);
    const reply = await app.answer?.({ to: name, name: 'flush', body: undefined });
    if (reply === undefined || 'failure' in reply) throw new Error(JSON.stringify(reply));
  }

  #pick() {
    const { below } = this.#schedule;
    return this.#deployments[below(this.#deployments.length)] as Deployed;
  }

  #living(name: string): Promise<Life> {
    const stored = this.#objects.get(name) ?? {
      log: new StoredLog(`01J${String(this.#objects.size).padStart(23, '0')}`),
      values: new Map(),
      life: undefined,
    };
    this.#objects.set(name, stored);
    stored.life ??= this.#start(stored);
    return stored.life.living;
  }

  #newLife() {
    let isOver = false;
    let tell: (reason: unknown) => void = () => undefined;
    const ended = new Promise<never>((_, reject) => {
      tell = reject;
    });
    ended.catch(() => undefined);
    const turn = async (name: string) => {
      await this.#schedule.turn(name);
      if (isOver) await new Promise(() => undefined);
    };
    const end = () => {
      isOver = true;
      tell(new Error('object was ended'));
    };
    return { turn, ended, end };
  }

  #start(stored: Stored) {
    const { turn, ended, end } = this.#newLife();
    const starting = this.#open(stored, turn).then((app) => ({ app, ended }));
    const living = Promise.race([starting, ended]);
    living.catch(() => undefined);
    return { living, end };
  }

  async #open({ log, values }: Stored, turn: (name: string) => Promise<void>): Promise<App> {
    const { clock, sleep, random } = this.#schedule;
    const wal = new MortalLog(log, turn);
    const bucket = bound(this.bucket, turn);
    const platform: Platform = {
      ...this.#base,
      clock,
      random,
      sleep,
      yield: () => turn('yield'),
      wal,
      flushPlans: wal,
      localBucket: bucket,
      remoteBucket: bucket,
      editedFile: textOf,
      logLine: () => undefined,
    };
    const store = {
      load: async (name: string) => structuredClone(values.get(name)),
      save: async (name: string, value: object) => {
        const copy = structuredClone(value);
        await turn('save');
        values.set(name, copy);
        await turn('saved');
      },
    };
    const peers = { send: this.#sendOf(turn), store, regionOf };
    const app = await createApp(platform, settingsOf(this.#pick().limits), undefined, peers);
    await app.start();
    return app;
  }

  #sendOf(turn: (name: string) => Promise<void>): Send {
    return async (message) => {
      const copy: Message = structuredClone(message);
      await turn('send');
      const answer = (app: App) =>
        this.#sabotage(copy, () => (app.answer as NonNullable<App['answer']>)(copy));
      const reply = structuredClone(await this.#at(copy.to, answer));
      await turn('reply');
      return reply as Reply<never>;
    };
  }

  /** Asks an object, which may end meanwhile. */
  async #at<T>(name: string, call: (app: App) => Promise<T>): Promise<T> {
    const gone = (error: unknown): never => {
      throw new Failure('unavailable', `object ${name}: ${messageOf(error)}`);
    };
    const life = await this.#living(name).catch(gone);
    return Promise.race([call(life.app), life.ended.catch(gone)]);
  }
}

/** As a test says it. */
function regionOf({ headers }: Request): Region | undefined {
  return (headers.get('test-region') ?? undefined) as Region | undefined;
}

/** No window and no rate. */
const openLimits = { ingestBytesPerSecond: 0, rejectOlderThanMs: 0, rejectNewerThanMs: 0 };

/** As on Workers the setting is the text itself. */
function textOf(text: string): EditedFile {
  return {
    path: 'of the variable',
    stamp: () => Promise.resolve('never changes'),
    read: () => Promise.resolve(text),
  };
}

function settingsOf(limits: string) {
  return resolveSettings({
    file: { insecure: true, multitenancy: true, headAgeMax: '5m', limits },
  });
}

/** A bucket, or a stage of it, whose calls take their turns before they happen and after. */
function bound<T extends object>(part: T, turn: (name: string) => Promise<void>): T {
  return new Proxy(part, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function' || typeof name !== 'string') return value;
      return async (...args: unknown[]) => {
        await turn(`bucket ${name}`);
        const answer: unknown = await value.apply(target, args);
        await turn(`bucket ${name} done`);
        const isPart = typeof answer === 'object' && answer !== null && 'commit' in answer;
        return isPart ? bound(answer, turn) : answer;
      };
    },
  });
}
