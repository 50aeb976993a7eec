// What R2 throws, and the kind that follows from its code.
import { describe, expect, it } from 'vitest';
import { r2Failure } from '../../../src/bucket/r2-failure.ts';
import { Failure } from '../../../src/errors.ts';

describe('a failure of R2', () => {
  it.each([
    ['get: The specified key does not exist. (10007)', 'missing'],
    ['put: The specified object name is not valid. (10020)', 'invalid'],
    ['put: Your proposed upload exceeds the maximum allowed object size. (100100)', 'invalid'],
    [
      'completeMultipartUpload: All non-trailing parts must have the same length. (10048)',
      'internal',
    ],
    ['put: We encountered an internal error. Please try again. (10001)', 'unavailable'],
    ['put: Reduce your concurrent request rate for the same object. (10058)', 'unavailable'],
    ['get: Unspecified error (0)', 'unavailable'],
    ['Network connection lost.', 'unavailable'],
  ])('of `%s` is %s', (message, kind) => {
    const failure = r2Failure(new Error(message), 'r2://B: put of k');
    expect(failure).toMatchObject({ kind, message: `r2://B: put of k: ${message}` });
  });

  it('that has a kind already keeps it', () => {
    const failure = new Failure('missing', 'no object k');
    expect(r2Failure(failure, 'get')).toBe(failure);
  });
});
