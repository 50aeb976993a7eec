// Sums as pprof, read back by an independent decoder: of heads, of blocks, merged, truncated, and
// for profile-guided optimisation.
import { describe, expect, it } from 'vitest';
import { isFailure } from '../../src/errors.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { PprofMerge } from '../../src/kernel/pprof-merge.ts';
import type { PprofHeader, PprofOptions } from '../../src/kernel/pprof-options.ts';
import { StackSums } from '../../src/kernel/stack-sums.ts';
import { statuses } from '../../src/kernel/status.ts';
import { loadSymbols, packSymbols } from '../../src/kernel/symbols.ts';
import { loadFixture } from '../support/fixtures.ts';
import { ingest } from '../support/kernel.ts';
import { modelPprof, otherFrame, readPprof } from './pprof-model.ts';
import { type FrameSpec, frameKey, randomOf, randomProfiles } from './seal-profiles.ts';
import {
  appendAll,
  finalOrder,
  kernelOf,
  plainFrame,
  plainProfile,
  plainSample,
} from './seal-setup.ts';
import { sealBlock } from './sealed-block.ts';

const header: PprofHeader = {
  ...{ sampleType: 'cpu', sampleUnit: 'nanoseconds', periodType: 'cpu', periodUnit: 'nanoseconds' },
  ...{ period: 1_000_000_000n, timeNs: 1_700_000_000_123_456_789n, durationNs: 15_000_000_001n },
};

const allRows = (kernel: Kernel) =>
  Uint32Array.from({ length: kernel.stats().rows }, (_, row) => row);

function headPprof(kernel: Kernel, options?: PprofOptions): Uint8Array {
  const sums = new StackSums(kernel);
  sums.addRows(allRows(kernel));
  const bytes = sums.pprof(header, options);
  sums.release();
  return bytes;
}

const optionsOf: Record<string, PprofOptions> = {
  'no options': {},
  '1 node': { maxNodes: 1 },
  '7 nodes': { maxNodes: 7 },
  '25 nodes': { maxNodes: 25 },
  'more nodes than there are': { maxNodes: 2 ** 40 },
  '1 location': { goPgo: { keepLocations: 1, aggregateCallees: false } },
  '2 locations and joined leaves': { goPgo: { keepLocations: 2, aggregateCallees: true } },
  'joined leaves': { goPgo: { keepLocations: 0, aggregateCallees: true } },
  'all of it': { maxNodes: 9, goPgo: { keepLocations: 3, aggregateCallees: true } },
};

describe('a pprof', () => {
  it.each(Object.entries(optionsOf))('agrees with the model with %s', (_, options) => {
    for (const seed of [1, 2, 3]) {
      const head = kernelOf(seed);
      const rows = appendAll(head, randomProfiles(randomOf(seed), 20, 1n << 50n));
      const samples = rows.flatMap((row) => row.samples);
      const expected = modelPprof(samples, options);
      expect(readPprof(headPprof(head, options)).values).toEqual(expected);
    }
  });

  it.each(Object.entries(optionsOf))('of a block is that of its head with %s', (_, options) => {
    const head = kernelOf(5);
    const rows = appendAll(head, randomProfiles(randomOf(5), 20, 1n << 50n));
    const { rowOrder, seriesIds } = finalOrder(rows);
    const { symbols, samples } = sealBlock(head, rowOrder, seriesIds);
    const packed = packSymbols(symbols);
    const kernel = kernelOf(6);
    loadSymbols(kernel, packed);
    const sums = new StackSums(kernel);
    sums.setNodes(packed.stackParents, packed.stackLocations);
    sums.addSamples(samples);
    const { values } = readPprof(sums.pprof(header, options));
    expect(values).toEqual(readPprof(headPprof(head, options)).values);
  });

  it('has the header, and one sample type', () => {
    const head = kernelOf(1);
    appendAll(head, [{ ...plainProfile, samples: [plainSample] }]);
    const { profile } = readPprof(headPprof(head));
    const text = (index: number | bigint) => profile.stringTable.strings[Number(index)];
    const types = profile.sampleType.map(({ type, unit }) => [text(type), text(unit)]);
    expect(types).toEqual([['cpu', 'nanoseconds']]);
    const { periodType, period, timeNanos, durationNanos, defaultSampleType } = profile;
    expect([periodType?.type, periodType?.unit].map((index) => text(index ?? 0))).toEqual([
      'cpu',
      'nanoseconds',
    ]);
    expect([period, timeNanos, durationNanos].map(BigInt)).toEqual([
      header.period,
      header.timeNs,
      header.durationNs,
    ]);
    expect(text(defaultSampleType)).toBe('cpu');
  });

  it('of nothing has a header and no samples', () => {
    const { profile, values } = readPprof(headPprof(kernelOf(1)));
    expect(values.size).toBe(0);
    expect(profile.sampleType.length).toBe(1);
  });

  it('is exact near 2^63, and for addresses and lines of all 64 bits', () => {
    const head = kernelOf(1);
    const fn = { name: 'f', systemName: '', filename: '', startLine: -(2n ** 63n) };
    const frame: FrameSpec = {
      ...plainFrame,
      address: 2n ** 64n - 1n,
      lines: [{ fn, line: -1n }],
    };
    const samples = [
      { ...plainSample, frames: [frame], values: [2n ** 62n + 1n] },
      { ...plainSample, frames: [frame, frame], values: [2n ** 62n - 2n] },
    ];
    const rows = appendAll(head, [{ ...plainProfile, samples }]);
    const expected = modelPprof(rows.flatMap((row) => row.samples));
    expect(readPprof(headPprof(head)).values).toEqual(expected);
    expect([...expected.values()]).toEqual([2n ** 62n + 1n, 2n ** 62n - 2n]);
  });

  it('merges all that is left out of no node in one sample', () => {
    const head = kernelOf(1);
    const framesOf = (address: bigint) => [{ ...plainFrame, address }];
    const values = [9n, 1n, 2n, 3n];
    const samples = values.map((value, i) => ({
      ...plainSample,
      ...{ frames: framesOf(BigInt(i + 1)), values: [value] },
    }));
    appendAll(head, [{ ...plainProfile, samples: [...samples, { ...plainSample, frames: [] }] }]);
    const expected = new Map([
      [JSON.stringify(framesOf(1n).map(frameKey)), 9n],
      [JSON.stringify([]), 1n],
      [JSON.stringify([frameKey(otherFrame)]), 6n],
    ]);
    expect(readPprof(headPprof(head, { maxNodes: 1 })).values).toEqual(expected);
  });

  it('is made in slices, while the head grows', () => {
    const head = kernelOf(3);
    for (const name of ['go-heap-1', 'go-heap-2', 'node-heap'] as const) {
      ingest(head, loadFixture(name).plain);
    }
    const whole = headPprof(head);
    const sums = new StackSums(head);
    sums.addRows(allRows(head));
    sums.beginPprof(header);
    let steps = 0;
    while (sums.step()) {
      steps++;
      appendAll(head, randomProfiles(randomOf(steps), 1, 9n));
    }
    expect(steps).toBeGreaterThan(5);
    expect(readPprof(sums.pprof()).values).toEqual(readPprof(whole).values);
    // A function tree may follow, and a pprof after it.
    expect(sums.functionTree().self.length).toBeGreaterThan(100);
    expect(() => sums.pprof()).toThrow('not begun');
    expect(readPprof(sums.pprof(header)).values).toEqual(readPprof(whole).values);
    sums.addRows(Uint32Array.of(0));
    expect(() => sums.step()).toThrow(`status ${statuses.MISUSE}`);
  });

  it('gives its memory back, and runs out as unavailable', () => {
    const head = kernelOf(4);
    appendAll(head, randomProfiles(randomOf(4), 30, 1n << 20n));
    const top = () => {
      for (const options of Object.values(optionsOf)) headPprof(head, options);
      return (head.exports as unknown as { memoryTop(): number }).memoryTop();
    };
    expect(top()).toBe(top());
    const small = kernelOf(4, 12 << 16);
    const held: StackSums[] = [];
    appendAll(small, randomProfiles(randomOf(4), 10, 1n << 20n));
    const digest = small.digest();
    const fill = () => {
      for (let i = 0; i < 200; i++) {
        held.push(new StackSums(small));
        held.at(-1)?.addRows(allRows(small));
        held.at(-1)?.pprof(header, { maxNodes: 5 });
      }
    };
    expect(fill).toThrow(expect.objectContaining({ kind: 'unavailable' }));
    for (const sums of held) sums.release();
    expect(held.length).toBeGreaterThan(3);
    expect(small.digest()).toBe(digest);
  });
});

describe('merged pprofs', () => {
  it.each(Object.entries(optionsOf))('are what one head would give with %s', (_, options) => {
    const merge = new PprofMerge(kernelOf(9));
    const samples = [1, 2, 3].flatMap((seed) => {
      const head = kernelOf(seed);
      // The same symbols in every part, and other samples.
      const rows = appendAll(head, randomProfiles(randomOf(7), 5 * seed, 1n << 40n));
      merge.add(headPprof(head));
      return rows.flatMap((row) => row.samples);
    });
    merge.begin(header, options);
    let steps = 0;
    while (merge.step()) steps++;
    expect(steps).toBeLessThan(1000);
    const merged = merge.finish();
    expect(readPprof(merged).values).toEqual(modelPprof(samples, options));
    expect(merge.finish(header, options)).toEqual(merged);
    merge.release();
  });

  it('of nothing have a header alone', () => {
    const merge = new PprofMerge(kernelOf(9));
    merge.add(headPprof(kernelOf(1)));
    expect(readPprof(merge.finish(header)).values.size).toBe(0);
  });

  it('refuse more than 2^63-1, another number of types, and what is no pprof', () => {
    const head = kernelOf(1);
    const sample = { ...plainSample, values: [2n ** 62n] };
    appendAll(head, [{ ...plainProfile, samples: [sample] }]);
    const merge = new PprofMerge(kernelOf(9));
    merge.add(headPprof(head));
    expect(() => merge.add(headPprof(head))).toThrow(
      expect.objectContaining({
        kind: 'invalid',
        message: `selected values add up to more than ${2n ** 63n - 1n}`,
      }),
    );
    expect(() => merge.add(loadFixture('go-cpu').plain)).toThrow(
      'profile has 2 sample types, must have 1',
    );
    let problem: unknown;
    try {
      merge.add(Uint8Array.of(255));
    } catch (error) {
      problem = error;
    }
    expect(isFailure(problem, 'invalid')).toBe(true);
    expect(() => merge.finish()).toThrow('not begun');
    expect([...readPprof(merge.finish(header)).values.values()]).toEqual([2n ** 62n]);
  });
});
