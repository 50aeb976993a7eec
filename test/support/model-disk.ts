// A disk in memory that loses power: nothing is durable until it was fsynced, files and folders
// alike. `crash` answers what may be left, by a seed; `control` makes calls fail. Owns paths and
// what the system says to each call. Not modelled: attributes, owners, links between folders.
import type {
  FileHandle,
  FileStat,
  FileSystem,
  FileSystemStat,
  FolderItem,
} from '../../src/lib/file-system.ts';
import { createRandom, type Random } from '../fixtures/random.ts';
import { createChoice } from './model-disk-choice.ts';
import { DiskControl, type OperationKind, systemError } from './model-disk-control.ts';
import { FileNode } from './model-disk-file.ts';
import { type HandleHost, ModelHandle } from './model-disk-handle.ts';
import { type DiskNode, EntryJournal, FolderNode, type Place } from './model-disk-tree.ts';

const blockBytes = 512;

export interface ModelDiskOptions {
  /** What failing calls have done before they failed, and how short a short write is. */
  seed?: number;
  /** Bytes that all files together may have; default: no bound. */
  capacityBytes?: number;
  /** Every other write takes a part only, as the system may. */
  hasShortWrites?: boolean;
}

export class ModelDisk implements FileSystem, HandleHost {
  readonly control = new DiskControl();
  readonly random: Random;
  readonly #options: ModelDiskOptions;
  readonly #journal: EntryJournal;

  constructor(options: ModelDiskOptions = {}, journal = new EntryJournal()) {
    this.#options = options;
    this.#journal = journal;
    this.random = createRandom(options.seed ?? 1);
  }

  /** What is left after a power loss now; what the seed means: `createChoice`. */
  crash(seed: number): ModelDisk {
    return new ModelDisk(this.#options, this.#journal.crashed(createChoice(seed)));
  }

  /**
   * The same disk after the process died: nothing is lost yet, nothing becomes durable by it, and
   * what the dead process still waits for never comes.
   */
  restart(): ModelDisk {
    this.control.stop();
    return new ModelDisk(this.#options, this.#journal);
  }

  async open(path: string, flags: string): Promise<FileHandle> {
    return this.step('open', flags.startsWith('w'), path, () => {
      if (!/^(r|w|wx)\+?$/.test(flags)) throw systemError('EINVAL', 'open', path);
      const place = this.#journal.place(path, 'open');
      const node = this.#openNode(place, flags, path);
      return new ModelHandle(this, node, path, flags !== 'r');
    });
  }

  async mkdir(path: string, options: { recursive?: boolean } = {}): Promise<string | undefined> {
    if (options.recursive !== true) {
      await this.#makeFolder(path);
      return undefined;
    }
    let first: string | undefined;
    for (const folder of pathsDownTo(path)) {
      const found = this.#journal.find(folder, 'mkdir')?.node;
      if (found instanceof FolderNode) continue;
      if (found !== undefined) {
        throw systemError(folder === path ? 'EEXIST' : 'ENOTDIR', 'mkdir', path);
      }
      await this.#makeFolder(folder);
      first ??= folder;
    }
    return first;
  }

  async rmdir(path: string): Promise<void> {
    return this.step('rmdir', true, path, () => {
      const { folder, name, node } = this.#existing(path, 'rmdir');
      if (node instanceof FileNode) throw systemError('ENOTDIR', 'rmdir', path);
      if (node.entries.size > 0) throw systemError('ENOTEMPTY', 'rmdir', path);
      this.#change(folder, { folder, name, node: undefined });
    });
  }

  async unlink(path: string): Promise<void> {
    return this.step('unlink', true, path, () => {
      const { folder, name, node } = this.#existing(path, 'unlink');
      if (node instanceof FolderNode) throw systemError('EISDIR', 'unlink', path);
      this.#change(folder, { folder, name, node: undefined });
    });
  }

  /** Entry by entry, as the system does: a power loss may come between any two. */
  async rm(path: string, options: { recursive?: boolean; force?: boolean } = {}): Promise<void> {
    const node = this.#journal.find(path, 'rm')?.node;
    if (node === undefined) {
      if (options.force === true) return;
      throw systemError('ENOENT', 'rm', path);
    }
    if (node instanceof FileNode) return this.unlink(path);
    if (options.recursive !== true) throw systemError('EISDIR', 'rm', path);
    for (const name of [...node.entries.keys()]) await this.rm(`${path}/${name}`, options);
    await this.rmdir(path);
  }

  async rename(from: string, to: string): Promise<void> {
    return this.step('rename', true, from, () => {
      const source = this.#existing(from, 'rename');
      const target = this.#journal.place(to, 'rename');
      if (source.node === target.node) return;
      if (`${to}/`.startsWith(`${from}/`)) throw systemError('EINVAL', 'rename', to);
      assertReplaceable(source.node, target.node, to);
      const { folder, name } = source;
      this.#change(
        target.folder,
        { folder, name, node: undefined },
        { folder: target.folder, name: target.name, node: source.node },
      );
    });
  }

  async link(existing: string, path: string): Promise<void> {
    return this.step('link', true, path, () => {
      const { node } = this.#existing(existing, 'link');
      const { folder, name, node: taken } = this.#journal.place(path, 'link');
      if (taken !== undefined) throw systemError('EEXIST', 'link', path);
      if (node instanceof FolderNode) throw systemError('EPERM', 'link', existing);
      this.#change(folder, { folder, name, node });
    });
  }

  async readdir(path: string, _options: { withFileTypes: true }): Promise<FolderItem[]> {
    return this.step('readdir', false, path, () => {
      const { node } = this.#existing(path, 'scandir');
      if (node instanceof FileNode) throw systemError('ENOTDIR', 'scandir', path);
      return [...node.entries].map(([name, entry]) => ({ name, ...typeOf(entry) }));
    });
  }

  async stat(path: string): Promise<FileStat> {
    return this.step('stat', false, path, () => this.statOf(this.#existing(path, 'stat').node));
  }

  async statfs(path: string): Promise<FileSystemStat> {
    return this.step('stat', false, path, () => {
      this.#existing(path, 'statfs');
      const capacity = this.#options.capacityBytes ?? 2 ** 40;
      const blocks = Math.floor(capacity / blockBytes);
      const free = Math.max(0, capacity - this.#journal.fileBytes());
      return { bsize: blockBytes, blocks, bavail: Math.floor(free / blockBytes) };
    });
  }

  /** One call: waits, counts, fails when told to, and otherwise does `apply` at one moment. */
  async step<T>(
    kind: OperationKind,
    isChange: boolean,
    path: string,
    apply: () => T,
    onFault?: () => unknown,
  ): Promise<T> {
    // Other calls come in between, as they do on a real disk.
    await Promise.resolve();
    const code = this.control.isStopped ? undefined : this.control.begin(kind, isChange);
    if (this.control.isStopped) return never();
    if (code !== undefined) {
      onFault?.();
      throw systemError(code, kind, path);
    }
    const value = apply();
    await Promise.resolve();
    return this.control.isStopped ? never() : value;
  }

  /** An fsync that covers what was done before now and nothing later. */
  beginSync(node: DiskNode): { succeed(): void; fail(): void } {
    if (node instanceof FileNode) {
      const count = node.changeCount;
      const seed = this.random.below(2 ** 32);
      return {
        succeed: () => node.sync(count),
        fail: () => node.failSync(count, createChoice(seed)),
      };
    }
    const count = this.#journal.changeCount;
    return {
      succeed: () => this.#journal.sync(node, count),
      // Names go through the journal of a file system, which tries again or stops for good.
      fail: () => undefined,
    };
  }

  /** How much of a write the disk takes; throws ENOSPC when nothing. */
  writableBytes(node: FileNode, offset: number, length: number, path: string): number {
    const growth = Math.max(0, offset + length - node.size);
    const room =
      (this.#options.capacityBytes ?? Number.POSITIVE_INFINITY) - this.#journal.fileBytes();
    const fitting = Math.max(0, Math.min(length, length - growth + room));
    if (length > 0 && fitting <= 0) throw systemError('ENOSPC', 'write', path);
    const isShort = this.#options.hasShortWrites === true && this.random.below(2) === 0;
    return isShort && fitting > 1 ? 1 + this.random.below(fitting - 1) : fitting;
  }

  statOf(node: DiskNode): FileStat {
    const size = node instanceof FileNode ? node.size : 0;
    return { size, mtimeMs: node.modifiedMs, ...typeOf(node) };
  }

  /** The number of operations so far: a clock that a seed repeats. */
  nowMs(): number {
    return this.control.operations;
  }

  #openNode({ folder, name, node }: Place, flags: string, path: string): DiskNode {
    if (node === undefined) {
      if (flags.startsWith('r')) throw systemError('ENOENT', 'open', path);
      const made = new FileNode();
      this.#change(folder, { folder, name, node: made });
      return made;
    }
    if (flags.includes('x')) throw systemError('EEXIST', 'open', path);
    if (node instanceof FolderNode && flags !== 'r') throw systemError('EISDIR', 'open', path);
    if (node instanceof FileNode && flags.startsWith('w')) node.resize(0);
    return node;
  }

  async #makeFolder(path: string): Promise<void> {
    return this.step('mkdir', true, path, () => {
      const { folder, name, node } = this.#journal.place(path, 'mkdir');
      if (node !== undefined) throw systemError('EEXIST', 'mkdir', path);
      this.#change(folder, { folder, name, node: new FolderNode() });
    });
  }

  #change(home: FolderNode, ...slots: Parameters<EntryJournal['change']>): void {
    for (const { folder, name, node } of slots) {
      const before = folder.entries.get(name);
      if (before instanceof FileNode) before.links -= 1;
      if (node instanceof FileNode) node.links += 1;
    }
    this.#journal.change(...slots);
    home.modifiedMs = this.nowMs();
  }

  #existing(path: string, call: string): Place & { node: DiskNode } {
    const { folder, name, node } = this.#journal.place(path, call);
    if (node === undefined) throw systemError('ENOENT', call, path);
    return { folder, name, node };
  }
}

function assertReplaceable(source: DiskNode, target: DiskNode | undefined, path: string): void {
  if (target === undefined) return;
  if (source instanceof FolderNode) {
    if (target instanceof FileNode) throw systemError('ENOTDIR', 'rename', path);
    if (target.entries.size > 0) throw systemError('ENOTEMPTY', 'rename', path);
  } else if (target instanceof FolderNode) {
    throw systemError('EISDIR', 'rename', path);
  }
}

function typeOf(node: DiskNode): { isFile(): boolean; isDirectory(): boolean } {
  const isFile = node instanceof FileNode;
  return { isFile: () => isFile, isDirectory: () => !isFile };
}

function pathsDownTo(path: string): string[] {
  const names = path.split('/').filter((name) => name !== '');
  return names.map((_, index) => `/${names.slice(0, index + 1).join('/')}`);
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
