// The log on a disk that loses power and fails: at every operation, what was acknowledged is read
// back once and in order, what was refused never is, and the log goes on by itself. On Node only:
// the model is the same on every runtime, and which fsync is which only V8's stacks tell.
import { describe, expect, it } from 'vitest';
import { ModelDisk } from '../support/model-disk.ts';
import { type PowerLossCase, powerLossProblems, seeds, syncSites } from '../support/power-loss.ts';
import { WalOracle } from '../support/wal-oracle.ts';
import {
  diedWalCase,
  failingWalCase,
  openWal,
  problemsAfterStart,
  walCase,
  walWorks,
} from '../support/wal-work.ts';

const names = Object.keys(walWorks);

async function opened(test: PowerLossCase<WalOracle>) {
  return { ...test, ...(await test.start()) };
}

/** How many operations the work takes when nothing fails. */
async function operationsOf(name: string): Promise<number> {
  const { disk, state, work } = await opened(walCase(name));
  await work(disk, state);
  return disk.control.operations;
}

describe('the log over a power loss', () => {
  it.each(names)('%s: gives back what it acknowledged', async (name) => {
    expect(await powerLossProblems(walCase(name))).toEqual([]);
  });

  it.each(names)('%s: the same with short writes', async (name) => {
    const seedsAt = (index: number) => seeds(index, 2, 2);
    const test = walCase(name, { hasShortWrites: true, seed: 3 });
    expect(await powerLossProblems({ ...test, seedsAt })).toEqual([]);
  });

  it.each(names)('%s: the same after dying and starting again', async (name) => {
    const operations = await operationsOf(name);
    for (let died = 0; died < operations; died++) {
      const seedsAt = (index: number) => seeds(died + index, 1, 1);
      const test = { ...diedWalCase(name, died), stride: 3, firstStop: died % 3 };
      const problems = await powerLossProblems({ ...test, seedsAt });
      expect([died, problems]).toEqual([died, []]);
    }
  });

  it.each(names)('%s: goes on writing what survives the next power loss', async (name) => {
    const operations = await operationsOf(name);
    for (let lost = 0; lost < operations; lost++) {
      const { disk, state, work } = await opened(walCase(name));
      disk.control.stopAt(lost);
      await Promise.race([work(disk, state), disk.control.stopped]);
      const next = disk.crash(4 + lost);
      const { wal } = openWal(next, state);
      await wal.start();
      await state.trusts(wal);
      await state.push(wal, 'a', 300);
      await state.push(wal, 'd', 2000);
      expect([lost, await state.problems(wal)]).toEqual([lost, []]);
      expect([lost, await problemsAfterStart(next.crash(0), state)]).toEqual([lost, []]);
    }
  });
});

describe('the log on a failing disk', () => {
  it.each(names)('%s: recovers by itself from one failure anywhere', async (name) => {
    const operations = await operationsOf(name);
    for (let at = 0; at < operations; at++) {
      const code = at % 2 === 0 ? 'EIO' : 'ENOSPC';
      const seedsAt = (index: number) => seeds(at + index, 1, 1);
      // With each failure the stops are others: together they are everywhere.
      const test = { ...failingWalCase(name, { kind: 'change', at, code }), stride: 6 };
      const problems = await powerLossProblems({ ...test, seedsAt, firstStop: at + 1 });
      expect([at, problems]).toEqual([at, []]);
    }
  });

  it.each(names)('%s: loses nothing while a disk stays broken', async (name) => {
    const operations = await operationsOf(name);
    for (let at = 0; at < operations; at++) {
      const count = Number.POSITIVE_INFINITY;
      const test = await opened(failingWalCase(name, { kind: 'change', at, count, code: 'EIO' }));
      // Nothing can say where the log ends, so that what was refused may be read after a restart.
      test.state.mayKeepRefused = true;
      const outcome = await test.work(test.disk, test.state).then(
        () => 'done',
        (error: { kind?: string }) => error.kind ?? error,
      );
      expect([at, outcome]).toEqual([at, at > 0 && outcome === 'done' ? 'done' : 'unavailable']);
      for (const disk of [test.disk.crash(0), test.disk.crash(at + 4), test.disk.restart()]) {
        expect([at, await problemsAfterStart(disk, test.state)]).toEqual([at, []]);
      }
    }
  });

  it('says what is wrong on a full disk, refuses, and goes on when there is room', async () => {
    const disk = new ModelDisk({ capacityBytes: 20_000 });
    const oracle = new WalOracle();
    const { wal } = openWal(disk, oracle);
    await wal.start();
    const filler = await disk.open('/data/filler', 'w');
    const pushes = async () => {
      for (let count = 0; count < 12; count++) await oracle.push(wal, 'a', 1000);
    };
    await filler.write(new Uint8Array(9000), 0, 9000, 0);
    await expect(pushes()).rejects.toMatchObject({ kind: 'unavailable' });
    expect(wal.failure()).toContain('ENOSPC');
    expect(await oracle.problems(wal)).toEqual([]);
    expect(await problemsAfterStart(disk.crash(0), oracle)).toEqual([]);
    await filler.truncate(0);
    await oracle.push(wal, 'a', 1000);
    expect(wal.failure()).toBeUndefined();
    expect(await oracle.problems(wal)).toEqual([]);
    expect(await problemsAfterStart(disk.crash(0), oracle)).toEqual([]);
  });

  it('says unavailable when it cannot be read, and reads once it can', async () => {
    const { disk, state, work } = await opened(walCase('fill segments'));
    await work(disk, state);
    for (const kind of ['readdir', 'stat', 'open', 'read'] as const) {
      const { wal } = openWal(disk, state);
      disk.control.fail({ kind, code: 'EIO' });
      await expect(wal.start()).rejects.toMatchObject({ kind: 'unavailable' });
      disk.control.mend();
    }
    expect(await problemsAfterStart(disk, state)).toEqual([]);
  });
});

/** Calls whose loss costs no record, and what they are for. */
const forSpeed: readonly { site: RegExp; reason: string }[] = [
  {
    site: /^zeroFill /,
    reason: 'spreads the writing of zeros, which the first commit would otherwise wait for',
  },
];

describe('the fsync calls of the log', () => {
  it('are each missed by some power loss', async () => {
    const usedBy = new Map<string, PowerLossCase<WalOracle>[]>();
    for (const test of await variants()) {
      for (const site of await syncSites(test)) {
        usedBy.set(site, [...(usedBy.get(site) ?? []), test]);
      }
    }
    const unnoticed: string[] = [];
    for (const [site, tests] of usedBy) {
      if (forSpeed.some((each) => each.site.test(site))) continue;
      if (!(await isMissed(site, tests))) unnoticed.push(site);
    }
    expect(unnoticed).toEqual([]);
    expect(usedBy.size).toBeGreaterThanOrEqual(6);
  });
});

/** All work as it is; then some after a death or with failing fsyncs, for calls made only there. */
async function variants(): Promise<PowerLossCase<WalOracle>[]> {
  const found = names.map((name) => walCase(name));
  const operations = await operationsOf('append and commit');
  for (let at = 0; at < operations; at++) {
    found.push(
      diedWalCase('append and commit', at),
      failingWalCase('append and commit', { kind: 'sync', at, code: 'EIO' }),
    );
  }
  return found;
}

async function isMissed(
  site: string,
  tests: readonly PowerLossCase<WalOracle>[],
): Promise<boolean> {
  for (const test of tests) {
    const seedsAt = (index: number) => seeds(index, 2, 2);
    const changed = { ...test, ignoredSync: site, seedsAt, problemsMax: 1 };
    if ((await powerLossProblems(changed)).length > 0) return true;
  }
  return false;
}
