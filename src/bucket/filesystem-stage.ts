// A staged folder on the local disk. Owns the order that survives power loss: files, fsynced one
// by one, meta.json last, the folder, the rename, the folder above.
import { dirname, join } from 'node:path';
import { assert } from '../errors.ts';
import type { Stage } from './bucket.ts';
import { type Disk, diskFailure } from './filesystem-disk.ts';
import { pathOfKey } from './filesystem-path.ts';
import { metaName, validateStageName } from './keys.ts';

/** A folder under a `.tmp-` name beside its target until `commit` renames it. */
export class FilesystemStage implements Stage {
  readonly #disk: Disk;
  readonly #prefix: string;
  readonly #folder: string;
  readonly #target: string;
  // `named`: the target's name was given, but is not known to be durable.
  #state: 'open' | 'named' | 'committed' | 'aborted' = 'open';

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
    const isOpen = this.#state === 'open' || this.#state === 'named';
    assert(isOpen, `stage of ${this.#prefix} is ${this.#state}`);
    try {
      await this.#takeNameBack();
      await this.#put(metaName, [meta], undefined);
      await this.#disk.syncFolder(this.#folder);
      await this.#disk.fileSystem.rename(this.#folder, this.#target);
      this.#state = 'named';
      await this.#disk.syncFolder(dirname(this.#target));
      this.#state = 'committed';
    } catch (error) {
      throw diskFailure(error, `file://${this.#disk.root}: commit of ${this.#prefix}`);
    }
  }

  async abort(): Promise<void> {
    if (this.#state === 'committed' || this.#state === 'aborted') return;
    try {
      await this.#takeNameBack();
      await this.#disk.fileSystem.rm(this.#folder, { recursive: true, force: true });
      this.#state = 'aborted';
      await this.#disk.pruneFolders(dirname(this.#target));
    } catch (error) {
      throw diskFailure(error, `file://${this.#disk.root}: abort of ${this.#prefix}`);
    }
  }

  /**
   * After a commit that renamed and then failed: the name may be on the disk or not. As long as it
   * may be, nothing inside may change, or a power loss could leave it with half of the change. And
   * a second commit has to give the name anew: an fsync after one that failed may pass without
   * having written anything.
   */
  async #takeNameBack(): Promise<void> {
    if (this.#state !== 'named') return;
    // A call before this one may have failed after the rename.
    if (!(await this.#disk.isFolder(this.#folder))) {
      await this.#disk.fileSystem.rename(this.#target, this.#folder);
    }
    await this.#disk.syncFolder(dirname(this.#target));
    this.#state = 'open';
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
