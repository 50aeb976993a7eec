// Kernels for heads and scanners. Owns making and reusing them: an instance's memory cannot be
// given back reliably, so a released kernel is reset and kept for the next tenant, within bounds.
import { assert } from '../errors.ts';
import type { KernelModules } from './instance.ts';
import { Kernel, type Seed } from './kernel.ts';

export interface KernelPoolOptions {
  modules: KernelModules;
  /** Fills and returns `bytes` with cryptographic randomness: the seeds. */
  random(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer>;
  /** Most bytes of one kernel's memory. */
  headBytesMax: number;
  /** Most kernels that wait for reuse. */
  keepIdleMax: number;
  /** Most bytes that waiting kernels hold together; default `headBytesMax`. */
  keepBytesMax?: number;
}

/** Hands out empty kernels and takes them back. */
export class KernelPool {
  private readonly options: KernelPoolOptions;
  /** The last one in is the first one out: its memory is the warmest. */
  private readonly idle: Kernel[] = [];
  private readonly lent = new Set<Kernel>();

  constructor(options: KernelPoolOptions) {
    this.options = options;
  }

  /** An empty kernel with a seed of its own. Throws `unavailable` when there is no memory. */
  acquire(): Kernel {
    const { modules, headBytesMax } = this.options;
    const kernel =
      this.idle.pop() ?? new Kernel(modules, { bytesMax: headBytesMax, seed: this.seed() });
    this.lent.add(kernel);
    return kernel;
  }

  /**
   * Takes a kernel back, whose content is lost. It is kept unless it is broken, enough others
   * wait, or its memory grew past what may wait.
   */
  release(kernel: Kernel): void {
    assert(this.lent.delete(kernel), 'released a kernel that the pool has not lent');
    const { headBytesMax, keepIdleMax, keepBytesMax = headBytesMax } = this.options;
    if (kernel.isBroken || this.idle.length >= keepIdleMax) return;
    if (bytesOf(this.idle) + kernel.bytesReserved() > keepBytesMax) return;
    kernel.reset(this.seed());
    this.idle.push(kernel);
  }

  /** Bytes of linear memory of all kernels, lent and waiting. */
  bytesReserved(): number {
    return bytesOf(this.lent) + bytesOf(this.idle);
  }

  private seed(): Seed {
    const { buffer, byteOffset } = this.options.random(new Uint8Array(8));
    const view = new DataView(buffer, byteOffset);
    return [view.getUint32(0), view.getUint32(4)];
  }
}

function bytesOf(kernels: Iterable<Kernel>): number {
  let bytes = 0;
  for (const kernel of kernels) bytes += kernel.bytesReserved();
  return bytes;
}
