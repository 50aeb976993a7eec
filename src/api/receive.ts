// From a request to a decoded message of a unary call: content type, timeout, bounded body.
// Messages are decoded here, whoever answers them, so that all calls have the same bounds and
// errors.
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { parseContentType, parseTimeout } from '@connectrpc/connect/protocol-connect';
import { inTurns } from '../lib/steps.ts';
import type { BodyReader } from './body.ts';
import type { Call, Route } from './call.ts';
import { Refusal } from './errors.ts';
import { decodeMessage } from './message.ts';

export const binaryType = 'application/proto';
export const jsonType = 'application/json';
/** Of calls that ask rather than store: selectors and names. */
export const queryBytesMax = 1 << 20;

export interface Received<Schema extends DescMessage> {
  message: MessageShape<Schema>;
  /** The inflated body. */
  bytes: Uint8Array;
  isBinary: boolean;
  /** What `Connect-Timeout-Ms` asks for. */
  timeoutMs: number | undefined;
}

/** Throws for a content type that is not Connect's, a bad timeout, and what is no message. */
export async function receive<Schema extends DescMessage>(
  call: Call,
  schema: Schema,
  readBody: BodyReader,
  bytesMax: number,
): Promise<Received<Schema>> {
  const { headers } = call.request;
  const type = parseContentType(headers.get('content-type'));
  if (type === undefined || type.stream) {
    const given = JSON.stringify(headers.get('content-type') ?? '');
    const message = `content type ${given} is not supported, use ${binaryType} or ${jsonType}`;
    throw new Refusal(415, 'unknown', message, { 'Accept-Post': `${jsonType}, ${binaryType}` });
  }
  const timeout = parseTimeout(headers.get('connect-timeout-ms'), Number.MAX_SAFE_INTEGER);
  if (timeout.error) throw new Refusal(400, 'invalid_argument', timeout.error.rawMessage);
  const bytes = await readBody(call, bytesMax);
  const message = await inTurns(decodeMessage(schema, bytes, type.binary), call.giveWay);
  return { message, bytes, isBinary: type.binary, timeoutMs: timeout.timeoutMs };
}

/** The row of a unary call; those that do not ask have another scope. */
export function unaryRoute(path: string, handle: Route['handle']): Route {
  return {
    path,
    methods: ['POST'],
    scope: 'query',
    isTenantScoped: true,
    isBounded: true,
    door: 'connect',
    handle,
  };
}
