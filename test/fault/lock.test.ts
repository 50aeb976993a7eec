// The lock of a data folder over a power loss: whatever is left of it, the next start of the
// machine takes it. And the list of all fsync calls there are, so that none is without such a test.
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { messageOf } from '../../src/errors.ts';
import { lockDataFolder } from '../../src/runtime/lock.ts';
import type { Processes } from '../../src/runtime/processes.ts';
import { ModelDisk } from '../support/model-disk.ts';
import { type PowerLossCase, powerLossProblems, syncSites } from '../support/power-loss.ts';

const folder = '/no-such-folder/data';

/** A process that is alone on its machine; after a power loss the boot is another one. */
function processOf(bootId: string, pid: number): Processes {
  return {
    pid,
    host: 'box',
    bootId: async () => bootId,
    pidNamespace: async () => 'pid:[1]',
    stateOf: async (other) => (other === pid ? { start: '1' } : 'gone'),
  };
}

const lockCase: PowerLossCase<object> = {
  start: () => ({ disk: new ModelDisk(), state: {} }),
  work: async (fileSystem) => {
    const take = (pid: number) =>
      lockDataFolder(folder, { processes: processOf('boot-1', pid), fileSystem });
    await (await take(1)).release();
    await take(2);
    // The second one died without a word.
    const lock = await take(3);
    await lock.release();
  },
  check: async (fileSystem) => {
    try {
      await lockDataFolder(folder, { processes: processOf('boot-2', 1), fileSystem });
      return [];
    } catch (error) {
      return [messageOf(error)];
    }
  },
};

describe('the lock of a data folder over a power loss', () => {
  it('is taken by the next process, wherever the last one stopped', async () => {
    expect(await powerLossProblems(lockCase)).toEqual([]);
  });

  it('misses each of its fsync calls', async () => {
    const sites = await syncSites(lockCase);
    expect(sites.length).toBeGreaterThan(0);
    for (const site of sites) {
      const problems = await powerLossProblems({ ...lockCase, ignoredSync: site });
      expect([site, problems.length > 0]).toEqual([site, true]);
    }
  });
});

describe('the fsync calls of the source', () => {
  it('are all in files that lose power in this folder', () => {
    const source = fileURLToPath(new URL('../../src/', import.meta.url));
    const names = readdirSync(source, { recursive: true, encoding: 'utf8' });
    const callers = names.filter(
      (name) =>
        name.endsWith('.ts') &&
        /\.(?:sync|datasync|fsync|fdatasync)(?:Sync)?\(\)/.test(
          readFileSync(source + name, 'utf8'),
        ),
    );
    expect(callers.sort()).toEqual([
      // filesystem-bucket.test.ts
      'bucket/filesystem-disk.ts',
      // A command of the operator's: nothing that was acknowledged is in its file.
      'cli/keys-file.ts',
      'lib/durable-folder.ts',
      // The test above.
      'runtime/lock.ts',
      // These two not of a disk, but of an object's storage: their suites run where that is.
      'runtime/object-peers.ts',
      'wal/durable-object.ts',
      // wal.test.ts
      'wal/log-folder.ts',
      'wal/log-load.ts',
      'wal/log-writer.ts',
      'wal/segment-file.ts',
    ]);
  });
});
