// Sums of a head's rows and their function tree, against plain maps over the row descriptions.
import { describe, expect, it } from 'vitest';
import { isFailure } from '../../src/errors.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { type SpanFilter, StackSums } from '../../src/kernel/stack-sums.ts';
import { statuses } from '../../src/kernel/status.ts';
import { type ModelRow, randomOf, randomProfiles } from './seal-profiles.ts';
import { appendAll, kernelOf, plainFrame, plainProfile, plainSample } from './seal-setup.ts';
import { beginsWith, type ModelSample, modelSelf, pathOf, plainSelf } from './sums-model.ts';

const samplesOf = (rows: readonly ModelRow[]) => rows.flatMap((row) => row.samples);

function sumRows(kernel: Kernel, rows: Uint32Array, filter?: SpanFilter): StackSums {
  const sums = new StackSums(kernel);
  sums.addRows(rows, filter);
  return sums;
}

describe('sums of rows', () => {
  it.each([1, 2, 3, 4])('agree with the model on random rows, seed %i', (seed) => {
    const kernel = kernelOf(seed);
    const random = randomOf(seed);
    const rows = appendAll(kernel, randomProfiles(random, 30, 1n << 50n));
    const chosen = Uint32Array.from(rows.keys()).filter(() => random(2) === 0);
    const chosenRows = Array.from(chosen, (row) => rows[row] as ModelRow);
    const sums = sumRows(kernel, chosen);
    expect(plainSelf(sums.functionTree())).toEqual(modelSelf(samplesOf(chosenRows)));
    const total = (row: ModelRow) => row.samples.reduce((sum, { value }) => sum + value, 0n);
    expect([...sums.rowTotals(chosen)]).toEqual(chosenRows.map(total));
    sums.release();
  });

  it('are the same in one call and in many, while others query and append', () => {
    const kernel = kernelOf(11);
    const rows = appendAll(kernel, randomProfiles(randomOf(11), 20, 1n << 30n));
    const all = Uint32Array.from(rows.keys());
    const sliced = new StackSums(kernel);
    const other = new StackSums(kernel);
    for (let at = 0; at < all.length; at += 7) {
      sliced.addRows(all.subarray(at, at + 7));
      other.addRows(all.subarray(0, 1));
      appendAll(kernel, randomProfiles(randomOf(100 + at), 1, 9n));
    }
    let steps = 0;
    while (sliced.step()) {
      steps++;
      other.step();
      appendAll(kernel, randomProfiles(randomOf(500 + steps), 1, 9n));
    }
    expect(steps).toBeLessThan(1000);
    expect(plainSelf(sliced.functionTree())).toEqual(modelSelf(samplesOf(rows)));
    // More rows after a tree make a new one.
    const before = kernel.stats().rows;
    const more = appendAll(kernel, randomProfiles(randomOf(5), 3, 99n));
    sliced.addRows(Uint32Array.from(more.keys(), (row) => before + row));
    expect(plainSelf(sliced.functionTree())).toEqual(modelSelf(samplesOf([...rows, ...more])));
  });

  it('of no rows are empty, and a root alone', () => {
    const kernel = kernelOf(21);
    const sums = sumRows(kernel, new Uint32Array(0));
    expect(sums.isEmpty).toBe(true);
    expect(sums.functionTree()).toEqual({
      ...{ parents: Uint32Array.of(0), nameIds: Uint32Array.of(0), self: BigInt64Array.of(0n) },
      names: { offsets: Uint32Array.of(0), bytes: new Uint8Array(0) },
    });
  });

  it('are exact up to 2^63-1, and refuse more with nothing added', () => {
    const kernel = kernelOf(31);
    const value = (1n << 62n) - 1n;
    const sample = { ...plainSample, frames: [], values: [value] };
    appendAll(kernel, [{ ...plainProfile, samples: [sample] }]);
    const sums = sumRows(kernel, Uint32Array.of(0, 0));
    expect(() => sums.addRows(Uint32Array.of(0))).toThrow(
      'selected values add up to more than 9223372036854775807',
    );
    expect(sums.isEmpty).toBe(false);
    expect(sums.functionTree().self).toEqual(BigInt64Array.of(2n * value));
  });

  it('refuse rows only for what passes the filter', () => {
    const kernel = kernelOf(32);
    const value = (1n << 62n) - 1n;
    const samples = [
      { ...plainSample, values: [value], span: '00000000000000ff' },
      { ...plainSample, frames: [], values: [value], span: '00000000000000fe' },
    ];
    appendAll(kernel, [{ ...plainProfile, samples }]);
    const filter = { spanIds: BigUint64Array.of(0xffn) };
    const sums = sumRows(kernel, Uint32Array.of(0), filter);
    sums.addRows(Uint32Array.of(0), filter);
    expect(() => sums.addRows(Uint32Array.of(0), filter)).toThrow('add up to more than');
    expect(plainSelf(sums.functionTree())).toEqual(new Map([['["unknown!0x1"]', 2n * value]]));
  });

  it('refuse a row that is not there', () => {
    const kernel = kernelOf(41);
    expect(() => sumRows(kernel, Uint32Array.of(0))).toThrow(`status ${statuses.MISUSE}`);
  });
});

describe('sums with filters', () => {
  const spanOf = (span: string) => BigInt(`0x0${span}`);
  const traceBytes = (trace: string) => Buffer.from(trace.padStart(32, '0'), 'hex');

  it.each([1, 2, 3])('take samples of the wanted spans and traces, seed %i', (seed) => {
    const kernel = kernelOf(seed);
    const random = randomOf(seed + 70);
    const rows = appendAll(kernel, randomProfiles(random, 30, 1n << 40n));
    const all = Uint32Array.from(rows.keys());
    const samples = samplesOf(rows);
    const spans = new Set(samples.map(({ span }) => span).filter(() => random(3) === 0));
    const traces = new Set(samples.map(({ trace }) => trace).filter(() => random(3) === 0));
    // Ids that no sample has, and the one that means none.
    spans.add('').add('0123456789abcdef');
    traces.add('').add('e'.repeat(32));
    const spanIds = BigUint64Array.from([...spans], spanOf);
    const traceIds = new Uint8Array(Buffer.concat([...traces].map(traceBytes)));
    const inSpan = ({ span }: ModelSample) => span !== '' && spans.has(span);
    const inTrace = ({ trace }: ModelSample) => trace !== '' && traces.has(trace);
    const cases: [SpanFilter, ModelSample[]][] = [
      [{ spanIds }, samples.filter(inSpan)],
      [{ traceIds }, samples.filter(inTrace)],
      [{ spanIds, traceIds }, samples.filter((each) => inSpan(each) && inTrace(each))],
      [{ spanIds: new BigUint64Array(0) }, []],
      [{ traceIds: new Uint8Array(0) }, []],
      [{}, samples],
    ];
    for (const [filter, expected] of cases) {
      const sums = sumRows(kernel, all, filter);
      expect(plainSelf(sums.functionTree())).toEqual(modelSelf(expected));
      expect(sums.isEmpty).toBe(expected.length === 0);
      sums.release();
    }
    expect(samples.filter(inSpan).length).toBeGreaterThan(0);
    expect(samples.filter(inTrace).length).toBeGreaterThan(0);
  });

  it.each([1, 2, 3])('take stacks that begin with the call site, seed %i', (seed) => {
    const kernel = kernelOf(seed);
    const rows = appendAll(kernel, randomProfiles(randomOf(seed + 80), 30, 1n << 40n));
    const all = Uint32Array.from(rows.keys());
    const samples = samplesOf(rows);
    const paths = [...new Set(samples.map(({ frames }) => JSON.stringify(pathOf(frames))))];
    const sites = paths.slice(0, 12).flatMap((path) => {
      const names = JSON.parse(path) as string[];
      return [names, names.slice(0, 2), names.slice(0, 1), [...names, 'nowhere']];
    });
    for (const site of [...sites, ['nowhere'], []]) {
      const sums = new StackSums(kernel);
      sums.maskCallSite(site);
      sums.addRows(all);
      const expected = samples.filter(({ frames }) => beginsWith(frames, site));
      expect(plainSelf(sums.functionTree())).toEqual(modelSelf(expected));
      const total = (row: ModelRow) =>
        row.samples.reduce(
          (sum, { frames, value }) => (beginsWith(frames, site) ? sum + value : sum),
          0n,
        );
      expect([...sums.rowTotals(all)]).toEqual(rows.map(total));
      sums.release();
    }
  });

  it('know stacks that a live head got since', () => {
    const kernel = kernelOf(91);
    const sums = new StackSums(kernel);
    sums.maskCallSite(['unknown!0x1']);
    const frames = [plainFrame];
    const other = [{ ...plainFrame, address: 2n }];
    for (const [row, each] of [other, frames, [...other, ...frames]].entries()) {
      appendAll(kernel, [{ ...plainProfile, samples: [{ ...plainSample, frames: each }] }]);
      sums.addRows(Uint32Array.of(row));
    }
    const expected = new Map([
      ['["unknown!0x1"]', 1n],
      ['["unknown!0x1","unknown!0x2"]', 1n],
    ]);
    expect(plainSelf(sums.functionTree())).toEqual(expected);
  });
});

describe('the memory of sums', () => {
  it('goes back on release: the next sums need no more', () => {
    const kernel = kernelOf(51);
    const rows = appendAll(kernel, randomProfiles(randomOf(51), 30, 1n << 20n));
    const sumAll = () => {
      const sums = new StackSums(kernel);
      sums.maskCallSite(['work1']);
      sums.addRows(Uint32Array.from(rows.keys()), { spanIds: BigUint64Array.of(255n) });
      sums.functionTree();
      sums.release();
      sums.release();
      expect(() => sums.isEmpty).toThrow('released');
      return (kernel.exports as unknown as { memoryTop(): number }).memoryTop();
    };
    const top = sumAll();
    expect([sumAll(), sumAll(), sumAll()]).toEqual([top, top, top]);
  });

  it('runs out as unavailable, and leaves the head as it was', () => {
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
          held.push(new StackSums(kernel));
          held.at(-1)?.addRows(Uint32Array.from({ length: rows }, (_, row) => row));
          held.at(-1)?.functionTree();
        }
      } catch (error) {
        expect(isFailure(error, 'unavailable')).toBe(true);
        outcomes.add('unavailable');
      }
      for (const sums of held) sums.release();
      expect(kernel.digest()).toBe(digest);
      sumRows(kernel, new Uint32Array(0)).release();
    }
    expect(outcomes).toEqual(new Set(['unavailable']));
  });

  it('is void after a reset of its kernel', () => {
    const kernel = kernelOf(71);
    const sums = sumRows(kernel, new Uint32Array(0));
    kernel.reset([5, 6]);
    expect(() => sums.isEmpty).toThrow('reset');
    sums.release();
    expect(kernel.stats().rows).toBe(0);
    expect(sumRows(kernel, new Uint32Array(0)).isEmpty).toBe(true);
  });
});
