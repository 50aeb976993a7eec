// Times and spans as profiling clients write them.
import { describe, expect, it } from 'vitest';
import { parseSpanNs, parseTimeNs } from '../../../src/lib/parse-time.ts';

const nowMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const now = BigInt(nowMs) * 1_000_000n;
const s = 1_000_000_000n;
const day = 86_400n * s;

describe('a time', () => {
  it.each([
    ['20260102', BigInt(Date.UTC(2026, 0, 2)) * 1_000_000n],
    ['2026_01_02', BigInt(Date.UTC(2026, 0, 2)) * 1_000_000n],
    ['19000101', 19_000_101n * s],
    ['20261301', 20_261_301n * s],
    ['20260230', 20_260_230n * s],
    ['0', 0n],
    ['5', 5n * s],
    ['1700000000', 1_700_000_000n * s],
    ['1,700,000,000', 1_700_000_000n * s],
    ['1700000000123', 1_700_000_000_123n * 1_000_000n],
    ['1700000000123456', 1_700_000_000_123_456n * 1_000n],
    ['1700000000123456789', 1_700_000_000_123_456_789n],
    ['170000000000', 170_000_000_000n * s],
    ['now', now],
    [' now - 1h ', now - 3_600n * s],
    ['now-3h30m', now - 12_600n * s],
    ['now+5m', now + 300n * s],
    ['now-1d+12h', now - day + 43_200n * s],
    ['now-2w', now - 14n * day],
    ['now-1M', now - 30n * day],
    ['now-1mon', now - 30n * day],
    ['now-1y', now - 365n * day],
    ['now-90sec', now - 90n * s],
    ['now-2min', now - 120n * s],
  ])('%j is %i ns', (text, ns) => {
    expect(parseTimeNs(text, nowMs)).toBe(ns);
  });

  it.each(['', 'yesterday', 'now-', 'now-1', 'now-1q', 'now1h', '-1h', '1e9', '1'.repeat(20)])(
    '%j is none',
    (text) => {
      expect(parseTimeNs(text, nowMs)).toBeUndefined();
    },
  );
});

describe('a span', () => {
  it.each([
    ['90s', 90n * s],
    ['3h30m', 12_600n * s],
    ['7d', 7n * day],
  ])('%j is %i ns', (text, ns) => {
    expect(parseSpanNs(text)).toBe(ns);
  });

  it.each(['', '5', '-1h', '1h-1m', '1q', 'now'])('%j is none', (text) => {
    expect(parseSpanNs(text)).toBeUndefined();
  });
});
