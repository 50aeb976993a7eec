// The only place where an error becomes a status and a Connect code. Every error of every door has
// one shape, Connect's: `{"code":"not_found","message":"…"}`; OTLP's is in `otlp-status.ts`. What
// our own bugs say is logged under the request id and never sent.
import { Failure, type FailureKind, messageOf } from '../errors.ts';
import { isInflatedTooLarge } from '../lib/inflate.ts';
import type { Logger } from '../lib/log.ts';
import { statusResponse } from './otlp-status.ts';

/** Connect's names of the codes that phlox answers with, and google.rpc's numbers for them. */
const codeNumbers = {
  canceled: 1,
  unknown: 2,
  invalid_argument: 3,
  deadline_exceeded: 4,
  not_found: 5,
  already_exists: 6,
  permission_denied: 7,
  resource_exhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  data_loss: 15,
  unauthenticated: 16,
} as const;

export type ErrorCode = keyof typeof codeNumbers;

/**
 * Which protocol's habits an answer follows: plain HTTP differs from Connect only for bodies over
 * their bound, OTLP also in the shape of an error.
 */
export type Door = 'connect' | 'http' | 'otlp';

/** An error that the protocol itself defines, such as 404 or 415; its message is sent as it is. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly code: ErrorCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: ErrorCode,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

const kindAnswers: Record<FailureKind, { status: number; code: ErrorCode }> = {
  invalid: { status: 400, code: 'invalid_argument' },
  limit: { status: 429, code: 'resource_exhausted' },
  unauthenticated: { status: 401, code: 'unauthenticated' },
  forbidden: { status: 403, code: 'permission_denied' },
  missing: { status: 404, code: 'not_found' },
  unavailable: { status: 503, code: 'unavailable' },
  corrupt: { status: 500, code: 'data_loss' },
  internal: { status: 500, code: 'internal' },
};

// The least that Retry-After can say; senders back off further on their own.
const retryAfterSecondsDefault = 1;
// Parsers quote the input; one line of a log and of a terminal is enough of it.
const messageCharactersMax = 2048;

const bodyTooLargeReason = 'request_size_limit';

/** For a body over its bound: 413 at plain doors, Connect's `resource_exhausted` at the others. */
export function bodyTooLarge(message: string): Failure {
  return new Failure('invalid', message, { reason: bodyTooLargeReason });
}

export interface ErrorContext {
  door: Door;
  /** Of the request: OTLP answers in its encoding. */
  contentType: string | null;
  requestId: string;
  log: Logger;
  /** Called once for an error that is our own bug. */
  onPanic: () => void;
}

interface Answer {
  status: number;
  code: ErrorCode;
  message: string;
  headers?: Readonly<Record<string, string>>;
}

/** The answer to anything thrown while a request was handled. */
export function errorResponse(error: unknown, context: ErrorContext): Response {
  const { status, code, message, headers = {} } = answerTo(error, context);
  const line = messageOf(message).slice(0, messageCharactersMax);
  if (context.door === 'otlp') {
    const answer = { status, code: codeNumbers[code], message: line, headers };
    return statusResponse(answer, context.contentType);
  }
  return new Response(JSON.stringify({ code, message: line }), {
    status,
    headers: {
      'Content-Type': 'application/json',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
  });
}

function answerTo(error: unknown, context: ErrorContext): Answer {
  if (error instanceof Refusal) return error;
  if (!(error instanceof Failure) || error.kind === 'internal') return panicAnswer(error, context);
  const { message } = error;
  if (isBodyTooLarge(error)) {
    // No Retry-After: sending the same body again cannot help.
    return { status: context.door === 'connect' ? 429 : 413, code: 'resource_exhausted', message };
  }
  const { status, code } = kindAnswers[error.kind];
  if (error.kind === 'corrupt') {
    const fields = { request_id: context.requestId, error: messageOf(error) };
    context.log.error('stored data is wrong', fields);
  }
  return { status, code, message, headers: retryAfter(error) };
}

function panicAnswer(error: unknown, context: ErrorContext): Answer {
  const { requestId, log, onPanic } = context;
  onPanic();
  const stack = error instanceof Error ? error.stack : undefined;
  log.error('request failed', { request_id: requestId, error: messageOf(error), stack });
  return { status: 500, code: 'internal', message: `internal error, request ${requestId}` };
}

function retryAfter(error: Failure): Record<string, string> {
  if (error.kind !== 'limit' && error.kind !== 'unavailable') return {};
  const seconds = Math.max(1, Math.ceil(error.retryAfterSeconds ?? retryAfterSecondsDefault));
  return { 'Retry-After': String(seconds) };
}

/** True for what `bodyTooLarge` made, and for bodies that inflate past their bound. */
export function isBodyTooLarge(error: Failure): boolean {
  return error.reason === bodyTooLargeReason || isInflatedTooLarge(error);
}
