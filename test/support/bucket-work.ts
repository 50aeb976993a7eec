// Pieces of work for a filesystem bucket on a disk that fails: each call tells the oracle what it
// promises. Owns which orders of calls are worth a power loss at every step.
import { FilesystemBucket } from '../../src/bucket/filesystem.ts';
import { BucketOracle, type Content } from './bucket-oracle.ts';
import { bytesOf, chunked } from './bytes.ts';
import { ModelDisk, type ModelDiskOptions } from './model-disk.ts';
import type { Fault } from './model-disk-control.ts';
import type { PowerLossCase } from './power-loss.ts';

/** Below the root of a disk that has nothing yet. */
export const bucketFolder = '/data/bucket';

export type BucketWork = (bucket: FilesystemBucket, oracle: BucketOracle) => Promise<void>;

export function openBucket(disk: ModelDisk): FilesystemBucket {
  return new FilesystemBucket(bucketFolder, disk);
}

/** Text of some sectors that shows where it was torn. */
export function longText(name: string, bytes: number): string {
  let text = '';
  for (let at = 0; text.length < bytes; at++) text += `${name}${at} `;
  return text.slice(0, bytes);
}

function put(bucket: FilesystemBucket, oracle: BucketOracle, key: string, text: string) {
  return oracle.does(key, { [key]: text }, () => bucket.put(key, bytesOf(text)));
}

function remove(bucket: FilesystemBucket, oracle: BucketOracle, key: string) {
  return oracle.does(key, {}, () => bucket.delete(key));
}

const tables: Content = {
  'samples.parquet': longText('s', 1300),
  'series.parquet': longText('r', 40),
  // Too long for one file name: it becomes folders.
  [`${'long'.repeat(60)}.parquet`]: longText('l', 90),
};
const meta = longText('m', 600);

/** What a block holds once it is committed. */
export function blockContent(prefix: string): Content {
  const files = Object.entries({ ...tables, 'meta.json': meta });
  return Object.fromEntries(files.map(([name, text]) => [prefix + name, text]));
}

async function fillStage(bucket: FilesystemBucket, oracle: BucketOracle, prefix: string) {
  oracle.may(prefix, {});
  const stage = await oracle.tries(() => bucket.stage(prefix));
  for (const [name, text] of Object.entries(tables)) {
    await oracle.tries(() => stage.putStream(name, chunked(bytesOf(text), 700)));
  }
  return stage;
}

async function commitBlock(bucket: FilesystemBucket, oracle: BucketOracle, prefix: string) {
  const stage = await fillStage(bucket, oracle, prefix);
  await oracle.does(prefix, blockContent(prefix), () => stage.commit(bytesOf(meta)));
}

/** As retention and a failed flush do: `meta.json` first, so that no block is without a table. */
async function deleteBlock(bucket: FilesystemBucket, oracle: BucketOracle, prefix: string) {
  const left = { ...blockContent(prefix) };
  for (const name of ['meta.json', ...Object.keys(tables)]) {
    delete left[prefix + name];
    await oracle.does(prefix, left, () => bucket.delete(prefix + name));
  }
}

async function* breakingStream(): AsyncGenerator<Uint8Array> {
  yield bytesOf(longText('lost', 900));
  throw new Error('the source broke');
}

async function failPut(bucket: FilesystemBucket, oracle: BucketOracle, key: string) {
  oracle.is(key, {});
  await oracle
    .tries(() => bucket.putStream(key, breakingStream()))
    .then(
      () => {
        throw new Error('a stream that breaks was stored');
      },
      (error: Error) => {
        if (error.message !== 'the source broke') throw error;
      },
    );
}

export const bucketWorks: Readonly<Record<string, BucketWork>> = {
  'put, and put again': async (bucket, oracle) => {
    await put(bucket, oracle, 'a/b', 'one');
    await put(bucket, oracle, 'a/b', longText('two', 1500));
    await put(bucket, oracle, 'a/b', 'three');
    await put(bucket, oracle, 'a/c/d', 'deeper');
    await put(bucket, oracle, 'top', '');
  },

  'put streams': async (bucket, oracle) => {
    for (const [key, bytes] of [
      ['x/y', 3000],
      ['x/y', 2100],
      ['z', 1],
    ] as const) {
      const text = longText(`${bytes}-`, bytes);
      const stream = () => chunked(bytesOf(text), 800);
      await oracle.does(key, { [key]: text }, () => bucket.putStream(key, stream()));
    }
    await failPut(bucket, oracle, 'x/lost');
    await failPut(bucket, oracle, 'lost/alone');
  },

  'put only if absent, two at once': async (bucket, oracle) => {
    const key = 'locks/one';
    const texts = ['first', longText('second', 700)];
    for (const text of texts) oracle.may(key, { [key]: text });
    const race = texts.map((text) => async () => {
      const options = { onlyIfAbsent: true };
      // A retry may meet what the refused attempt has stored after all.
      const isStored = await oracle.tries(() => bucket.put(key, bytesOf(text), options));
      // Whoever it was: the object is there from now on.
      oracle.isNot(key, {});
      if (isStored) oracle.is(key, { [key]: text });
    });
    await Promise.all(race.map((each) => each()));
    const again = await oracle.tries(() =>
      bucket.put(key, bytesOf('late'), { onlyIfAbsent: true }),
    );
    if (again) throw new Error('an object was stored over another');
  },

  'delete, down to the empty folder': async (bucket, oracle) => {
    await put(bucket, oracle, 'f/g/a', 'a');
    await put(bucket, oracle, 'f/g/b', longText('b', 600));
    await remove(bucket, oracle, 'f/g/a');
    await remove(bucket, oracle, 'f/g/b');
    await remove(bucket, oracle, 'f/g/b');
    await put(bucket, oracle, 'f/g/b', 'again');
    await remove(bucket, oracle, 'never/was');
  },

  'puts and deletes in one folder at once': async (bucket, oracle) => {
    await put(bucket, oracle, 'h/i/a', 'a');
    await Promise.all([
      remove(bucket, oracle, 'h/i/a'),
      failPut(bucket, oracle, 'h/i/b'),
      put(bucket, oracle, 'h/j', 'j'),
    ]);
    await Promise.all([
      put(bucket, oracle, 'h/i/c', 'c'),
      remove(bucket, oracle, 'h/j'),
      put(bucket, oracle, 'h/i/d', 'd'),
    ]);
    await Promise.all([remove(bucket, oracle, 'h/i/c'), remove(bucket, oracle, 'h/i/d')]);
  },

  'stage and commit': async (bucket, oracle) => {
    await put(bucket, oracle, 't/shipper.json', '{}');
    await commitBlock(bucket, oracle, 't/local/B1/');
    await put(bucket, oracle, 't/shipper.json', '{"uploaded":["B1"]}');
  },

  'stage and abort': async (bucket, oracle) => {
    const stage = await fillStage(bucket, oracle, 't/local/B1/');
    await oracle.does('t/local/B1/', {}, () => stage.abort());
    await put(bucket, oracle, 't/shipper.json', '{}');
  },

  'commit two blocks at once and delete one': async (bucket, oracle) => {
    await Promise.all([
      commitBlock(bucket, oracle, 't/local/B1/'),
      commitBlock(bucket, oracle, 't/local/B2/'),
    ]);
    await deleteBlock(bucket, oracle, 't/local/B1/');
  },

  'abort a commit that failed': async (bucket, oracle) => {
    const prefix = 't/local/B1/';
    const stage = await fillStage(bucket, oracle, prefix);
    oracle.may(prefix, blockContent(prefix));
    const outcome = await stage.commit(bytesOf(meta)).then(
      () => 'committed',
      (error: unknown) => oracle.failures.push(error),
    );
    if (outcome === 'committed') oracle.is(prefix, blockContent(prefix));
    else await oracle.does(prefix, {}, () => stage.abort());
  },
};

/** The work on a new disk. */
export function bucketCase(
  name: string,
  options: ModelDiskOptions = {},
): PowerLossCase<BucketOracle> {
  return {
    start: () => ({ disk: new ModelDisk(options), state: new BucketOracle() }),
    work: async (disk, oracle) => bucketWorks[name]?.(openBucket(disk), oracle),
    check: problemsAfterSweep,
  };
}

/** The work on a new disk on which calls fail. */
export function failingCase(name: string, fault: Fault): PowerLossCase<BucketOracle> {
  const test = bucketCase(name, { seed: fault.at ?? 0 });
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
export function diedCase(name: string, index: number): PowerLossCase<BucketOracle> {
  const test = bucketCase(name);
  return {
    ...test,
    start: async () => {
      const { disk, state } = await test.start();
      disk.control.stopAt(index);
      await Promise.race([test.work(disk, state), disk.control.stopped]);
      return { disk: disk.restart(), state };
    },
    work: goOn,
  };
}

/** What it reads after the sweep it relies upon, and it writes beside it. */
async function goOn(disk: ModelDisk, oracle: BucketOracle): Promise<void> {
  const bucket = openBucket(disk);
  await bucket.sweep();
  await oracle.trusts(bucket);
  for (const key of ['a/new', 't/local/new']) {
    await oracle.does(key, { [key]: 'new' }, () => bucket.put(key, bytesOf('new')));
  }
}

async function problemsAfterSweep(disk: ModelDisk, oracle: BucketOracle): Promise<string[]> {
  const bucket = openBucket(disk);
  await bucket.sweep();
  const problems = await oracle.problems(bucket);
  for (const path of await pathsIn(disk, bucketFolder)) {
    if (path.includes('/.tmp-')) problems.push(`the sweep left ${path}`);
  }
  return problems;
}

async function pathsIn(disk: ModelDisk, folder: string): Promise<string[]> {
  // A power loss may leave nothing, not even the root.
  if (folder === bucketFolder && !(await isThere(disk, folder))) return [];
  const found: string[] = [];
  for (const item of await disk.readdir(folder, { withFileTypes: true })) {
    const path = `${folder}/${item.name}`;
    found.push(path, ...(item.isDirectory() ? await pathsIn(disk, path) : []));
  }
  return found;
}

function isThere(disk: ModelDisk, path: string): Promise<boolean> {
  return disk.stat(path).then(
    () => true,
    () => false,
  );
}
