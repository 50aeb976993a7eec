// The width of a timeline's bars.
import { expect, it } from 'vitest';
import { timelineStepMs } from '../../../src/api/timeline.ts';

const [s, m, h, d] = [1_000, 60_000, 3_600_000, 86_400_000];
const w = 7 * d;

it.each([
  [0, 15 * s],
  [h, 15 * s],
  [17.5 * s * 1_500, 15 * s],
  [17.5 * s * 1_500 + 1_500, 20 * s],
  [25 * s * 1_500, 20 * s],
  [45 * s * 1_500, 30 * s],
  [d, m],
  [3.5 * m * 1_500, 2 * m],
  [7.5 * m * 1_500, 5 * m],
  [12.5 * m * 1_500, 10 * m],
  [17.5 * m * 1_500, 15 * m],
  [25 * m * 1_500, 20 * m],
  [45 * m * 1_500, 30 * m],
  [1.5 * h * 1_500, h],
  [2.5 * h * 1_500, 2 * h],
  [4.5 * h * 1_500, 3 * h],
  [9 * h * 1_500, 6 * h],
  [d * 1_500, 12 * h],
  [w * 1_500, d],
  [3 * w * 1_500, w],
  [6 * w * 1_500 - 1_500, 30 * d],
  [6 * w * 1_500, 365 * d],
])('of a range of %i ms is %i ms', (rangeMs, stepMs) => {
  expect(timelineStepMs({ startMs: 5, endMs: 5 + rangeMs })).toBe(stepMs);
});
