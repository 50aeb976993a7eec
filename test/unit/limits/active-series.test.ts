// What counts as an active series, and how much memory their labels are said to take.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ActiveSeries } from '../../../src/limits/active-series.ts';

const minuteMs = 60_000;

describe('active series', () => {
  it('count each once, however often it is pushed', () => {
    const series = new ActiveSeries();
    series.touch(['a', 'bb'], 0);
    series.touch(['a'], 1);
    expect(series.count(1)).toBe(2);
    expect(series.counts(new Set(['a', 'ccc']), 1)).toEqual({
      active: 2,
      added: 1,
      labelBytes: 2 * 'abbccc'.length,
    });
    expect(series.count(1)).toBe(2);
  });

  it('leave ten minutes after their last push', () => {
    const series = new ActiveSeries();
    series.touch(['a', 'b'], 0);
    series.touch(['a'], 5 * minuteMs);
    expect(series.count(10 * minuteMs - 1)).toBe(2);
    expect(series.count(10 * minuteMs)).toBe(1);
    expect(series.counts(new Set(['a', 'b']), 10 * minuteMs)).toMatchObject({
      active: 1,
      added: 1,
    });
    expect(series.counts(new Set(), 15 * minuteMs)).toEqual({ active: 0, added: 0, labelBytes: 0 });
  });

  it('are those of the last ten minutes, in any order of pushes', () => {
    const push = fc.record({
      afterMs: fc.nat(4 * minuteMs),
      keys: fc.array(fc.constantFrom('a', 'bb', 'ccc', 'dddd', 'eeeee'), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(push, { maxLength: 40 }), (pushes) => {
        const series = new ActiveSeries();
        const last = new Map<string, number>();
        let nowMs = 0;
        for (const { afterMs, keys } of pushes) {
          nowMs += afterMs;
          series.touch(keys, nowMs);
          for (const key of keys) last.set(key, nowMs);
          const active = [...last].filter(([, ms]) => nowMs - ms < 10 * minuteMs);
          expect(series.counts(new Set(), nowMs)).toEqual({
            active: active.length,
            added: 0,
            labelBytes: active.reduce((sum, [key]) => sum + 2 * key.length, 0),
          });
        }
      }),
    );
  });
});
