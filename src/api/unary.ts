// Connect unary calls as routes of the table. Owns the way from a request to a decoded message:
// content type, timeout, bounded body. Messages are decoded here so that every call has the same
// bounds and errors; connect-es runs the calls, except Push, which is too hot for it.
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import {
  type ConnectRouter,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
  type Interceptor,
} from '@connectrpc/connect';
import {
  createAsyncIterable,
  type UniversalHandler,
  universalServerResponseToFetch,
} from '@connectrpc/connect/protocol';
import { parseContentType, parseTimeout } from '@connectrpc/connect/protocol-connect';
import { singleTenant } from '../auth/tenant.ts';
import { PushRequestSchema } from '../gen/push/v1/push_pb.ts';
import type { IngesterService } from '../ingester/contract.ts';
import type { Platform } from '../platform.ts';
import type { BodyReader } from './body.ts';
import type { Call, Route } from './call.ts';
import { Refusal } from './errors.ts';
import { decodeMessage } from './message.ts';
import { push } from './push-service.ts';

export interface UnaryOptions {
  readBody: BodyReader;
  platform: Pick<Platform, 'gzip' | 'gunzip'>;
}

// Calls that ask rather than store: selectors and names.
const queryBytesMax = 1 << 20;
// Smaller answers cost more to compress than to send.
const compressedBytesMin = 1024;
const binaryType = 'application/proto';
const jsonType = 'application/json';

interface Running {
  call: Call;
  /** What the implementation threw, untouched by connect-es. */
  error?: unknown;
}
const runningKey = createContextKey<Running | undefined>(undefined);

/** For implementations: the tenants of the call that `context` belongs to. */
export function tenantsOf(context: HandlerContext): readonly string[] {
  return context.values.get(runningKey)?.call.tenants ?? [];
}

/** One route per method of the services that `register` adds and implements. */
export function unaryRoutes(
  options: UnaryOptions,
  register: (router: ConnectRouter) => void,
): Route[] {
  const { gzip, gunzip } = options.platform;
  const router = createConnectRouter({
    grpc: false,
    grpcWeb: false,
    interceptors: [keepError],
    compressMinBytes: compressedBytesMin,
    // Requests reach connect-es inflated: this is for answers.
    acceptCompression: [
      {
        name: 'gzip',
        compress: async (bytes) => new Uint8Array(gzip(bytes)),
        decompress: async (bytes, bytesMax) => new Uint8Array(gunzip(bytes, bytesMax)),
      },
    ],
  });
  register(router);
  return router.handlers.map((handler) =>
    unaryRoute(handler.requestPath, (call) => runUnary(call, handler, options.readBody)),
  );
}

/**
 * A push route. connect-es would add a third to a half of the time that inflating a usual body
 * takes; all that Push needs is decoding and an empty answer.
 */
export function pushRoute(
  path: string,
  ingester: IngesterService,
  readBody: BodyReader,
  bytesMax: number,
): Route {
  return unaryRoute(path, async (call) => {
    const tenant = singleTenant(call.tenants);
    const { message, isBinary } = await receive(call, PushRequestSchema, readBody, bytesMax);
    await push(ingester, tenant, message);
    return isBinary
      ? new Response(null, { headers: { 'Content-Type': binaryType } })
      : new Response('{}', { headers: { 'Content-Type': jsonType } });
  });
}

function unaryRoute(path: string, handle: Route['handle']): Route {
  return {
    path,
    methods: ['POST'],
    isTenantScoped: true,
    isBounded: true,
    door: 'connect',
    handle,
  };
}

interface Received<Schema extends DescMessage> {
  message: MessageShape<Schema>;
  /** The inflated body. */
  bytes: Uint8Array;
  isBinary: boolean;
}

async function receive<Schema extends DescMessage>(
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
  // A deadline does not cut a call short: what is being stored would be stored all the same, and
  // the place in the count of requests in flight must last as long as the work.
  const timeout = parseTimeout(headers.get('connect-timeout-ms'), Number.MAX_SAFE_INTEGER);
  if (timeout.error) throw new Refusal(400, 'invalid_argument', timeout.error.rawMessage);
  const bytes = await readBody(call, bytesMax);
  const message = decodeMessage(schema, bytes, type.binary);
  return { message, bytes, isBinary: type.binary };
}

async function runUnary(
  call: Call,
  handler: UniversalHandler,
  readBody: BodyReader,
): Promise<Response> {
  const { bytes } = await receive(call, handler.method.input, readBody, queryBytesMax);
  const header = new Headers(call.request.headers);
  header.delete('content-encoding');
  header.delete('content-length');
  header.delete('connect-timeout-ms');
  const running: Running = { call };
  const response = await handler({
    httpVersion: '2.0',
    method: call.request.method,
    url: call.request.url,
    header,
    body: createAsyncIterable([bytes]),
    signal: call.request.signal,
    contextValues: createContextValues().set(runningKey, running),
  });
  if (running.error !== undefined) throw running.error;
  return universalServerResponseToFetch(response);
}

/** Errors are answered by `errors.ts` alone: connect-es would hide their kinds. */
const keepError: Interceptor = (next) => async (request) => {
  try {
    return await next(request);
  } catch (error) {
    const running = request.contextValues.get(runningKey);
    if (running !== undefined) running.error = error ?? new Error('thrown without an error');
    throw error;
  }
};
