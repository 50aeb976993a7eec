// Unary calls whose answers are encoded by hand, because they are large or come as the very bytes
// that go out. Owns the two encodings and their compression; connect-es has no part in it.
import type { DescMethodUnary, MessageShape } from '@bufbuild/protobuf';
import type { Platform } from '../platform.ts';
import type { QueryContext } from '../query/contract.ts';
import type { BodyReader } from './body.ts';
import type { Route } from './call.ts';
import { withSignal } from './call-signal.ts';
import { answer } from './compress.ts';
import { binaryType, jsonType, queryBytesMax, receive, unaryRoute } from './receive.ts';

export interface DirectOptions {
  readBody: BodyReader;
  platform: Pick<Platform, 'gzip' | 'sleep'>;
}

/** An answer in whichever of the two encodings is asked for. */
export interface DirectAnswer {
  binary: () => Uint8Array;
  /** protojson. */
  json: () => string;
}

/** A route that answers one method with what `run` resolves to. */
export function directRoute<Method extends DescMethodUnary>(
  method: Method,
  { readBody, platform }: DirectOptions,
  run: (request: MessageShape<Method['input']>, context: QueryContext) => Promise<DirectAnswer>,
): Route {
  const path = `/${method.parent.typeName}/${method.name}`;
  return unaryRoute(path, async (call) => {
    const received = await receive<Method['input']>(call, method.input, readBody, queryBytesMax);
    const { message, isBinary, timeoutMs } = received;
    const { request, tenants } = call;
    const found = await withSignal(request, platform.sleep, timeoutMs, (signal) =>
      run(message, { tenants, signal }),
    );
    return isBinary
      ? answer(request, platform, binaryType, found.binary())
      : answer(request, platform, jsonType, new TextEncoder().encode(found.json()));
  });
}
