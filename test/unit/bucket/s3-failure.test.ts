// The table of S3's answers.
import { describe, expect, it } from 'vitest';
import { s3Failure } from '../../../src/bucket/s3-failure.ts';
import { Failure } from '../../../src/errors.ts';

function sdkError(name: string, httpStatusCode?: number, message = 'said the server') {
  const $metadata = httpStatusCode === undefined ? {} : { httpStatusCode };
  return Object.assign(new Error(message), { name, $metadata });
}

describe('failure of s3', () => {
  it('has the kind that tells what to do', () => {
    const expected: [string, number | undefined, string][] = [
      ['NoSuchKey', 404, 'missing'],
      ['NotFound', 404, 'missing'],
      ['NoSuchBucket', 404, 'unavailable'],
      ['NoSuchUpload', 404, 'unavailable'],
      ['SlowDown', 503, 'unavailable'],
      ['ServiceUnavailable', 503, 'unavailable'],
      ['InternalError', 500, 'unavailable'],
      ['RequestTimeout', 400, 'unavailable'],
      ['TooManyRequests', 429, 'unavailable'],
      ['ConditionalRequestConflict', 409, 'unavailable'],
      ['AccessDenied', 403, 'unavailable'],
      ['ExpiredToken', 401, 'unavailable'],
      ['InternalError', 200, 'unavailable'],
      ['TimeoutError', undefined, 'unavailable'],
      ['TypeError', undefined, 'unavailable'],
      ['CredentialsProviderError', undefined, 'unavailable'],
      ['NotImplemented', 501, 'invalid'],
      ['InvalidRequest', 400, 'internal'],
      ['MethodNotAllowed', 405, 'internal'],
    ];
    for (const [name, status, kind] of expected) {
      const failure = s3Failure(sdkError(name, status), 's3://b: get of k');
      expect([name, failure.kind]).toEqual([name, kind]);
    }
  });

  it('says what was done and what came of it, on one line, and keeps the cause', () => {
    const cause = sdkError('SlowDown', 503, 'please\n  reduce');
    const failure = s3Failure(cause, 's3://b: get of k');
    expect(failure.message).toBe('s3://b: get of k: 503 SlowDown, please reduce');
    expect(failure.cause).toBe(cause);
    expect(s3Failure('odd', 'x').message).toBe('x: odd');
    const refused = new TypeError('fetch failed', { cause: new Error('connect ECONNREFUSED') });
    expect(s3Failure(refused, 'x').message).toBe('x: fetch failed, connect ECONNREFUSED');
    expect(s3Failure(sdkError('Odd', undefined, ''), 'x').message).toBe('x: Odd');
    expect(s3Failure(sdkError('NotFound', 404, 'NotFound'), 'x').message).toBe('x: 404 NotFound');
  });

  it('leaves a failure as it is', () => {
    const failure = new Failure('corrupt', 'already said');
    expect(s3Failure(failure, 'x')).toBe(failure);
  });
});
