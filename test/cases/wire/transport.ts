// Rows of sections 0.2 to 0.4 and 8: what holds at the Push door whatever is pushed, and who it is
// pushed for.
import { gzip } from '../../../src/runtime/gzip.ts';
import { rawZstd } from '../../support/zstd-frames.ts';
import { base64, gzipBomb, pprof, pushOf } from './profiles.ts';
import { asJson, asProto, pushPath, type WireClock, type WireRow } from './row.ts';

const stored = ['service_name=shop'];
const path = pushPath;

export function transportRows(clock: WireClock): WireRow[] {
  const body = pushOf(pprof(clock));
  return [
    ...methods(body),
    ...types(body),
    ...encodings(body, clock),
    ...json(clock),
    ...tenants(body),
  ];
}

function methods(body: Uint8Array): WireRow[] {
  const refused = ['GET', 'PUT', 'PATCH', 'DELETE'].map((method): WireRow => {
    const sent = method === 'GET' ? {} : { body };
    const answerHeaders = { allow: 'POST' };
    return {
      title: `0.2 ${method}`,
      path,
      method,
      headers: asProto,
      ...sent,
      status: 405,
      answerHeaders,
    };
  });
  return [
    ...refused,
    { title: '0.4 an unknown path', path: '/push.v1.PusherService/Pull', body, status: 404 },
    { title: '0.4 a trailing slash', path: `${path}/`, headers: asProto, body, status: 404 },
    {
      title: '0.4 an Accept that is none',
      path,
      headers: { ...asProto, accept: 'a;;=b' },
      body,
      status: 200,
      stored,
      deviation: 'Pyroscope answers 400 before it routes; the header decides nothing here',
    },
    {
      title: '0.4 an Accept of a browser',
      path,
      headers: { ...asProto, accept: 'text/html,*/*;q=0.9' },
      body,
      status: 200,
      stored,
    },
  ];
}

function types(body: Uint8Array): WireRow[] {
  const refused = (
    name: string,
    type: string | undefined,
    more: Partial<WireRow> = {},
  ): WireRow => {
    const headers: Record<string, string> = type === undefined ? {} : { 'content-type': type };
    const answerHeaders = { 'accept-post': 'application/json, application/proto' };
    return { title: `0.2 ${name}`, path, headers, body, status: 415, answerHeaders, ...more };
  };
  const grpc = {
    deviation: 'Pyroscope serves gRPC; over fetch there are no trailers to answer in',
  };
  return [
    {
      title: '0.2 proto, without Connect-Protocol-Version',
      path,
      headers: asProto,
      body,
      status: 200,
      answer: '',
      answerHeaders: { 'content-type': 'application/proto' },
      stored,
    },
    {
      title: '0.2 proto, with protocol version and timeout',
      path,
      headers: { ...asProto, 'connect-protocol-version': '1', 'connect-timeout-ms': '10000' },
      body,
      status: 200,
      stored,
    },
    refused('text', 'text/plain'),
    refused('no content type', undefined),
    refused('a stream', 'application/connect+proto'),
    ...['grpc', 'grpc+proto', 'grpc+json', 'grpc-web', 'grpc-web+proto', 'grpc-web+json'].map(
      (type) => refused(type, `application/${type}`, grpc),
    ),
  ];
}

function encodings(body: Uint8Array, clock: WireClock): WireRow[] {
  const encoded = (
    name: string,
    encoding: string,
    bytes: Uint8Array | (() => Uint8Array),
  ): WireRow => {
    const headers = { ...asProto, 'content-encoding': encoding };
    return { title: `0.2 ${name}`, path, headers, body: bytes, status: 200, stored };
  };
  return [
    encoded('gzip', 'gzip', gzip(body)),
    encoded('identity', 'identity', body),
    {
      ...encoded('zstd', 'zstd', rawZstd(body)),
      deviation: 'Pyroscope answers 501; newer agents can compress with it',
    },
    {
      ...encoded('another encoding', 'br', body),
      status: 501,
      code: 'unimplemented',
      stored: [],
    },
    {
      ...encoded('gzip that is none', 'gzip', body),
      status: 400,
      code: 'invalid_argument',
      message: /^request body: gzip/,
      stored: [],
    },
    {
      ...encoded('two encodings', 'gzip, gzip', gzip(gzip(body) as Uint8Array<ArrayBuffer>)),
      status: 501,
      code: 'unimplemented',
      stored: [],
    },
    {
      ...encoded('a message that is none', 'identity', Uint8Array.of(0x0a, 0x7f, 1)),
      status: 400,
      code: 'invalid_argument',
      stored: [],
    },
    {
      ...encoded('a bomb over the bound of a message', 'gzip', gzipBomb(clock)),
      isLarge: true,
      status: 429,
      code: 'resource_exhausted',
      message: new RegExp(`${clock.requestBytesMax}`),
      stored: [],
    },
  ];
}

function json(clock: WireClock): WireRow[] {
  const label = (name: string, value: string) => ({ name, value });
  const of = (sample: object, more: object = {}, service = 'shop') => ({
    series: [
      {
        labels: [label('__name__', 'process_cpu'), label('service_name', service)],
        samples: [sample],
      },
    ],
    ...more,
  });
  const row = (title: string, body: object | string, more: Partial<WireRow> = {}): WireRow => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return { title, path, headers: asJson, body: text, status: 200, ...more };
  };
  const accepted = { answer: '{}', stored };
  const refused = { status: 400, code: 'invalid_argument' };
  const bytes = base64(pprof(clock));
  return [
    row('0.2 JSON', of({ rawProfile: bytes, ID: 'a' }), accepted),
    row('0.2 JSON with a charset', of({ rawProfile: bytes }), {
      ...accepted,
      headers: { 'content-type': 'application/json; charset=utf-8' },
    }),
    row('0.2 JSON in snake case', of({ raw_profile: bytes }), accepted),
    row('0.2 JSON with unknown fields', of({ rawProfile: bytes, x: [1] }, { y: {} }), accepted),
    row('0.2 an empty JSON body', '', refused),
    row('0.2 JSON that is cut short', '{"series":[', refused),
    row('0.2 JSON of the wrong type', '{"series":3}', refused),
    row('0.2 JSON with base64 that is none', of({ rawProfile: '*' }), refused),
    row('1.7 half a character in JSON', of({ rawProfile: bytes }, {}, '\ud800'), refused),
    row('1.10 JSON without series', '{}', { ...refused, message: /no profiles received/ }),
  ];
}

function tenants(body: Uint8Array): WireRow[] {
  const of = (title: string, tenant: string | null, message: RegExp): WireRow => {
    const refused = { status: 401, code: 'unauthenticated', message };
    return { title: `8 ${title}`, path, headers: asProto, body, tenant, ...refused };
  };
  return [
    of('no tenant', null, /./),
    of('an empty tenant', '', /./),
    of('several tenants', 'a|b', /multiple/),
    of('a character that tenants do not have', 'a/b', /\//),
    of('a tenant of dots', '..', /\.\./),
    of('a tenant of 151 bytes', 'x'.repeat(151), /151/),
  ];
}
