// The verbs that query, over blocks without a server: every place that blocks may lie in answers
// the same, and what is wrong with a place is said.
import { cp, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { queryCommand } from '../../../src/cli/query.ts';
import { seriesCommand } from '../../../src/cli/series.ts';
import { topCommand } from '../../../src/cli/top.ts';
import { temporaryFolder } from '../../support/duckdb.ts';
import { run } from './lines.ts';

const ulid = '01J0GMDEN00000000000000000';
const golden = fileURLToPath(new URL(`../../golden/block/${ulid}`, import.meta.url));

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

/** A folder of its own with the golden block at `path` in it. */
async function placeWith(name: string, ...paths: string[]): Promise<string> {
  for (const path of paths) {
    const to = join(folder.path, name, path, ulid);
    await mkdir(join(to, '..'), { recursive: true });
    await cp(golden, to, { recursive: true });
  }
  return join(folder.path, name);
}

// All of the block together is more than 64 bits hold.
const query = 'memory:inuse_space:bytes:space:bytes{service_name="service-0"}';
const all = ['--from', 'now-20y', '--until', 'now'];

describe('a query', () => {
  it.each([
    ['a data folder', 'tenants/anonymous/local', ''],
    ['one tenant of a data folder', 'tenants/anonymous/local', 'tenants/anonymous'],
    ['a folder of blocks', 'tenants/anonymous/local', 'tenants/anonymous/local'],
    ['a block', 'blocks', `blocks/${ulid}`],
    ['a bucket', 'anonymous/phlaredb', ''],
    ['one tenant of a bucket', 'anonymous/phlaredb', 'anonymous'],
  ])('reads %s', async (what, path, below) => {
    const direct = await run(seriesCommand, golden, '--labels');
    expect([direct.code, direct.lines.length > 1]).toEqual([0, true]);
    const root = await placeWith(what.replaceAll(' ', '-'), path);
    const place = join(root, below);
    expect(await run(seriesCommand, place, '--labels')).toEqual(direct);
    expect(await run(seriesCommand, `file://${place}`, '--labels')).toEqual(direct);
    for (const command of [topCommand, queryCommand]) {
      const found = await run(command, query, place, ...all);
      expect([found.code, found.lines.length > 0]).toEqual([0, true]);
      expect(await run(command, query, golden, ...all)).toEqual(found);
    }
  });

  it('finds nothing in a time without profiles', async () => {
    const early = ['--from', '1', '--until', '2'];
    expect(await run(topCommand, golden, ...early)).toEqual({ code: 1, lines: [] });
  });

  it('reads the tenant that is named, and asks for a name when there are several', async () => {
    const root = await placeWith('several', 'tenants/anonymous/local', 'tenants/other/local');
    const named = await run(seriesCommand, root, '--tenant', 'anonymous');
    const unnamed = await run(seriesCommand, root);
    const absent = await run(seriesCommand, root, '--tenant', 'nobody');
    expect(named.code).toBe(0);
    expect(unnamed.lines).toEqual([
      expect.stringMatching(/--tenant tells which: anonymous other$/),
    ]);
    expect(absent.lines).toEqual([expect.stringMatching(/holds no blocks of tenant nobody$/)]);
  });

  it('says what is wrong with a place', async () => {
    const empty = join(folder.path, 'empty');
    await mkdir(empty);
    const renamed = await placeWith('renamed', '.');
    await rename(join(renamed, ulid), join(renamed, 'odd'));
    expect((await run(seriesCommand, empty)).lines.join()).toMatch(/holds no blocks$/);
    const absent = await run(seriesCommand, join(folder.path, 'absent'));
    expect(absent.lines.join()).toMatch(/does not exist$/);
    const odd = await run(seriesCommand, join(renamed, 'odd'));
    expect(odd.lines).toEqual([`the folder of block ${ulid} is not named so`]);
  });
});
