// The OTLP door: requests and what they are answered, in the encoding they came in.
import { describe, expect, it } from 'vitest';
import { statusResponse } from '../../../src/api/otlp-status.ts';
import { KeyRing } from '../../../src/auth/keys.ts';
import { Failure } from '../../../src/errors.ts';
import { ProfilesRefused } from '../../../src/ingester/contract.ts';
import { MessageReader } from '../../../src/lib/protobuf-message.ts';
import { gzip } from '../../../src/runtime/gzip.ts';
import { Writer } from '../../fixtures/protobuf.ts';
import { type ApiServer, createApiServer } from '../../support/api-server.ts';
import { newKey } from '../../support/keys.ts';
import {
  grpcPath,
  otlpFixture,
  otlpPath,
  sample19,
  tinyDictionary,
  tinyProfile,
  tinyRequest,
  tinyResource,
} from '../../support/otlp-requests.ts';
import { rawZstd } from '../../support/zstd-frames.ts';

const binary = { 'content-type': 'application/x-protobuf' };
const json = { 'content-type': 'application/json' };
const shop = otlpFixture('shop-1.10.binpb');
const shopJson = otlpFixture('shop-1.9.jsonl');
const jsonText = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** Fields 1 (number) and 2 (text), of google.rpc.Status and of ExportProfilesPartialSuccess. */
function numberAndText(bytes: Uint8Array) {
  const reader = new MessageReader(bytes);
  let number = 0;
  let message = '';
  while (reader.next()) {
    if (reader.field === 1) number = reader.row();
    else if (reader.field === 2) message = reader.text();
  }
  return { number, message };
}

async function post(
  server: ApiServer,
  body: Uint8Array,
  headers: Record<string, string> = binary,
  path = otlpPath,
) {
  const init = { method: 'POST', headers, body: new Uint8Array(body) };
  const response = await server.send(path, init);
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { response, bytes, status: response.status, text: new TextDecoder().decode(bytes) };
}

/** One good profile and one with a sample that says nothing. */
function halfGood(): Uint8Array<ArrayBuffer> {
  const profiles = [tinyProfile({ samples: [sample19([])] }), tinyProfile()];
  const request = new Writer().message(1, tinyResource(profiles)).message(2, tinyDictionary());
  return request.finish();
}

describe('a request that is stored', () => {
  it.each<[string, Record<string, string>, Uint8Array]>([
    ['protobuf', binary, shop],
    ['protobuf by its other name', { 'content-type': 'application/protobuf' }, shop],
    ['protobuf with a parameter', { 'content-type': 'Application/X-Protobuf; v=1' }, shop],
    ['gzip', { ...binary, 'content-encoding': 'gzip' }, gzip(shop)],
    ['zstd', { ...binary, 'content-encoding': 'zstd' }, rawZstd(shop)],
    ['json', json, shopJson],
    ['json with a charset', { 'content-type': 'application/json; charset=utf-8' }, shopJson],
    ['gzip of json', { ...json, 'content-encoding': 'gzip' }, gzip(shopJson)],
  ])('is answered in its own encoding: %s', async (_, headers, body) => {
    for (const path of [otlpPath, grpcPath]) {
      const server = await createApiServer();
      const { response, status, text } = await post(server, body, headers, path);
      const isJson = headers['content-type']?.includes('json');
      expect([status, text]).toEqual([200, isJson ? '{}' : '']);
      expect(response.headers.get('content-type')).toBe(
        isJson ? 'application/json' : 'application/x-protobuf',
      );
      const services = server.ingester.pushes.map(({ tenant, profiles }) => [
        tenant,
        profiles.map(({ labels }) => labels.find(({ name }) => name === 'service_name')?.value),
      ]);
      const all = ['checkout', 'sidecar', 'checkout', 'unknown_service:nginx'];
      expect(services).toEqual([['anonymous', all]]);
    }
  });

  it('may have no samples, and then stores nothing', async () => {
    const server = await createApiServer();
    const { status, bytes } = await post(server, tinyRequest({ samples: [] }));
    expect([status, bytes.length, server.ingester.pushes]).toEqual([200, 0, []]);
  });

  it('may have its service named by another attribute', async () => {
    const server = await createApiServer({ otlpServiceNameAttributes: ['k8s.pod.name'] });
    await post(server, shop);
    const labels = server.ingester.pushes[0]?.profiles[0]?.labels;
    expect(labels).toContainEqual({ name: 'service_name', value: 'checkout-1' });
  });
});

describe('partial success', () => {
  it('tells what a conversion refused', async () => {
    const server = await createApiServer();
    const { status, bytes } = await post(server, halfGood());
    const reader = new MessageReader(bytes);
    expect([status, reader.next(), reader.field]).toEqual([200, true, 1]);
    expect(numberAndText(reader.content())).toEqual({
      number: 1,
      message: '1 of 2 profiles refused: profile 0: sample 0 has neither values nor timestamps',
    });
    expect(server.ingester.pushes[0]?.profiles).toHaveLength(1);
    expect(await server.metricsText()).toContain(
      'pyroscope_discarded_samples_total{reason="malformed_profile",tenant="anonymous"} 1',
    );
  });

  it('tells what the ingester refused, by the profile of the request, in json', async () => {
    const server = await createApiServer();
    // The second of the pushed profiles is the first profile's other service.
    const failure = new Failure('invalid', 'too large');
    server.ingester.failure = new ProfilesRefused('unused', [
      { index: 1, failure },
      { index: 3, failure },
    ]);
    const { status, text } = await post(server, shopJson, json);
    expect([status, JSON.parse(text)]).toEqual([
      200,
      {
        partialSuccess: {
          rejectedProfiles: '2',
          errorMessage: '2 of 3 profiles refused: profile 0: too large; profile 2: too large',
        },
      },
    ]);
  });
});

interface RefusedCase {
  title: string;
  body: Uint8Array;
  headers?: Record<string, string>;
  status: number;
  code: number;
  message: RegExp;
}

const refused: RefusedCase[] = [
  ...['application/x-protobuf', 'application/json'].flatMap((type): RefusedCase[] => {
    const headers = { 'content-type': type };
    const isJson = type === json['content-type'];
    const bytes = isJson ? jsonText({}) : new Uint8Array(0);
    return [
      {
        title: `${type} without resources`,
        ...{
          headers,
          body: bytes,
          status: 400,
          code: 3,
          message: /^no resource profiles received$/,
        },
      },
      {
        title: `${type} that cannot be parsed`,
        ...{ headers, body: Uint8Array.of(0x0a, 0x7f, 1), status: 400, code: 3, message: /./ },
      },
      {
        title: `${type} of gzip that is none`,
        headers: { ...headers, 'content-encoding': 'gzip' },
        ...{ body: Uint8Array.of(1, 2, 3), status: 400, code: 3, message: /^request body: / },
      },
      {
        title: `${type} over the bound`,
        headers,
        ...{
          body: new Uint8Array((1 << 20) + 1),
          status: 413,
          code: 8,
          message: /more than 1048576 bytes/,
        },
      },
      {
        title: `${type} that inflates over the bound`,
        headers: { ...headers, 'content-encoding': 'gzip' },
        body: gzip(new Uint8Array(2 << 20)),
        ...{ status: 413, code: 8, message: /1048576/ },
      },
      {
        title: `${type} in an unknown encoding`,
        headers: { ...headers, 'content-encoding': 'br' },
        ...{ body: bytes, status: 415, code: 12, message: /"br" is not supported/ },
      },
    ];
  }),
  {
    title: 'a request without its dictionary',
    body: tinyRequest({ hasDictionary: false }),
    ...{ status: 400, code: 3, message: /^request has no dictionary$/ },
  },
  {
    title: 'a profile without a name',
    body: tinyRequest({ periodType: undefined }),
    ...{
      status: 400,
      code: 3,
      message: /^profile of "samples:count" has no name: set period_type/,
    },
  },
  {
    title: 'a profile whose values are all absent',
    body: tinyRequest({ samples: [sample19([])] }),
    ...{ status: 400, code: 3, message: /neither values nor timestamps/ },
  },
  {
    title: 'several profiles of which none is good',
    body: new Writer()
      .message(
        1,
        tinyResource([1, 2, 3, 4, 5, 6, 7].map(() => tinyProfile({ sampleType: undefined }))),
      )
      .message(2, tinyDictionary())
      .finish(),
    ...{ status: 400, code: 3, message: /^7 of 7 profiles refused: .*profile 4: .*; and 2 more$/ },
  },
  {
    title: 'another content type',
    headers: { 'content-type': 'text/plain' },
    ...{ body: shop, status: 415, code: 2, message: /"text\/plain" is not supported/ },
  },
];

describe('a refusal is google.rpc.Status in the encoding of the request', () => {
  it.each(refused)('for $title', async ({ body, headers = binary, status, code, message }) => {
    const server = await createApiServer();
    const answer = await post(server, body, headers);
    const isBinary = headers['content-type'] === binary['content-type'];
    expect(answer.response.headers.get('content-type')).toBe(
      isBinary ? 'application/x-protobuf' : 'application/json',
    );
    const parsed = isBinary ? undefined : JSON.parse(answer.text);
    const found = isBinary
      ? numberAndText(answer.bytes)
      : { number: parsed.code, message: parsed.message };
    expect([answer.status, found.number]).toEqual([status, code]);
    expect(found.message).toMatch(message);
    expect(server.ingester.pushes).toEqual([]);
  });

  it.each([
    ['limit', 429, 8, '7'],
    ['unavailable', 503, 14, '7'],
    ['invalid', 400, 3, null],
  ] as const)('%s of the ingester as a whole', async (kind, status, code, retryAfter) => {
    const server = await createApiServer();
    server.ingester.failure = new Failure(kind, 'not now', { retryAfterSeconds: 7 });
    // One profile cannot be converted: it is not counted before the request is decided.
    const answer = await post(server, kind === 'invalid' ? shop : halfGood());
    expect([answer.status, numberAndText(answer.bytes)]).toEqual([
      status,
      { number: code, message: 'not now' },
    ]);
    expect(answer.response.headers.get('retry-after')).toBe(retryAfter);
    expect(await server.metricsText()).not.toContain('pyroscope_discarded_samples_total{');
  });

  it('without a tenant is 401', async () => {
    const server = await createApiServer({ multitenancy: true });
    const answer = await post(server, shop);
    expect([answer.status, numberAndText(answer.bytes).number]).toEqual([401, 16]);
    await post(server, shop, { ...binary, 'x-scope-orgid': 'shop' });
    expect(server.ingester.pushes.map(({ tenant }) => tenant)).toEqual(['shop']);
  });

  it('of a bug of ours tells no more than the request', async () => {
    const server = await createApiServer();
    server.ingester.failure = new Error('secret');
    const { status, text } = await post(server, shopJson, json);
    expect([status, JSON.parse(text).code]).toEqual([500, 13]);
    expect(text).not.toContain('secret');
  });
});

describe('a label that names the tenant', () => {
  const operator = newKey('*', 'push');
  const ring = new KeyRing([operator.entry]);
  const headers = { ...binary, ...operator.bearer };

  it('is found after the conversion, and all profiles must agree on it', async () => {
    const server = await createApiServer({ keys: () => ring, tenantLabel: 'service_name' });
    expect(await post(server, tinyRequest(), headers)).toMatchObject({ status: 200 });
    expect(server.ingester.pushes.map(({ tenant }) => tenant)).toEqual(['shop']);
    const several = await post(server, shop, headers);
    expect([several.status, numberAndText(several.bytes).message]).toEqual([
      400,
      'label service_name (tenantLabel) names 3 tenants, limit 1 a request',
    ]);
    expect(server.ingester.pushes).toHaveLength(1);
  });

  it('need not be there when nothing is stored', async () => {
    const server = await createApiServer({ keys: () => ring, tenantLabel: 'team' });
    const empty = await post(server, tinyRequest({ samples: [] }), headers);
    const missing = await post(server, tinyRequest(), headers);
    expect([empty.status, missing.status]).toEqual([200, 400]);
  });
});

describe('grpc', () => {
  it.each([
    ['application/grpc', grpcPath],
    ['application/grpc+proto', grpcPath],
    ['application/grpc', otlpPath],
  ])('as %s at %s ends with a status that its clients read', async (type, path) => {
    const server = await createApiServer();
    const body = Uint8Array.of(0, 0, 0, 0, 0);
    const { response, bytes } = await post(server, body, { 'content-type': type }, path);
    expect([response.status, bytes.length]).toEqual([200, 0]);
    expect(response.headers.get('content-type')).toBe('application/grpc');
    expect(response.headers.get('grpc-status')).toBe('12');
    const message = response.headers.get('grpc-message');
    expect(message).toContain('otlp_http exporter');
    expect(message).toContain('/v1development/profiles');
    expect(server.ingester.pushes).toEqual([]);
  });

  it('without a tenant ends as unauthenticated', async () => {
    const server = await createApiServer({ multitenancy: true });
    const headers = { 'content-type': 'application/grpc' };
    const { response } = await post(server, new Uint8Array(0), headers, grpcPath);
    expect(response.headers.get('grpc-status')).toBe('16');
  });
});

it('what a grpc status cannot spell is percent-encoded', async () => {
  const headers = { 'X-Any': 'kept' };
  const answer = { status: 400, code: 3, message: '50 % größer\u{1f600}', headers };
  const response = statusResponse(answer, 'application/grpc');
  expect(response.headers.get('grpc-message')).toBe('50 %25 gr%C3%B6%C3%9Fer%F0%9F%98%80');
  expect(response.headers.get('x-any')).toBe('kept');
});

it('other methods are refused with 405', async () => {
  const server = await createApiServer();
  const response = await server.send(otlpPath);
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
});
