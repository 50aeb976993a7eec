// Files that are edited under a running server, on a real disk: what counts as a change.
import { chmod, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { editedFile } from '../../../src/runtime/watched-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'phlox-edited-'));
});
afterEach(() => rm(folder, { recursive: true }));

const at = (name: string) => join(folder, name);

describe('editedFile', () => {
  it('reads the whole text, up to exactly the bound', async () => {
    await writeFile(at('a'), 'grün');
    const file = editedFile(at('a'));
    expect(await file.read(5)).toBe('grün');
    await expect(file.read(4)).rejects.toMatchObject({
      kind: 'invalid',
      message: `file ${at('a')}: over 4 bytes`,
    });
    await writeFile(at('a'), '');
    expect(await file.read(0)).toBe('');
  });

  it.each([
    ['is not there', () => Promise.resolve(), 'ENOENT'],
    ['is not UTF-8', () => writeFile(at('a'), new Uint8Array([0xff])), ''],
    ['is a folder', () => symlink(folder, at('a')), 'not a file'],
  ])('refuses a file that %s', async (_what, make, message) => {
    await make();
    await expect(editedFile(at('a')).read(100)).rejects.toMatchObject({
      kind: 'invalid',
      message: expect.stringMatching(new RegExp(`^file .*${message}`)),
    });
  });

  it('has a stamp that stays while nothing happens', async () => {
    const file = editedFile(at('a'));
    expect(await file.stamp()).toBe(await file.stamp());
    await writeFile(at('a'), 'one');
    const before = await file.stamp();
    await file.read(100);
    expect(await file.stamp()).toBe(before);
  });

  it('has another stamp after every way to change it', async () => {
    const file = editedFile(at('a'));
    const stamps = [await file.stamp()];
    const changes = [
      () => writeFile(at('a'), 'one'),
      // As long as before.
      () => writeFile(at('a'), 'two'),
      () => chmod(at('a'), 0o600),
      async () => {
        await writeFile(at('b'), 'two');
        await rename(at('b'), at('a'));
      },
      async () => {
        await writeFile(at('c'), 'two');
        await rm(at('a'));
        await symlink(at('c'), at('a'));
      },
      // Behind the link, as a ConfigMap does it.
      async () => {
        await writeFile(at('d'), 'six');
        await rename(at('d'), at('c'));
      },
      () => rm(at('c')),
    ];
    for (const change of changes) {
      // Disks count time in steps of a few milliseconds.
      await new Promise((resolve) => setTimeout(resolve, 20));
      await change();
      stamps.push(await file.stamp());
    }
    for (const [i, stamp] of stamps.entries()) {
      if (i > 0) expect(stamp, `change ${i}`).not.toBe(stamps[i - 1]);
    }
  });
});
