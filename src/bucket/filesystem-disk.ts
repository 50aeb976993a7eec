// Durable writes on a local disk: what the filesystem bucket asks of it. Owns fsync, which names of
// folders are known to be durable, and the words for what a disk refuses; knows paths, not keys.
import { randomUUID } from 'node:crypto';
import { dirname, join } from 'node:path';
import { Failure, messageOf } from '../errors.ts';
import { Serial } from '../lib/bounded.ts';
import { syncFolder, trySyncFolder } from '../lib/durable-folder.ts';
import type { FileHandle, FileSystem } from '../lib/file-system.ts';
import type { ByteRange } from './bucket.ts';
import { temporaryPrefix } from './filesystem-path.ts';
import { resolveRange } from './keys.ts';

// A folder can be pruned between its making and the first file in it; losing that race more often
// than this means that something else removes folders.
const folderAttempts = 10;

// Forgetting a folder costs an fsync when it is written to again; 10,000 paths are about 2 MB.
const durableFoldersMax = 10_000;

/** The `code` of an error of the system (`ENOENT`), or undefined. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** What the source of a stream threw: never the disk's doing, whatever its code says. */
class SourceError extends Error {
  readonly thrown: unknown;

  constructor(thrown: unknown) {
    super('the source of a stream failed');
    this.thrown = thrown;
  }
}

/**
 * Turns an error of the system into a Failure; anything else (a Failure, the reason of a signal,
 * what a source threw) is answered unchanged.
 */
export function diskFailure(error: unknown, doing: string): unknown {
  if (error instanceof SourceError) return error.thrown;
  const code = codeOf(error);
  // DOMException and errors of node's own checks have codes too, of another form.
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error;
  if (code === 'ENAMETOOLONG') {
    return new Failure('invalid', `${doing}: ${messageOf(error)}`, { cause: error });
  }
  if (['ENOTDIR', 'EISDIR', 'ENOTEMPTY', 'EEXIST'].includes(code)) {
    const message = `${doing}: a file and a folder cannot share a name`;
    return new Failure('invalid', message, { cause: error });
  }
  return new Failure('unavailable', `${doing}: ${messageOf(error)}`, { cause: error });
}

/** One tree of folders below `root`, which is made at the first write. */
export class Disk {
  readonly root: string;
  readonly fileSystem: FileSystem;
  // Folders are made one after another, so that whoever finds a folder in `#durable` or makes it
  // need not look whether another call is still at it.
  readonly #folders = new Serial();
  // Folders whose names, and those of all above them, are on the disk for good. One that is merely
  // there may have been made by a process that died before its fsync.
  readonly #durable = new Set<string>();

  constructor(root: string, fileSystem: FileSystem) {
    this.root = root;
    this.fileSystem = fileSystem;
  }

  /** Makes `folder` and those above it; resolves when the names of all of them are durable. */
  makeFolder(folder: string): Promise<void> {
    return this.#folders.run(async () => {
      const first = await this.fileSystem.mkdir(folder, { recursive: true });
      const isNew = (path: string) => first !== undefined && path.length >= first.length;
      const unsure: string[] = [];
      for (let path = folder; dirname(path) !== path; path = dirname(path)) {
        if (isNew(path)) this.#durable.delete(path);
        if (this.#durable.has(path)) break;
        unsure.push(path);
      }
      if (this.#durable.size > durableFoldersMax) this.#durable.clear();
      // From above, so that a folder is taken for durable only after those that lead to it.
      for (const path of unsure.reverse()) {
        if (isNew(path) || path.startsWith(`${this.root}/`)) await this.syncFolder(dirname(path));
        else await trySyncFolder(this.fileSystem, dirname(path));
        this.#durable.add(path);
      }
    });
  }

  /** Makes an unfinished file or folder in `folder`; answers what `make` answered and the path. */
  async makeTemporary<T>(
    folder: string,
    make: (path: string) => Promise<T>,
  ): Promise<{ made: T; path: string }> {
    for (let attempt = 1; ; attempt++) {
      await this.makeFolder(folder);
      const path = join(folder, temporaryPrefix + randomUUID());
      try {
        return { made: await make(path), path };
      } catch (error) {
        if (codeOf(error) !== 'ENOENT' || attempt === folderAttempts) throw error;
      }
    }
  }

  /** Removes `folder` and those above it, below the root, as long as they are empty. */
  pruneFolders(folder: string): Promise<void> {
    return this.#folders.run(async () => {
      for (let empty = folder; empty.startsWith(`${this.root}/`); empty = dirname(empty)) {
        try {
          await this.fileSystem.rmdir(empty);
          this.#durable.delete(empty);
        } catch (error) {
          if (codeOf(error) === 'ENOENT') continue;
          // In use again, or not ours to remove: an empty folder is no object and harms nobody.
          return;
        }
      }
    });
  }

  /** Flushes a folder's names to the disk. */
  syncFolder(folder: string): Promise<void> {
    return syncFolder(this.fileSystem, folder);
  }

  /**
   * Flushes the names in `folder`, or when it has gone those of the nearest folder above it within
   * the root: then whatever was in it is gone for good.
   */
  async syncNearest(folder: string): Promise<void> {
    for (let path = folder; this.#isInside(path); path = dirname(path)) {
      try {
        await this.syncFolder(path);
        return;
      } catch (error) {
        if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error;
      }
    }
  }

  /** Writes all chunks to a new file at `path` and fsyncs it; answers the bytes. */
  async writeFile(
    path: string,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const handle = await this.fileSystem.open(path, 'w');
    try {
      let bytes = 0;
      for await (const chunk of fromSource(chunks)) {
        signal?.throwIfAborted();
        await writeAll(handle, chunk);
        bytes += chunk.length;
      }
      signal?.throwIfAborted();
      await handle.sync();
      return bytes;
    } finally {
      await handle.close();
    }
  }

  /** Reads a file, or a range of it; throws ENOENT for a folder too. */
  async readFile(path: string, range: ByteRange | undefined): Promise<Uint8Array> {
    const handle = await this.fileSystem.open(path, 'r');
    try {
      const stat = await handle.stat();
      if (!stat.isFile()) throw Object.assign(new Error(`${path} is no file`), { code: 'ENOENT' });
      const whole = { offset: 0, length: stat.size };
      const { offset, length } = range === undefined ? whole : resolveRange(range, stat.size);
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; ) {
        const { bytesRead } = await handle.read(bytes, at, length - at, offset + at);
        // Objects are replaced, never changed in place: a shorter file is a damaged disk.
        if (bytesRead === 0) throw new Failure('corrupt', `${path} ends at byte ${offset + at}`);
        at += bytesRead;
      }
      return bytes;
    } finally {
      await handle.close();
    }
  }

  /** Removes a file if it is there. */
  async removeFile(path: string): Promise<boolean> {
    try {
      await this.fileSystem.unlink(path);
      return true;
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return false;
      // A folder is not an object. Linux says EISDIR for one, macOS EPERM, Deno ENOTEMPTY.
      if (await this.isFolder(path)) return false;
      throw error;
    }
  }

  /** Removes an unfinished file after a failure, which is what the caller is to hear of. */
  async discardFile(path: string): Promise<void> {
    try {
      await this.removeFile(path);
    } catch (error) {
      // The next sweep removes it; only a bug of ours may hide the failure.
      if (codeOf(error) === undefined) throw error;
    }
  }

  /** True when `path` is there and is a folder. */
  async isFolder(path: string): Promise<boolean> {
    try {
      return (await this.fileSystem.stat(path)).isDirectory();
    } catch (error) {
      if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return false;
      throw error;
    }
  }

  #isInside(path: string): boolean {
    return path === this.root || path.startsWith(`${this.root}/`);
  }
}

async function* fromSource(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
  try {
    yield* chunks;
  } catch (error) {
    throw new SourceError(error);
  }
}

async function writeAll(handle: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, at, chunk.length - at);
    at += bytesWritten;
  }
}
