// The filesystem bucket on a disk that loses power and fails: at every operation of every call,
// what was answered is there, and what was not is there whole or not at all. On Node only: the
// model is the same on every runtime, and which fsync is which only V8's stacks tell.
import { describe, expect, it } from 'vitest';
import type { BucketOracle } from '../support/bucket-oracle.ts';
import {
  bucketCase,
  bucketWorks,
  diedCase,
  failingCase,
  openBucket,
} from '../support/bucket-work.ts';
import { bytesOf, textOf } from '../support/bytes.ts';
import { ModelDisk } from '../support/model-disk.ts';
import type { Fault } from '../support/model-disk-control.ts';
import { type PowerLossCase, powerLossProblems, seeds, syncSites } from '../support/power-loss.ts';

const names = Object.keys(bucketWorks);

/** How many operations the work takes when nothing fails. */
async function operationsOf(name: string): Promise<number> {
  const { disk, state, work } = await opened(bucketCase(name));
  await work(disk, state);
  return disk.control.operations;
}

async function opened(test: PowerLossCase<BucketOracle>) {
  return { ...test, ...(await test.start()) };
}

describe('the filesystem bucket over a power loss', () => {
  it.each(names)('%s: keeps what it answered', async (name) => {
    expect(await powerLossProblems(bucketCase(name))).toEqual([]);
  });

  it.each(names)('%s: the same with short writes', async (name) => {
    const seedsAt = (index: number) => seeds(index, 2, 2);
    const test = bucketCase(name, { hasShortWrites: true, seed: 7 });
    expect(await powerLossProblems({ ...test, seedsAt })).toEqual([]);
  });

  it.each(names)('%s: the same after dying and starting again', async (name) => {
    const operations = await operationsOf(name);
    for (let died = 0; died < operations; died++) {
      const seedsAt = (index: number) => seeds(died + index, 1, 1);
      const problems = await powerLossProblems({ ...diedCase(name, died), seedsAt });
      expect([died, problems]).toEqual([died, []]);
    }
  });
});

describe('the filesystem bucket on a failing disk', () => {
  it.each(names)('%s: recovers from one failure anywhere', async (name) => {
    const operations = await operationsOf(name);
    for (let at = 0; at < operations; at++) {
      const seedsAt = (index: number) => seeds(at + index, 1, 1);
      const test = { ...failingCase(name, { kind: 'change', at, code: 'EIO' }), seedsAt };
      expect([at, await powerLossProblems({ ...test, firstStop: at + 1 })]).toEqual([at, []]);
    }
  });

  it.each(names)('%s: says unavailable while a disk stays broken', async (name) => {
    const operations = await operationsOf(name);
    for (let at = 0; at < operations; at++) {
      for (const code of ['EROFS', 'ENOSPC'] as const) {
        const count = Number.POSITIVE_INFINITY;
        const test = await opened(failingCase(name, { kind: 'change', at, count, code }));
        const kind = await test.work(test.disk, test.state).then(
          () => 'done',
          (error: { kind?: string }) => error.kind ?? error,
        );
        // What is left to do after the last answer may fail unheard: a sweep will do it.
        expect([at, kind]).toEqual([at, at > 0 && kind === 'done' ? 'done' : 'unavailable']);
        const after = [test.disk.crash(0), test.disk.crash(at + 4), test.disk.restart()];
        for (const disk of after) expect(await test.check(disk, test.state)).toEqual([]);
      }
    }
  });

  const readFaults: [string, Fault['kind'], (disk: ModelDisk) => Promise<unknown>][] = [
    ['get', 'open', (disk) => openBucket(disk).get('a/b')],
    ['get', 'stat', (disk) => openBucket(disk).get('a/b')],
    ['get', 'read', (disk) => openBucket(disk).getRange('a/b', { suffix: 2 })],
    ['head', 'stat', (disk) => openBucket(disk).head('a/b')],
    ['list', 'stat', (disk) => openBucket(disk).list('')],
    ['list', 'readdir', (disk) => openBucket(disk).list('')],
    ['sweep', 'readdir', (disk) => openBucket(disk).sweep()],
  ];
  it.each(readFaults)('%s says unavailable when a %s fails', async (_call, kind, call) => {
    const disk = new ModelDisk();
    await openBucket(disk).put('a/b', bytesOf('text'));
    const calls = kind === 'readdir' ? 2 : 1;
    for (let at = 0; at < calls; at++) {
      disk.control.fail({ kind, at, code: 'EIO' });
      await expect(call(disk)).rejects.toMatchObject({ name: 'Failure', kind: 'unavailable' });
      disk.control.mend();
    }
    await call(disk);
  });

  it('keeps what it has on a full disk, leaves nothing behind, and goes on with room', async () => {
    const disk = new ModelDisk({ capacityBytes: 1000 });
    const bucket = openBucket(disk);
    await bucket.put('old', bytesOf('o'.repeat(600)));
    const large = bytesOf('n'.repeat(500));
    for (const key of ['old', 'new']) {
      await expect(bucket.put(key, large)).rejects.toMatchObject({ kind: 'unavailable' });
    }
    expect((await disk.statfs('/')).bavail).toBe(Math.floor(400 / 512));
    expect(textOf(await bucket.get('old'))).toBe('o'.repeat(600));
    await bucket.delete('old');
    await bucket.put('new', large);
    expect((await openBucket(disk.crash(0)).list('')).objects).toMatchObject([{ bytes: 500 }]);
  });
});

describe('the fsync calls of the filesystem bucket', () => {
  it('are each missed by some power loss', async () => {
    const usedBy = new Map<string, PowerLossCase<BucketOracle>[]>();
    for (const test of await variants()) {
      for (const site of await syncSites(test)) {
        usedBy.set(site, [...(usedBy.get(site) ?? []), test]);
      }
    }
    const unnoticed: string[] = [];
    for (const [site, tests] of usedBy) {
      if (!(await isMissed(site, tests))) unnoticed.push(site);
    }
    expect(unnoticed).toEqual([]);
    expect(usedBy.size).toBeGreaterThanOrEqual(10);
  });
});

/** All work as it is; then some after a death or with failing fsyncs, for calls made only there. */
async function variants(): Promise<PowerLossCase<BucketOracle>[]> {
  const found = names.map((name) => bucketCase(name));
  for (const name of ['put, and put again', 'abort a commit that failed']) {
    const operations = await operationsOf(name);
    for (let at = 0; at < operations; at++) {
      found.push(diedCase(name, at), failingCase(name, { kind: 'sync', at, code: 'EIO' }));
    }
  }
  return found;
}

async function isMissed(
  site: string,
  tests: readonly PowerLossCase<BucketOracle>[],
): Promise<boolean> {
  for (const test of tests) {
    const seedsAt = (index: number) => seeds(index, 2, 2);
    const changed = { ...test, ignoredSync: site, seedsAt, problemsMax: 1 };
    if ((await powerLossProblems(changed)).length > 0) return true;
  }
  return false;
}
