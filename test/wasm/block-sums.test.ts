// Sums of a block's samples: a block of a head's rows gives what the head gives, filters mean what
// the model says, and what is wrong with a block is refused.
import { describe, expect, it } from 'vitest';
import type { Kernel } from '../../src/kernel/kernel.ts';
import { StackSums } from '../../src/kernel/stack-sums.ts';
import type { BatchFilter, SampleBatch } from '../../src/kernel/sum-filter.ts';
import {
  loadSymbols,
  noId,
  type PackedSymbols,
  packSymbols,
  type SymbolTables,
} from '../../src/kernel/symbols.ts';
import { type ModelRow, randomOf, randomProfiles } from './seal-profiles.ts';
import { appendAll, finalOrder, kernelOf } from './seal-setup.ts';
import { passing, type SealedBlock, sealBlock } from './sealed-block.ts';
import { beginsWith, modelSelf, plainSelf } from './sums-model.ts';

interface Given {
  head: Kernel;
  /** In the order of the block's profiles. */
  sorted: readonly ModelRow[];
  rowOrder: Uint32Array;
  block: SealedBlock;
  packed: PackedSymbols;
}

function blockOf(seed: number, valueMax = 1n << 40n): Given {
  const head = kernelOf(seed);
  const rows = appendAll(head, randomProfiles(randomOf(seed), 30, valueMax));
  const { rowOrder, seriesIds, sorted } = finalOrder(rows);
  const block = sealBlock(head, rowOrder, seriesIds);
  return { head, sorted, rowOrder, block, packed: packSymbols(block.symbols) };
}

/** Sums over the nodes of a block, in a kernel of their own. */
function sumsOf(packed: PackedSymbols, callSite?: readonly string[]): StackSums {
  const kernel = kernelOf(99);
  loadSymbols(kernel, packed);
  const sums = new StackSums(kernel);
  sums.setNodes(packed.stackParents, packed.stackLocations);
  if (callSite) sums.maskCallSite(callSite);
  return sums;
}

const part = (batch: Required<SampleBatch>, from: number, to: number): SampleBatch => ({
  stacks: batch.stacks.subarray(from, to),
  values: batch.values.subarray(from, to),
  series: batch.series.subarray(from, to),
  timesNs: batch.timesNs.subarray(from, to),
  profiles: batch.profiles.subarray(from, to),
  spanIds: batch.spanIds.subarray(from, to),
  traceIds: batch.traceIds.subarray(from * 16, to * 16),
});

/** The samples that the indexes name, summed without a filter. */
function chosen(packed: PackedSymbols, batch: SampleBatch, indexes: readonly number[]) {
  const sums = sumsOf(packed);
  sums.addSamples({
    stacks: Uint32Array.from(indexes, (i) => batch.stacks[i] as number),
    values: BigInt64Array.from(indexes, (i) => batch.values[i] as bigint),
  });
  return plainSelf(sums.functionTree());
}

describe('sums of a block', () => {
  it.each([1, 2, 3, 4])('are those of the head it came from, seed %i', (seed) => {
    const { head, sorted, rowOrder, block, packed } = blockOf(seed);
    const ofHead = new StackSums(head);
    ofHead.addRows(rowOrder);
    const expected = plainSelf(ofHead.functionTree());
    expect(expected).toEqual(modelSelf(sorted.flatMap((row) => row.samples)));
    for (const batch of [block.samples, block.totals]) {
      const sums = sumsOf(packed);
      expect(sums.isEmpty).toBe(true);
      sums.addSamples(batch);
      let steps = 0;
      while (sums.step()) steps++;
      expect(steps).toBeLessThan(1000);
      expect(plainSelf(sums.functionTree())).toEqual(expected);
    }
  });

  it.each([1, 2, 3, 4])('take the samples that pass every filter, seed %i', (seed) => {
    const { block, packed } = blockOf(seed + 10);
    const random = randomOf(seed);
    const { series, timesNs, profiles, spanIds, traceIds } = block.samples;
    const mask = (ids: Uint32Array) =>
      // Shorter than there are ids, now and then: those past its end do not pass.
      Uint8Array.from({ length: Math.max(...ids) + random(2) }, () => random(2));
    const [first = 0n, last = 0n] = [timesNs.toSorted()[0], timesNs.toSorted().at(-1)];
    let taken = 0;
    for (let round = 0; round < 40; round++) {
      const filter: BatchFilter = {
        ...(random(2) && { seriesMask: mask(series) }),
        ...(random(2) && { profileMask: mask(profiles) }),
        ...(random(2) && { startNs: first + BigInt(random(20)) }),
        ...(random(2) && { endNs: last - BigInt(random(20)) }),
        ...(random(3) === 0 && { spanIds: spanIds.filter(() => random(2) === 0) }),
        ...(random(3) === 0 && { traceIds: traceIds.slice(0, 16 * random(profiles.length)) }),
      };
      const expected = chosen(packed, block.samples, passing(block, filter));
      const sums = sumsOf(packed);
      const cut = random(series.length);
      sums.addSamples(part(block.samples, 0, cut), filter);
      sums.addSamples(part(block.samples, cut, series.length), filter);
      expect(plainSelf(sums.functionTree())).toEqual(expected);
      taken += expected.size;
      sums.release();
    }
    expect(taken).toBeGreaterThan(0);
  });

  it.each([1, 2])('take stacks that begin with the call site, seed %i', (seed) => {
    const { sorted, block, packed } = blockOf(seed + 20);
    const samples = sorted.flatMap((row) => row.samples);
    for (const site of [
      ['main0'],
      ['work0'],
      ['main0', 'naïve·λ0'],
      ['unknown!0x14'],
      ['no'],
      [],
    ]) {
      const sums = sumsOf(packed, site);
      sums.addSamples(block.samples);
      const expected = samples.filter(({ frames }) => beginsWith(frames, site));
      expect(plainSelf(sums.functionTree())).toEqual(modelSelf(expected));
      const totals = new BigInt64Array(sorted.length).fill(5n);
      sums.profileTotals(block.samples, undefined, totals, 0);
      const total = (row: ModelRow) =>
        row.samples.reduce(
          (sum, { frames, value }) => (beginsWith(frames, site) ? sum + value : sum),
          5n,
        );
      expect([...totals]).toEqual(sorted.map(total));
    }
  });

  it('add up by profile what passes, and refuse a profile without an entry', () => {
    const { sorted, block, packed } = blockOf(31);
    const sums = sumsOf(packed);
    const middle = sorted.length >> 1;
    const profileMask = Uint8Array.from(sorted, (_, profile) => Number(profile >= middle));
    const totals = new BigInt64Array(sorted.length - middle);
    sums.profileTotals(block.samples, { profileMask }, totals, middle);
    const expected = sorted
      .slice(middle)
      .map((row) => row.samples.reduce((sum, { value }) => sum + value, 0n));
    expect([...totals]).toEqual(expected);
    expect(sums.isEmpty).toBe(true);
    expect(() => sums.profileTotals(block.samples, undefined, totals, middle)).toThrow(
      'row 0 of the block',
    );
  });

  it('are the same for batches past any slice of the copy', () => {
    const { packed } = blockOf(41);
    const count = 100_000;
    const stacks = Uint32Array.from({ length: count }, (_, i) => i % packed.stackParents.length);
    const values = BigInt64Array.from(stacks, (node) => BigInt(node + 1));
    const sums = sumsOf(packed);
    sums.addSamples({ stacks, values });
    const sum = sums.functionTree().self.reduce((all, value) => all + value, 0n);
    expect(sum).toBe(values.reduce((all, value) => all + value, 0n));
  });
});

describe('a block that cannot be', () => {
  const { packed, block } = blockOf(51);
  const plain = { stacks: Uint32Array.of(0), values: BigInt64Array.of(1n) };
  const withTables = (change: (tables: SymbolTables) => Partial<SymbolTables>) => {
    const copy = structuredClone(block.symbols);
    return () => loadSymbols(kernelOf(1), packSymbols({ ...copy, ...change(copy) }));
  };

  it('overflows as invalid', () => {
    const values = BigInt64Array.of(2n ** 62n, 2n ** 62n - 1n, 1n);
    const sums = sumsOf(packed);
    sums.addSamples({ stacks: Uint32Array.of(1, 2), values: values.subarray(0, 2) });
    expect(() =>
      sums.addSamples({ stacks: Uint32Array.of(3), values: values.subarray(2) }),
    ).toThrow(
      expect.objectContaining({
        kind: 'invalid',
        message: expect.stringContaining(`${2n ** 63n - 1n}`),
      }),
    );
    const totals = new BigInt64Array(1);
    const batch = { stacks: Uint32Array.of(1, 2, 3), values, profiles: new Uint32Array(3) };
    expect(() => sums.profileTotals(batch, undefined, totals, 0)).toThrow('add up to more than');
  });

  it.each([
    ['a node that is not there', { ...plain, stacks: Uint32Array.of(packed.stackParents.length) }],
    ['a negative value', { ...plain, values: BigInt64Array.of(-1n) }],
  ])('is corrupt for %s', (_, batch) => {
    expect(() => sumsOf(packed).addSamples(batch)).toThrow(
      expect.objectContaining({ kind: 'corrupt' }),
    );
  });

  it.each([
    ['a parent that comes after its child', Uint32Array.of(1, noId), Uint32Array.of(0, 0)],
    ['a location that is not there', Uint32Array.of(noId), Uint32Array.of(1 << 30)],
    ['a stack without frames that has a parent', Uint32Array.of(noId, 0), Uint32Array.of(0, noId)],
    ['a frame below the stack without frames', Uint32Array.of(noId, 0), Uint32Array.of(noId, 0)],
  ])('is corrupt for %s', (_, parents, locations) => {
    const kernel = kernelOf(1);
    loadSymbols(kernel, packed);
    expect(() => new StackSums(kernel).setNodes(parents, locations)).toThrow(
      expect.objectContaining({ kind: 'corrupt' }),
    );
  });

  it.each([
    [
      'a line of an unknown function',
      withTables(({ locations }) => ({
        locations: { ...locations, lineFunctions: locations.lineFunctions.fill(9999) },
      })),
    ],
    [
      'a location of an unknown mapping',
      withTables(({ locations }) => ({
        locations: { ...locations, mappings: locations.mappings?.fill(9999) ?? new Uint32Array(0) },
      })),
    ],
    [
      'lines past the last one',
      withTables(({ locations }) => ({
        locations: { ...locations, lineOffsets: locations.lineOffsets.fill(9999, 1) },
      })),
    ],
    [
      'a name past the dictionary',
      withTables(({ functions }) => {
        const ids = new Uint32Array(functions.names.offsets.length - 1).fill(9999);
        return { functions: { ...functions, names: { ...functions.names, ids } } };
      }),
    ],
    [
      'columns of different lengths',
      withTables(({ stacks }) => ({ stacks: { ...stacks, locations: new Uint32Array(1) } })),
    ],
  ])('is corrupt for %s', (_, load) => {
    expect(load).toThrow(expect.objectContaining({ kind: 'corrupt' }));
  });

  it('is loaded into an empty kernel only', () => {
    const { head } = blockOf(1);
    expect(() => loadSymbols(head, packed)).toThrow('empty kernel');
  });

  it('needs the columns that its filter looks at, all equally long', () => {
    const sums = sumsOf(packed);
    expect(() => sums.addSamples(plain, { startNs: 1n })).toThrow('batch without times');
    const series = new Uint32Array(2);
    expect(() => sums.addSamples({ ...plain, series }, { seriesMask: series as never })).toThrow(
      'batch has 2 series, must have 1',
    );
  });
});

describe('packed symbols', () => {
  it('name a location without mapping or lines by its address alone', () => {
    const text = new TextEncoder().encode('ab');
    const packed = packSymbols({
      functions: {
        names: { offsets: Int32Array.of(0, 1, 2), bytes: text, ids: Uint32Array.of(1, 1) },
      },
      locations: {
        addresses: BigUint64Array.of(0n, 2n ** 64n - 1n),
        lineOffsets: Int32Array.of(0, 0, 1),
        lineFunctions: Uint32Array.of(1),
      },
      stacks: { parents: Uint32Array.of(noId, 0, noId), locations: Uint32Array.of(0, 1, noId) },
    });
    const sums = sumsOf(packed);
    sums.addSamples({ stacks: Uint32Array.of(1, 2, 0), values: BigInt64Array.of(3n, 4n, 5n) });
    const expected = new Map([
      ['["unknown!0x0","b"]', 3n],
      ['[]', 4n],
      ['["unknown!0x0"]', 5n],
    ]);
    expect(plainSelf(sums.functionTree())).toEqual(expected);
  });
});
