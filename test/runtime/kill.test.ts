// Kill −9 under load on real servers: clients repeat every push until it is answered 200, and each
// profile is found exactly once in the blocks. `PHLOX_TEST_KILLS` sets the rounds per runtime,
// `PHLOX_TEST_SEED` repeats the moments of a run.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createRandom, type Random } from '../fixtures/random.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { loadSeries, loadTenants, PushLoad } from '../support/push-load.ts';
import {
  type Server,
  type ServerRuntime,
  serverRuntimes,
  startServer,
} from '../support/servers.ts';
import { blockNames, storedTimes } from '../support/stored-profiles.ts';

const rounds = Number(process.env['PHLOX_TEST_KILLS'] ?? 5);
const seed = Number(process.env['PHLOX_TEST_SEED'] ?? Date.now() % 2 ** 31);

/** What a server is at when it is killed; each comes up in any five rounds. */
const moments = ['start', 'rebuild', 'push', 'flush', 'ship'] as const;
type Moment = (typeof moments)[number];

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The processes that follow one another on one data folder, and their clients. */
class Victim {
  readonly load: PushLoad;
  readonly found = { beforeListening: 0, inFlush: 0, inShipping: 0, unshipped: 0 };
  readonly #runtime: ServerRuntime;
  readonly #random: Random;
  readonly #folder: string;
  /** How long the last start took, as far as anybody knows. */
  #startMs = 500;
  #server: Server | undefined;

  constructor(runtime: ServerRuntime, random: Random, folder: string) {
    this.#runtime = runtime;
    this.#random = random;
    this.#folder = folder;
    this.load = new PushLoad(random);
  }

  /** Starts a process and kills it at a moment of the kind. */
  async round(moment: Moment): Promise<void> {
    const random = this.#random;
    if (moment === 'start') await this.#killStarting(random.below(this.#startMs));
    else await this.#killRunning(moment);
    await this.#look();
  }

  async #killStarting(afterMs: number): Promise<void> {
    let killing: Promise<void> | undefined;
    try {
      const server = await this.start((child) => {
        killing = sleep(afterMs).then(() => void child.kill('SIGKILL'));
      });
      await server.exited;
    } catch (error) {
      expect(String(error)).toContain('ended with SIGKILL before it listened');
      this.found.beforeListening++;
    }
    await killing;
    this.load.url = undefined;
  }

  async #killRunning(moment: Moment): Promise<void> {
    const random = this.#random;
    const server = await this.start();
    if (moment === 'rebuild') await sleep(random.below(60));
    else await sleep(100 + random.below(900));
    let flushing: Promise<unknown> | undefined;
    if (moment === 'flush' || moment === 'ship') {
      flushing = fetch(`${server.url}/flush`, { method: 'POST' }).catch(() => undefined);
      // A block takes some tens of milliseconds; its shipping begins when it is in place.
      if (moment === 'ship') await flushing;
      await sleep(random.below(moment === 'flush' ? 120 : 60));
    }
    this.load.url = undefined;
    expect(await server.stop('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
    await flushing;
  }

  async start(onSpawn: Parameters<typeof startServer>[1]['onSpawn'] = () => undefined) {
    const startedMs = performance.now();
    const server: Server = await startServer(this.#runtime, {
      dataDir: join(this.#folder, 'data'),
      env: {
        PHLOX_MULTITENANCY: 'true',
        PHLOX_HEAD_BYTES_MAX: '4MiB',
        PHLOX_BUCKET: `file://${this.#folder}/bucket`,
      },
      onSpawn,
    });
    this.#startMs = Math.ceil(performance.now() - startedMs);
    this.load.url = server.url;
    this.#server = server;
    return server;
  }

  /** After a failure: nothing goes on. */
  async end(): Promise<void> {
    await this.load.abandon();
    await this.#server?.stop('SIGKILL');
  }

  local(tenant: string): string {
    return join(this.#folder, 'data/tenants', tenant, 'local');
  }

  bucket(tenant: string): string {
    return join(this.#folder, 'bucket', tenant, 'phlaredb');
  }

  /** What the dead process was at, for the figures. */
  async #look(): Promise<void> {
    const { found } = this;
    const ofTenants = loadTenants.map(async (tenant) => {
      const shipped = new Set(await blockNames(this.bucket(tenant)));
      const names = await readdir(this.local(tenant)).catch(() => []);
      const unshipped = (await blockNames(this.local(tenant))).filter((one) => !shipped.has(one));
      const begun = await readdir(this.bucket(tenant)).catch(() => []);
      return {
        isInFlush: names.some((name) => name.startsWith('.tmp-')),
        isInShipping: begun.length > shipped.size,
        isUnshipped: unshipped.length > 0,
      };
    });
    const states = await Promise.all(ofTenants);
    if (states.some(({ isInFlush }) => isInFlush)) found.inFlush++;
    if (states.some(({ isInShipping }) => isInShipping)) found.inShipping++;
    if (states.some(({ isUnshipped }) => isUnshipped)) found.unshipped++;
  }
}

let victim: Victim | undefined;

afterEach(async () => {
  await victim?.end();
  victim = undefined;
});

describe.each(serverRuntimes)('on %s', (runtime) => {
  it(
    `stores every acknowledged profile once over ${rounds} kills (PHLOX_TEST_SEED=${seed})`,
    async () => {
      await using folder = await temporaryFolder();
      const random = createRandom(seed);
      const current = new Victim(runtime, random, folder.path);
      victim = current;
      const { load } = current;
      load.start();
      const order: Moment[] = [];
      for (let round = 0; round < rounds; round++) {
        if (round % moments.length === 0) {
          order.splice(0, order.length, ...moments);
          random.shuffle(order);
        }
        await current.round(order[round % moments.length] as Moment);
      }
      const server = await current.start();
      await load.end();
      expect(await server.stop()).toEqual({ code: 0, signal: null });
      for (const tenant of loadTenants) {
        expect(load.acknowledged(tenant).size).toBeGreaterThan(rounds);
        for (const blocks of [current.local(tenant), current.bucket(tenant)]) {
          const stored = await storedTimes(blocks, loadSeries);
          expect(load.problems(tenant, stored)).toEqual([]);
        }
      }
      const { acknowledgedCount, retryCount } = load;
      console.info(
        JSON.stringify({ runtime, rounds, seed, acknowledgedCount, retryCount, ...current.found }),
      );
    },
    60_000 + rounds * 20_000,
  );
});
