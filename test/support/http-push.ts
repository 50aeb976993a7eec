// Pushes profiles as clients do: Connect unary over HTTP, protobuf or JSON. Answers the response
// as it came, so that tests can look at refusals too.
import { gzipSync } from 'node:zlib';
import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import { type PushRequest, PushRequestSchema } from '../../src/gen/push/v1/push_pb.ts';

export interface PushSeries {
  labels: Readonly<Record<string, string>>;
  /** pprof, plain or gzip; each becomes one sample of the series. */
  profiles: readonly Uint8Array[];
}

export interface PushOptions {
  /** Default `proto`. */
  encoding?: 'proto' | 'json';
  /** Compress the request body and say so. */
  isGzip?: boolean;
  /** Name of the service in the path; default `push.v1.PusherService`. */
  service?: string;
  headers?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

/** A push request, as the `push.v1` and `ingester.v1` services take it. */
export function pushRequest(series: readonly PushSeries[]): PushRequest {
  return create(PushRequestSchema, {
    series: series.map(({ labels, profiles }) => ({
      labels: Object.entries(labels).map(([name, value]) => ({ name, value })),
      samples: profiles.map((rawProfile) => ({ rawProfile, ID: '' })),
    })),
  });
}

/** The body of a push in protobuf. */
export function encodePush(series: readonly PushSeries[]): Uint8Array<ArrayBuffer> {
  return toBinary(PushRequestSchema, pushRequest(series));
}

/** Sends one push and resolves to the response, whatever its status. */
export function push(
  url: string,
  series: readonly PushSeries[],
  options: PushOptions = {},
): Promise<Response> {
  const { encoding = 'proto', isGzip = false, service = 'push.v1.PusherService' } = options;
  const message = pushRequest(series);
  const plain: Uint8Array<ArrayBuffer> =
    encoding === 'proto'
      ? toBinary(PushRequestSchema, message)
      : new TextEncoder().encode(toJsonString(PushRequestSchema, message));
  return fetch(`${url}/${service}/Push`, {
    method: 'POST',
    body: isGzip ? new Uint8Array(gzipSync(plain)) : plain,
    headers: {
      'content-type': `application/${encoding}`,
      ...(isGzip ? { 'content-encoding': 'gzip' } : {}),
      ...options.headers,
    },
    ...(options.signal ? { signal: options.signal } : {}),
  });
}

/** Pushes and throws, with status and body, unless the answer is 200. */
export async function pushAccepted(
  url: string,
  series: readonly PushSeries[],
  options: PushOptions = {},
): Promise<void> {
  const response = await push(url, series, options);
  const body = await response.text();
  if (response.status !== 200) throw new Error(`push answered ${response.status}: ${body}`);
}
