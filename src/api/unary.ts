// Connect unary calls as routes of the table, run by connect-es. Owns what an implementation learns
// of its call, and that its errors reach `errors.ts` untouched. The hottest calls do without
// connect-es: `push-service.ts` and `direct.ts`.
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
import type { Platform } from '../platform.ts';
import type { BodyReader } from './body.ts';
import type { Call, Route } from './call.ts';
import { withSignal } from './call-signal.ts';
import { compressedBytesMin } from './compress.ts';
import { queryBytesMax, receive, unaryRoute } from './receive.ts';

export interface UnaryOptions {
  readBody: BodyReader;
  platform: Pick<Platform, 'gzip' | 'gunzip' | 'sleep'>;
}

/** What an implementation may know of the call it answers. */
export interface CallContext {
  tenants: readonly string[];
  /** As `Call.reach`. */
  reach: string | undefined;
  /** Aborted when the client leaves or its deadline passes. */
  signal: AbortSignal;
  /** The client's `Accept` header. */
  accept: string | null;
}

interface Running {
  call: Call;
  signal: AbortSignal;
  /** What the implementation threw, untouched by connect-es. */
  error?: unknown;
}
const runningKey = createContextKey<Running | undefined>(undefined);

/** For implementations: the call that `context` belongs to. */
export function callContextOf(context: HandlerContext): CallContext {
  const accept = context.requestHeader.get('accept');
  const running = context.values.get(runningKey);
  return running === undefined
    ? { tenants: [], reach: undefined, signal: context.signal, accept }
    : { ...who(running.call), signal: running.signal, accept };
}

function who({ tenants, reach }: Call): Pick<CallContext, 'tenants' | 'reach'> {
  return { tenants, reach };
}

/** One route per method of the services that `register` adds. */
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
    unaryRoute(handler.requestPath, (call) => runUnary(call, handler, options)),
  );
}

async function runUnary(
  call: Call,
  handler: UniversalHandler,
  { readBody, platform }: UnaryOptions,
): Promise<Response> {
  const { method } = handler;
  const { bytes, timeoutMs } = await receive(call, method.input, readBody, queryBytesMax);
  const header = new Headers(call.request.headers);
  header.delete('content-encoding');
  header.delete('content-length');
  header.delete('connect-timeout-ms');
  return withSignal(call.request, platform.sleep, timeoutMs, async (signal) => {
    const running: Running = { call, signal };
    const response = await handler({
      httpVersion: '2.0',
      method: call.request.method,
      url: call.request.url,
      header,
      body: createAsyncIterable([bytes]),
      // What ends the call is its implementation's to heed: the place in the count of requests in
      // flight must last as long as the work.
      signal: call.request.signal,
      contextValues: createContextValues().set(runningKey, running),
    });
    if (running.error !== undefined) throw running.error;
    return universalServerResponseToFetch(response);
  });
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
