// Marks and rollbacks: a head that went back is the head that it was.
import { expect, test } from 'vitest';
import { noSeries } from '../../src/kernel/facts.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { createRandom } from '../fixtures/random.ts';
import { loadFixture } from '../support/fixtures.ts';
import { createKernel, ingest, planOf } from '../support/kernel.ts';
import { dumpRows } from '../support/kernel-dump.ts';
import { randomPprof } from '../support/random-pprof.ts';
import { expectedRows, modelOf } from './model.ts';

const counts = (kernel: Kernel) => {
  const { bytesUsed, bytesReserved, ...rest } = kernel.stats();
  expect(bytesUsed).toBeGreaterThan(0);
  expect(bytesReserved).toBeGreaterThan(0);
  return rest;
};

test('goes back to an empty head', () => {
  const kernel = createKernel();
  const start = kernel.mark();
  const before = { digest: kernel.digest(), counts: counts(kernel) };
  ingest(kernel, loadFixture('go-cpu-labels').plain);
  expect(kernel.digest()).not.toBe(before.digest);
  kernel.rollback(start);
  expect({ digest: kernel.digest(), counts: counts(kernel) }).toEqual(before);
});

test('appends and rollbacks in any order leave what appends alone would have made', () => {
  const random = createRandom(77);
  const kernel = createKernel();
  const plain = createKernel(64 << 20, [1, 2]);
  const marks = [{ mark: kernel.mark(), digest: kernel.digest(), kept: 0 }];
  const kept: Uint8Array[] = [];
  for (let round = 0; round < 120; round++) {
    const bytes = randomPprof(random);
    if (random.below(3) > 0) {
      ingest(kernel, bytes);
      kept.push(bytes);
      marks.push({ mark: kernel.mark(), digest: kernel.digest(), kept: kept.length });
    } else {
      marks.length = 1 + random.below(marks.length);
      const last = marks.at(-1) as (typeof marks)[number];
      kernel.rollback(last.mark);
      kept.length = last.kept;
      expect(kernel.digest(), `round ${round}`).toBe(last.digest);
    }
  }
  expect(kept.length).toBeGreaterThan(5);
  for (const bytes of kept) ingest(plain, bytes);
  expect(counts(kernel)).toEqual(counts(plain));
  // Another seed, another history, the same content.
  expect(kernel.digest()).toBe(plain.digest());
});

test('what was dropped can be appended again and is found by its content', () => {
  const kernel = createKernel();
  ingest(kernel, loadFixture('go-heap-1').plain);
  const mark = kernel.mark();
  const { plain } = loadFixture('go-heap-2');
  ingest(kernel, plain);
  const after = { digest: kernel.digest(), counts: counts(kernel) };
  kernel.rollback(mark);
  const plan = planOf(kernel.scan(plain));
  const { rowsFrom } = kernel.append(plan);
  expect({ digest: kernel.digest(), counts: counts(kernel) }).toEqual(after);
  expect(dumpRows(kernel, rowsFrom)).toEqual(expectedRows(modelOf(plain), plan, noSeries));
  const { strings, functions, locations, stacks } = kernel.stats();
  ingest(kernel, plain);
  expect(kernel.stats()).toMatchObject({ strings, functions, locations, stacks });
});

test('uses the scan up', () => {
  const kernel = createKernel();
  const mark = kernel.mark();
  const plan = planOf(kernel.scan(loadFixture('go-block').plain));
  kernel.rollback(mark);
  expect(() => kernel.append(plan)).toThrow('append without a scan');
});

test('refuses a mark of a later state', () => {
  const kernel = createKernel();
  const start = kernel.mark();
  ingest(kernel, loadFixture('go-block').plain);
  const later = kernel.mark();
  kernel.rollback(start);
  const before = kernel.digest();
  expect(() => kernel.rollback(later)).toThrow(expect.objectContaining({ kind: 'internal' }));
  expect(kernel.digest()).toBe(before);
});
