// The model disk itself: it answers as the disk of this machine does, and what it may lose is what
// was not fsynced. On Node only: the other runtimes' disks differ in the words of some errors.
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FileSystem } from '../../src/lib/file-system.ts';
import { createRandom, type Random } from '../fixtures/random.ts';
import { bytesOf, patterned, textOf } from '../support/bytes.ts';
import { ModelDisk } from '../support/model-disk.ts';

const manySeeds = Array.from({ length: 60 }, (_, seed) => seed);

async function write(disk: FileSystem, path: string, bytes: Uint8Array, offset = 0): Promise<void> {
  const file = await disk.open(path, 'r+').catch(() => disk.open(path, 'w'));
  await file.write(bytes, 0, bytes.length, offset);
  await file.close();
}

async function sync(disk: FileSystem, path: string): Promise<void> {
  const file = await disk.open(path, 'r');
  await file.sync();
  await file.close();
}

/** The text of a file, or the code of the error. */
async function read(disk: FileSystem, path: string): Promise<string> {
  try {
    const file = await disk.open(path, 'r');
    const bytes = new Uint8Array((await file.stat()).size);
    await file.read(bytes, 0, bytes.length, 0);
    await file.close();
    return textOf(bytes);
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** What each of many power losses leaves of a file, each kind once. */
async function outcomes(disk: ModelDisk, path: string): Promise<string[]> {
  const found = new Set<string>();
  for (const seed of manySeeds) found.add(await read(disk.crash(seed), path));
  return [...found].sort();
}

describe('the model disk', () => {
  it('answers as a real disk does to calls at random', async () => {
    const root = await fs.mkdtemp(join(tmpdir(), 'phlox-model-'));
    try {
      const disk = new ModelDisk();
      await disk.mkdir(root, { recursive: true });
      const random = createRandom(20_261_122);
      for (let call = 0; call < 1500; call++) {
        const doing = randomCall(random, root);
        const expected = await outcomeOf(doing, fs);
        expect([call, String(doing), await outcomeOf(doing, disk)]).toEqual([
          call,
          String(doing),
          expected,
        ]);
      }
      expect(await treeOf(disk, root)).toEqual(await treeOf(fs, root));
    } finally {
      await fs.rm(root, { recursive: true });
    }
  });

  it('keeps, drops or tears a write that was not fsynced', async () => {
    const disk = new ModelDisk();
    await write(disk, '/f', bytesOf('old'.repeat(500)));
    await sync(disk, '/f');
    await sync(disk, '/');
    await write(disk, '/f', bytesOf('new'.repeat(400)), 300);
    const found = await outcomes(disk, '/f');
    expect(found).toContain('old'.repeat(500));
    expect(found).toContain('old'.repeat(100) + 'new'.repeat(400));
    expect(found.length).toBeGreaterThan(20);
    // A sector that is written before the one in front of it.
    expect(found.some((text) => text.startsWith('old'.repeat(101)) && /new$/.test(text))).toBe(
      true,
    );
    await sync(disk, '/f');
    expect(await outcomes(disk, '/f')).toEqual(['old'.repeat(100) + 'new'.repeat(400)]);
  });

  it('lets a file grow without what was written there', async () => {
    const disk = new ModelDisk();
    await write(disk, '/f', bytesOf('ab'));
    await sync(disk, '/f');
    await sync(disk, '/');
    await write(disk, '/f', bytesOf('cd'), 2);
    const found = await outcomes(disk, '/f');
    for (const text of ['ab', 'abcd', 'ab\0', 'ab\0\0']) expect(found).toContain(text);
    const file = await disk.open('/f', 'r+');
    await file.truncate(1);
    await file.close();
    expect(await outcomes(disk, '/f')).toContain('a');
    await sync(disk, '/f');
    expect(await outcomes(disk, '/f')).toEqual(['a']);
  });

  it('has a name only after the fsync of its folder, whatever was done with the file', async () => {
    const disk = new ModelDisk();
    await disk.mkdir('/d');
    await write(disk, '/d/f', bytesOf('x'));
    await sync(disk, '/d/f');
    expect(await outcomes(disk, '/d/f')).toEqual(['ENOENT', 'x']);
    await sync(disk, '/d');
    // The folder has no name yet itself.
    expect(await outcomes(disk, '/d/f')).toEqual(['ENOENT', 'x']);
    await sync(disk, '/');
    expect(await outcomes(disk, '/d/f')).toEqual(['x']);
    await disk.unlink('/d/f');
    expect(await outcomes(disk, '/d/f')).toEqual(['ENOENT', 'x']);
  });

  it('renames as a whole and never has a folder in two places', async () => {
    const disk = new ModelDisk();
    await disk.mkdir('/a');
    await write(disk, '/a/f', bytesOf('x'));
    await sync(disk, '/a/f');
    await sync(disk, '/a');
    await sync(disk, '/');
    await disk.rename('/a', '/b');
    await disk.rename('/b', '/c');
    const found = new Set<string>();
    for (const seed of manySeeds) {
      const names = await disk.crash(seed).readdir('/', { withFileTypes: true });
      found.add(names.map(({ name }) => name).join());
    }
    expect([...found].sort()).toEqual(['a', 'b', 'c']);
  });

  it('keeps changes of different names in any order', async () => {
    const disk = new ModelDisk();
    for (const name of ['1', '2']) await write(disk, `/${name}`, bytesOf(name));
    const found = new Set<string>();
    for (const seed of manySeeds) {
      const names = await disk.crash(seed).readdir('/', { withFileTypes: true });
      found.add(names.map(({ name }) => name).join());
    }
    expect([...found].sort()).toEqual(['', '1', '1,2', '2']);
  });

  it('covers with an fsync what was done before it, not what came while it ran', async () => {
    const disk = new ModelDisk();
    const file = await disk.open('/f', 'w');
    await sync(disk, '/');
    await file.write(bytesOf('a'), 0, 1, 0);
    const syncing = file.sync();
    await file.write(bytesOf('b'), 0, 1, 1);
    await syncing;
    expect(await read(disk.crash(0), '/f')).toBe('a');
    expect(await read(disk, '/f')).toBe('ab');
  });

  it('loses what a failed fsync should have written, though the next one succeeds', async () => {
    const found = new Set<string>();
    for (const seed of manySeeds) {
      const disk = new ModelDisk({ seed });
      const file = await disk.open('/f', 'w');
      await sync(disk, '/');
      await file.write(bytesOf('abc'), 0, 3, 0);
      disk.control.fail({ kind: 'sync', code: 'EIO' });
      await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' });
      await file.sync();
      expect(await read(disk, '/f')).toBe('abc');
      found.add(await read(disk.crash(1), '/f'));
    }
    for (const text of ['', 'abc']) expect(found).toContain(text);
    expect(found.size).toBeGreaterThan(2);
  });

  it('takes what fits and then says that it is full', async () => {
    const disk = new ModelDisk({ capacityBytes: 5 });
    const file = await disk.open('/f', 'w+');
    expect(await file.write(patterned(8), 0, 8, 0)).toEqual({ bytesWritten: 5 });
    await expect(file.write(patterned(1), 0, 1, 5)).rejects.toMatchObject({ code: 'ENOSPC' });
    // What is there already may be written over.
    expect(await file.write(patterned(5), 0, 5, 0)).toEqual({ bytesWritten: 5 });
    await disk.unlink('/f');
    await write(disk, '/g', patterned(5));
  });

  it('stops in place of one operation, for good', async () => {
    const disk = new ModelDisk();
    disk.control.stopAt(2);
    await write(disk, '/f', bytesOf('x'));
    const answered: string[] = [];
    const calls = [disk.mkdir('/d'), disk.stat('/f'), disk.mkdir('/e')];
    for (const call of calls) {
      call.then(
        () => answered.push('done'),
        () => answered.push('failed'),
      );
    }
    await disk.control.stopped;
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    expect(answered).toEqual([]);
    const next = disk.restart();
    expect((await next.readdir('/', { withFileTypes: true })).map(({ name }) => name)).toEqual([
      'f',
    ]);
  });
});

type Call = ((disk: FileSystem) => Promise<unknown>) & { toString(): string };

/** One call on a few paths, so that most meet something. */
function randomCall(random: Random, root: string): Call {
  const paths = ['a', 'b', 'a/c', 'a/d', 'b/c', 'a/c/e', 'b/c/e/f'].map(
    (path) => `${root}/${path}`,
  );
  const path = paths[random.below(paths.length)] ?? root;
  const other = paths[random.below(paths.length)] ?? root;
  const length = random.below(2000);
  const flags = (['r', 'r+', 'w', 'w+', 'wx', 'wx+'] as const)[random.below(6)] ?? 'r';
  const offset = random.below(1500);
  const isCut = random.below(3) === 0;
  const calls: Record<string, (disk: FileSystem) => Promise<unknown>> = {
    mkdir: (disk) => disk.mkdir(path),
    'mkdir recursive': (disk) => disk.mkdir(path, { recursive: true }),
    rmdir: (disk) => disk.rmdir(path),
    unlink: (disk) => disk.unlink(path),
    rename: (disk) => disk.rename(path, other),
    link: (disk) => disk.link(path, other),
    rm: (disk) => disk.rm(path, { recursive: true, force: true }),
    stat: async (disk) => {
      const stat = await disk.stat(path);
      return [stat.isFile() ? stat.size : 'folder', stat.isDirectory()];
    },
    readdir: async (disk) => {
      const items = await disk.readdir(path, { withFileTypes: true });
      return items.map((item) => [item.name, item.isFile(), item.isDirectory()]).sort();
    },
    open: async (disk) => {
      const file = await disk.open(path, flags);
      try {
        const written = await file.write(patterned(length), 0, length, offset);
        if (isCut) await file.truncate(offset);
        return written.bytesWritten;
      } finally {
        await file.close();
      }
    },
    read: (disk) => read(disk, path),
  };
  const names = Object.keys(calls);
  const name = names[random.below(names.length)] ?? 'stat';
  const text = `${name} ${path} ${other} ${flags} ${length} at ${offset}`;
  return Object.assign((disk: FileSystem) => (calls[name] as Call)(disk), { toString: () => text });
}

/** What a call answered, or the code of its error. */
async function outcomeOf(call: Call, disk: FileSystem): Promise<unknown> {
  try {
    return await call(disk);
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
}

/** All paths with what is in the files. */
async function treeOf(disk: FileSystem, folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const item of await disk.readdir(folder, { withFileTypes: true })) {
    const path = `${folder}/${item.name}`;
    found.push(item.isFile() ? `${path} ${await read(disk, path)}` : `${path}/`);
    if (item.isDirectory()) found.push(...(await treeOf(disk, path)));
  }
  return found.sort();
}
