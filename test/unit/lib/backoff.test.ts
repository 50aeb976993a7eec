// Waits between tries, and when there is no further try.
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { backoffMs, type RetryPolicy, retryUnavailable } from '../../../src/lib/backoff.ts';

function policyOf(random: number, attempts = 3): RetryPolicy & { waitedMs: number[] } {
  const waitedMs: number[] = [];
  const sleep = async (ms: number) => void waitedMs.push(ms);
  return { attempts, baseMs: 100, maxMs: 1_000, sleep, random: () => random, waitedMs };
}

const down = () => Promise.reject(new Failure('unavailable', 'down'));

describe('back-off', () => {
  it('doubles up to its bound, spread over the whole wait', () => {
    const waits = (random: number) =>
      [1, 2, 3, 4, 5, 6, 5_000].map((attempt) => backoffMs(attempt, policyOf(random)));
    expect(waits(0)).toEqual([0, 0, 0, 0, 0, 0, 0]);
    expect(waits(0.5)).toEqual([50, 100, 200, 400, 500, 500, 500]);
    expect(waits(0.999_999)).toEqual([99, 199, 399, 799, 999, 999, 999]);
  });

  it('answers the first success', async () => {
    const policy = policyOf(0.5);
    let calls = 0;
    const result = await retryUnavailable(policy, async () => (++calls < 3 ? down() : calls));
    expect(result).toBe(3);
    expect(policy.waitedMs).toEqual([50, 100]);
  });

  it('throws at once what is not unavailable, and after the last try what is', async () => {
    for (const [attempts, expectedCalls] of [
      [1, 1],
      [4, 4],
    ] as const) {
      let calls = 0;
      const call = () => {
        calls++;
        return down();
      };
      await expect(retryUnavailable(policyOf(0, attempts), call)).rejects.toThrow('down');
      expect(calls).toBe(expectedCalls);
    }
    const policy = policyOf(0);
    const bug = new TypeError('ours');
    await expect(retryUnavailable(policy, () => Promise.reject(bug))).rejects.toBe(bug);
    expect(policy.waitedMs).toEqual([]);
  });

  it('stops when the call may not be repeated or the signal is aborted', async () => {
    const policy = policyOf(0);
    await expect(retryUnavailable(policy, down, { mayRetry: () => false })).rejects.toThrow('down');
    const controller = new AbortController();
    const leaving = () => {
      controller.abort(new Error('left'));
      return down();
    };
    const { signal } = controller;
    await expect(retryUnavailable(policy, leaving, { signal })).rejects.toThrow('left');
    await expect(retryUnavailable(policy, leaving, { signal })).rejects.toThrow('left');
    expect(policy.waitedMs).toEqual([0]);
  });
});
