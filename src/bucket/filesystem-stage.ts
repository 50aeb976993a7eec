// A staged folder on the local disk. Owns the order that survives power loss: files, fsynced one
// by one, meta.json last, the folder, the rename, the folder above.
import { dirname, join } from 'node:path';
import { assert } from '../errors.ts';
import type { Stage } from './bucket.ts';
import { codeOf, type Disk, diskFailure } from './filesystem-disk.ts';
import { pathOfKey } from './filesystem-path.ts';
import { metaName, validateStageName } from './keys.ts';

/** A folder under a `.tmp-` name beside its target until `commit` renames it. */
export class FilesystemStage implements Stage {
  readonly #disk: Disk;
  readonly #prefix: string;
  readonly #folder: string;
  readonly #target: string;
  #state: 'open' | 'renamed' | 'committed' | 'aborted' = 'open';
  #wasRenamed = false;

  constructor(disk: Disk, prefix: string, folder: string, target: string) {
    this.#disk = disk;
    this.#prefix = prefix;
    this.#folder = folder;
    this.#target = target;
  }

  async putStream(
    name: string,
    chunks: AsyncIterable<Uint8Array>,
    options: { signal?: AbortSignal } = {},
  ): Promise<number> {
    assert(this.#state === 'open', `stage of ${this.#prefix} is ${this.#state}`);
    validateStageName(name);
    options.signal?.throwIfAborted();
    return this.#put(name, chunks, options.signal);
  }

  async commit(meta: Uint8Array): Promise<void> {
    const isOpen = this.#state === 'open' || this.#state === 'renamed';
    assert(isOpen, `stage of ${this.#prefix} is ${this.#state}`);
    if (this.#state === 'open') await this.#put(metaName, [meta], undefined);
    try {
      if (this.#state === 'open') {
        await this.#disk.syncFolder(this.#folder);
        await this.#disk.fileSystem.rename(this.#folder, this.#target);
        this.#state = 'renamed';
        this.#wasRenamed = true;
      }
      await this.#disk.syncFolder(dirname(this.#target));
      this.#state = 'committed';
    } catch (error) {
      await this.#hide();
      throw diskFailure(error, `file://${this.#disk.root}: commit of ${this.#prefix}`);
    }
  }

  async abort(): Promise<void> {
    if (this.#state === 'committed' || this.#state === 'aborted') return;
    try {
      // Removed in place, a block could come back after a power loss with its meta.json and
      // without some of its tables.
      if (this.#state === 'renamed') {
        await this.#disk.fileSystem.rename(this.#target, this.#folder);
        this.#state = 'open';
      }
      // The name may have been visible, and may be on the disk.
      if (this.#wasRenamed) await this.#disk.syncFolder(dirname(this.#target));
      await this.#disk.fileSystem.rm(this.#folder, { recursive: true, force: true });
      this.#state = 'aborted';
      await this.#disk.pruneFolders(dirname(this.#target));
    } catch (error) {
      throw diskFailure(error, `file://${this.#disk.root}: abort of ${this.#prefix}`);
    }
  }

  /**
   * Takes the name back that could not be made durable, so that nobody reads what may be gone
   * after a power loss, and a second commit gives the name anew: an fsync after a failed one may
   * pass without writing anything.
   */
  async #hide(): Promise<void> {
    if (this.#state !== 'renamed') return;
    try {
      await this.#disk.fileSystem.rename(this.#target, this.#folder);
      this.#state = 'open';
    } catch (error) {
      // It stays `renamed`: the next commit goes on from there, and abort tries again. The caller
      // hears of the fsync.
      if (codeOf(error) === undefined) throw error;
    }
  }

  async #put(
    name: string,
    chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const path = join(this.#folder, pathOfKey(name));
    try {
      // A name too long for one file becomes folders; they are inside what `commit` renames.
      if (dirname(path) !== this.#folder) await this.#disk.makeFolder(dirname(path));
      const bytes = await this.#disk.writeFile(path, chunks, signal);
      if (dirname(path) !== this.#folder) await this.#disk.syncFolder(dirname(path));
      return bytes;
    } catch (error) {
      await this.#disk.discardFile(path);
      throw diskFailure(error, `file://${this.#disk.root}: put of ${this.#prefix}${name}`);
    }
  }
}
