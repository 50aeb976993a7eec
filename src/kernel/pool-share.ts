// One user's part of a pool of kernels that outlives it. Owns what is lent to the user, so that it
// comes back also from one that ended without a word.
import { assert } from '../errors.ts';
import type { Kernel } from './kernel.ts';
import { KernelPool, type KernelPoolOptions } from './pool.ts';

export class PoolShare extends KernelPool {
  readonly #pool: KernelPool;
  readonly #lent = new Set<Kernel>();

  /** `options` are those of `pool`. */
  constructor(pool: KernelPool, options: KernelPoolOptions) {
    super(options);
    this.#pool = pool;
  }

  override acquire(): Kernel {
    const kernel = this.#pool.acquire();
    this.#lent.add(kernel);
    return kernel;
  }

  override release(kernel: Kernel): void {
    assert(this.#lent.delete(kernel), 'released a kernel that the share has not lent');
    this.#pool.release(kernel);
  }

  /** Of all who share the pool: they have one memory. */
  override bytesReserved(): number {
    return this.#pool.bytesReserved();
  }

  /** Takes back what the user has, who will never use it again. */
  abandon(): void {
    for (const kernel of this.#lent) this.#pool.release(kernel);
    this.#lent.clear();
  }
}
