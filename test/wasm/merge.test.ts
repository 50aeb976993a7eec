// Sums by stack and the function tree, against plain maps over the row descriptions.
import { describe, expect, it } from 'vitest';
import { isFailure } from '../../src/errors.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { type FunctionTree, StackSums, stringOf, sumStacks } from '../../src/kernel/merge.ts';
import {
  type FrameSpec,
  frameKeys,
  type ModelRow,
  randomOf,
  randomProfiles,
} from './seal-profiles.ts';
import { appendAll, kernelOf, plainProfile, plainSample } from './seal-setup.ts';

/** Names from the root down; a location without lines is one empty name. */
const pathOf = (frames: readonly FrameSpec[]): string[] =>
  frames.toReversed().flatMap((frame) => {
    const names = frame.lines.map((line) => line.fn.name).toReversed();
    return names.length > 0 ? names : [''];
  });

/** Self and total by path of names, from the rows. */
function modelTree(rows: readonly ModelRow[]): Map<string, [self: bigint, total: bigint]> {
  const tree = new Map<string, [bigint, bigint]>([[JSON.stringify([]), [0n, 0n]]]);
  for (const { frames, value } of rows.flatMap((row) => row.samples)) {
    const path = pathOf(frames);
    for (let depth = 0; depth <= path.length; depth++) {
      const key = JSON.stringify(path.slice(0, depth));
      const [self, total] = tree.get(key) ?? [0n, 0n];
      tree.set(key, [self + (depth === path.length ? value : 0n), total + value]);
    }
  }
  return tree;
}

/** The same of a kernel's tree; fails when a path has two nodes or a child precedes its parent. */
function plainTree(kernel: Kernel, tree: FunctionTree): Map<string, [bigint, bigint]> {
  const paths: string[][] = [[]];
  const plain = new Map<string, [bigint, bigint]>();
  for (let node = 0; node < tree.parents.length; node++) {
    const parent = tree.parents[node] as number;
    if (node > 0) {
      expect(parent).toBeLessThan(node);
      paths.push([...(paths[parent] as string[]), stringOf(kernel, tree.names[node] as number)]);
    }
    const key = JSON.stringify(paths[node]);
    expect(plain.has(key)).toBe(false);
    plain.set(key, [tree.self[node] as bigint, tree.total[node] as bigint]);
  }
  return plain;
}

const sortedValues = (values: Iterable<bigint>) =>
  [...values].toSorted((a, b) => (a < b ? -1 : Number(a > b)));

function modelTotals(rows: readonly ModelRow[]): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { frames, value } of rows.flatMap((row) => row.samples)) {
    const key = frameKeys(frames);
    sums.set(key, (sums.get(key) ?? 0n) + value);
  }
  return sums;
}

describe('merge', () => {
  it.each([1, 2, 3, 4])('agrees with the model on random rows, seed %i', (seed) => {
    const kernel = kernelOf(seed);
    const random = randomOf(seed);
    const rows = appendAll(kernel, randomProfiles(random, 30, 1n << 50n));
    const chosen = Uint32Array.from(rows.keys()).filter(() => random(2) === 0);
    const chosenRows = Array.from(chosen, (row) => rows[row] as ModelRow);
    const sums = sumStacks(kernel, chosen);
    const { ordinals, values } = sums.totals();
    expect(ordinals).toEqual(Uint32Array.from(new Set(ordinals)).toSorted());
    expect(sortedValues(values)).toEqual(sortedValues(modelTotals(chosenRows).values()));
    expect(plainTree(kernel, sums.functionTree())).toEqual(modelTree(chosenRows));
    sums.release();
  });

  it('gives the same in one call and in many, while others query and append', () => {
    const kernel = kernelOf(11);
    const rows = appendAll(kernel, randomProfiles(randomOf(11), 20, 1n << 30n));
    const all = Uint32Array.from(rows.keys());
    const whole = sumStacks(kernel, all);
    const sliced = new StackSums(kernel);
    const other = new StackSums(kernel);
    for (let at = 0; at < all.length; at += 7) {
      sliced.add(all.subarray(at, at + 7));
      other.add(all.subarray(0, 1));
      appendAll(kernel, randomProfiles(randomOf(100 + at), 1, 9n));
    }
    expect(sliced.totals()).toEqual(whole.totals());
    let steps = 0;
    while (sliced.stepTree()) steps++;
    expect(steps).toBeLessThan(1000);
    expect(plainTree(kernel, sliced.functionTree())).toEqual(modelTree(rows));
    // More rows after a tree make a new one.
    const more = appendAll(kernel, randomProfiles(randomOf(5), 3, 99n));
    const first = kernel.stats().rows - more.length;
    sliced.add(Uint32Array.from(more.keys(), (row) => first + row));
    expect(plainTree(kernel, sliced.functionTree())).toEqual(modelTree([...rows, ...more]));
  });

  it('answers a root alone for no rows', () => {
    const kernel = kernelOf(21);
    const sums = sumStacks(kernel, new Uint32Array(0));
    expect(sums.totals()).toEqual({ ordinals: new Uint32Array(0), values: new BigInt64Array(0) });
    expect(plainTree(kernel, sums.functionTree())).toEqual(new Map([['[]', [0n, 0n]]]));
  });

  it('is exact up to 2^63-1, and refuses more with nothing added', () => {
    const kernel = kernelOf(31);
    const value = (1n << 62n) - 1n;
    const sample = { ...plainSample, frames: [], values: [value] };
    appendAll(kernel, [{ ...plainProfile, samples: [sample] }]);
    const sums = sumStacks(kernel, Uint32Array.of(0, 0));
    expect(() => sums.add(Uint32Array.of(0))).toThrow('more than 9223372036854775807');
    expect(sums.totals().values).toEqual(BigInt64Array.of(2n * value));
    expect(sums.functionTree().total).toEqual(BigInt64Array.of(2n * value));
  });

  it('refuses a row that is not there', () => {
    const kernel = kernelOf(41);
    expect(() => sumStacks(kernel, Uint32Array.of(0))).toThrow();
    expect(() => stringOf(kernel, 1)).toThrow('string 1, kernel has 1');
  });

  it('gives all memory back on release: merging again needs none', () => {
    const kernel = kernelOf(51);
    const rows = appendAll(kernel, randomProfiles(randomOf(51), 30, 1n << 20n));
    const mergeAll = () => {
      const sums = sumStacks(kernel, Uint32Array.from(rows.keys()));
      sums.functionTree();
      sums.release();
      sums.release();
      expect(() => sums.totals()).toThrow('released');
      return (kernel.exports as unknown as { memoryTop(): number }).memoryTop();
    };
    const top = mergeAll();
    expect([mergeAll(), mergeAll(), mergeAll()]).toEqual([top, top, top]);
  });

  it('answers unavailable when memory runs out, and leaves the head as it was', () => {
    const specs = randomProfiles(randomOf(61), 40, 1n << 20n);
    const outcomes = new Set<string>();
    for (let pages = 6; pages < 30; pages += 6) {
      const kernel = kernelOf(61, pages << 16);
      try {
        appendAll(kernel, specs);
      } catch (error) {
        if (!isFailure(error, 'unavailable')) throw error;
      }
      const { rows } = kernel.stats();
      const digest = kernel.digest();
      const held: StackSums[] = [];
      try {
        for (let i = 0; i < 200; i++) {
          held.push(
            sumStacks(
              kernel,
              Uint32Array.from({ length: rows }, (_, row) => row),
            ),
          );
          held.at(-1)?.functionTree();
        }
      } catch (error) {
        expect(isFailure(error, 'unavailable')).toBe(true);
        outcomes.add('unavailable');
      }
      for (const sums of held) sums.release();
      expect(kernel.digest()).toBe(digest);
      sumStacks(kernel, new Uint32Array(0)).release();
    }
    expect(outcomes).toEqual(new Set(['unavailable']));
  });

  it('is void after a reset of its kernel', () => {
    const kernel = kernelOf(71);
    const sums = sumStacks(kernel, new Uint32Array(0));
    kernel.reset([5, 6]);
    expect(() => sums.totals()).toThrow('reset');
    sums.release();
    expect(kernel.stats().rows).toBe(0);
  });
});
