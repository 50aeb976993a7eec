// What a query must have before it reads a block: nothing for nothing, more for more, and never
// less than what the reader knows once it has read the symbols.
import { describe, expect, it } from 'vitest';
import { labelsMemory, pointsMemory, stacksMemory } from '../../../src/block/memory-estimate.ts';
import type { PointQuery } from '../../../src/model/source.ts';
import { testMeter } from '../../support/block-folder.ts';
import { everything, pushedBlock } from '../../support/pushed-block.ts';
import { PushedModel } from '../../support/pushed-model.ts';

const { meta, source } = await pushedBlock(new PushedModel(11));
const all = everything(meta, 'cpu');
const { startNs, endNs, selector, profileType } = all;

function points(parts: Partial<PointQuery> = {}): PointQuery {
  const grid = { startNs, stepNs: endNs - startNs, slots: 2 };
  return { selector, profileType, grid, groupBy: [], ...parts };
}

describe('the estimate', () => {
  it('is nothing for a block that has nothing of the query', () => {
    const later = { startNs: endNs + 1n, endNs: endNs + 2n };
    expect(stacksMemory(meta, { ...all, ...later })).toBe(0);
    expect(stacksMemory(meta, everything(meta, 'cpu', '{service_name="none"}'))).toBe(0);
    const grid = { startNs: endNs + 1_000_000n, stepNs: 1n, slots: 3 };
    expect(pointsMemory(meta, points({ grid }))).toBe(0);
  });

  it('covers what is known when the symbols have been read', async () => {
    const known: number[] = [];
    const takes = (bytes: number) => known.push(bytes);
    await source.stacks(all, { ...testMeter(), takes });
    expect(known).toHaveLength(1);
    expect(stacksMemory(meta, all)).toBeGreaterThanOrEqual(known[0] as number);
    // More than a kernel with nothing in it, so that it is of this block.
    expect(known[0]).toBeGreaterThan(stacksMemory(meta, all, 0));
  });

  it('is smaller for a part of the services', () => {
    const one = stacksMemory(meta, everything(meta, 'cpu', '{service_name="service-1"}'));
    expect(one).toBeGreaterThan(0);
    expect(one).toBeLessThan(stacksMemory(meta, all));
  });

  it('of points adds symbols and samples only for a call site', () => {
    const plain = pointsMemory(meta, points());
    const called = pointsMemory(meta, points({ callSite: ['main'] }));
    expect(plain).toBeGreaterThan(labelsMemory(meta));
    expect(called - plain).toBeGreaterThanOrEqual(
      stacksMemory(meta, all) - stacksMemory(meta, all, 0),
    );
  });

  it('of rows is that of one row group, however many there are', () => {
    const grown = (times: number) => {
      const datasets = meta.datasets.map((dataset) => {
        const [first, count] = dataset.samples;
        return { ...dataset, samples: [first, count * times] as [number, number] };
      });
      return stacksMemory({ ...meta, datasets }, all);
    };
    expect(grown(2)).toBeGreaterThan(grown(1));
    expect(grown(2_000_000)).toBe(grown(1_000_000));
  });
});
