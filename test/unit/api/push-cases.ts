// Push requests and what a server must answer, as data.
import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import { PushRequestSchema } from '../../../src/gen/push/v1/push_pb.ts';
import { gzip } from '../../../src/runtime/gzip.ts';
import { rawZstd } from '../../support/zstd-frames.ts';

export const requestBytesMax = 64 << 10;
const pprof = Uint8Array.of(0x1f, 0x8b, 1, 2, 3);
const message = create(PushRequestSchema, {
  series: [
    {
      labels: [
        { name: '__name__', value: 'process_cpu' },
        { name: 'service_name', value: 'checkout' },
      ],
      samples: [{ rawProfile: pprof, ID: 'a' }, { rawProfile: Uint8Array.of(9) }],
    },
    { labels: [{ name: 'x', value: 'ü😀' }], samples: [{ rawProfile: new Uint8Array(0) }] },
  ],
});
export const proto = toBinary(PushRequestSchema, message);
const json = new TextEncoder().encode(toJsonString(PushRequestSchema, message));
export const stored = [
  { labels: message.series[0]?.labels.map(plain), body: pprof },
  { labels: message.series[0]?.labels.map(plain), body: Uint8Array.of(9) },
  { labels: [{ name: 'x', value: 'ü😀' }], body: new Uint8Array(0) },
];
const jsonText = (text: string) => new TextEncoder().encode(text);

export interface PushCase {
  title: string;
  headers?: Record<string, string>;
  body?: Uint8Array | undefined;
  method?: string;
  /** 200 when it is not there. */
  status?: number;
  message?: RegExp | string;
  answer?: string;
  answerHeaders?: Record<string, string | null>;
}

export const asProto = { 'content-type': 'application/proto' };
const asJson = { 'content-type': 'application/json' };
const big = new Uint8Array(requestBytesMax + 1);
const cutGzip = gzip(proto).subarray(0, -4);

export const accepted: PushCase[] = [
  { title: 'proto', headers: asProto, body: proto, answer: '' },
  { title: 'json', headers: asJson, body: json, answer: '{}' },
  {
    title: 'json with a charset',
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: json,
    answer: '{}',
  },
  {
    title: 'snake case and unknown fields in json',
    headers: asJson,
    body: jsonText(
      new TextDecoder()
        .decode(json)
        .replaceAll('rawProfile', 'raw_profile')
        .replace('{', '{"annotations":[1],'),
    ),
    answer: '{}',
  },
  {
    title: 'gzip proto',
    headers: { ...asProto, 'content-encoding': 'gzip' },
    body: gzip(proto),
    answer: '',
  },
  {
    title: 'gzip json',
    headers: { ...asJson, 'content-encoding': 'gzip' },
    body: gzip(json),
    answer: '{}',
  },
  {
    title: 'zstd proto',
    headers: { ...asProto, 'content-encoding': 'zstd' },
    body: rawZstd(proto),
    answer: '',
  },
  {
    title: 'an empty content encoding',
    headers: { ...asProto, 'content-encoding': '' },
    body: proto,
    answer: '',
  },
  {
    title: 'identity, a protocol version and a timeout',
    headers: {
      ...asProto,
      'content-encoding': 'identity',
      'connect-protocol-version': '1',
      'connect-timeout-ms': '9999999999',
    },
    body: proto,
    answer: '',
  },
];

export const refused: PushCase[] = [
  {
    title: 'no body',
    headers: asProto,
    status: 400,
    message: 'no profiles received',
  },
  {
    title: 'an empty gzip proto body',
    headers: { ...asProto, 'content-encoding': 'gzip' },
    body: new Uint8Array(0),
    status: 400,
    message: 'no profiles received',
  },
  {
    title: 'series without samples',
    headers: asJson,
    body: jsonText('{"series":[{"labels":[]}]}'),
    status: 400,
    message: 'no profiles received',
  },
  {
    title: 'an empty json body',
    headers: asJson,
    status: 400,
    message: /json/i,
  },
  {
    title: 'json that is cut short',
    headers: asJson,
    body: json.subarray(0, -2),
    status: 400,
  },
  {
    title: 'a json field of the wrong type',
    headers: asJson,
    body: jsonText('{"series":3}'),
    status: 400,
    message: /series/,
  },
  {
    title: 'base64 that is none',
    headers: asJson,
    body: jsonText('{"series":[{"samples":[{"rawProfile":"*"}]}]}'),
    status: 400,
    message: /raw_profile/,
  },
  {
    title: 'proto that is cut short',
    headers: asProto,
    body: proto.subarray(0, -1),
    status: 400,
    message: /push.v1.PushRequest/,
  },
  {
    title: 'proto labels that are not UTF-8',
    headers: asProto,
    body: Uint8Array.of(10, 5, 10, 3, 10, 1, 0xff),
    status: 400,
    message: /push.v1.PushRequest/,
  },
  {
    title: 'corrupt gzip',
    headers: { ...asProto, 'content-encoding': 'gzip' },
    body: proto,
    status: 400,
    message: /^request body: gzip: /,
  },
  {
    title: 'gzip that is cut short',
    headers: { ...asProto, 'content-encoding': 'gzip' },
    body: cutGzip,
    status: 400,
    message: /^request body: gzip: /,
  },
  {
    title: 'corrupt zstd',
    headers: { ...asProto, 'content-encoding': 'zstd' },
    body: proto,
    status: 400,
    message: /^request body: zstd: no frame at byte 0$/,
  },
  {
    title: 'an unknown encoding',
    headers: { ...asProto, 'content-encoding': 'br' },
    body: proto,
    status: 501,
    message: /"br".*gzip, zstd/,
    answerHeaders: { 'accept-encoding': 'gzip, zstd' },
  },
  {
    title: 'two encodings',
    headers: { ...asProto, 'content-encoding': 'gzip, gzip' },
    body: proto,
    status: 501,
  },
  {
    title: 'text',
    headers: { 'content-type': 'text/plain' },
    body: proto,
    status: 415,
    message: /"text\/plain"/,
  },
  { title: 'grpc', headers: { 'content-type': 'application/grpc' }, body: proto, status: 415 },
  {
    title: 'grpc-web',
    headers: { 'content-type': 'application/grpc-web+proto' },
    body: proto,
    status: 415,
  },
  {
    title: 'a stream',
    headers: { 'content-type': 'application/connect+proto' },
    body: proto,
    status: 415,
  },
  {
    title: 'no content type',
    body: proto,
    status: 415,
    answerHeaders: { 'accept-post': 'application/json, application/proto' },
  },
  {
    title: 'a timeout that is no number',
    headers: { ...asProto, 'connect-timeout-ms': '1s' },
    body: proto,
    status: 400,
    message: /timeout/,
  },
  {
    title: 'a body over its bound',
    headers: asProto,
    body: big,
    status: 429,
    message: `request body is more than ${requestBytesMax} bytes, the limit`,
    answerHeaders: { 'retry-after': null },
  },
  {
    title: 'a declared length over its bound',
    headers: { ...asProto, 'content-length': '99999999' },
    body: proto,
    status: 429,
    message: `request body is 99999999 bytes, limit ${requestBytesMax}`,
  },
  {
    title: 'a body over its declared length and the bound',
    headers: { ...asProto, 'content-length': '10' },
    body: big,
    status: 429,
    message: `request body is ${requestBytesMax + 1} bytes, limit ${requestBytesMax}`,
  },
  {
    title: 'a length with a transfer encoding, over its bound',
    headers: { ...asProto, 'content-length': '10', 'transfer-encoding': 'chunked' },
    body: big,
    status: 429,
  },
  {
    title: 'gzip that inflates over the bound',
    headers: { ...asProto, 'content-encoding': 'gzip' },
    body: gzip(big),
    status: 429,
    message: `request body: gzip: inflates to more than ${requestBytesMax} bytes, the limit`,
  },
  {
    title: 'zstd that inflates over the bound',
    headers: { ...asProto, 'content-encoding': 'zstd' },
    body: rawZstd(big.subarray(0, 60_000), { contentBytes: 1 << 30 }),
    status: 429,
    message: `request body: zstd: inflates to more than ${requestBytesMax} bytes, the limit`,
  },
  { title: 'GET', method: 'GET', status: 405, answerHeaders: { allow: 'POST' } },
  { title: 'PUT', method: 'PUT', body: proto, status: 405, answerHeaders: { allow: 'POST' } },
  { title: 'DELETE', method: 'DELETE', status: 405, answerHeaders: { allow: 'POST' } },
];

function plain({ name, value }: { name: string; value: string }) {
  return { name, value };
}
