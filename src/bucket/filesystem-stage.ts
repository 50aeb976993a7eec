// A staged folder on the local disk. Owns the order that survives power loss: files, fsynced one
// by one, meta.json last, the folder, the rename, the folder above.
import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { assert } from '../errors.ts';
import type { Stage } from './bucket.ts';
import { type Disk, diskFailure, removeFile, syncFolder, writeFile } from './filesystem-disk.ts';
import { pathOfKey } from './filesystem-path.ts';
import { metaName, validateStageName } from './keys.ts';

/** A folder under a `.tmp-` name beside its target until `commit` renames it. */
export class FilesystemStage implements Stage {
  readonly #disk: Disk;
  readonly #prefix: string;
  readonly #folder: string;
  readonly #target: string;
  #state: 'open' | 'renamed' | 'committed' | 'aborted' = 'open';

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
        await syncFolder(this.#folder);
        await fs.rename(this.#folder, this.#target);
        // A second call after a failed fsync of the parent must not look for the old name.
        this.#state = 'renamed';
      }
      await syncFolder(dirname(this.#target));
      this.#state = 'committed';
    } catch (error) {
      throw diskFailure(error, `file://${this.#disk.root}: commit of ${this.#prefix}`);
    }
  }

  async abort(): Promise<void> {
    if (this.#state === 'committed' || this.#state === 'aborted') return;
    try {
      // Renamed but not known to be durable: the caller gave up, so it goes, meta.json first.
      const folder = this.#state === 'renamed' ? this.#target : this.#folder;
      await removeFile(join(folder, metaName));
      await fs.rm(folder, { recursive: true, force: true });
      this.#state = 'aborted';
      await this.#disk.pruneFolders(dirname(this.#target));
    } catch (error) {
      throw diskFailure(error, `file://${this.#disk.root}: abort of ${this.#prefix}`);
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
      const bytes = await writeFile(path, chunks, signal);
      if (dirname(path) !== this.#folder) await syncFolder(dirname(path));
      return bytes;
    } catch (error) {
      await removeFile(path);
      throw diskFailure(error, `file://${this.#disk.root}: put of ${this.#prefix}${name}`);
    }
  }
}
