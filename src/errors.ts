// The one error type of the project. Owns the kinds (what the caller should do) and nothing
// else: only `api/errors.ts` turns a kind into a status or a Connect code.

/** What the caller should do about it, in one word each. */
export const failureKinds = [
  'invalid', // fix the request: a retry cannot cure it
  'limit', // slow down: rate, series, quota
  'unauthenticated',
  'forbidden',
  'missing', // not there
  'unavailable', // retry later: memory, log, disk, bucket
  'corrupt', // stored data is wrong
  'internal', // our bug
] as const;
export type FailureKind = (typeof failureKinds)[number];

export interface FailureOptions {
  cause?: unknown;
  /** Value of the `reason` label of the discard counters. */
  reason?: string;
  /** Seconds for a `Retry-After` header; for `limit` and `unavailable`. */
  retryAfterSeconds?: number;
}

/** An error with a kind. Messages are one line, lower case, with the value and the bound. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly kind: FailureKind;
  readonly reason: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(kind: FailureKind, message: string, options: FailureOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.reason = options.reason;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** True when `error` is a Failure, of the given kind when one is named. */
export function isFailure(error: unknown, kind?: FailureKind): error is Failure {
  return error instanceof Failure && (kind === undefined || error.kind === kind);
}

/** Throws `internal` when `condition` is false: for what cannot happen unless we have a bug. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Failure('internal', message);
}

/** The message of anything thrown, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replaceAll(/\s*\n\s*/g, ' ');
}
