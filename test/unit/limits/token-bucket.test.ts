// The rate limiter: what is let in over time, whatever is asked for and however limits change.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Rate, TokenBucket } from '../../../src/limits/token-bucket.ts';

const rate: Rate = { bytesPerSecond: 1_000, burstBytes: 5_000 };

/** Takes when it may; answers the wait otherwise. */
function ask(bucket: TokenBucket, bytes: number, nowMs: number, at: Rate = rate): number {
  const waitMs = bucket.waitMs(bytes, at, nowMs);
  if (waitMs === 0) bucket.take(bytes, at, nowMs);
  return waitMs;
}

describe('a token bucket', () => {
  it('lets in a burst after a pause, then the rate', () => {
    const bucket = new TokenBucket(0);
    expect(ask(bucket, 5_000, 0)).toBe(0);
    expect(ask(bucket, 1, 0)).toBe(1);
    expect(ask(bucket, 1_500, 1_000)).toBe(500);
    expect(ask(bucket, 1_500, 1_500)).toBe(0);
    expect(ask(bucket, 5_000, 100_000)).toBe(0);
  });

  it('never lets in more than the burst at once', () => {
    expect(new TokenBucket(0).waitMs(5_001, rate, 1e9)).toBe(Number.POSITIVE_INFINITY);
  });

  it('lets in nothing for free when asked only', () => {
    const bucket = new TokenBucket(0);
    for (let i = 0; i < 10; i++) expect(bucket.waitMs(5_000, rate, 0)).toBe(0);
    expect(bucket.left(rate, 0)).toBe(5_000);
  });

  it('takes on a new rate and burst from the next question on', () => {
    const bucket = new TokenBucket(0);
    ask(bucket, 1_000, 0);
    const small = { bytesPerSecond: 10, burstBytes: 100 };
    expect(bucket.left(small, 0)).toBe(100);
    expect(ask(bucket, 100, 0, small)).toBe(0);
    expect(ask(bucket, 100, 1_000, small)).toBe(9_000);
    expect(bucket.left(rate, 2_000)).toBe(1_010);
  });

  const steps = fc.array(
    fc.record({ afterMs: fc.nat(5_000), bytes: fc.integer({ min: 1, max: 6_000 }) }),
    { maxLength: 60 },
  );

  it('lets in burst plus rate times time at the most, in every stretch of time', () => {
    fc.assert(
      fc.property(steps, (asked) => {
        const bucket = new TokenBucket(0);
        const taken: { nowMs: number; bytes: number }[] = [];
        let nowMs = 0;
        for (const { afterMs, bytes } of asked) {
          nowMs += afterMs;
          if (ask(bucket, bytes, nowMs) === 0) taken.push({ nowMs, bytes });
        }
        for (const [i, first] of taken.entries()) {
          let sum = 0;
          for (const { nowMs: lastMs, bytes } of taken.slice(i)) {
            sum += bytes;
            // A byte is what may be owed.
            expect(sum).toBeLessThanOrEqual(5_000 + (lastMs - first.nowMs) + 1);
          }
        }
      }),
    );
  });

  it('lets in whoever comes back when told, and refuses who comes before', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 5_000 }), (asked, bytes) => {
        const bucket = new TokenBucket(0);
        let nowMs = 0;
        for (const step of asked) {
          nowMs += step.afterMs;
          ask(bucket, step.bytes, nowMs);
        }
        const waitMs = bucket.waitMs(bytes, rate, nowMs);
        expect(waitMs).toBeLessThanOrEqual(5_001);
        if (waitMs > 2) expect(bucket.waitMs(bytes, rate, nowMs + waitMs - 2)).toBeGreaterThan(0);
        expect(bucket.waitMs(bytes, rate, nowMs + waitMs)).toBe(0);
      }),
    );
  });
});
