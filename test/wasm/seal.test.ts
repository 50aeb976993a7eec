// Seal of a head into block tables, against the plain model.
import { describe, expect, it } from 'vitest';
import { isFailure } from '../../src/errors.ts';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { SealedHead } from '../../src/kernel/sealed.ts';
import { StackSums } from '../../src/kernel/stack-sums.ts';
import type { Table } from '../../src/model/table.ts';
import { modelTables, plainRows } from './seal-model.ts';
import {
  appendProfile,
  type FrameSpec,
  type ModelRow,
  randomOf,
  randomProfiles,
} from './seal-profiles.ts';
import {
  appendAll,
  finalOrder,
  kernelOf,
  plainFrame,
  plainProfile,
  plainSample,
} from './seal-setup.ts';

function sealed(kernel: Kernel, rowOrder: Uint32Array, seriesIds: Uint32Array): SealedHead {
  const seal = new SealedHead(kernel, rowOrder, seriesIds);
  while (seal.step());
  return seal;
}

/** Seals all rows and compares every table with the model's. */
function expectModel(kernel: Kernel, rows: readonly ModelRow[]): void {
  const { rowOrder, seriesIds, sorted } = finalOrder(rows);
  const digest = kernel.digest();
  const tables = sealed(kernel, rowOrder, seriesIds).tables();
  const expected = modelTables(sorted, seriesIds);
  expect(tables.map((table) => table.name)).toEqual([...expected.keys()]);
  for (const table of tables) {
    expect(plainRows(table), table.name).toEqual(expected.get(table.name));
  }
  expect(kernel.digest()).toBe(digest);
}

const tableOf = (tables: readonly Table[], name: string): Table =>
  tables.find((table) => table.name === name) as Table;

/** All buffers of a table's columns, nested ones too, as plain arrays. */
function bytesOf(table: Table): unknown {
  const copy = (_: string, value: unknown) =>
    ArrayBuffer.isView(value)
      ? Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
      : value;
  return JSON.parse(JSON.stringify(table.columns(0, table.rows), copy));
}

describe('seal', () => {
  it.each([1, 2, 3, 4, 5, 6])('agrees with the model on random profiles, seed %i', (seed) => {
    const kernel = kernelOf(seed);
    const specs = randomProfiles(randomOf(seed), 30, seed % 2 ? 1n << 20n : 1n << 50n);
    expectModel(kernel, appendAll(kernel, specs));
  });

  it('sorts rows of thousands of samples, with and without spans', () => {
    const kernel = kernelOf(7);
    const random = randomOf(7);
    const frames = Array.from({ length: 300 }, (_, i) => ({
      ...plainFrame,
      address: BigInt(i + 1),
    }));
    const someFrames = () => Array.from({ length: 1 + random(3) }, () => frames[random(300)]);
    const spanOf = (digits: number) =>
      random(1 << 24)
        .toString(16)
        .padStart(digits, '0');
    const specs = [false, true].map((hasSpans, i) => ({
      ...plainProfile,
      service: `svc${i}`,
      samples: Array.from({ length: 3000 }, () => ({
        ...plainSample,
        frames: someFrames() as FrameSpec[],
        span: hasSpans ? spanOf(16) : '',
        trace: hasSpans ? spanOf(32) : '',
      })),
    }));
    expectModel(kernel, appendAll(kernel, specs));
  });

  it('adds up series of many profiles and of one alike', () => {
    const kernel = kernelOf(8);
    const random = randomOf(8);
    const frames = Array.from({ length: 50 }, (_, i) => ({
      ...plainFrame,
      address: BigInt(i + 1),
    }));
    const sample = () => ({
      ...plainSample,
      frames: [frames[random(50)] as FrameSpec],
      span: random(2) ? '00000000000000ff' : '',
    });
    // Every other series has far more samples than totals.
    const specs = Array.from({ length: 200 }, (_, i) => ({
      ...plainProfile,
      service: i % 40 === 0 ? `svc${i}` : `svc${i % 2 ? 1 : 11}`,
      timeNs: BigInt(i),
      samples: Array.from({ length: 40 }, sample),
    }));
    expectModel(kernel, appendAll(kernel, specs));
  });

  it('keeps values near 2^62 exact in samples and totals', () => {
    const kernel = kernelOf(9);
    const big = (1n << 62n) - 3n;
    const specs = [
      { ...plainProfile, samples: [{ ...plainSample, values: [big] }] },
      { ...plainProfile, samples: [{ ...plainSample, values: [big + 5n] }], timeNs: 2n },
    ];
    const { rowOrder, seriesIds } = finalOrder(appendAll(kernel, specs));
    const tables = sealed(kernel, rowOrder, seriesIds).tables();
    expect(plainRows(tableOf(tables, 'samples')).map((row) => row['value'])).toEqual([
      big,
      big + 5n,
    ]);
    expect(plainRows(tableOf(tables, 'totals'))).toEqual([
      { series_id: 0, stacktrace_id: 0, value: (1n << 63n) - 1n, count: 2 },
    ]);
  });

  it('gives the same bytes for every seed and capacity', () => {
    const specs = randomProfiles(randomOf(77), 25, 1n << 30n);
    const images = [3, 4].map((seed) => {
      const kernel = kernelOf(seed);
      if (seed === 4) {
        // Grown and rolled back columns have other capacities and stale bytes.
        const mark = kernel.mark();
        appendAll(kernel, randomProfiles(randomOf(5), 60, 1n << 20n));
        kernel.rollback(mark);
      }
      const { rowOrder, seriesIds } = finalOrder(appendAll(kernel, specs));
      return sealed(kernel, rowOrder, seriesIds).tables().map(bytesOf);
    });
    expect(images[1]).toEqual(images[0]);
  });

  it('answers any slice as the whole table has it', () => {
    const kernel = kernelOf(21);
    const random = randomOf(21);
    const { rowOrder, seriesIds } = finalOrder(
      appendAll(kernel, randomProfiles(random, 25, 1n << 20n)),
    );
    const tables = sealed(kernel, rowOrder, seriesIds).tables();
    for (const table of tables) {
      const whole = plainRows(table);
      expect(table.columns(table.rows, 0)).toBeDefined();
      for (let i = 0; i < 25; i++) {
        const from = random(table.rows + 1);
        const count = random(table.rows - from + 1);
        // Another table in between, because all share their buffers.
        tableOf(tables, i % 2 ? 'totals' : 'samples').columns(0, 3);
        expect(plainRows(table, from, count), table.name).toEqual(whole.slice(from, from + count));
      }
    }
  });

  it('says which rows each series has', () => {
    const kernel = kernelOf(31);
    const { rowOrder, seriesIds, sorted } = finalOrder(
      appendAll(kernel, randomProfiles(randomOf(31), 25, 1n << 20n)),
    );
    const seal = sealed(kernel, rowOrder, seriesIds);
    const expected = modelTables(sorted, seriesIds);
    const range = (name: string, seriesId: number) => {
      const ids = (expected.get(name) ?? []).map((row) => row['series_id']);
      return [ids.indexOf(seriesId), ids.filter((id) => id === seriesId).length];
    };
    expect(seal.seriesRanges()).toEqual(
      [...new Set(seriesIds)].map((seriesId) => {
        const times = sorted.filter((_, i) => seriesIds[i] === seriesId);
        const ns = times.map((row) => row.profile.timeNs).toSorted();
        return {
          seriesId,
          profiles: range('profiles', seriesId),
          samples: range('samples', seriesId),
          totals: range('totals', seriesId),
          minTimeNs: ns[0],
          maxTimeNs: ns.at(-1),
        };
      }),
    );
  });

  it('seals some of the rows, and none', () => {
    const kernel = kernelOf(41);
    const rows = appendAll(kernel, randomProfiles(randomOf(41), 20, 1n << 20n));
    const { rowOrder, seriesIds, sorted } = finalOrder(rows);
    const some = sealed(kernel, rowOrder.subarray(3, 7), seriesIds.subarray(3, 7));
    const expected = modelTables(sorted.slice(3, 7), seriesIds.subarray(3, 7));
    for (const table of some.tables()) {
      expect(plainRows(table), table.name).toEqual(expected.get(table.name));
    }
    some.release();
    const none = sealed(kernel, new Uint32Array(0), new Uint32Array(0));
    expect(none.tables().map((table) => table.rows)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(none.tables().map((table) => plainRows(table))).toEqual([[], [], [], [], [], [], []]);
    expect(none.seriesRanges()).toEqual([]);
  });

  it('leaves live queries right while it goes on, and gives all memory back', () => {
    const kernel = kernelOf(51);
    const { rowOrder, seriesIds } = finalOrder(
      appendAll(kernel, randomProfiles(randomOf(51), 30, 1n << 20n)),
    );
    const query = () => {
      const sums = new StackSums(kernel);
      sums.addRows(rowOrder);
      const tree = sums.functionTree();
      sums.release();
      return tree;
    };
    const before = query();
    const digest = kernel.digest();
    const seal = new SealedHead(kernel, rowOrder, seriesIds);
    const steps = [query()];
    while (seal.step()) steps.push(query());
    for (const table of seal.tables()) {
      table.columns(0, table.rows);
      steps.push(query());
    }
    for (const step of steps) expect(step).toEqual(before);
    seal.release();
    seal.release();
    expect(kernel.digest()).toBe(digest);
  });

  it('gives all memory back on release: sealing again needs none', () => {
    const kernel = kernelOf(55);
    const { rowOrder, seriesIds } = finalOrder(
      appendAll(kernel, randomProfiles(randomOf(55), 30, 1n << 20n)),
    );
    const sealAll = () => {
      const seal = sealed(kernel, rowOrder, seriesIds);
      for (const table of seal.tables()) table.columns(0, table.rows);
      seal.release();
      // Free memory is reused first, so that whatever is not given back moves the top.
      return (kernel.exports as unknown as { memoryTop(): number }).memoryTop();
    };
    const before = kernel.stats();
    const top = sealAll();
    expect([sealAll(), sealAll(), sealAll()]).toEqual([top, top, top]);
    expect({ ...kernel.stats(), bytesReserved: 0 }).toEqual({ ...before, bytesReserved: 0 });
  });

  it('refuses a second seal, and reads before the end or after the release', () => {
    const kernel = kernelOf(61);
    const { rowOrder, seriesIds } = finalOrder(
      appendAll(kernel, randomProfiles(randomOf(61), 3, 9n)),
    );
    const seal = new SealedHead(kernel, rowOrder, seriesIds);
    expect(() => seal.tables()).toThrow('seal is new');
    while (seal.step());
    const second = new SealedHead(kernel, rowOrder, seriesIds);
    expect(() => second.step()).toThrow();
    second.release();
    const [table] = seal.tables() as [Table];
    expect(() => table.columns(0, table.rows + 1)).toThrow(`which has ${table.rows}`);
    seal.release();
    expect(() => table.columns(0, 1)).toThrow('seal is released');
    expect(() => seal.step()).toThrow('released');
  });

  it('answers unavailable when memory runs out, and leaves the head as it was', () => {
    // Maxima between "too small for the rows" and "enough": many stages fail once.
    const specs = randomProfiles(randomOf(71), 40, 1n << 20n);
    const outcomes = new Set<string>();
    for (let pages = 4; pages < 40; pages += 2) {
      const kernel = kernelOf(71, pages << 16);
      try {
        for (const spec of specs) appendProfile(kernel, spec);
      } catch (error) {
        if (!isFailure(error, 'unavailable')) throw error;
      }
      const { rows } = kernel.stats();
      const digest = kernel.digest();
      const seal = new SealedHead(
        kernel,
        Uint32Array.from({ length: rows }, (_, i) => i),
        new Uint32Array(rows),
      );
      try {
        while (seal.step());
        for (const table of seal.tables()) table.columns(0, table.rows);
        outcomes.add('done');
      } catch (error) {
        expect(isFailure(error, 'unavailable')).toBe(true);
        outcomes.add('unavailable');
      }
      seal.release();
      expect(kernel.digest()).toBe(digest);
    }
    expect(outcomes).toEqual(new Set(['done', 'unavailable']));
  });
});
