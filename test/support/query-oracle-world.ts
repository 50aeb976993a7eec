// The real app over one kind of storage, with a model beside it that is told of every push. Owns
// the app's lives (start, stop, crash), its clock, and where each profile is: in a head, in a block
// of this machine, or in the bucket alone. Asks nothing; `query-oracle-questions.ts` does.
import { type App, createApp } from '../../src/app.ts';
import type { Bucket } from '../../src/bucket/bucket.ts';
import { FilesystemBucket } from '../../src/bucket/filesystem.ts';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import { createLogger } from '../../src/lib/log.ts';
import type { Platform } from '../../src/platform.ts';
import { nodeFileSystem } from '../../src/runtime/node-file-system.ts';
import { MemoryWal } from '../../src/wal/memory.ts';
import { SegmentWal } from '../../src/wal/segments.ts';
import type { Wal } from '../../src/wal/wal.ts';
import { createRandom, type Random } from '../fixtures/random.ts';
import { apiOrigin } from './api-server.ts';
import { memoryPlatform, testSettings, testStartMs } from './memory-platform.ts';
import { createLife, type Life } from './mortal.ts';
import type { ModelRow } from './query-model-rows.ts';
import type { Place, World } from './query-oracle.ts';
import { PushedWorld } from './query-oracle-push.ts';

export interface WorldOptions {
  seed: number;
  /** Blocks are kept here before they are shipped; undefined: in memory, and so is the log. */
  folder?: string;
  /** Where blocks are shipped to. */
  remote: Bucket;
  /** On top of those of all worlds. */
  settings?: Record<string, unknown>;
}

/** The clocks of one machine, which outlive its processes. */
interface Clocks {
  wallMs: number;
  /** Moves at every look, so that whatever is long gives way to others. */
  monotonicMs: number;
}

const settingsOfAll = {
  multitenancy: true,
  retentionLocalAge: '10m',
  retentionBucketAge: 'off',
};
const segmentBytes = 64 * 1024;
const lookMs = 2;

export class OracleWorld extends PushedWorld implements World {
  readonly isTimed = false;
  readonly asksAcross = true;
  readonly clocks: Clocks = { wallMs: testStartMs, monotonicMs: 0 };
  readonly #options: WorldOptions;
  /** Of delays and ids: what is done does not depend on it. */
  readonly #noise: Random;
  readonly #disk: Bucket;
  readonly #memoryLog = new MemoryWal({ id: '01J00000000000000000000000', bytesMax: 2 ** 28 });
  readonly #places = new Map<ModelRow, string>();
  #local = new Set<string>();
  #app: App | undefined;
  #life: Life | undefined;

  constructor(options: WorldOptions) {
    super();
    this.#options = options;
    this.#noise = createRandom(options.seed ^ 0x5eed);
    const { folder } = options;
    this.#disk = folder === undefined ? new MemoryBucket() : new FilesystemBucket(folder);
  }

  async start(): Promise<void> {
    const life = createLife(this.#noise, 3);
    const { folder, remote } = this.#options;
    if (this.#disk instanceof FilesystemBucket) await this.#disk.sweep();
    const fileSystem = life.bind(nodeFileSystem);
    const platform: Platform = {
      ...(await memoryPlatform()),
      clock: {
        nowMs: () => this.clocks.wallMs,
        monotonicMs: () => {
          this.clocks.monotonicMs += lookMs;
          return this.clocks.monotonicMs;
        },
      },
      random: (bytes) => {
        for (let at = 0; at < bytes.length; at++) bytes[at] = this.#noise.below(256);
        return bytes;
      },
      yield: () => life.turns(),
      localBucket:
        folder === undefined ? life.bind(this.#disk) : new FilesystemBucket(folder, fileSystem),
      remoteBucket: life.bind(remote),
      wal: folder === undefined ? this.#memoryLog : this.#segments(`${folder}/wal`, life),
    };
    const settings = testSettings({ ...settingsOfAll, ...this.#options.settings });
    this.#app = await createApp(platform, settings);
    this.#life = life;
    await this.#app.start();
  }

  #segments(folder: string, life: Life): Wal {
    const random = this.#noise;
    const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
    const clock = { nowMs: () => this.clocks.wallMs, monotonicMs: () => this.clocks.monotonicMs };
    return new SegmentWal({
      folder,
      fileSystem: life.bind(nodeFileSystem),
      clock,
      random: () => random.unit(),
      newId: () => `0${Array.from({ length: 25 }, () => letters[random.below(32)]).join('')}`,
      bytesMax: 2 ** 28,
      segmentBytes,
      log: createLogger({
        level: 'error',
        format: 'json',
        nowMs: clock.nowMs,
        sink: () => undefined,
      }),
    });
  }

  /** Ends as on SIGTERM, then starts anew. */
  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    await this.#app?.stop();
    await this.#life?.end();
    await this.census();
  }

  /** Ends without a word, whatever is under way, then starts anew. */
  async crash(): Promise<void> {
    await this.#life?.end();
    await this.start();
  }

  /** A request to the app; a life that ends meanwhile is no answer but an error. */
  async fetch(request: Request): Promise<Response> {
    const { app, life } = this.#running();
    const ended = life.ended.then(() => {
      throw new Error('the process ended');
    });
    return Promise.race([app.fetch(request), ended]);
  }

  #running(): { app: App; life: Life } {
    const [app, life] = [this.#app, this.#life];
    if (app === undefined || life === undefined) throw new Error('the world is not started');
    return { app, life };
  }

  async flush(): Promise<void> {
    const response = await this.fetch(new Request(`${apiOrigin}/flush`, { method: 'POST' }));
    if (response.status !== 204) throw new Error(`the flush was answered ${response.status}`);
  }

  async tick(): Promise<void> {
    const { app, life } = this.#running();
    await Promise.race([app.tick(this.clocks.wallMs), life.ended]);
  }

  advance(ms: number): void {
    this.clocks.wallMs += ms;
    this.clocks.monotonicMs += ms;
  }

  /** Finds out where everything is; call it when nothing is under way. */
  async census(): Promise<void> {
    const known = new Set(this.#places.values());
    this.#local = await this.#blocksOf(
      this.#disk,
      /^tenants\/([^/]+)\/local\/([^/]+)\/meta\.json$/,
    );
    for (const block of this.#local) {
      if (known.has(block)) continue;
      const [tenant] = block.split(' ');
      for (const row of this.model.rows) {
        if (row.tenant === tenant && !this.#places.has(row)) this.#places.set(row, block);
      }
    }
  }

  async #blocksOf(bucket: Bucket, key: RegExp): Promise<Set<string>> {
    const found = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await bucket.list('tenants/', cursor === undefined ? {} : { cursor });
      for (const one of page.objects) {
        const [, tenant, ulid] = key.exec(one.key) ?? [];
        if (ulid !== undefined) found.add(`${tenant} ${ulid}`);
      }
      cursor = page.cursor;
    } while (cursor !== undefined);
    return found;
  }

  /** As of the last census. */
  placeOf(row: ModelRow): Place {
    const block = this.#places.get(row);
    if (block === undefined) return 'head';
    return this.#local.has(block) ? 'block' : 'bucket';
  }
}
