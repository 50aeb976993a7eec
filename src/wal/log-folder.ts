// The folder of the log: names of its files, the identity in `LOG`, and the fsync of names. Owns
// which file is what; knows nothing of what is in a segment.
import { syncFolder, trySyncFolder } from '../lib/durable-folder.ts';
import type { FileHandle, FileSystem } from '../lib/file-system.ts';
import { crc32c } from './crc32c.ts';
import { writeAll } from './segment-file.ts';

const identityName = 'LOG';
const spareName = 'spare';
const segmentPattern = /^(\d{10})\.wal(\.corrupt)?$/;
const identityPattern = /^phlox log 1\n([0-9A-HJKMNP-TV-Z]{26})\n([0-9a-f]{8})\n$/;

export interface FoundSegment {
  segment: number;
  fileBytes: number;
}

export class LogFolder {
  readonly path: string;
  readonly #fileSystem: FileSystem;

  constructor(path: string, fileSystem: FileSystem) {
    this.path = path.replace(/(?<=.)\/+$/, '');
    this.#fileSystem = fileSystem;
  }

  /**
   * Makes the folder and those above it. All their names are durable then, also those that were
   * found: an earlier process may have died before it could fsync them.
   */
  async make(): Promise<void> {
    const first = await this.#fileSystem.mkdir(this.path, { recursive: true });
    let isNew = first !== undefined;
    for (let path = this.path; parentOf(path) !== path; path = parentOf(path)) {
      const sync = isNew ? syncFolder : trySyncFolder;
      await sync(this.#fileSystem, parentOf(path));
      // A relative path may be answered as an absolute one: then its last name tells.
      if (path === first || first?.endsWith(`/${path}`) === true) isNew = false;
    }
  }

  /** Segments, ascending, and the next number that no file has had. Removes what is unfinished. */
  async list(): Promise<{ segments: FoundSegment[]; next: number }> {
    const segments: FoundSegment[] = [];
    let next = 1;
    for (const item of await this.#fileSystem.readdir(this.path, { withFileTypes: true })) {
      if (item.name === `${identityName}.new`) await this.#unlink(item.name);
      const match = segmentPattern.exec(item.name);
      if (match === null || !item.isFile()) continue;
      const segment = Number(match[1]);
      next = Math.max(next, segment + 1);
      if (match[2] !== undefined) continue;
      const { size } = await this.#fileSystem.stat(this.pathOf(segment));
      segments.push({ segment, fileBytes: size });
    }
    segments.sort((a, b) => a.segment - b.segment);
    return { segments, next };
  }

  pathOf(segment: number): string {
    return `${this.path}/${String(segment).padStart(10, '0')}.wal`;
  }

  open(segment: number, flags: 'r' | 'r+'): Promise<FileHandle> {
    return this.#fileSystem.open(this.pathOf(segment), flags);
  }

  /** The log's id; undefined when the file is missing or damaged. */
  async readIdentity(): Promise<string | undefined> {
    let file: FileHandle;
    try {
      file = await this.#fileSystem.open(`${this.path}/${identityName}`, 'r');
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    try {
      const bytes = new Uint8Array(128);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
      const match = identityPattern.exec(new TextDecoder().decode(bytes.subarray(0, bytesRead)));
      const [, id, sum] = match ?? [];
      return id !== undefined && sum === sumOf(id) ? id : undefined;
    } finally {
      await file.close();
    }
  }

  /** Replaces the log's id, durably. */
  async writeIdentity(id: string): Promise<void> {
    const path = `${this.path}/${identityName}`;
    const file = await this.#fileSystem.open(`${path}.new`, 'w');
    try {
      const text = `phlox log 1\n${id}\n${sumOf(id)}\n`;
      await writeAll(file, new TextEncoder().encode(text), 0);
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#fileSystem.rename(`${path}.new`, path);
    await this.sync();
  }

  /** What may still be written to this disk. */
  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await this.#fileSystem.statfs(this.path);
    return bavail * bsize;
  }

  /** A new, empty file for the next segment, in place of one that is there. */
  makeSpare(): Promise<FileHandle> {
    return this.#fileSystem.open(`${this.path}/${spareName}`, 'w+');
  }

  /** The spare file of an earlier run when it has the right size. */
  async findSpare(fileBytes: number): Promise<FileHandle | undefined> {
    try {
      const path = `${this.path}/${spareName}`;
      if ((await this.#fileSystem.stat(path)).size !== fileBytes) return undefined;
      return await this.#fileSystem.open(path, 'r+');
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  removeSpare(): Promise<void> {
    return this.#unlink(spareName);
  }

  /** Makes the spare file a segment; durable only after `sync`. */
  nameSpare(segment: number): Promise<void> {
    return this.#fileSystem.rename(`${this.path}/${spareName}`, this.pathOf(segment));
  }

  /** Deletes a segment, or gives it the name under which it is kept for a person to look at. */
  async remove(segment: number, isKept: boolean): Promise<void> {
    const path = this.pathOf(segment);
    if (isKept) await this.#setAside(path);
    else await this.#unlink(path.slice(this.path.length + 1));
    await this.sync();
  }

  /** Makes names durable. */
  sync(): Promise<void> {
    return syncFolder(this.#fileSystem, this.path);
  }

  async #setAside(path: string): Promise<void> {
    try {
      await this.#fileSystem.rename(path, `${path}.corrupt`);
    } catch (error) {
      // Renamed before, when the fsync that followed failed.
      if (!isMissing(error)) throw error;
    }
  }

  async #unlink(name: string): Promise<void> {
    try {
      await this.#fileSystem.unlink(`${this.path}/${name}`);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function parentOf(path: string): string {
  const cut = path.lastIndexOf('/');
  if (cut < 0) return '.';
  return cut === 0 ? '/' : path.slice(0, cut);
}

function sumOf(id: string): string {
  return crc32c(new TextEncoder().encode(id)).toString(16).padStart(8, '0');
}
