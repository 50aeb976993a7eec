// A bucket in a folder of the local disk. Owns durability: what a call stored is fsynced, and so
// is the folder that names it, before the call resolves. Readers see whole objects only: every
// write goes to a `.tmp-` name first and is renamed or linked into place.
import * as nodeFileSystem from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Failure } from '../errors.ts';
import { forEachBounded } from '../lib/bounded.ts';
import type { FileSystem } from '../lib/file-system.ts';
import type {
  Bucket,
  ByteRange,
  ListOptions,
  ListPage,
  ObjectInfo,
  PutOptions,
  Stage,
} from './bucket.ts';
import { codeOf, Disk, diskFailure } from './filesystem-disk.ts';
import { readEntries, sweepFolder } from './filesystem-entries.ts';
import { type FoundItem, walkFolder } from './filesystem-list.ts';
import { pathOfKey } from './filesystem-path.ts';
import { FilesystemStage } from './filesystem-stage.ts';
import {
  isKey,
  validateFolder,
  validateKey,
  validatePageSize,
  validatePrefix,
  validateRange,
} from './keys.ts';

// A listing needs the size of every object of a page; more at once only queue in the pool of
// threads that node-like runtimes use for files.
const statsAtOnce = 16;

export class FilesystemBucket implements Bucket {
  readonly name: string;
  readonly #disk: Disk;

  /** `folder` is made at the first write. `fileSystem` is the runtime's own unless given. */
  constructor(folder: string, fileSystem: FileSystem = nodeFileSystem) {
    this.#disk = new Disk(resolve(folder), fileSystem);
    this.name = `file://${this.#disk.root}`;
  }

  async get(key: string, options: { signal?: AbortSignal } = {}): Promise<Uint8Array> {
    return this.#read(key, undefined, options.signal);
  }

  async getRange(
    key: string,
    range: ByteRange,
    options: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    validateRange(range);
    return this.#read(key, range, options.signal);
  }

  async head(key: string, options: { signal?: AbortSignal } = {}): Promise<ObjectInfo> {
    const path = this.#path(key);
    options.signal?.throwIfAborted();
    const info = await this.#do(`head of ${key}`, () => this.#info(key, path));
    if (info === undefined) throw new Failure('missing', `${this.name} has no object ${key}`);
    return info;
  }

  async put(key: string, body: Uint8Array, options: PutOptions = {}): Promise<boolean> {
    const { isStored } = await this.#write(key, [body], options);
    return isStored;
  }

  async putStream(
    key: string,
    chunks: AsyncIterable<Uint8Array>,
    options: { signal?: AbortSignal } = {},
  ): Promise<number> {
    const { bytes } = await this.#write(key, chunks, options);
    return bytes;
  }

  async list(prefix: string, options: ListOptions = {}): Promise<ListPage> {
    validatePrefix(prefix);
    const pageSize = validatePageSize(options.pageSize);
    const readFolder = (path: string) => readEntries(this.#disk, path);
    const items: FoundItem[] = [];
    let isLast = true;
    await this.#do(`list of ${prefix}`, async () => {
      for await (const found of walkFolder(this.#disk.root, readFolder, prefix, options)) {
        if (!found.isPrefix && !isKey(found.item)) continue;
        isLast = items.length < pageSize;
        if (!isLast) break;
        items.push(found);
      }
    });
    const infos = new Map<string, ObjectInfo>();
    const files = items.filter((item) => !item.isPrefix);
    await this.#do(`list of ${prefix}`, () =>
      forEachBounded(files, statsAtOnce, async ({ item, path }) => {
        const info = await this.#info(item, path);
        // Deleted since the folder was read.
        if (info !== undefined) infos.set(item, info);
      }),
    );
    return {
      objects: files.flatMap(({ item }) => infos.get(item) ?? []),
      prefixes: items.filter((item) => item.isPrefix).map(({ item }) => item),
      cursor: isLast ? undefined : items.at(-1)?.item,
    };
  }

  async delete(key: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    const path = this.#path(key);
    options.signal?.throwIfAborted();
    await this.#do(`delete of ${key}`, async () => {
      const isRemoved = await this.#disk.removeFile(path);
      // Also when it was not there: another delete may have removed it and failed to fsync that.
      await this.#disk.syncNearest(dirname(path));
      if (isRemoved) await this.#disk.pruneFolders(dirname(path));
    });
  }

  async stage(prefix: string): Promise<Stage> {
    validateFolder(prefix);
    const target = join(this.#disk.root, pathOfKey(prefix.slice(0, -1)));
    return this.#do(`stage of ${prefix}`, async () => {
      const { path } = await this.#disk.makeTemporary(dirname(target), (made) =>
        this.#disk.fileSystem.mkdir(made),
      );
      return new FilesystemStage(this.#disk, prefix, path, target);
    });
  }

  /**
   * Removes what unfinished writes and dead stages left behind; answers how many. Afterwards all
   * that can be read is durable, also what a process wrote that died before it could fsync. Only
   * for a folder that nobody writes to: at start, under the lock of the data folder.
   */
  async sweep(): Promise<number> {
    return this.#do('sweep', () => sweepFolder(this.#disk, this.#disk.root));
  }

  #path(key: string): string {
    validateKey(key);
    return join(this.#disk.root, pathOfKey(key));
  }

  async #read(
    key: string,
    range: ByteRange | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    const path = this.#path(key);
    signal?.throwIfAborted();
    try {
      return await this.#disk.readFile(path, range);
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') {
        throw new Failure('missing', `${this.name} has no object ${key}`, { cause: error });
      }
      throw diskFailure(error, `${this.name}: get of ${key}`);
    }
  }

  async #write(
    key: string,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options: PutOptions,
  ): Promise<{ isStored: boolean; bytes: number }> {
    const target = this.#path(key);
    options.signal?.throwIfAborted();
    return this.#do(`put of ${key}`, async () => {
      const folder = dirname(target);
      const { path } = await this.#disk.makeTemporary(folder, async (made) =>
        (await this.#disk.fileSystem.open(made, 'wx')).close(),
      );
      let isStored = false;
      try {
        const bytes = await this.#disk.writeFile(path, chunks, options.signal);
        isStored = await this.#giveName(path, target, options.onlyIfAbsent === true);
        await this.#disk.syncFolder(folder);
        return { isStored, bytes };
      } finally {
        // Still there after a link, a lost race or a failure.
        await this.#disk.discardFile(path);
        if (!isStored) await this.#disk.pruneFolders(folder);
      }
    });
  }

  async #do<T>(doing: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw diskFailure(error, `${this.name}: ${doing}`);
    }
  }

  /** True when stored; false when a file has the name; throws EISDIR when a folder has it. */
  async #giveName(path: string, target: string, onlyIfAbsent: boolean): Promise<boolean> {
    try {
      if (onlyIfAbsent) await this.#disk.fileSystem.link(path, target);
      else await this.#disk.fileSystem.rename(path, target);
      return true;
    } catch (error) {
      if (!onlyIfAbsent || codeOf(error) !== 'EEXIST') throw error;
      if (!(await this.#disk.isFolder(target))) return false;
      throw Object.assign(error as Error, { code: 'EISDIR' });
    }
  }

  async #info(key: string, path: string): Promise<ObjectInfo | undefined> {
    try {
      const stat = await this.#disk.fileSystem.stat(path);
      if (!stat.isFile()) return undefined;
      return { key, bytes: stat.size, modifiedMs: Math.floor(stat.mtimeMs) };
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
      throw error;
    }
  }
}
