// The world of a simulation: what outlives its processes. Owns the disk, the bucket, the ledger,
// the weather, the process of the moment and the calls that are under way; `simulation.ts` decides
// what happens next.
import { decodeTime } from 'ulid';
import { tenantBlocksPrefix } from '../../src/block/files.ts';
import type { Bucket } from '../../src/bucket/bucket.ts';
import { FilesystemBucket } from '../../src/bucket/filesystem.ts';
import { MemoryBucket } from '../../src/bucket/memory.ts';
import type { Settings } from '../../src/config/settings.ts';
import { messageOf } from '../../src/errors.ts';
import type { Platform } from '../../src/platform.ts';
import type { Wal } from '../../src/wal/wal.ts';
import { createRandom, type Random } from '../fixtures/random.ts';
import { testSettings } from './memory-platform.ts';
import { ModelDisk, type ModelDiskOptions } from './model-disk.ts';
import { audit } from './simulation-audit.ts';
import { BlockReader } from './simulation-blocks.ts';
import { type LocalTap, remoteBucket, tappedLocal, type Weather } from './simulation-buckets.ts';
import { scheduledDisk } from './simulation-disk.ts';
import { diskFault } from './simulation-faults.ts';
import { Ledger, tenants } from './simulation-ledger.ts';
import {
  createProcess,
  dataFolder,
  type Sabotage,
  type SimulatedProcess,
} from './simulation-process.ts';
import { Scheduler, settled } from './simulation-scheduler.ts';

export type SabotageOf = (world: World) => Sabotage;

const traceMax = 400;
/** Old enough for a client to have been answered, young enough to pass within a run. */
const bucketAgeMs = 40 * 60_000;

export class World {
  readonly random: Random;
  readonly scheduler: Scheduler;
  readonly ledger: Ledger;
  readonly reader = new BlockReader();
  readonly problems: string[] = [];
  readonly trace: string[] = [];
  readonly settings: Settings;
  readonly remoteStore: MemoryBucket | undefined;
  readonly diskOptions: ModelDiskOptions;
  readonly segmentBytes: number;
  disk: ModelDisk;
  weather: Weather = 'well';
  process: SimulatedProcess | undefined;
  /** Calls of the process that have not been answered. */
  readonly running = new Set<Promise<void>>();
  lives = 0;
  /** Blocks that the bucket had and deleted by age, as `tenant/ulid`. */
  readonly expired = new Set<string>();
  readonly #base: Platform;
  readonly #sabotage: Sabotage;

  constructor(seed: number, base: Platform, sabotageOf: SabotageOf = () => ({})) {
    const random = createRandom(seed);
    this.random = random;
    this.#base = base;
    this.scheduler = new Scheduler(createRandom(random.below(2 ** 32)));
    this.ledger = new Ledger(createRandom(random.below(2 ** 32)));
    this.diskOptions = { seed: random.below(2 ** 32), hasShortWrites: random.below(3) === 0 };
    this.segmentBytes = 2 ** (16 + random.below(3));
    // Room for a few segments, or for some blocks beside them.
    const room = 4 * this.segmentBytes + random.below(600_000);
    if (random.below(3) === 0) this.diskOptions.capacityBytes = room;
    this.disk = new ModelDisk(this.diskOptions);
    const hasRemote = random.below(8) > 0;
    const nowMs = () => this.scheduler.wallMs;
    this.remoteStore = hasRemote ? new MemoryBucket({ nowMs }) : undefined;
    this.settings = drawSettings(random, hasRemote, this.segmentBytes);
    this.#sabotage = sabotageOf(this);
  }

  say(line: string): void {
    const at = String(this.scheduler.monotonicMs).padStart(8);
    this.trace.push(`${at} ${line}`);
    if (this.trace.length > traceMax) this.trace.splice(0, traceMax / 2);
  }

  problem(text: string): void {
    this.say(`PROBLEM ${text}`);
    this.problems.push(text);
  }

  /** Processes are killed in the middle of a flush more often than not. */
  get isHasty(): boolean {
    return this.#sabotage.isUnswept === true;
  }

  /** Begins a call of the process and does not wait for it; what it throws is a problem. */
  begin(name: string, work: () => Promise<void>): Promise<void> {
    const life = this.lives;
    const call = work()
      .catch((error: unknown) => this.problem(`${name}: ${messageOf(error)}`))
      .then(() => {
        if (life === this.lives) this.running.delete(call);
      });
    this.running.add(call);
    return call;
  }

  /** Waits for one call, or for all, with time passing. A call that never ends is a problem. */
  async finish(name: string, call?: Promise<void>): Promise<boolean> {
    const isDone = () =>
      call === undefined
        ? this.running.size === 0 && this.scheduler.isIdle
        : !this.running.has(call);
    if (await this.scheduler.runUntil(isDone)) return true;
    this.problem(`${name} never ends`);
    return false;
  }

  /** Starts the next process on what the last one left. False when it could not start. */
  async boot({ isWell = false } = {}): Promise<boolean> {
    this.lives += 1;
    this.running.clear();
    this.say(`boot ${this.lives}`);
    const local = new FilesystemBucket(dataFolder, this.disk);
    this.ledger.restartFlushes(await this.reader.lastSequences(local, tenants));
    if (!isWell && this.random.below(4) === 0) diskFault(this);
    const process = await createProcess({
      scheduler: this.scheduler,
      random: this.random,
      fileSystem: scheduledDisk(this.disk, this.scheduler),
      remote: this.#remote(),
      settings: this.settings,
      segmentBytes: this.segmentBytes,
      base: this.#base,
      sabotage: this.#sabotage,
      tapLocal: (inner) => tappedLocal(inner, this.#localTap()),
      tapWal: (inner) => this.#tappedWal(inner),
      onLine: (line) => this.say(`  ${line}`),
    });
    let isStarted = false;
    const starting = this.begin('start', async () => {
      try {
        await process.start();
        isStarted = true;
      } catch (error) {
        this.say(`start failed: ${messageOf(error)}`);
      }
    });
    await this.finish('start', starting);
    if (!isStarted) return false;
    const problem = this.ledger.noteLog(process.wal.id);
    if (problem !== undefined) this.problem(problem);
    // A push that was refused may be there all the same when the disk would not take the refusal.
    for await (const { contentKey } of process.wal.headers()) this.ledger.noteLogged(contentKey);
    this.process = process;
    return true;
  }

  /** Ends the process without a word; with a power loss also what the disk had not made durable. */
  end(kind: 'kill' | 'power'): void {
    this.say(kind);
    this.process = undefined;
    this.lives += 1;
    this.running.clear();
    this.scheduler.drop();
    const seed = this.random.below(3) === 0 ? this.random.below(4) : 4 + this.random.below(2 ** 30);
    const dead = this.disk;
    this.disk = kind === 'kill' ? dead.restart() : dead.crash(seed);
    // Whoever still holds the old disk waits for ever.
    dead.control.stop();
  }

  /** Nothing fails any more; with `isRoomy` nothing is too small either. */
  mend({ isRoomy = false } = {}): void {
    this.say('mend');
    this.disk.control.mend();
    this.weather = 'well';
    if (isRoomy) delete this.diskOptions.capacityBytes;
  }

  /** Looks at all that is stored; the process must be at rest. */
  async audit() {
    const { wal } = this.process as SimulatedProcess;
    const local = new FilesystemBucket(dataFolder, this.disk);
    const { ledger, reader, remoteStore: remote } = this;
    const result = await audit({ ledger, reader, local, remote, wal });
    for (const problem of result.problems) this.problem(problem);
    await settled();
    return result;
  }

  /** True when the bucket has the block as a whole. */
  async isShipped(tenant: string, ulid: string): Promise<boolean> {
    if (this.remoteStore === undefined) return false;
    const { objects } = await this.remoteStore.list(`${tenant}/phlaredb/${ulid}/`);
    return objects.length === 9;
  }

  #remote(): Bucket | undefined {
    const { scheduler, random } = this;
    const onDelete = (key: string) => this.#onRemoteDelete(key);
    const network = { scheduler, random, weather: () => this.weather, onDelete };
    return this.remoteStore && remoteBucket(this.remoteStore, network);
  }

  /** Only what is old may go; then nobody misses it. */
  async #onRemoteDelete(key: string): Promise<void> {
    const [, tenant, ulid] = /^([^/]+)\/phlaredb\/([^/]+)\/meta\.json$/.exec(key) ?? [];
    if (tenant === undefined || ulid === undefined || this.remoteStore === undefined) return;
    const name = `${tenant}/${ulid}`;
    this.say(`expire ${name}`);
    const ageMs = this.scheduler.wallPeakSince(0) - decodeTime(ulid);
    const { retentionBucketAge } = this.settings;
    if (retentionBucketAge === 'off' || ageMs < retentionBucketAge) {
      this.problem(`block ${name} in the bucket is deleted at the age of ${ageMs} ms`);
    }
    const blocks = await this.reader.read(this.remoteStore, tenantBlocksPrefix, [tenant]);
    for (const profile of blocks.get(name)?.profiles ?? []) {
      const sent = this.ledger.byKey(profile.key);
      if (sent !== undefined) sent.isExpired = true;
    }
    this.expired.add(name);
  }

  #localTap(): LocalTap {
    return {
      onBlock: (tenant, lastSequence, isCommitted) => {
        if (isCommitted) this.ledger.noteBlock(tenant, lastSequence);
        else this.ledger.noteFlush(tenant, lastSequence);
      },
      onDelete: async (tenant, ulid) => {
        this.say(`delete ${tenant}/${ulid}`);
        if (this.expired.has(`${tenant}/${ulid}`) || (await this.isShipped(tenant, ulid))) return;
        this.problem(`block ${tenant}/${ulid} is deleted and not in the bucket`);
      },
    };
  }

  #tappedWal(inner: Wal): Wal {
    const { ledger } = this;
    return boundWal(inner, {
      append: (record) => {
        const sequence = inner.append(record);
        ledger.noteAppend(record, sequence);
        return sequence;
      },
      commit: async (sequence) => {
        await inner.commit(sequence);
        ledger.noteCommit(sequence);
      },
    });
  }
}

/** A log like `inner` with some calls replaced. */
export function boundWal(inner: Wal, changes: Omit<Partial<Wal>, 'id'>): Wal {
  const wal: Wal = {
    get id() {
      return inner.id;
    },
    isDurable: inner.isDurable,
    start: (onDamage) => inner.start(onDamage),
    append: (record) => inner.append(record),
    commit: (sequence) => inner.commit(sequence),
    refusedUpTo: () => inner.refusedUpTo(),
    headers: (tenant) => inner.headers(tenant),
    read: (tenant, from) => inner.read(tenant, from),
    newestHeld: () => inner.newestHeld(),
    recentKeys: (sinceMs, tenant) => inner.recentKeys(sinceMs, tenant),
    release: (tenant, upTo, ulid) => inner.release(tenant, upTo, ulid),
    bytesUsed: () => inner.bytesUsed(),
    bytesUsedBy: (tenant) => inner.bytesUsedBy(tenant),
    pinnedBy: () => inner.pinnedBy(),
    failure: () => inner.failure(),
    tick: (nowMs) => inner.tick(nowMs),
    close: () => inner.close(),
  };
  return Object.assign(wal, changes);
}

/** Small bounds, so that a hundred pushes meet them. */
function drawSettings(random: Random, hasRemote: boolean, segmentBytes: number): Settings {
  const pick = <T extends number | 'off'>(...values: T[]) =>
    values[random.below(values.length)] as T;
  return {
    ...testSettings({ multitenancy: true, logLevel: 'warn' }),
    logBytesMax: segmentBytes * pick(3, 5, 30),
    headAgeMax: pick(30_000, 300_000, 3_600_000),
    headBytesMax: pick(200_000, 2 ** 28),
    shipInterval: pick(10_000, 300_000),
    // Without a bucket the rules delete the only copy there is, as they are told to.
    retentionLocalAge: hasRemote ? pick<number | 'off'>('off', 60_000, 600_000) : 'off',
    retentionBucketAge: hasRemote ? pick<number | 'off'>('off', 'off', bucketAgeMs) : 'off',
    retentionBytes: hasRemote ? pick<number | 'off'>('off', 20_000, 100_000) : 'off',
    retentionDiskFreePercent: hasRemote ? pick(0, 10) : 0,
    retentionDiskFreeBytes: 100_000,
  };
}
