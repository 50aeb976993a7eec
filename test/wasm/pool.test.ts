// The pool: kernels are reused empty, within bounds.
import { expect, test } from 'vitest';
import { pageBytes } from '../../src/kernel/instance.ts';
import { KernelPool, type KernelPoolOptions } from '../../src/kernel/pool.ts';
import { PoolShare } from '../../src/kernel/pool-share.ts';
import { loadFixture } from '../support/fixtures.ts';
import { ingest } from '../support/kernel.ts';
import { kernelModules } from '../support/kernel-modules.ts';

let draws = 0;
const createPool = (changes: Partial<KernelPoolOptions> = {}) =>
  new KernelPool({
    modules: kernelModules,
    random: (bytes) => bytes.fill(++draws),
    headBytesMax: 32 << 20,
    keepIdleMax: 2,
    ...changes,
  });
const { plain } = loadFixture('go-cpu');

test('a released kernel comes back empty, on its old memory, with a new seed', () => {
  const pool = createPool();
  const kernel = pool.acquire();
  const empty = kernel.digest();
  ingest(kernel, plain);
  const bytes = kernel.bytesReserved();
  const drawn = draws;
  pool.release(kernel);
  expect(pool.acquire()).toBe(kernel);
  expect(draws).toBe(drawn + 1);
  expect(kernel.digest()).toBe(empty);
  expect(kernel.bytesReserved()).toBe(bytes);
});

test('kernels that are lent at the same time share nothing', () => {
  const pool = createPool();
  const [first, second] = [pool.acquire(), pool.acquire()];
  const before = second.digest();
  ingest(first, plain);
  expect(second.digest()).toBe(before);
});

test('bytes are those of all kernels, lent and waiting', () => {
  const pool = createPool();
  expect(pool.bytesReserved()).toBe(0);
  const kernels = [pool.acquire(), pool.acquire(), pool.acquire()];
  ingest(kernels[0] as (typeof kernels)[number], plain);
  const all = kernels.reduce((sum, kernel) => sum + kernel.bytesReserved(), 0);
  expect(pool.bytesReserved()).toBe(all);
  for (const kernel of kernels) pool.release(kernel);
  // The third found two waiting and was dropped.
  const dropped = kernels[2]?.bytesReserved() ?? 0;
  expect(pool.bytesReserved()).toBe(all - dropped);
});

test('a kernel that would hold too much while it waits is dropped', () => {
  const pool = createPool({ keepBytesMax: 4 * pageBytes });
  const kernel = pool.acquire();
  ingest(kernel, plain);
  pool.release(kernel);
  expect(pool.bytesReserved()).toBe(0);
  expect(pool.acquire() === kernel).toBe(false);
});

test('a kernel that trapped is dropped', () => {
  const pool = createPool();
  const kernel = pool.acquire();
  const trap = () => {
    throw new WebAssembly.RuntimeError('unreachable');
  };
  expect(() => kernel.call(trap)).toThrow('kernel trapped: unreachable');
  expect(() => kernel.stats()).toThrow('kernel trapped: unreachable');
  pool.release(kernel);
  expect(pool.bytesReserved()).toBe(0);
});

test('releasing what was not lent, or twice, is a bug', () => {
  const pool = createPool();
  const kernel = pool.acquire();
  pool.release(kernel);
  expect(() => pool.release(kernel)).toThrow('the pool has not lent');
});

test('what one who shares a pool had, others get when it is gone', () => {
  const options = {
    modules: kernelModules,
    random: (bytes: Uint8Array<ArrayBuffer>) => bytes.fill(++draws),
    headBytesMax: 32 << 20,
    keepIdleMax: 2,
  };
  const pool = new KernelPool(options);
  const [gone, left] = [new PoolShare(pool, options), new PoolShare(pool, options)];
  const kernel = gone.acquire();
  ingest(kernel, plain);
  expect(left.bytesReserved()).toBe(kernel.bytesReserved());
  expect(() => left.release(kernel)).toThrow('has not lent');
  gone.abandon();
  gone.abandon();
  expect(left.acquire()).toBe(kernel);
  left.release(kernel);
  expect(() => left.release(kernel)).toThrow('has not lent');
});
