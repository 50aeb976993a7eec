// Sums on a grid of times: which slot a time falls into, and that nothing is rounded.
import { describe, expect, it } from 'vitest';
import type { Labels } from '../../../src/model/labels.ts';
import { pointSums, slotOf } from '../../../src/model/point-sums.ts';

const grid = { startNs: 1_000n, stepNs: 100n, slots: 3 };
const shop: Labels = [
  { name: 'pod', value: 'a' },
  { name: 'service_name', value: 'shop' },
];

describe('a grid', () => {
  it.for([
    [899n, undefined],
    [900n, 0],
    [1_000n, 0],
    [1_001n, 1],
    [1_100n, 1],
    [1_101n, 2],
    [1_200n, 2],
    [1_201n, undefined],
  ] as const)('has %s in slot %s', ([timeNs, slot]) => {
    expect(slotOf(grid, timeNs)).toBe(slot);
  });
});

describe('point sums', () => {
  it('adds up by the labels asked for, leaving out those a series lacks', () => {
    const sums = pointSums(grid, ['pod', 'zone']);
    sums.group(shop).add(1_000n, 5n);
    sums.group([{ name: 'pod', value: 'a' }]).add(990n, 2n);
    sums.group([{ name: 'service_name', value: 'shop' }]).add(1_150n, 1n);
    expect(sums.finish()).toEqual([
      {
        labels: [{ name: 'pod', value: 'a' }],
        slots: Uint32Array.of(0),
        sums: [7n],
        counts: Uint32Array.of(2),
      },
      { labels: [], slots: Uint32Array.of(2), sums: [1n], counts: Uint32Array.of(1) },
    ]);
  });

  it('goes past 2^63', () => {
    const sums = pointSums(grid, []);
    const group = sums.group(shop);
    for (let i = 0; i < 4; i++) group.add(1_000n, 2n ** 62n);
    expect(sums.finish()[0]?.sums).toEqual([2n ** 64n]);
  });

  it('has no group without a profile inside the grid', () => {
    const sums = pointSums(grid, []);
    sums.group(shop).add(5_000n, 1n);
    expect(sums.finish()).toEqual([]);
  });
});
