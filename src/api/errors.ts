// The only place where an error becomes a status and a Connect code. Every error of every door has
// one shape, Connect's: `{"code":"not_found","message":"…"}`. What our own bugs say is logged under
// the request id and never sent.
import { Failure, type FailureKind, messageOf } from '../errors.ts';
import { isInflatedTooLarge } from '../lib/inflate.ts';
import type { Logger } from '../lib/log.ts';

/** Connect's names of the codes that phlox answers with. */
export type ErrorCode =
  | 'canceled'
  | 'unknown'
  | 'invalid_argument'
  | 'deadline_exceeded'
  | 'not_found'
  | 'already_exists'
  | 'permission_denied'
  | 'resource_exhausted'
  | 'unimplemented'
  | 'internal'
  | 'unavailable'
  | 'data_loss'
  | 'unauthenticated';

/** Which protocol's habits an answer follows: they differ only for bodies over their bound. */
export type Door = 'connect' | 'http';

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
  requestId: string;
  log: Logger;
  /** Called once for an error that is our own bug. */
  onPanic: () => void;
}

/** The answer to anything thrown while a request was handled. */
export function errorResponse(error: unknown, context: ErrorContext): Response {
  if (error instanceof Refusal) {
    return refusalResponse(error.status, error.code, error.message, error.headers);
  }
  if (!(error instanceof Failure) || error.kind === 'internal')
    return panicResponse(error, context);
  if (isBodyTooLarge(error)) {
    // No Retry-After: sending the same body again cannot help.
    return context.door === 'http'
      ? refusalResponse(413, 'resource_exhausted', error.message)
      : refusalResponse(429, 'resource_exhausted', error.message);
  }
  const { status, code } = kindAnswers[error.kind];
  if (error.kind === 'corrupt') {
    const fields = { request_id: context.requestId, error: messageOf(error) };
    context.log.error('stored data is wrong', fields);
  }
  return refusalResponse(status, code, error.message, retryAfter(error));
}

function panicResponse(error: unknown, context: ErrorContext): Response {
  const { requestId, log, onPanic } = context;
  onPanic();
  const stack = error instanceof Error ? error.stack : undefined;
  log.error('request failed', { request_id: requestId, error: messageOf(error), stack });
  return refusalResponse(500, 'internal', `internal error, request ${requestId}`);
}

function refusalResponse(
  status: number,
  code: ErrorCode,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const line = messageOf(message).slice(0, messageCharactersMax);
  return new Response(JSON.stringify({ code, message: line }), {
    status,
    headers: {
      'Content-Type': 'application/json',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
  });
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
