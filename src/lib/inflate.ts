// What inflating means for the doors, whichever algorithm and runtime does it: one message and one
// mark for output that passes its bound, so that callers can tell a bomb from damaged bytes.
import { Failure, isFailure } from '../errors.ts';

const tooLargeReason = 'inflated_size_limit';

/** The `invalid` thrown when `format` bytes inflate to more than `bytesMax` bytes. */
export function inflatedTooLarge(format: string, bytesMax: number, cause?: unknown): Failure {
  const message = `${format}: inflates to more than ${bytesMax} bytes, the limit`;
  return new Failure('invalid', message, { reason: tooLargeReason, cause });
}

/** True for what `inflatedTooLarge` made. */
export function isInflatedTooLarge(error: unknown): error is Failure {
  return isFailure(error, 'invalid') && error.reason === tooLargeReason;
}
