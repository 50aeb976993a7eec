// Errors as OTLP clients read them: google.rpc.Status in the encoding of the request, and for gRPC
// the headers that end a call. Owns the two encodings; which error it is was decided before.
// https://opentelemetry.io/docs/specs/otlp/#failures-1
import { ProtobufWriter } from '../lib/protobuf-writer.ts';
import { otlpEncodingOf } from './otlp-encoding.ts';

export interface StatusAnswer {
  /** Of HTTP. */
  status: number;
  /** Of google.rpc.Code. */
  code: number;
  /** One line. */
  message: string;
  headers: Readonly<Record<string, string>>;
}

/** The answer to a request of this content type; one of no known encoding is told in JSON. */
export function statusResponse(answer: StatusAnswer, contentType: string | null): Response {
  const { status, code, message, headers } = answer;
  const encoding = otlpEncodingOf(contentType);
  if (encoding === 'grpc') return grpcResponse(answer);
  const isBinary = encoding === 'binary';
  const body = isBinary ? statusBytes(code, message) : JSON.stringify({ code, message });
  return new Response(body, {
    status,
    headers: {
      'Content-Type': isBinary ? 'application/x-protobuf' : 'application/json',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
  });
}

/** `code` 1 and `message` 2. */
function statusBytes(code: number, message: string): Uint8Array<ArrayBuffer> {
  const writer = new ProtobufWriter();
  writer.number(1, code);
  writer.string(2, message);
  return writer.view();
}

/**
 * A call that ends with its headers, which is always HTTP 200. What is not printable ASCII, and the
 * percent sign, are percent-encoded in the message.
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#responses
 */
function grpcResponse({ code, message, headers }: StatusAnswer): Response {
  const encoded = message.toWellFormed().replaceAll(/[^ -$&-~]/gu, encodeURIComponent);
  return new Response(null, {
    status: 200,
    headers: {
      ...headers,
      'Content-Type': 'application/grpc',
      'grpc-status': String(code),
      'grpc-message': encoded,
    },
  });
}
