// Rows of section 3: OpenTelemetry's profiles.

import { gzip } from '../../../src/runtime/gzip.ts';
import { Writer } from '../../fixtures/protobuf.ts';
import {
  grpcPath,
  keyValue,
  otlpPath,
  sample19,
  sample110,
  type TinyOptions,
  text,
  tinyDictionary,
  tinyProfile,
  tinyRequest,
  tinyResource,
} from '../../support/otlp-requests.ts';
import { rawZstd } from '../../support/zstd-frames.ts';
import { gzipBomb } from './profiles.ts';
import type { WireClock, WireRow } from './row.ts';

export const binary = { 'content-type': 'application/x-protobuf' };
const json = { 'content-type': 'application/json' };
const stored = ['service_name=shop'];
export const malformed = 'malformed_profile';
export const was500 = 'Pyroscope answers 500, which agents send again and again';

function accepted(title: string, body: Uint8Array | string, more: Partial<WireRow> = {}): WireRow {
  const answerHeaders = { 'content-type': 'application/x-protobuf' };
  return {
    title,
    path: otlpPath,
    headers: binary,
    body,
    status: 200,
    answer: '',
    answerHeaders,
    stored,
    ...more,
  };
}

function refused(
  title: string,
  body: Exclude<WireRow['body'], undefined>,
  more: Partial<WireRow> = {},
): WireRow {
  return { title, path: otlpPath, headers: binary, body, status: 400, ...more };
}

export function otlpRows(clock: WireClock): WireRow[] {
  return [...transport(clock), ...requests(), ...profiles(), ...types()];
}

function transport(clock: WireClock): WireRow[] {
  const body = tinyRequest();
  const asJson = {
    headers: json,
    answer: '{}',
    answerHeaders: { 'content-type': 'application/json' },
  };
  const unknown = JSON.stringify({ resourceProfiles: [{ scopeProfiles: [] }], unheardOf: 1 });
  return [
    accepted('3.1 protobuf', body),
    accepted('3.1 protobuf by its other name', body, {
      headers: { 'content-type': 'application/protobuf' },
    }),
    accepted('3.1 the path of gRPC, over HTTP', body, { path: grpcPath }),
    {
      ...accepted('3.1 a type with a parameter', body, {
        headers: { 'content-type': 'application/x-protobuf; charset=utf-8' },
      }),
      deviation: 'Pyroscope takes types without parameters only',
    },
    {
      ...accepted('3.1 unknown fields of JSON', unknown, { ...asJson, stored: [] }),
      deviation: 'Pyroscope answers 400; OTLP has receivers ignore them',
    },
    accepted('3.1 gzip', gzip(body), { headers: { ...binary, 'content-encoding': 'gzip' } }),
    accepted('3.1 zstd', rawZstd(body), { headers: { ...binary, 'content-encoding': 'zstd' } }),
    refused('3.1 another encoding', body, {
      headers: { ...binary, 'content-encoding': 'br' },
      status: 415,
      deviation: 'Pyroscope reads the compressed bytes as they are',
    }),
    refused('3.1 text', body, { headers: { 'content-type': 'text/plain' }, status: 415 }),
    refused('3.1 no type', body, { headers: {}, status: 415 }),
    {
      title: '3.1 gRPC',
      path: grpcPath,
      headers: { 'content-type': 'application/grpc' },
      body,
      status: 200,
      answerHeaders: { 'grpc-status': '12', 'grpc-message': /otlp_http/ },
      deviation: 'Pyroscope serves gRPC; a server of fetch can only refuse it, in its own shape',
    },
    ...['GET', 'PUT'].map(
      (method): WireRow => ({ title: `3.1 ${method}`, path: otlpPath, method, status: 405 }),
    ),
    refused('3.2 no tenant', body, { status: 401, tenant: null }),
    refused('3.2 several tenants', body, { status: 401, tenant: 'a|b' }),
    refused('3.2 a body over its bound', gzipBomb(clock), {
      isLarge: true,
      headers: { ...binary, 'content-encoding': 'gzip' },
      status: 413,
    }),
    refused('3.2 gzip that is none', body, { headers: { ...binary, 'content-encoding': 'gzip' } }),
  ];
}

function requests(): WireRow[] {
  const noResource = new Writer().message(2, tinyDictionary()).finish();
  const two = new Writer()
    .message(1, tinyResource([tinyProfile({ samples: [sample19([])] }), tinyProfile()]))
    .message(2, tinyDictionary())
    .finish();
  const mixed = tinyRequest({
    samples: [sample19([1], { attributes: [1], link: 0 }), sample110([1], { link: 0 })],
  });
  const first = { tenant: 'wire-series-otlp' };
  const other = tinyRequest({ resource: [keyValue('service.name', text('other'))] });
  return [
    refused('3.2 bytes that are no request', Uint8Array.of(0xff, 0xff), { reason: malformed }),
    refused('3.2 JSON that is none', '{', { headers: json }),
    refused('3.2 no resource profiles', noResource, { message: /no resource profiles/ }),
    refused('3.2 no dictionary', tinyRequest({ hasDictionary: false }), {
      message: /dictionary/,
      reason: malformed,
      deviation: was500,
    }),
    accepted('3.2 no samples', tinyRequest({ samples: [] }), { stored: [] }),
    {
      title: 'own: one profile that is refused beside a good one',
      path: otlpPath,
      headers: binary,
      body: two,
      status: 200,
      stored,
      reason: malformed,
      deviation: 'Pyroscope refuses all of them; OTLP has partial success for it',
    },
    refused('own: samples of two layouts', mixed, { message: /undecided/ }),
    accepted('3.2 the first of the series', tinyRequest(), first),
    refused('3.2 over the series limit', other, {
      ...first,
      status: 429,
      stored,
      reason: 'series_limit',
      answerHeaders: { 'retry-after': /^\d+$/ },
    }),
  ];
}

function profiles(): WireRow[] {
  const wrong = (
    title: string,
    options: TinyOptions,
    message: RegExp,
    more: Partial<WireRow> = {},
  ) =>
    refused(`3.4 ${title}`, tinyRequest(options), {
      message,
      reason: malformed,
      deviation: was500,
      ...more,
    });
  const sampleOf = (stack: number) => new Writer().number(1, stack).packed(2, [1]);
  return [
    accepted('3.4 values of 1.9', tinyRequest({ samples: [sample19([1], { attributes: [] })] })),
    accepted('3.4 values of 1.10', tinyRequest({ samples: [sample110([1])] })),
    accepted(
      '3.4 timestamps in place of values',
      tinyRequest({ samples: [sample110([], { timestamps: 3 })] }),
    ),
    accepted('3.4 no service', tinyRequest({ resource: [keyValue('a', text('b'))] }), {
      stored: ['service_name=unknown_service,a=b'],
    }),
    accepted(
      '3.4 the executable for a service',
      tinyRequest({ resource: [keyValue('process.executable.name', text('nginx'))] }),
      { stored: ['service_name=unknown_service:nginx'] },
    ),
    wrong('neither values nor timestamps', { samples: [sample19([])] }, /neither values nor/),
    wrong('a stack that is not there', { samples: [sampleOf(99)] }, /no stack 99/),
    wrong('a link that is not there', { samples: [sample19([1], { link: 9 })] }, /no link 9/),
    wrong(
      'an attribute that is not there',
      { samples: [sample19([1], { attributes: [9] })] },
      /attribute 9/,
      {
        deviation:
          'Pyroscope drops the profile silently where it names the service, else answers 500',
      },
    ),
  ];
}

function types(): WireRow[] {
  const of = (title: string, options: TinyOptions, type: string) =>
    accepted(`3.5 ${title}`, tinyRequest(options), {
      stored: [`service_name=shop,__profile_type__=${type}`],
    });
  return [
    of('CPU samples', {}, 'process_cpu:cpu:nanoseconds:cpu:nanoseconds'),
    of(
      'off CPU',
      { sampleType: [8, 4], periodType: undefined, period: 0 },
      'off_cpu:off_cpu:nanoseconds::',
    ),
    of('others, with a period', { periodType: [9, 4] }, 'wall:samples:count:wall:nanoseconds'),
    refused('3.5 others, without a period type', tinyRequest({ periodType: undefined }), {
      message: /has no name/,
      reason: malformed,
    }),
    refused('3.5 others, with a period of 0', tinyRequest({ period: 0 }), {
      message: /has no name/,
      reason: malformed,
    }),
    refused('3.5 no sample type', tinyRequest({ sampleType: undefined }), {
      message: /no sample type/,
      reason: malformed,
      deviation: was500,
    }),
  ];
}
