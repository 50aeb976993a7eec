// Random lives of a durable log on a disk that fails, loses power and tears writes: whatever
// happens, what was committed is read, what was refused or never sent is not, and none of it looks
// like damage. `PHLOX_FUZZ` sets how much; `PHLOX_FUZZ_SEED` repeats a run.
import { describe, expect, it } from 'vitest';
import { isFailure } from '../../src/errors.ts';
import { createRandom, type Random } from '../fixtures/random.ts';
import { LogModel } from '../support/log-model.ts';
import { ModelDisk } from '../support/model-disk.ts';
import { segmentLog, type TestLog, testNowMs } from '../support/segment-log.ts';

const lives = Math.ceil(Number(process.env['PHLOX_FUZZ'] ?? 2_000) / 20);
const seed = Number(process.env['PHLOX_FUZZ_SEED'] ?? Date.now() % 2 ** 31);

const folder = '/data/wal';
// Small, but with room for the keys of all profiles that a life pushes.
const segmentBytes = 32_768;
const bytesMax = 131_072;
const tenants = ['a', 'b', 'quiet'];
const block = '01J0000000000000000000000B';

/** One log, over all its processes. */
class Life {
  readonly random: Random;
  readonly model = new LogModel();
  readonly hasFaults: boolean;
  readonly pageBytes: number;
  disk: ModelDisk;
  log: TestLog | undefined;
  #fill = 0;

  constructor(lifeSeed: number) {
    this.random = createRandom(lifeSeed);
    this.hasFaults = this.random.below(2) === 0;
    this.pageBytes = this.random.below(2) === 0 ? 256 : 4_096;
    this.disk = new ModelDisk({ seed: lifeSeed, hasShortWrites: this.random.below(2) === 0 });
  }

  /** One process: opens, checks, works until it is stopped, in whatever way. */
  async process(isHonest: boolean): Promise<void> {
    const log = segmentLog(folder, this.disk, {
      segmentBytes,
      bytesMax,
      pageBytes: this.pageBytes,
      random: () => this.random.unit(),
    });
    await log.wal.start();
    expect(await this.model.check(log.wal, isHonest)).toEqual([]);
    this.log = log;
    expect(log.faults).toEqual([]);
    const { control } = this.disk;
    for (let left = this.random.below(30); left > 0; left--) {
      // What a dead process would have done next does not happen.
      if (control.isStopped) return;
      await this.#step(log);
    }
    // Indexes lie behind the finished segments, and on small records are a tenth of them.
    const indexBytes = bytesMax / 8;
    expect(await this.#sizes()).toBeLessThanOrEqual(bytesMax + 3 * segmentBytes + indexBytes);
  }

  /** The process is gone. */
  forget(): void {
    this.log = undefined;
  }

  async #step(log: TestLog): Promise<void> {
    const { random, model } = this;
    const { wal } = log;
    const choice = random.below(10);
    if (choice < 6) await this.#push(log, 1 + random.below(5));
    else if (choice < 8) await this.#release(log);
    else if (choice === 8) {
      log.clock.now += random.below(2_000);
      await wal.tick(log.clock.now);
    } else if (this.hasFaults) {
      const kind = (['write', 'sync', 'open', 'rename', 'unlink', 'change'] as const)[
        random.below(6)
      ];
      const count = 1 + random.below(4);
      if (kind) this.disk.control.fail({ kind, at: random.below(10), count, code: 'EIO' });
    }
    model.refuseUpTo(wal.refusedUpTo());
  }

  async #push({ wal, clock }: TestLog, count: number): Promise<void> {
    const { random, model } = this;
    const sequences: number[] = [];
    try {
      for (let left = count; left > 0; left--) {
        const fill = ++this.#fill;
        const contentKey = new Uint8Array(16);
        new DataView(contentKey.buffer).setUint32(0, fill);
        const record = {
          tenant: tenants[random.below(10) === 0 ? 2 : random.below(2)] as string,
          receivedMs: testNowMs,
          contentKey,
          labels: [{ name: 'service_name', value: `s${fill}` }],
          body: Uint8Array.from({ length: random.below(4_000) }, () => random.below(256)),
        };
        const sequence = wal.append(record);
        model.append(sequence, record);
        sequences.push(sequence);
      }
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
    }
    const commits = sequences.map(async (sequence) => {
      try {
        await wal.commit(sequence);
        model.commit(sequence);
      } catch (error) {
        if (!isFailure(error, 'unavailable')) throw error;
        expect(sequence).toBeLessThanOrEqual(wal.refusedUpTo());
        expect(model.isCommitted(sequence)).toBe(false);
      }
    });
    // Some come while others are still being written.
    const isAlive = !this.disk.control.isStopped;
    if (isAlive && random.below(3) === 0 && count > 1)
      await this.#push({ wal, clock } as TestLog, 1);
    await Promise.all(commits);
  }

  async #release({ wal }: TestLog): Promise<void> {
    const tenant = tenants[this.random.below(3)] as string;
    const committed = this.model.committedOf(tenant);
    const upTo = committed[this.random.below(committed.length)];
    if (upTo === undefined) return;
    this.model.ask(tenant, upTo);
    try {
      await wal.release(tenant, upTo, block);
      this.model.release(tenant, upTo);
    } catch (error) {
      if (!isFailure(error, 'unavailable')) throw error;
    }
  }

  async #sizes(): Promise<number> {
    // The next spare file is being made in the background; it never grows beyond a segment.
    let bytes = segmentBytes;
    for (const { name } of await this.disk.readdir(folder, { withFileTypes: true })) {
      if (name !== 'spare') bytes += (await this.disk.stat(`${folder}/${name}`)).size;
    }
    return bytes;
  }
}

/** Runs one life; answers how many times the log was opened. */
async function live(lifeSeed: number): Promise<void> {
  const life = new Life(lifeSeed);
  let isHonest = true;
  for (let processes = 2 + life.random.below(4); processes > 0; processes--) {
    const { control } = life.disk;
    life.forget();
    const end = life.random.below(4);
    if (end < 2) control.stopAt(control.operations + life.random.below(400));
    const run = life.process(isHonest);
    await Promise.race([run, control.stopped]);
    control.mend();
    if (end === 3 && !control.isStopped) await life.log?.wal.close();
    // A process that died while it opened the log has fenced nothing off.
    if (life.log !== undefined) isHonest = life.log.wal.failure() === undefined;
    life.model.refuseUpTo(life.log?.wal.refusedUpTo() ?? 0);
    const isPowerLost = control.isStopped ? end === 0 : end === 2;
    life.disk = isPowerLost ? life.disk.crash(life.random.below(50)) : life.disk.restart();
  }
  await life.process(isHonest);
}

describe(`lives of a log, PHLOX_FUZZ_SEED=${seed}`, () => {
  it(
    `keeps its promises in ${lives} of them`,
    async () => {
      for (let index = 0; index < lives; index++) {
        try {
          await live(seed + index);
        } catch (error) {
          throw new Error(`life with seed ${seed + index}`, { cause: error });
        }
      }
    },
    60_000 + lives * 200,
  );
});
