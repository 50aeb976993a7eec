// What an S3 server or the way to it answered, as a Failure. Owns the table of codes; reads only
// plain properties of the SDK's errors, so that it can be tested as data.
// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
import { Failure, type FailureKind, messageOf } from '../errors.ts';

/** Codes of answers below 500 that a later call may not meet again. */
const passingCodes = new Set([
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'RequestLimitExceeded',
  'RequestTimeout',
  'RequestTimeoutException',
  'OperationAborted',
  'ConditionalRequestConflict',
  'BadDigest',
  'IncompleteBody',
  'NoSuchUpload',
]);

interface Answer {
  code: string;
  /** Undefined when no answer came. */
  status: number | undefined;
}

/** The code and status of an error of the SDK. */
export function answerOf(error: unknown): Answer {
  if (!(error instanceof Error)) return { code: '', status: undefined };
  const { Code, $metadata } = error as { Code?: unknown; $metadata?: { httpStatusCode?: number } };
  const code = typeof Code === 'string' && Code !== '' ? Code : error.name;
  return { code, status: $metadata?.httpStatusCode };
}

/** A Failure that says what was being done; one that is a Failure already is answered as it is. */
export function s3Failure(error: unknown, doing: string): Failure {
  if (error instanceof Failure) return error;
  const answer = answerOf(error);
  const { code, status } = answer;
  const kind = kindOf(answer);
  const what = status === undefined ? '' : `${status} ${code}`;
  // An answer without a body has no message of its own; `fetch failed` says why in its cause.
  const why = error instanceof Error && error.cause instanceof Error ? messageOf(error.cause) : '';
  const parts = [what, messageOf(error), why].filter((part) => part !== '' && part !== code);
  return new Failure(kind, `${doing}: ${parts.join(', ') || code}`, { cause: error });
}

function kindOf({ code, status }: Answer): FailureKind {
  // A bucket that is not there is not an object that is not there: whoever makes it cures it.
  if (code === 'NoSuchBucket') return 'unavailable';
  // No answer: refused, reset, timed out, no credentials found.
  if (status === undefined || status < 400) return 'unavailable';
  if (passingCodes.has(code) || status === 429 || status === 408) return 'unavailable';
  if (status === 404) return 'missing';
  // Keys are rotated and clocks are set while the process runs. `forbidden` would tell a client of
  // ours that it is the one who may not.
  if (status === 401 || status === 403) return 'unavailable';
  if (status === 501) return 'invalid';
  if (status >= 500) return 'unavailable';
  return 'internal';
}
