// Pieces of work for the log on a disk that fails: each call tells the oracle what it promises.
// Owns which orders of calls are worth a power loss at every step.
import { createLogger } from '../../src/lib/log.ts';
import type { LogFault } from '../../src/wal/segment-load.ts';
import { SegmentWal } from '../../src/wal/segments.ts';
import { createRandom } from '../fixtures/random.ts';
import { ModelDisk, type ModelDiskOptions } from './model-disk.ts';
import type { Fault } from './model-disk-control.ts';
import type { PowerLossCase } from './power-loss.ts';
import { keyWindowMs, WalOracle } from './wal-oracle.ts';

export const walFolder = '/data/wal';

export interface OpenedWal {
  wal: SegmentWal;
  /** Damage that it found. */
  faults: LogFault[];
}

/** A log that is not started. Segments are small, so that a few records fill one. */
export function openWal(disk: ModelDisk, oracle: WalOracle): OpenedWal {
  const faults: LogFault[] = [];
  const nowMs = () => oracle.nowMs;
  const wal = new SegmentWal({
    folder: walFolder,
    fileSystem: disk,
    clock: { nowMs, monotonicMs: nowMs },
    random: createRandom(1).unit,
    newId: () => `01J${String(disk.control.operations).padStart(23, '0')}`,
    log: createLogger({ level: 'error', format: 'json', nowMs, sink: () => undefined }),
    bytesMax: 2 ** 20,
    segmentBytes: 4096,
    pageBytes: 512,
    keyWindowMs,
    onFault: (fault) => faults.push(fault),
  });
  return { wal, faults };
}

/** Starts a log, again while the disk refuses. */
async function start(disk: ModelDisk, oracle: WalOracle): Promise<SegmentWal> {
  for (let attempt = 1; ; attempt++) {
    const { wal } = openWal(disk, oracle);
    try {
      await wal.start();
      return wal;
    } catch (error) {
      oracle.notes(error);
      if (attempt === 4) throw error;
    }
  }
}

/** Closes a log; what is acknowledged does not depend on it. */
async function close(wal: SegmentWal, oracle: WalOracle): Promise<void> {
  await wal.close().catch((error) => oracle.notes(error));
}

export type WalWork = (disk: ModelDisk, oracle: WalOracle) => Promise<void>;

export const walWorks: Readonly<Record<string, WalWork>> = {
  'append and commit': async (disk, oracle) => {
    const wal = await start(disk, oracle);
    await oracle.push(wal, 'a', 10);
    await oracle.push(wal, 'b', 700);
    await oracle.push(wal, 'a', 0);
    await close(wal, oracle);
  },

  'commit in groups': async (disk, oracle) => {
    const wal = await start(disk, oracle);
    await Promise.all([300, 20, 900].map((bytes) => oracle.push(wal, 'a', bytes)));
    await oracle.retry(wal, async () => {
      const sequences = ['a', 'b', 'a'].map((tenant) => oracle.append(wal, tenant, 150));
      const first = oracle.commit(wal, sequences[0] ?? 0);
      const late = oracle.append(wal, 'c', 40);
      const done = await Promise.all([first, oracle.commit(wal, late)]);
      return done.includes(false) ? undefined : true;
    });
    await close(wal, oracle);
  },

  'fill segments': async (disk, oracle) => {
    const wal = await start(disk, oracle);
    for (let round = 0; round < 4; round++) {
      await oracle.push(wal, 'a', 1500);
      await Promise.all(['b', 'a'].map((tenant) => oracle.push(wal, tenant, 800)));
    }
    await close(wal, oracle);
  },

  'release and reuse room': async (disk, oracle) => {
    const wal = await start(disk, oracle);
    const first = await oracle.push(wal, 'b', 100);
    for (let round = 0; round < 3; round++) {
      const last = await oracle.push(wal, 'a', 1800);
      await oracle.push(wal, 'a', 900);
      await oracle.release(wal, 'a', last);
    }
    await oracle.release(wal, 'b', first);
    oracle.nowMs += keyWindowMs + 1;
    const last = await oracle.push(wal, 'a', 1800);
    await oracle.release(wal, 'a', last);
    await wal.tick(oracle.nowMs);
    await oracle.push(wal, 'b', 1800);
    await close(wal, oracle);
  },

  // The segment that says that `a` is released goes, and the one with the records goes before it.
  'release the oldest segments at once': async (disk, oracle) => {
    const wal = await start(disk, oracle);
    const oldest = await oracle.push(wal, 'b', 100);
    const gone = await oracle.push(wal, 'a', 1800);
    await oracle.push(wal, 'c', 1800);
    await oracle.release(wal, 'a', gone);
    await oracle.push(wal, 'c', 1800);
    const last = await oracle.push(wal, 'c', 1800);
    await oracle.release(wal, 'c', last);
    await oracle.release(wal, 'b', oldest);
    await oracle.push(wal, 'b', 10);
    await close(wal, oracle);
  },

  'release while others push': async (disk, oracle) => {
    const wal = await start(disk, oracle);
    const last = await oracle.push(wal, 'a', 2000);
    await Promise.all([
      oracle.push(wal, 'b', 1200),
      oracle.release(wal, 'a', last),
      oracle.push(wal, 'a', 1200),
      oracle.push(wal, 'a', 1200),
    ]);
    await oracle.push(wal, 'b', 50);
    await close(wal, oracle);
  },

  'close and start again': async (disk, oracle) => {
    let wal = await start(disk, oracle);
    const first = await oracle.push(wal, 'a', 400);
    for (let round = 0; round < 2; round++) {
      await close(wal, oracle);
      wal = await start(disk, oracle);
      await oracle.push(wal, 'b', 1000);
    }
    await oracle.release(wal, 'a', first);
    await close(wal, oracle);
  },
};

/** The work on a new disk. */
export function walCase(name: string, options: ModelDiskOptions = {}): PowerLossCase<WalOracle> {
  return {
    start: () => ({ disk: new ModelDisk(options), state: new WalOracle() }),
    work: async (disk, oracle) => walWorks[name]?.(disk, oracle),
    check: problemsAfterStart,
  };
}

/** The work on a new disk on which calls fail. */
export function failingWalCase(name: string, fault: Fault): PowerLossCase<WalOracle> {
  const test = walCase(name, { seed: fault.at ?? 0 });
  return {
    ...test,
    start: async () => {
      const started = await test.start();
      started.disk.control.fail(fault);
      return started;
    },
  };
}

/** What the next process does, after one that died in place of the operation with this index. */
export function diedWalCase(name: string, index: number): PowerLossCase<WalOracle> {
  const test = walCase(name);
  return {
    ...test,
    start: async () => {
      const { disk, state } = await test.start();
      disk.control.stopAt(index);
      await Promise.race([test.work(disk, state), disk.control.stopped]);
      return { disk: disk.restart(), state };
    },
    work: async (disk, oracle) => {
      const wal = await start(disk, oracle);
      await oracle.trusts(wal);
      await oracle.push(wal, 'c', 300);
      await oracle.push(wal, 'a', 300);
    },
  };
}

/** Starts the log, looks, and goes on writing: what is there then survives another power loss. */
export async function problemsAfterStart(disk: ModelDisk, oracle: WalOracle): Promise<string[]> {
  const { wal, faults } = openWal(disk, oracle);
  await wal.start();
  const problems = await oracle.problems(wal);
  problems.push(...faults.map((fault) => `found damage: ${JSON.stringify(fault)}`));
  return problems;
}
