// What the query doors answer to requests that are wrong, and to calls that end early.
import { Code, createClient } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { QuerierService } from '../../../src/gen/querier/v1/querier_pb.ts';
import { apiOrigin, createApiServer } from '../../support/api-server.ts';
import { transportTo } from '../../support/connect-client.ts';

const type = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
const select = { profileTypeID: type, labelSelector: '{}', start: 1, end: 2 };
const call = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});
const ask = async (method: string, body: unknown, headers?: Record<string, string>) => {
  const server = await createApiServer();
  const path = `/querier.v1.QuerierService/${method}`;
  const response = await server.send(path, call(body, headers));
  return { status: response.status, json: await response.json(), asked: server.queries.asked };
};

const selects = [
  'SelectMergeStacktraces',
  'SelectMergeSpanProfile',
  'SelectMergeProfile',
  'SelectSeries',
];

describe.each(selects)('%s', (method) => {
  const valid = { ...select, step: 15 };

  it.each([
    ['an empty body', {}],
    ['no start', { ...valid, start: 0 }],
    ['no end', { ...valid, end: '0' }],
    ['a start after the end', { ...valid, start: 3 }],
    ['an empty selector', { ...valid, labelSelector: '' }],
    ['a selector of spaces', { ...valid, labelSelector: ' ' }],
    ['json that is none', '{'],
    ['no body', ''],
    ['a field of the wrong type', { ...valid, start: {} }],
  ])('refuses %s', async (_what, body) => {
    const { status, json, asked } = await ask(method, body);
    expect([status, json]).toMatchObject([400, { code: 'invalid_argument' }]);
    expect(asked).toEqual([]);
  });

  it('takes a range of one millisecond, negative times, and fields it does not know', async () => {
    const range = { start: 2, end: 2 };
    expect(await ask(method, { ...valid, ...range, odd: [1] })).toMatchObject({ status: 200 });
    expect(await ask(method, { ...valid, start: -5 })).toMatchObject({ status: 200 });
  });

  it('takes snake case and camel case, numbers and strings', async () => {
    const snake = { profile_typeID: type, label_selector: '{}', start: '1', end: 2, step: 15 };
    const [a, b] = [await ask(method, snake), await ask(method, valid)];
    expect([a.status, a.asked]).toEqual([200, b.asked]);
  });

  it.each([
    ['text/plain', 415],
    ['', 415],
    ['application/json; charset=utf-8', 200],
    ['application/connect+json', 415],
  ])('answers content type %j with %i', async (contentType, status) => {
    const server = await createApiServer();
    const path = `/querier.v1.QuerierService/${method}`;
    const response = await server.send(path, call(valid, { 'content-type': contentType }));
    expect(response.status).toBe(status);
  });

  it('answers GET with 405', async () => {
    const server = await createApiServer();
    expect((await server.send(`/querier.v1.QuerierService/${method}`)).status).toBe(405);
  });
});

describe('a query', () => {
  it.each([
    ['SelectMergeStacktraces', { maxNodes: -1 }, 400],
    ['SelectMergeStacktraces', { spanSelector: ['0123456789abcdef'], traceIdSelector: ['a'] }, 400],
    ['SelectMergeStacktraces', { async: { type: 'ASYNC_QUERY_TYPE_FORCE' } }, 501],
    ['SelectMergeStacktraces', { async: { type: 'ASYNC_QUERY_TYPE_DISABLED' } }, 200],
    ['SelectMergeProfile', { maxNodes: -1 }, 400],
    ['SelectSeries', {}, 400],
    ['SelectSeries', { step: 0.0009 }, 400],
    ['SelectSeries', { step: -1 }, 400],
    ['SelectSeries', { step: 'NaN' }, 400],
    ['SelectSeries', { step: 'Infinity' }, 400],
    ['SelectSeries', { step: 1, limit: -1 }, 400],
    ['SelectSeries', { step: 1, exemplarType: 'EXEMPLAR_TYPE_NONE' }, 200],
    ['SelectSeries', { step: 1, exemplarType: 'EXEMPLAR_TYPE_INDIVIDUAL' }, 501],
    ['SelectSeries', { step: 1, exemplarType: 'EXEMPLAR_TYPE_SPAN' }, 501],
  ])('%s with %j is %i', async (method, more, status) => {
    expect(await ask(method, { ...select, ...more })).toMatchObject({ status });
  });

  it.each([
    ['Diff', {}, 400],
    ['Diff', { left: select }, 400],
    ['Diff', { left: select, right: {} }, 400],
    ['LabelValues', {}, 400],
    ['LabelValues', { name: 'a', start: 5, end: 4 }, 400],
    ['LabelNames', {}, 200],
    ['Series', {}, 200],
    ['ProfileTypes', {}, 200],
    ['ProfileTypes', { start: 5 }, 400],
    ['ProfileTypes', { start: 5, end: 4 }, 400],
    ['GetProfileStats', {}, 200],
  ])('%s of %j is %i', async (method, body, status) => {
    expect(await ask(method, body)).toMatchObject({ status });
  });

  it('is 400 or 429 when the query service says so, in its words', async () => {
    const server = await createApiServer();
    const client = createClient(QuerierService, transportTo(server, true));
    const wire = { ...select, start: 1n, end: 2n };
    server.queries.failure = new Failure('invalid', 'range is 25 h, limit 24 h');
    await expect(client.selectMergeProfile(wire)).rejects.toMatchObject({
      code: Code.InvalidArgument,
      rawMessage: 'range is 25 h, limit 24 h',
    });
    server.queries.failure = new Failure('limit', 'query reads 9 bytes, limit 8');
    await expect(client.selectMergeStacktraces(wire)).rejects.toMatchObject({
      code: Code.ResourceExhausted,
    });
  });
});

describe('statistics', () => {
  it('are those of one tenant', async () => {
    const server = await createApiServer({ multitenancy: true });
    const path = '/querier.v1.QuerierService/GetProfileStats';
    const one = await server.send(path, call({}, { 'x-scope-orgid': 'a' }));
    const two = await server.send(path, call({}, { 'x-scope-orgid': 'a|b' }));
    const none = await server.send(path, call({}));
    expect([one.status, two.status, none.status]).toEqual([200, 400, 401]);
  });
});

describe('several tenants', () => {
  it('are asked together by queries, and refused by the ingester', async () => {
    const server = await createApiServer({ multitenancy: true });
    const both = { 'x-scope-orgid': 'b|a' };
    const querier = await server.send('/querier.v1.QuerierService/LabelNames', call({}, both));
    const ingester = await server.send('/ingester.v1.IngesterService/LabelNames', call({}, both));
    expect([querier.status, ingester.status]).toEqual([200, 401]);
    expect(server.queries.asked.map(([, tenants]) => tenants)).toEqual([['a', 'b']]);
  });
});

const never = new Promise<void>(() => undefined);

describe.each(['SelectMergeStacktraces', 'LabelNames'])('%s ends early', (method) => {
  const url = `${apiOrigin}/querier.v1.QuerierService/${method}`;

  it('when its deadline passes', async () => {
    const server = await createApiServer();
    server.queries.gate = never;
    const request = new Request(url, call(select, { 'connect-timeout-ms': '20' }));
    const response = await server.fetch(request);
    expect(response.status).toBe(504);
    expect(await response.json()).toMatchObject({ code: 'deadline_exceeded' });
  });

  it('when its client goes away, which is no bug of ours', async () => {
    const server = await createApiServer();
    server.queries.gate = never;
    const controller = new AbortController();
    const init = { ...call(select), signal: controller.signal };
    const answered = server.fetch(new Request(url, init));
    while (server.queries.asked.length === 0) await new Promise((done) => setTimeout(done, 1));
    controller.abort();
    const response = await answered;
    expect([response.status, await response.json()]).toMatchObject([499, { code: 'canceled' }]);
    expect(await server.metricsText()).toContain('pyroscope_panic_total 0');
  });
});
