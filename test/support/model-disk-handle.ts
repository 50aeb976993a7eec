// An open file or folder of the model disk. Owns its position; the disk owns faults and waiting.
import type { FileHandle, FileStat } from '../../src/lib/file-system.ts';
import type { Random } from '../fixtures/random.ts';
import { type DiskControl, type OperationKind, systemError } from './model-disk-control.ts';
import { FileNode } from './model-disk-file.ts';
import type { DiskNode } from './model-disk-tree.ts';

/** What an open file needs of the disk it is on. */
export interface HandleHost {
  readonly control: DiskControl;
  readonly random: Random;
  nowMs(): number;
  step<T>(
    kind: OperationKind,
    isChange: boolean,
    path: string,
    apply: () => T,
    onFault?: () => unknown,
  ): Promise<T>;
  beginSync(node: DiskNode): { succeed(): void; fail(): void };
  writableBytes(node: FileNode, offset: number, length: number, path: string): number;
  statOf(node: DiskNode): FileStat;
}

export class ModelHandle implements FileHandle {
  readonly #disk: HandleHost;
  readonly #node: DiskNode;
  readonly #path: string;
  readonly #isWritable: boolean;
  #position = 0;
  #isOpen = true;

  constructor(disk: HandleHost, node: DiskNode, path: string, isWritable: boolean) {
    this.#disk = disk;
    this.#node = node;
    this.#path = path;
    this.#isWritable = isWritable;
  }

  async read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position?: number | null,
  ): Promise<{ bytesRead: number }> {
    return this.#disk.step('read', false, this.#path, () => {
      const at = position ?? this.#position;
      const found = this.#file('read')
        .view()
        .subarray(at, at + length);
      buffer.set(found, offset);
      if (typeof position !== 'number') this.#position = at + found.length;
      return { bytesRead: found.length };
    });
  }

  async write(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position?: number | null,
  ): Promise<{ bytesWritten: number }> {
    const at = position ?? this.#position;
    const put = (bytesWritten: number) => {
      const node = this.#writable('write', 'EBADF');
      if (bytesWritten > 0) node.write(at, buffer.subarray(offset, offset + bytesWritten));
      node.modifiedMs = this.#disk.nowMs();
      if (typeof position !== 'number') this.#position = at + bytesWritten;
      return { bytesWritten };
    };
    return this.#disk.step(
      'write',
      true,
      this.#path,
      () => put(this.#disk.writableBytes(this.#writable('write', 'EBADF'), at, length, this.#path)),
      // The system may have taken some of it before it failed.
      () => put(this.#disk.random.below(length + 1)),
    );
  }

  async sync(): Promise<void> {
    const node = this.#node;
    const isIgnored = this.#disk.control.isSyncIgnored();
    const done = this.#disk.beginSync(node);
    await this.#disk.step(
      'sync',
      true,
      this.#path,
      () => {
        this.#assertOpen('fsync');
        if (!isIgnored) done.succeed();
      },
      () => done.fail(),
    );
  }

  // The model has no attribute that fdatasync leaves out: times are not kept over a power loss.
  datasync(): Promise<void> {
    return this.sync();
  }

  async truncate(length: number): Promise<void> {
    return this.#disk.step('truncate', true, this.#path, () => {
      this.#writable('ftruncate', 'EINVAL').resize(length);
    });
  }

  async stat(): Promise<FileStat> {
    return this.#disk.step('stat', false, this.#path, () => {
      this.#assertOpen('fstat');
      return this.#disk.statOf(this.#node);
    });
  }

  async close(): Promise<void> {
    return this.#disk.step('close', false, this.#path, () => {
      this.#assertOpen('close');
      this.#isOpen = false;
    });
  }

  #file(call: string): FileNode {
    this.#assertOpen(call);
    if (this.#node instanceof FileNode) return this.#node;
    throw systemError('EISDIR', call, this.#path);
  }

  #writable(call: string, code: string): FileNode {
    this.#assertOpen(call);
    if (!this.#isWritable) throw systemError(code, call, this.#path);
    return this.#file(call);
  }

  #assertOpen(call: string): void {
    if (!this.#isOpen) throw systemError('EBADF', call, this.#path);
  }
}
