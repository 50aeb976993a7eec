// Calls of a known service that phlox does not answer. Owns the refusal in both shapes of Connect:
// the error of a unary call, and the end of a stream, whose reason a client reads nowhere else.
import { Code, ConnectError } from '@connectrpc/connect';
import { encodeEnvelope } from '@connectrpc/connect/protocol';
import {
  endStreamFlag,
  endStreamToJson,
  parseContentType,
} from '@connectrpc/connect/protocol-connect';
import { type Call, pathOf, type Route } from './call.ts';
import { Refusal } from './errors.ts';

/** Answers one method, or every other path of `/<service>/*`, as unimplemented, with the reason. */
export function unimplementedRoute(path: string, reason: string): Route {
  return {
    path,
    methods: ['POST'],
    scope: 'query',
    isTenantScoped: false,
    isBounded: true,
    door: 'connect',
    handle: (call) => refuse(call, reason),
  };
}

function refuse(call: Call, reason: string): Response {
  const name = pathOf(call.request).slice(1, 257);
  const message = `${name} is not implemented: ${reason}`;
  const contentType = call.request.headers.get('content-type') ?? '';
  if (parseContentType(contentType)?.stream !== true) {
    throw new Refusal(501, 'unimplemented', message);
  }
  const error = new ConnectError(message, Code.Unimplemented);
  const end = JSON.stringify(endStreamToJson(new Headers(), error, undefined));
  const frame = encodeEnvelope(endStreamFlag, new TextEncoder().encode(end));
  return new Response(frame, { headers: { 'Content-Type': contentType } });
}
