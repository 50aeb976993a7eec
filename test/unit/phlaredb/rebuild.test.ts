// A head that fails for a bug of ours, or has no room: what was acknowledged stays.
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { labelValue } from '../../../src/model/labels.ts';
import type { Phlaredb } from '../../../src/phlaredb/phlaredb.ts';
import { openDatabase } from '../../support/database.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { visibleSets } from '../../support/meter.ts';
import { stamped } from '../../support/stamp.ts';

const { packed } = loadFixture('go-cpu');

async function services(database: Phlaredb): Promise<string[]> {
  const sets = await visibleSets(database);
  return [...new Set(sets.map((labels) => labelValue(labels, 'service_name')))].sort();
}

describe('a head that breaks in an append', () => {
  it('is rebuilt from the log, the profile that met the bug included', async () => {
    let appends = 0;
    const beforeAppend = () => {
      appends++;
      if (appends === 3) throw new Failure('internal', 'a bug');
    };
    const { database, push, platform } = await openDatabase({ beforeAppend });
    for (const service of ['one', 'two', 'three', 'four']) await push(service, packed);
    expect(await services(database)).toEqual(['four', 'one', 'three', 'two']);
    await database.flush('api');
    expect(database.blocks.map(({ stats }) => stats.numProfiles)).toEqual([8]);
    expect(platform.lines.map((line) => line['msg'])).toContain(
      'head dropped, it is rebuilt from the log',
    );
    expect(platform.wal.bytesUsed()).toBe(0);
  });

  it('takes pushes while it is rebuilt, each of them once', async () => {
    let appends = 0;
    const beforeAppend = () => {
      appends++;
      if (appends === 2) throw new Failure('internal', 'a bug');
    };
    const { database, push } = await openDatabase({ beforeAppend });
    await push('one', packed);
    const pushes = Array.from({ length: 8 }, (_, i) => push(`p${i}`, packed));
    await Promise.all(pushes);
    await database.flush('api');
    const [block] = database.blocks;
    expect(block?.stats).toMatchObject({ numProfiles: 18, numSeries: 18 });
  });

  it('puts a record in quarantine that no head can take, says so, and keeps the rest', async () => {
    const poison = loadFixture('rust-cpu').packed;
    let goodTimeNs: bigint | undefined;
    const { database, push, platform, quarantine } = await openDatabase({
      beforeAppend: ({ timeNs }) => {
        // The first append tells the time of the good profile; every other one fails.
        goodTimeNs ??= timeNs;
        if (timeNs !== goodTimeNs) throw new Failure('internal', 'a bug');
      },
    });
    await push('one', packed);
    await push('poison', poison);
    await push('two', packed);
    expect(await services(database)).toEqual(['one', 'two']);
    expect(platform.lines.map((line) => line['msg'])).toContain(
      'log record cannot be applied, it is in quarantine',
    );
    expect(await quarantine.get('2.pprof')).toEqual(poison);
    await database.flush('api');
    expect(database.blocks.map(({ stats }) => stats.numProfiles)).toEqual([4]);
  });
});

describe('a head without room', () => {
  it('is sealed, and the next one takes the profile', async () => {
    const { database, push } = await openDatabase({ headBytesMax: 2 ** 16 });
    for (const service of ['one', 'two', 'three']) await push(service, packed);
    expect(await services(database)).toEqual(['one', 'three', 'two']);
    await database.flush('api');
    const rows = database.blocks.reduce((sum, { stats }) => sum + stats.numProfiles, 0);
    expect(rows).toBe(6);
    expect(database.blocks.length).toBeGreaterThan(1);
  });

  it('starts the next one when its memory ends', async () => {
    const { database, push } = await openDatabase({ kernelBytesMax: 6 * 2 ** 20 });
    const names = ['go-cpu', 'jvm-cpu', 'node-wall', 'python-wall', 'rust-cpu'] as const;
    for (let i = 0; i < 300; i++) {
      const name = names[i % names.length] as (typeof names)[number];
      await push(name, stamped(loadFixture(name).packed, BigInt(i + 1)));
    }
    expect(await services(database)).toEqual([...names].sort());
    await database.flush('api');
    expect(database.blocks.length).toBeGreaterThan(1);
  });

  it('refuses what no head could ever scan, and goes on', async () => {
    const { database, push } = await openDatabase({ kernelBytesMax: 2 ** 18 });
    await expect(push('large', packed)).rejects.toThrow(/profile of \d+ bytes cannot be decoded/);
    expect(await services(database)).toEqual([]);
  });
});
