// One run of a tenant that is spread, in a world that one seed decides: clients that push each
// profile until it is acknowledged, queries, flushes, deployments that spread it otherwise, objects
// that end. Every profile has a frame of its own, so that an answer tells how often each counts.
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { messageOf } from '../../src/errors.ts';
import { QuerierService } from '../../src/gen/querier/v1/querier_pb.ts';
import { encodePprof } from '../fixtures/pprof-writer.ts';
import { createRandom, type Random } from '../fixtures/random.ts';
import { transportTo } from './connect-client.ts';
import { encodePush } from './http-push.ts';
import { instantiateAtOnce } from './instantiate-at-once.ts';
import { memoryPlatform, type TestPlatform } from './memory-platform.ts';
import { Scheduler } from './simulation-scheduler.ts';
import { type Deployment, type Sabotage, SpreadWorld } from './spread-world.ts';

export interface SpreadOutcome {
  seed: number;
  problems: string[];
  trace: readonly string[];
  digest: number;
  acknowledged: number;
  queries: number;
  failedQueries: number;
  changes: number;
  ends: number;
}

const tenant = 'shop';
const origin = 'http://127.0.0.1:4040';
const clientCount = 4;
const profilesOfClient = 10;
const eventsMax = 400_000;

let base: TestPlatform | undefined;

/** Runs the world of `seed`. Runs must not overlap in a process. */
export async function simulateSpread(seed: number, sabotage?: Sabotage): Promise<SpreadOutcome> {
  base ??= await memoryPlatform();
  const restore = instantiateAtOnce();
  const run = new Run(seed, base, sabotage);
  try {
    await run.whole();
  } catch (error) {
    run.problem(messageOf(error));
  } finally {
    restore();
  }
  return run.outcome();
}

class Run {
  readonly #seed: number;
  readonly #random: Random;
  readonly #scheduler: Scheduler;
  readonly #world: SpreadWorld;
  readonly #problems: string[] = [];
  readonly #trace: string[] = [];
  readonly #sent = new Set<string>();
  readonly #acknowledged = new Set<string>();
  #pushers = 0;
  #queries = 0;
  #failedQueries = 0;
  #changes = 0;

  constructor(seed: number, platform: TestPlatform, sabotage: Sabotage | undefined) {
    this.#seed = seed;
    this.#random = createRandom(seed);
    const chance = createRandom(this.#random.below(2 ** 32));
    const scheduler = new Scheduler(createRandom(this.#random.below(2 ** 32)));
    this.#scheduler = scheduler;
    const schedule = {
      turn: (name: string) => scheduler.turn(name),
      sleep: (ms: number, signal?: AbortSignal) => scheduler.sleep(ms, signal),
      clock: { nowMs: () => scheduler.wallMs, monotonicMs: () => scheduler.measureMs() },
      random: (bytes: Uint8Array<ArrayBuffer>) => {
        for (let at = 0; at < bytes.length; at++) bytes[at] = chance.below(256);
        return bytes;
      },
      below: (bound: number) => chance.below(bound),
    };
    this.#world = new SpreadWorld(platform, schedule, this.#anyDeployment(), sabotage);
  }

  outcome(): SpreadOutcome {
    return {
      seed: this.#seed,
      problems: this.#problems,
      trace: this.#trace.slice(-60),
      digest: this.#scheduler.digest,
      acknowledged: this.#acknowledged.size,
      queries: this.#queries,
      failedQueries: this.#failedQueries,
      changes: this.#changes,
      ends: this.#world.ends,
    };
  }

  problem(text: string): void {
    this.#say(`PROBLEM ${text}`);
    this.#problems.push(text);
  }

  async whole(): Promise<void> {
    this.#pushers = clientCount;
    const clients = Array.from({ length: clientCount }, (_, client) => this.#client(client));
    await this.#finish('load', [...clients, this.#asker(), this.#asker(), this.#chaos()]);
    if (this.#problems.length > 0) return;
    // In peace all is found, whoever had it; also when nothing is in a head any more.
    await this.#finish('rest', [this.#lastWords()]);
  }

  async #finish(name: string, work: Promise<void>[]): Promise<void> {
    let isDone = false;
    const all = Promise.all(work).then(
      () => {
        isDone = true;
      },
      (error: unknown) => {
        this.problem(`${name}: ${messageOf(error)}`);
        isDone = true;
      },
    );
    if (!(await this.#scheduler.runUntil(() => isDone, eventsMax))) {
      this.problem(`${name} never ends`);
      return;
    }
    await all;
  }

  async #client(client: number): Promise<void> {
    for (let count = 0; count < profilesOfClient && this.#problems.length === 0; count++) {
      await this.#wait(60);
      // Several profiles of several services: a push that is in parts.
      const names = Array.from(
        { length: 1 + this.#random.below(3) },
        (_, i) => `p-${client}-${count}-${i}`,
      );
      await this.#pushUntilStored(names);
    }
    this.#pushers--;
  }

  async #pushUntilStored(names: readonly string[]): Promise<void> {
    const timeNs = BigInt(this.#scheduler.wallMs) * 1_000_000n;
    const series = names.map((name) => ({
      labels: {
        __name__: 'cpu',
        service_name: `service-${this.#random.below(5)}`,
        pod: `pod-${this.#random.below(3)}`,
      },
      profiles: [profileOf(name, timeNs)],
    }));
    const body = encodePush(series);
    const headers: Record<string, string> = {
      'content-type': 'application/proto',
      'x-scope-orgid': tenant,
      // One client is in one region.
      'test-region': ['weur', 'enam', 'apac'][this.#random.below(3)] as string,
    };
    for (const name of names) this.#sent.add(name);
    for (let attempt = 1; this.#problems.length === 0; attempt++) {
      const isHasty = this.#random.below(8) === 0;
      const answer = this.#post('/push.v1.PusherService/Push', headers, body);
      // A client that takes its answer for lost: its request goes on meanwhile.
      const status = isHasty ? await this.#given(answer, 40) : (await answer).status;
      if (status === 200) break;
      if (status !== undefined && status !== 503) this.problem(`push answered ${status}`);
      this.#say(`push of ${names.join(' ')}: ${status ?? 'no answer'}, attempt ${attempt}`);
      await this.#wait(40);
    }
    for (const name of names) this.#acknowledged.add(name);
  }

  async #post(path: string, headers: Record<string, string>, body: Uint8Array<ArrayBuffer>) {
    const init = { method: 'POST', headers, body };
    const { status } = await this.#world.fetch(new Request(origin + path, init));
    return { status };
  }

  /** The status, unless it takes longer. */
  async #given(answer: Promise<{ status: number }>, turns: number): Promise<number | undefined> {
    return Promise.race([
      answer.then(({ status }) => status),
      this.#wait(turns).then(() => undefined),
    ]);
  }

  async #asker(): Promise<void> {
    while (this.#pushers > 0 && this.#problems.length === 0) {
      await this.#wait(40);
      await this.#ask();
    }
  }

  /** What was acknowledged before is in, once; what is not acknowledged, once or not. */
  async #ask(): Promise<boolean> {
    const before = [...this.#acknowledged];
    let counts: Map<string, bigint>;
    this.#queries++;
    try {
      counts = await this.#counts();
    } catch (error) {
      if (!(error instanceof ConnectError) || error.code !== Code.Unavailable) throw error;
      this.#failedQueries++;
      this.#say(`query: ${error.message}`);
      return false;
    }
    for (const name of before) {
      const count = counts.get(name) ?? 0n;
      if (count !== 1n) this.problem(`${name} is acknowledged and counts ${count} times`);
    }
    for (const [name, count] of counts) {
      if (!this.#sent.has(name)) this.problem(`${name} was never sent`);
      if (count !== 1n) this.problem(`${name} counts ${count} times`);
    }
    return true;
  }

  async #counts(): Promise<Map<string, bigint>> {
    const headers = { 'x-scope-orgid': tenant };
    const transport = transportTo({ fetch: (request) => this.#world.fetch(request) }, true);
    const client = createClient(QuerierService, transport);
    const now = BigInt(this.#scheduler.wallMs);
    const { flamegraph } = await client.selectMergeStacktraces(
      {
        profileTypeID: 'cpu:cpu:nanoseconds:cpu:nanoseconds',
        labelSelector: '{}',
        start: now - 3_600_000n,
        end: now + 3_600_000n,
        maxNodes: 100_000n,
      },
      { headers },
    );
    const counts = new Map<string, bigint>();
    for (const { values } of flamegraph?.levels ?? []) {
      for (let at = 0; at + 3 < values.length; at += 4) {
        const name = flamegraph?.names[Number(values[at + 3])] ?? '';
        if (name.startsWith('p-'))
          counts.set(name, (counts.get(name) ?? 0n) + BigInt(values[at + 1] ?? 0));
      }
    }
    return counts;
  }

  async #chaos(): Promise<void> {
    while (this.#pushers > 0 && this.#problems.length === 0) {
      await this.#wait(70);
      const { names } = this.#world;
      const name = names[this.#random.below(names.length)] ?? tenant;
      const what = this.#random.below(10);
      if (what < 2) {
        this.#say(`${name} ends`);
        this.#world.abort(name);
      } else if (what < 4) {
        const flushed = this.#post('/flush', { 'x-scope-orgid': tenant }, new Uint8Array());
        this.#say(`flush: ${await this.#given(flushed, 400)}`);
      } else if (what < 6) {
        this.#scheduler.pass(this.#random.below(60_000));
        await this.#world.tick(name);
      } else {
        this.#changes++;
        const deployment = this.#anyDeployment();
        const isMixed = this.#random.below(2) === 0;
        this.#say(`deploy ${JSON.stringify(deployment)}${isMixed ? ' beside the last one' : ''}`);
        this.#world.deploy(deployment, isMixed);
      }
    }
  }

  async #lastWords(): Promise<void> {
    for (let attempt = 0; !(await this.#ask()); attempt++) {
      if (attempt === 5) return this.problem('queries fail for ever');
    }
    const { status } = await this.#post('/flush', { 'x-scope-orgid': tenant }, new Uint8Array());
    if (status !== 204) this.problem(`last flush answered ${status}`);
    for (let attempt = 0; !(await this.#ask()); attempt++) {
      if (attempt === 5) return this.problem('queries fail for ever after the last flush');
    }
  }

  async #wait(turnsMax: number): Promise<void> {
    for (let left = this.#random.below(turnsMax); left > 0; left--) {
      await this.#scheduler.turn('wait');
    }
  }

  #anyDeployment(): Deployment {
    const shardBy = ['service', 'series', 'series', 'region'][this.#random.below(4)];
    return { shards: 1 + this.#random.below(4), shardBy };
  }

  #say(line: string): void {
    this.#trace.push(`${String(this.#scheduler.monotonicMs).padStart(7)} ${line}`);
  }
}

function profileOf(name: string, timeNs: bigint): Uint8Array {
  return encodePprof({
    sampleTypes: [['cpu', 'nanoseconds']],
    periodType: ['cpu', 'nanoseconds'],
    timeNs,
    samples: [{ locations: [2, 1], values: [1] }],
    functions: [
      { id: 1, name: 'main' },
      { id: 2, name },
    ],
    locations: [
      { id: 1, lines: [{ function: 1 }] },
      { id: 2, lines: [{ function: 2 }] },
    ],
  });
}
