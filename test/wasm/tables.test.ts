// Hash tables under attack: what happens when somebody knows the seed.
import { expect, test } from 'vitest';
import { noSeries } from '../../src/kernel/facts.ts';
import { encodePprof } from '../fixtures/pprof-writer.ts';
import { createKernel, planOf } from '../support/kernel.ts';
import { dumpRows } from '../support/kernel-dump.ts';
import { expectedRows, modelOf } from './model.ts';

const mask64 = 2n ** 64n - 1n;

/** The keys that a head draws first, which are those of the strings: splitmix64 of the seed. */
function stringKeys(low: number, high: number, count: number): bigint[] {
  let state = BigInt(low) | (BigInt(high) << 32n);
  return Array.from({ length: count }, () => {
    state = (state + 0x9e3779b97f4a7c15n) & mask64;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask64;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask64;
    return z ^ (z >> 31n);
  });
}

/** Names of 8 characters that a head with this seed puts into one slot of 1024. */
function collidingNames(seed: [number, number], count: number): string[] {
  const [start = 0n, length = 0n, first = 0n, second = 0n] = stringKeys(...seed, 4);
  const names: string[] = [];
  const encoder = new TextEncoder();
  for (let i = 0; names.length < count; i++) {
    const name = i.toString(36).padStart(8, '_');
    const view = new DataView(encoder.encode(name).buffer);
    const words =
      BigInt(view.getUint32(0, true)) * first + BigInt(view.getUint32(4, true)) * second;
    const sum = (start + 8n * length + words) & mask64;
    if (((sum >> 32n) & 1023n) === 5n) names.push(name);
  }
  return names;
}

function profileOf(names: string[]): Uint8Array {
  return encodePprof({
    sampleTypes: [['a', 'b']],
    functions: names.map((name, i) => ({ id: i + 1, name })),
    locations: names.map((_, i) => ({ id: i + 1, lines: [{ function: i + 1 }] })),
    samples: [{ locations: names.map((_, i) => i + 1), values: [1] }],
  });
}

const seed: [number, number] = [123, 456];

test('a run of collisions past the cap spreads the table under new keys, and content stays', () => {
  const kernel = createKernel(64 << 20, seed);
  const bytes = profileOf(collidingNames(seed, 400));
  const plan = planOf(kernel.scan(bytes));
  const { bytesUsed } = kernel.stats();
  kernel.append(plan);
  expect(kernel.mustSeal()).toBe(false);
  expect(dumpRows(kernel)).toEqual(expectedRows(modelOf(bytes), plan, noSeries));
  expect(kernel.stats().bytesUsed).toBeGreaterThan(bytesUsed);
  const { strings } = kernel.stats();
  kernel.scan(bytes);
  kernel.append(plan);
  expect(kernel.stats().strings).toBe(strings);
  expect(kernel.mustSeal()).toBe(false);
});

test('the same names do no harm under another seed', () => {
  const kernel = createKernel(64 << 20, [9, 9]);
  const other = createKernel(64 << 20, [10, 10]);
  const bytes = profileOf(collidingNames(seed, 400));
  for (const one of [kernel, other]) one.append(planOf(one.scan(bytes)));
  expect(kernel.digest()).toBe(other.digest());
  // Neither had to spread its table.
  expect(kernel.stats().bytesUsed).toBe(other.stats().bytesUsed);
});

test('without memory to spread the table, the head asks to be sealed and goes on', () => {
  const kernel = createKernel(2 << 20, seed);
  const start = kernel.mark();
  // Harmless names of the same number and size make all the room that the others need …
  const harmless = Array.from({ length: 400 }, (_, i) => `${i}`.padStart(8, '.'));
  kernel.append(planOf(kernel.scan(profileOf(harmless))));
  kernel.rollback(start);
  // … and then nothing is left for a larger table.
  const exports = kernel.exports as unknown as { hashBuffer(bytes: number): number };
  const takeBuffer = (bytes: number) => exports.hashBuffer(bytes);
  for (let bytes = 1 << 20; bytes >= 1 << 10; bytes >>= 1) {
    while (takeBuffer(bytes) > 0);
  }
  const bytes = profileOf(collidingNames(seed, 400));
  const plan = planOf(kernel.scan(bytes));
  expect(kernel.mustSeal()).toBe(false);
  kernel.append(plan);
  expect(kernel.mustSeal()).toBe(true);
  expect(dumpRows(kernel)).toEqual(expectedRows(modelOf(bytes), plan, noSeries));
  kernel.reset([1, 1]);
  expect(kernel.mustSeal()).toBe(false);
});
