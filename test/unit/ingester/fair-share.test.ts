// The level at which holdings are cut.
import { expect, it } from 'vitest';
import { fairLevel } from '../../../src/ingester/fair-share.ts';
import { createRandom } from '../../fixtures/random.ts';

it.each([
  ['nothing held', [], 10, Infinity],
  ['all fits', [1, 2, 3], 6, Infinity],
  ['one holds too much', [1, 9, 1], 8, 6],
  ['two share what small ones leave', [50, 1, 40, 1], 62, 30],
  ['all are equal', [5, 5, 5, 5], 10, 2.5],
  ['nothing is left', [5, 1], -3, 0],
])('%s', (_title, held, bytesMax, level) => {
  expect(fairLevel(held, bytesMax)).toBe(level);
});

it('cuts to the bound, whatever is held', () => {
  const random = createRandom(7);
  for (let round = 0; round < 200; round++) {
    const held = Array.from({ length: 1 + random.below(20) }, () => random.below(1_000));
    const total = held.reduce((sum, bytes) => sum + bytes, 0);
    const bytesMax = random.below(5_000);
    const level = fairLevel(held, bytesMax);
    const cut = held.reduce((sum, bytes) => sum + Math.min(bytes, level), 0);
    expect(cut).toBeCloseTo(Math.min(total, bytesMax), 6);
  }
});
