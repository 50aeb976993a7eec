// The label calls and their siblings, asked by a generated Connect client in both encodings.
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { IngesterService } from '../../../src/gen/ingester/v1/ingester_pb.ts';
import { PusherService } from '../../../src/gen/push/v1/push_pb.ts';
import { gunzip } from '../../../src/runtime/gzip.ts';
import { createApiServer } from '../../support/api-server.ts';
import { transportTo } from '../../support/connect-client.ts';

const jsonCall = (body: object, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

describe.each([true, false])('binary %s', (useBinaryFormat) => {
  const start = async () => {
    const server = await createApiServer();
    const transport = transportTo(server, useBinaryFormat);
    return { server, client: createClient(IngesterService, transport), transport };
  };

  it('pushes', async () => {
    const { server, transport } = await start();
    const samples = [{ rawProfile: Uint8Array.of(1) }];
    const client = createClient(PusherService, transport);
    const answer = await client.push({
      series: [{ labels: [{ name: 'a', value: 'b' }], samples }],
    });
    expect(answer.$typeName).toBe('push.v1.PushResponse');
    expect(server.ingester.pushes).toHaveLength(1);
  });

  it('answers label names, values, profile types and series', async () => {
    const { server, client } = await start();
    const matchers = ['{service_name="checkout"}'];
    const names = await client.labelNames({ matchers, start: 5n, end: 1n << 60n });
    const values = await client.labelValues({ name: 'service_name', matchers });
    const types = await client.profileTypes({});
    const series = await client.series({ matchers, labelNames: ['service_name'] });
    expect(names.names).toEqual(['__name__', 'service_name']);
    expect(values.names).toEqual(['checkout', 'search']);
    expect(types.profileTypes).toMatchObject([
      {
        ID: 'process_cpu:cpu:nanoseconds:cpu:nanoseconds',
        name: 'process_cpu',
        sampleType: 'cpu',
        sampleUnit: 'nanoseconds',
        periodType: 'cpu',
        periodUnit: 'nanoseconds',
      },
    ]);
    const checkout = { labels: [{ name: 'service_name', value: 'checkout' }] };
    expect(series.labelsSet).toMatchObject([checkout]);
    const tenants = ['anonymous'];
    const all = { matchers, any: true, range: undefined };
    // No profile is later than what fits 64 bits of nanoseconds.
    const range = { startMs: 5, endMs: 9_223_372_036_854 };
    expect(server.queries.asked).toEqual([
      ['labelNames', tenants, { ...all, range }],
      ['labelValues', tenants, 'service_name', all],
      ['profileTypes', tenants, undefined],
      ['series', tenants, { ...all, labelNames: ['service_name'] }],
    ]);
  });

  it('flushes all tenants', async () => {
    const { server, client } = await start();
    await client.flush({});
    expect(server.ingester.flushes).toEqual([undefined]);
  });

  it('refuses an empty label name', async () => {
    const { client } = await start();
    const failed = client.labelValues({ matchers: [] });
    await expect(failed).rejects.toMatchObject({ code: Code.InvalidArgument });
  });

  it('tells code, message and Retry-After of a refusal', async () => {
    const { server, client } = await start();
    server.queries.failure = new Failure('unavailable', 'log is full', { retryAfterSeconds: 7 });
    const error = ConnectError.from(await client.labelNames({}).catch((thrown) => thrown));
    expect([error.code, error.rawMessage]).toEqual([Code.Unavailable, 'log is full']);
    expect(error.metadata.get('retry-after')).toBe('7');
  });

  it('compresses large answers', async () => {
    const { server, client } = await start();
    server.queries.answers.labelNames = Array.from({ length: 500 }, (_, index) => `label_${index}`);
    expect((await client.labelNames({})).names).toHaveLength(500);
    const accept = { 'accept-encoding': 'br, gzip' };
    const raw = await server.send('/ingester.v1.IngesterService/LabelNames', jsonCall({}, accept));
    expect(raw.headers.get('content-encoding')).toBe('gzip');
    const bytes = gunzip(new Uint8Array(await raw.arrayBuffer()), 1 << 20);
    expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual({
      names: server.queries.answers.labelNames,
    });
  });
});

describe('label names that Prometheus did not allow', () => {
  const accept = { accept: 'text/html;q=0.9, */*;allow-utf8-labelnames=true' };
  const names = async (headers?: Record<string, string>) => {
    const server = await createApiServer();
    const path = '/ingester.v1.IngesterService/LabelNames';
    return (await server.send(path, jsonCall({}, headers))).json();
  };
  const series = async (headers?: Record<string, string>) => {
    const server = await createApiServer();
    const shared = { name: 'service_name', value: 'checkout' };
    server.queries.answers.series = ['1', '2'].map((value) => [{ name: 'k8s.pod', value }, shared]);
    const path = '/ingester.v1.IngesterService/Series';
    return (await server.send(path, jsonCall({}, headers))).json();
  };

  it('are left out, and sets that become equal are one', async () => {
    expect(await names()).toEqual({ names: ['__name__', 'service_name'] });
    const labels = [{ name: 'service_name', value: 'checkout' }];
    expect(await series()).toEqual({ labelsSet: [{ labels }] });
  });

  it('are shown to clients that can take them', async () => {
    expect(await names(accept)).toEqual({ names: ['__name__', 'k8s.pod', 'service_name'] });
    expect(await series(accept)).toMatchObject({ labelsSet: [{}, {}] });
  });
});

describe('calls that are not answered', () => {
  const path = '/ingester.v1.IngesterService/MergeProfilesStacktraces';

  it('are unimplemented, with the reason, as unary calls', async () => {
    const server = await createApiServer();
    const response = await server.send(path, jsonCall({}));
    expect(response.status).toBe(501);
    expect(await response.json()).toMatchObject({
      code: 'unimplemented',
      message: expect.stringMatching(/MergeProfilesStacktraces is not implemented: .*querier/),
    });
  });

  it('are unimplemented, with the reason, as streams', async () => {
    const server = await createApiServer();
    const headers = { 'content-type': 'application/connect+proto' };
    const response = await server.send(path, { method: 'POST', headers, body: '' });
    const frame = new Uint8Array(await response.arrayBuffer());
    expect([response.status, frame[0]]).toEqual([200, 2]);
    expect(new DataView(frame.buffer).getUint32(1)).toBe(frame.byteLength - 5);
    expect(JSON.parse(new TextDecoder().decode(frame.subarray(5)))).toMatchObject({
      error: { code: 'unimplemented', message: expect.stringContaining('querier') },
    });
  });
});
