// The filesystem bucket: the contract in a folder of its own, and what a disk adds: names, left-
// overs, a file and a folder of one name, and durability that a lost power supply would test.
import { link, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { FilesystemBucket } from '../../../src/bucket/filesystem.ts';
import { bucketContract } from '../../cases/bucket.ts';
import { bytesOf, chunked, textOf } from '../../support/bytes.ts';

const folders: string[] = [];

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'phlox-bucket-'));
  folders.push(folder);
  return folder;
}

afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

bucketContract(
  'filesystem',
  async () => {
    const folder = await makeFolder();
    return {
      // Not made yet: the first write makes it.
      bucket: new FilesystemBucket(join(folder, 'not', 'yet')),
      close: () => rm(folder, { recursive: true, force: true }),
    };
  },
  { hidesStagedFiles: true },
);

/** Names of all files and empty folders below `folder`, sorted. */
async function treeOf(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  return names.filter((name) => !names.some((other) => other.startsWith(`${name}/`))).sort();
}

describe('filesystem bucket', () => {
  it('keeps plain names readable and encodes all others', async () => {
    const folder = await makeFolder();
    const bucket = new FilesystemBucket(folder);
    for (const key of ['t-1/local/0/samples.parquet', 'A/b', 'a/b', 'x/.hidden', 'ö', 'a b~c']) {
      await bucket.put(key, bytesOf(key));
    }
    expect(await treeOf(folder)).toEqual([
      '%41/b',
      '%C3%B6',
      'a%20b%7Ec',
      'a/b',
      't-1/local/0/samples.parquet',
      'x/%2Ehidden',
    ]);
    expect(textOf(await bucket.get('A/b'))).toBe('A/b');
  });

  it('keeps ulids readable, and apart from names that differ in case only', async () => {
    const folder = await makeFolder();
    const bucket = new FilesystemBucket(folder);
    const ulid = '01J0GMDEN0ABCDEFGHJKMNPQRS';
    const mixed = `${ulid.slice(0, 25)}s`;
    const keys = [ulid, ulid.toLowerCase(), mixed, `${ulid}X`, '0'.repeat(26)];
    for (const key of keys) await bucket.put(`${key}/x`, bytesOf(key));
    const names = await readdir(folder);
    expect(names).toContain(ulid);
    expect(names).toContain(`%30${ulid.slice(1).toLowerCase()}`);
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(keys.length);
    for (const key of keys) expect(textOf(await bucket.get(`${key}/x`))).toBe(key);
    const { prefixes } = await bucket.list('', { delimiter: '/' });
    expect(prefixes.sort()).toEqual(keys.map((key) => `${key}/`).sort());
  });

  it('cuts a segment that is too long for a file name, and no two keys meet', async () => {
    const folder = await makeFolder();
    const bucket = new FilesystemBucket(folder);
    const keys = [199, 200, 201, 400, 401, 1000].map((length) => 'a'.repeat(length));
    keys.push(`${'B'.repeat(150)}/x`, `${'a'.repeat(200)}.tmp-x`, `${'c'.repeat(200)}~/x`);
    for (const key of keys) await bucket.put(key, bytesOf(`${key.length}`));
    for (const key of keys) expect(textOf(await bucket.get(key))).toBe(`${key.length}`);
    const listed = (await bucket.list('')).objects.map(({ key }) => key);
    expect(listed).toEqual([...keys].sort());
    expect((await bucket.list('', { delimiter: '/' })).prefixes).toEqual(
      [`${'B'.repeat(150)}/`, `${'c'.repeat(200)}~/`].sort(),
    );
    for (const name of (await treeOf(folder)).flatMap((path) => path.split('/'))) {
      expect(name.length).toBeLessThanOrEqual(202);
    }
    expect(await bucket.sweep()).toBe(0);
    for (const key of keys) await bucket.delete(key);
    expect(await treeOf(folder)).toEqual([]);
  });

  it('leaves out what is not its own, and follows no links', async () => {
    const folder = await makeFolder();
    const bucket = new FilesystemBucket(folder);
    await bucket.put('ours', bytesOf('1'));
    await mkdir(join(folder, 'empty', 'below'), { recursive: true });
    await mkdir(join(folder, '.tmp-dead'));
    for (const name of ['Upper', '%6Furs', '%zz', '%C3', '.hidden', '.tmp-x', '.tmp-dead/file']) {
      await writeFile(join(folder, name), 'not ours');
    }
    await symlink(join(folder, 'ours'), join(folder, 'link'));
    expect((await bucket.list('')).objects.map(({ key }) => key)).toEqual(['ours']);
    const top = await bucket.list('', { delimiter: '/' });
    expect(top.prefixes).toEqual([]);
    expect(top.cursor).toBeUndefined();
  });

  it('refuses a file and a folder of one name, and keeps what was there', async () => {
    const folder = await makeFolder();
    const bucket = new FilesystemBucket(folder);
    await bucket.put('file', bytesOf('file'));
    await bucket.put('folder/x', bytesOf('x'));
    const commit = async (prefix: string) => {
      const stage = await bucket.stage(prefix);
      await stage.commit(bytesOf('{}')).finally(() => stage.abort());
    };
    const refused: (() => Promise<unknown>)[] = [
      () => bucket.put('file/x', bytesOf('1')),
      () => bucket.put('file/x', bytesOf('1'), { onlyIfAbsent: true }),
      () => bucket.put('folder', bytesOf('1')),
      () => bucket.put('folder', bytesOf('1'), { onlyIfAbsent: true }),
      () => bucket.putStream('folder', chunked(bytesOf('1'), 1)),
      () => bucket.stage('file/x/'),
      () => commit('folder/'),
      () => commit('file/'),
    ];
    for (const call of refused) await expect(call()).rejects.toMatchObject({ kind: 'invalid' });
    expect(await treeOf(folder)).toEqual(['file', 'folder/x']);
  });

  it('sweeps what dead writers left and nothing else', async () => {
    const folder = await makeFolder();
    const bucket = new FilesystemBucket(folder);
    await bucket.put('a/b', bytesOf('1'));
    const stage = await bucket.stage('a/BLOCK/');
    await stage.putStream('t', chunked(bytesOf('t'), 1));
    await writeFile(join(folder, 'a', '.tmp-put'), 'half');
    await link(join(folder, 'a', 'b'), join(folder, '.tmp-linked'));
    // Both are seen by a bucket that starts after the writer died, and by nobody else.
    const next = new FilesystemBucket(folder);
    expect((await next.list('')).objects.map(({ key }) => key)).toEqual(['a/b']);
    expect(await next.sweep()).toBe(3);
    expect(await treeOf(folder)).toEqual(['a/b']);
    expect(await next.sweep()).toBe(0);
    expect(await new FilesystemBucket(join(folder, 'nowhere')).sweep()).toBe(0);
  });

  it('leaves no temporary file and no empty folder behind', async () => {
    const folder = await makeFolder();
    const bucket = new FilesystemBucket(folder);
    await bucket.put('a/b/c', bytesOf('1'), { onlyIfAbsent: true });
    await bucket.put('a/b/c', bytesOf('2'), { onlyIfAbsent: true });
    const breaking = (async function* () {
      yield bytesOf('1');
      throw new Error('broke');
    })();
    await expect(bucket.putStream('x/y/z', breaking)).rejects.toThrow('broke');
    const stage = await bucket.stage('s/t/');
    await stage.abort();
    expect(await treeOf(folder)).toEqual(['a/b/c']);
    await bucket.delete('a/b/c');
    expect(await treeOf(folder)).toEqual([]);
  });

  it('survives puts and deletes that race for the same folder', async () => {
    const folder = await makeFolder();
    const bucket = new FilesystemBucket(folder);
    const work = Array.from({ length: 8 }, async (_, i) => {
      for (let round = 0; round < 20; round++) {
        await bucket.put(`d/e/${i}`, bytesOf('x'));
        await bucket.delete(`d/e/${i}`);
      }
    });
    await Promise.all(work);
    expect(await treeOf(folder)).toEqual([]);
  });

  it('says unavailable with the cause when the disk refuses', async () => {
    // Nobody may make a folder in /sys, root included.
    const bucket = new FilesystemBucket('/sys/phlox-no-such-folder');
    for (const call of [() => bucket.put('k', bytesOf('x')), () => bucket.stage('b/')]) {
      await expect(call()).rejects.toMatchObject({ name: 'Failure', kind: 'unavailable' });
    }
    await expect(bucket.get('k')).rejects.toMatchObject({ kind: 'missing' });
    expect(await bucket.list('')).toEqual({ objects: [], prefixes: [], cursor: undefined });
  });

  it('names its folder', async () => {
    expect(new FilesystemBucket('/data/phlox/').name).toBe('file:///data/phlox');
  });
});
