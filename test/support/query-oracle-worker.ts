// The Worker in workerd as a world of the oracle: its clock is the machine's, it is ended with its
// process or object by object, and blocks go to the bucket alone. Owns workerd, and the model that
// is told of every push; where profiles are is as of the last census.
import { shardNames } from '../../src/spread/routing.ts';
import type { Random } from '../fixtures/random.ts';
import { apiOrigin } from './api-server.ts';
import { testStartMs } from './memory-platform.ts';
import type { ModelRow } from './query-model-rows.ts';
import { oracleTenants, type Place, type World } from './query-oracle.ts';
import { PushedWorld } from './query-oracle-push.ts';
import { limitedBy, startWorker, type Worker } from './workerd.ts';

export interface WorkerWorldOptions {
  /** Of `buildWorker`. */
  bundle: string;
  /** Of this world alone. */
  folder: string;
  /** Objects that each tenant is spread over. */
  shards: number;
  /** Of what is ended and when: what is pushed and asked does not depend on it. */
  noise: Random;
}

export class WorkerWorld extends PushedWorld implements World {
  /** Where profiles are drawn around; the Worker's own clock is another. */
  readonly clocks = { wallMs: testStartMs };
  readonly isTimed = true;
  readonly asksAcross = false;
  readonly #options: WorkerWorldOptions;
  readonly #blocks = new Set<string>();
  readonly #shipped = new Set<ModelRow>();
  #worker: Worker | undefined;

  constructor(options: WorkerWorldOptions) {
    super();
    this.#options = options;
  }

  async start(): Promise<void> {
    const { bundle, folder, shards } = this.#options;
    const anyTime = { rejectOlderThanMs: 0, rejectNewerThanMs: 0, queryLookbackMs: 0 };
    const limits = { ...anyTime, ingestBytesPerSecond: 0 };
    const variables = {
      ...limitedBy({ defaults: { ...limits, shards, shardBy: 'series' } }),
      PHLOX_HEAD_AGE_MAX: '24h',
    };
    this.#worker = await startWorker({ bundle, folder, variables, isMortal: true });
  }

  async stop(): Promise<void> {
    await this.#worker?.stop();
    this.#worker = undefined;
  }

  /** Ends workerd, by its leave or without, and starts it over the same stores. */
  async restart(): Promise<void> {
    if (this.#options.noise.below(2) === 0) await this.stop();
    else await this.#worker?.kill();
    await this.start();
  }

  /** Ends every object, whatever is under way in it. */
  async crash(): Promise<void> {
    const { shards, noise } = this.#options;
    await new Promise((resolve) => setTimeout(resolve, noise.below(60)));
    for (const tenant of oracleTenants) {
      for (const name of shardNames(tenant, { shards, key: 'series' })) {
        await this.#worker?.abort(name);
      }
    }
  }

  #post(path: string, tenant: string): Promise<Response> {
    const headers = { 'x-scope-orgid': tenant };
    return this.fetch(new Request(apiOrigin + path, { method: 'POST', headers }));
  }

  async fetch(request: Request): Promise<Response> {
    if (this.#worker === undefined) throw new Error('the world is not started');
    const { method, headers } = request;
    const body = method === 'GET' ? undefined : await request.arrayBuffer();
    const url = request.url.replace(apiOrigin, this.#worker.url);
    const response = await fetch(url, { method, headers, ...(body && { body }) });
    // The body comes out of `fetch` inflated, under headers that say otherwise.
    const told = new Headers(response.headers);
    told.delete('content-encoding');
    const { status } = response;
    return new Response(status === 204 ? null : response.body, { status, headers: told });
  }

  async flush(): Promise<void> {
    for (const tenant of oracleTenants) {
      const { status } = await this.#post('/flush', tenant);
      if (status !== 204) throw new Error(`the flush was answered ${status}`);
    }
  }

  /** Alarms ring by the machine's clock. */
  async tick(): Promise<void> {
    await Promise.resolve();
  }

  advance(ms: number): void {
    this.clocks.wallMs += ms;
  }

  /** Every row of a tenant goes to the block that appeared since, if any did. */
  async census(): Promise<void> {
    for (const key of (await this.#worker?.bucketKeys()) ?? []) {
      const [, tenant, ulid] = /^([^/]+)\/phlaredb\/([^/]+)\/meta\.json$/.exec(key) ?? [];
      if (ulid === undefined || this.#blocks.has(ulid)) continue;
      this.#blocks.add(ulid);
      for (const row of this.model.rows) if (row.tenant === tenant) this.#shipped.add(row);
    }
  }

  placeOf(row: ModelRow): Place {
    return this.#shipped.has(row) ? 'bucket' : 'head';
  }
}
