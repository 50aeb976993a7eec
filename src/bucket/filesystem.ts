// A bucket in a folder of the local disk. Owns durability: what a call stored is fsynced, and so
// is the folder that names it, before the call resolves. Readers see whole objects only: every
// write goes to a `.tmp-` name first and is renamed or linked into place.
import * as nodeFileSystem from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Failure } from '../errors.ts';
import { forEachBounded } from '../lib/bounded.ts';
import type { FileSystem, FolderItem } from '../lib/file-system.ts';
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
import { type FolderEntry, type FoundItem, walkFolder } from './filesystem-list.ts';
import { pathOfKey, pieceOfName, segmentOfPieces, temporaryPrefix } from './filesystem-path.ts';
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
    const info = await this.#do(`head of ${key}`, () => infoOf(key, path));
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
    const items: FoundItem[] = [];
    let isLast = true;
    await this.#do(`list of ${prefix}`, async () => {
      for await (const found of walkFolder(this.#disk.root, readEntries, prefix, options)) {
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
        const info = await infoOf(item, path);
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
      if (!(await removeFile(path))) return;
      await syncFolderIfThere(dirname(path));
      await this.#disk.pruneFolders(dirname(path));
    });
  }

  async stage(prefix: string): Promise<Stage> {
    validateFolder(prefix);
    const target = join(this.#disk.root, pathOfKey(prefix.slice(0, -1)));
    return this.#do(`stage of ${prefix}`, async () => {
      const { path } = await this.#disk.makeTemporary(dirname(target), (made) => fs.mkdir(made));
      return new FilesystemStage(this.#disk, prefix, path, target);
    });
  }

  /**
   * Removes what unfinished writes and dead stages left behind; answers how many. Only for a
   * folder that nobody writes to: at start, under the lock of the data folder.
   */
  async sweep(): Promise<number> {
    return this.#do('sweep', () => sweepFolder(this.#disk.root));
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
      return await readFile(path, range);
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
        (await fs.open(made, 'wx')).close(),
      );
      let isStored = false;
      try {
        const bytes = await writeFile(path, chunks, options.signal);
        isStored = options.onlyIfAbsent
          ? await linkIfAbsent(path, target)
          : await fs.rename(path, target).then(() => true);
        await syncFolder(folder);
        return { isStored, bytes };
      } finally {
        // Still there after a link, a lost race or a failure.
        await removeFile(path);
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
}

/** True when linked; false when a file has the name; throws EISDIR when a folder has it. */
async function linkIfAbsent(path: string, target: string): Promise<boolean> {
  try {
    await fs.link(path, target);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    if (await isFolder(target)) throw Object.assign(error as Error, { code: 'EISDIR' });
    return false;
  }
}

async function infoOf(key: string, path: string): Promise<ObjectInfo | undefined> {
  try {
    const stat = await fs.stat(path);
    if (!stat.isFile()) return undefined;
    return { key, bytes: stat.size, modifiedMs: Math.floor(stat.mtimeMs) };
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
}

function readEntries(path: string): Promise<FolderEntry[]> {
  return readPieces(path, []);
}

/** What a folder holds; `pieces` are those of a segment that began further up. */
async function readPieces(path: string, pieces: readonly string[]): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = [];
  for (const dirent of await readNames(path)) {
    const isDirectory = dirent.isDirectory();
    const piece = pieceOfName(dirent.name, pieces.length === 0);
    if (piece === undefined || (!isDirectory && !dirent.isFile())) continue;
    const below = join(path, dirent.name);
    const all = [...pieces, piece.text];
    if (piece.isContinued) {
      if (isDirectory) entries.push(...(await readPieces(below, all)));
      continue;
    }
    const segment = segmentOfPieces(all);
    if (segment !== undefined) entries.push({ segment, path: below, isFolder: isDirectory });
  }
  return entries;
}

async function readNames(path: string) {
  try {
    return await fs.readdir(path, { withFileTypes: true });
  } catch (error) {
    // Not made yet, or gone since its parent was read: it holds nothing.
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw error;
  }
}

async function sweepFolder(path: string): Promise<number> {
  let count = 0;
  for (const dirent of await readNames(path)) {
    const below = join(path, dirent.name);
    if (dirent.name.startsWith(temporaryPrefix)) {
      await fs.rm(below, { recursive: true, force: true });
      count += 1;
    } else if (dirent.isDirectory()) {
      count += await sweepFolder(below);
    }
  }
  return count;
}

async function syncFolderIfThere(folder: string): Promise<void> {
  try {
    await syncFolder(folder);
  } catch (error) {
    // Another delete has just removed the folder: what it named is gone with it.
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}
