// Durable writes on a local disk, through `node:fs`: the only calls the filesystem bucket makes.
// Owns fsync and the words for what a disk refuses; knows paths, not keys.
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Failure, messageOf } from '../errors.ts';
import { Serial } from '../lib/bounded.ts';
import type { ByteRange } from './bucket.ts';
import { temporaryPrefix } from './filesystem-path.ts';
import { resolveRange } from './keys.ts';

// A folder can be pruned between its making and the first file in it; losing that race more often
// than this means that something else removes folders.
const folderAttempts = 10;

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
  // Folders are made one after another, so that whoever finds a folder made by this process also
  // finds it fsynced.
  readonly #folders = new Serial();

  constructor(root: string) {
    this.root = root;
  }

  /** Makes `folder` and those above it, each fsynced into its parent. */
  makeFolder(folder: string): Promise<void> {
    return this.#folders.run(async () => {
      const first = await fs.mkdir(folder, { recursive: true });
      if (first === undefined) return;
      for (let made = folder; ; made = dirname(made)) {
        await syncFolder(dirname(made));
        if (made === first || dirname(made) === made) return;
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
          await fs.rmdir(empty);
        } catch (error) {
          if (codeOf(error) === 'ENOENT') continue;
          // In use again, or not ours to remove: an empty folder is no object and harms nobody.
          return;
        }
      }
    });
  }
}

/** Flushes a folder's names to the disk. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Writes all chunks to a new file at `path` and fsyncs it; answers the bytes. */
export async function writeFile(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<number> {
  const handle = await fs.open(path, 'w');
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
export async function readFile(path: string, range: ByteRange | undefined): Promise<Uint8Array> {
  const handle = await fs.open(path, constants.O_RDONLY);
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
export async function removeFile(path: string): Promise<boolean> {
  try {
    await fs.unlink(path);
    return true;
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    // A folder is not an object. Linux says EISDIR for one, macOS EPERM, Deno ENOTEMPTY.
    if (await isFolder(path)) return false;
    throw error;
  }
}

/** True when `path` is there and is a folder. */
export async function isFolder(path: string): Promise<boolean> {
  try {
    return (await fs.stat(path)).isDirectory();
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}

async function* fromSource(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
  try {
    yield* chunks;
  } catch (error) {
    throw new SourceError(error);
  }
}

async function writeAll(handle: fs.FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length; ) {
    const { bytesWritten } = await handle.write(chunk, at, chunk.length - at);
    at += bytesWritten;
  }
}
