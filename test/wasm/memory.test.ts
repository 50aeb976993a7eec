// Memory: bounds are kept, running out changes nothing, reset and trim give back.
import { describe, expect, test } from 'vitest';
import { isFailure } from '../../src/errors.ts';
import { pageBytes } from '../../src/kernel/instance.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { encodePprof } from '../fixtures/pprof-writer.ts';
import { createRandom } from '../fixtures/random.ts';
import { loadFixture, loadFixtures } from '../support/fixtures.ts';
import { createKernel, ingest, planOf } from '../support/kernel.ts';
import { randomPprof } from '../support/random-pprof.ts';

describe('out of memory', () => {
  test('at every stage leaves the head as it was', () => {
    const stages = { scan: 0, append: 0 };
    for (const { plain } of loadFixtures()) {
      for (let pages = 3; pages < 80; pages += 1 + (pages >> 3)) {
        const kernel = createKernel(pages * pageBytes);
        const before = kernel.digest();
        let stage: keyof typeof stages = 'scan';
        try {
          const facts = kernel.scan(plain);
          stage = 'append';
          kernel.append(planOf(facts));
        } catch (error) {
          if (!isFailure(error, 'unavailable')) throw error;
          stages[stage]++;
          expect(kernel.digest()).toBe(before);
          expect(kernel.isBroken).toBe(false);
        }
        expect(kernel.bytesReserved()).toBeLessThanOrEqual(pages * pageBytes);
      }
    }
    // Both ways of failing were reached, the second also after symbols were written.
    expect(stages.scan).toBeGreaterThan(10);
    expect(stages.append).toBeGreaterThan(10);
  });

  test('leaves a head that goes on to serve smaller profiles', () => {
    const random = createRandom(8);
    const kernel = createKernel(24 * pageBytes);
    const kept: Uint8Array[] = [];
    let refused = 0;
    for (let round = 0; round < 400; round++) {
      const bytes = randomPprof(random);
      const before = kernel.digest();
      try {
        ingest(kernel, bytes);
        kept.push(bytes);
      } catch (error) {
        if (!isFailure(error, 'unavailable')) throw error;
        refused++;
        expect(kernel.digest()).toBe(before);
      }
    }
    expect(refused).toBeGreaterThan(5);
    const roomy = createKernel();
    for (const bytes of kept) ingest(roomy, bytes);
    expect(kernel.digest()).toBe(roomy.digest());
  });

  test('of an empty head is thrown by its constructor', () => {
    expect(() => createKernel(pageBytes)).toThrow('kernel memory is 65536 bytes, needs');
  });

  test('of a profile that cannot be held is unavailable, not a trap', () => {
    const kernel = createKernel(1 << 20);
    expect(() => kernel.scan(new Uint8Array(2 << 20))).toThrow(
      expect.objectContaining({ kind: 'unavailable', reason: 'out_of_memory' }),
    );
  });
});

test('a hostile profile of empty messages takes a bounded multiple of its size', () => {
  const kernel = createKernel(512 << 20);
  const bytes = new Uint8Array(1 << 20);
  // 2^19 empty samples, refused for their values; then as many empty strings, which are legal.
  for (let i = 0; i < bytes.length; i += 2) bytes[i] = 0x12;
  expect(() => kernel.scan(bytes)).toThrow('string table has 0 entries');
  const legal = encodePprof({ sampleTypes: [['a', 'b']], samples: [] });
  const all = new Uint8Array(legal.length + bytes.length);
  all.set(legal);
  for (let i = legal.length; i < all.length; i += 2) all[i] = 0x32;
  expect(kernel.scan(all).stringCount).toBe(3 + (1 << 19));
  expect(kernel.bytesReserved()).toBeLessThan(40 * bytes.length);
});

/** Calls of the modules that are not `kernel.ts`'s. */
const others = (kernel: Kernel) =>
  ({ ...kernel.exports, ...kernel.query }) as unknown as {
    sealBegin(rows: number): number;
    sumsBegin(): number;
  };

describe('reset', () => {
  // What a head may be in the middle of.
  const states: Record<string, (kernel: Kernel) => void> = {
    empty: (kernel) => kernel.trimScratch(),
    used: (kernel) => {
      for (const { plain } of loadFixtures()) ingest(kernel, plain);
    },
    scanned: (kernel) => {
      kernel.scan(loadFixture('go-cpu-labels').plain);
    },
    'left with a refused scan': (kernel) => {
      const { plain } = loadFixture('go-cpu-labels');
      expect(() => kernel.scan(plain.subarray(0, plain.length - 1))).toThrow('runs past');
    },
    sealing: (kernel) => {
      ingest(kernel, loadFixture('go-heap-1').plain);
      expect(others(kernel).sealBegin(kernel.stats().rows)).toBeGreaterThan(0);
    },
    'summing and rolled back': (kernel) => {
      const mark = kernel.mark();
      ingest(kernel, loadFixture('go-mutex').plain);
      expect(others(kernel).sumsBegin()).toBeGreaterThan(0);
      kernel.rollback(mark);
    },
    'out of memory': (kernel) => {
      expect(() => kernel.scan(new Uint8Array(65 << 20))).toThrow('used up');
    },
  };
  for (const [name, use] of Object.entries(states)) {
    test(`of a head that is ${name} leaves nothing of it in the memory`, () => {
      const kernel = createKernel();
      const fresh = createKernel(64 << 20, [21, 22]);
      use(kernel);
      kernel.reset([21, 22]);
      for (const { plain } of [loadFixture('go-cpu-labels'), loadFixture('jvm-alloc')]) {
        const size = fresh.bytesReserved();
        expect(kernel.stats()).toEqual({ ...fresh.stats(), bytesReserved: kernel.bytesReserved() });
        expect(kernel.mustSeal()).toBe(false);
        // The same seed and the same history: every byte is that of a kernel made anew.
        expect(Buffer.compare(kernel.u8().subarray(0, size), fresh.u8())).toBe(0);
        expect(
          kernel
            .u8()
            .subarray(size)
            .every((byte) => byte === 0),
        ).toBe(true);
        for (const one of [kernel, fresh]) ingest(one, plain);
      }
      expect(kernel.digest()).toBe(fresh.digest());
    });
  }

  test('many times over does not grow the memory', () => {
    const kernel = createKernel();
    const { plain } = loadFixture('go-heap-2');
    ingest(kernel, plain);
    const bytes = kernel.bytesReserved();
    for (let i = 0; i < 50; i++) {
      kernel.reset([i, i]);
      expect(ingest(kernel, plain)).toEqual({ rowsFrom: 0, rowCount: 4 });
    }
    expect(kernel.bytesReserved()).toBe(bytes);
  });
});

describe('trimScratch', () => {
  test('lets later work use what a large scan took', () => {
    const kernel = createKernel();
    const empty = kernel.exports.memoryTop();
    const samples = Array.from({ length: 60_000 }, () => ({ locations: [1], values: [1] }));
    const bytes = encodePprof({ sampleTypes: [['a', 'b']], samples, locations: [{ id: 1 }] });
    ingest(kernel, bytes);
    const { bytesUsed } = kernel.stats();
    const { digest, reserved } = { digest: kernel.digest(), reserved: kernel.bytesReserved() };
    kernel.trimScratch();
    expect(kernel.digest()).toBe(digest);
    expect(kernel.stats().bytesUsed).toBe(bytesUsed);
    for (let i = 0; i < 5; i++) {
      ingest(kernel, bytes);
      kernel.trimScratch();
    }
    expect(kernel.bytesReserved()).toBe(reserved);
    expect(kernel.exports.memoryTop()).toBeGreaterThan(empty);
  });

  test('keeps a small scan and loses a large one', () => {
    const kernel = createKernel();
    const plan = planOf(kernel.scan(loadFixture('go-block').plain));
    kernel.trimScratch();
    expect(() => kernel.append(plan)).toThrow('append without a scan');
  });
});
