// Calling again what failed for now: exponential back-off with full jitter, bounded in count and
// wait. Owns the waiting; whether a call may be repeated is its caller's knowledge.
import { type Failure, isFailure } from '../errors.ts';

export interface RetryPolicy {
  /** Calls in all, the first one included; at least 1. */
  attempts: number;
  /** Longest wait before the second call; doubles from there. */
  baseMs: number;
  /** Longest wait before any call. */
  maxMs: number;
  /** Resolves after `ms`, or rejects with the signal's reason when it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A number from 0 up to, but not including, 1. */
  random(): number;
}

export interface RetryOptions {
  signal?: AbortSignal | undefined;
  /** Asked after a failure: false when calling again would not be the same call. */
  mayRetry?: () => boolean;
}

/** Milliseconds to wait before call `attempt + 1`, after call `attempt` (from 1) failed. */
export function backoffMs(
  attempt: number,
  policy: Pick<RetryPolicy, 'baseMs' | 'maxMs' | 'random'>,
): number {
  // 2 ** 30 ms is 12 days: a larger exponent only risks Infinity times zero.
  const bound = Math.min(policy.maxMs, policy.baseMs * 2 ** Math.min(attempt - 1, 30));
  return Math.floor(policy.random() * bound);
}

/**
 * Calls `call` until it succeeds, fails with anything but `unavailable`, or was called
 * `policy.attempts` times. A wait that the failure itself names is kept, up to `maxMs`.
 */
export async function retryUnavailable<T>(
  policy: RetryPolicy,
  call: () => Promise<T>,
  options: RetryOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    options.signal?.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      if (!isFailure(error, 'unavailable') || attempt >= policy.attempts) throw error;
      if (options.mayRetry !== undefined && !options.mayRetry()) throw error;
      await policy.sleep(waitMs(error, attempt, policy), options.signal);
    }
  }
}

function waitMs(failure: Failure, attempt: number, policy: RetryPolicy): number {
  const askedMs = (failure.retryAfterSeconds ?? 0) * 1000;
  return Math.min(policy.maxMs, Math.max(askedMs, backoffMs(attempt, policy)));
}
