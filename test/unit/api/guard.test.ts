// What surrounds every request: tenant, host, id, bound on requests in flight, metrics, panics.
import { describe, expect, it } from 'vitest';
import { Failure, type FailureKind } from '../../../src/errors.ts';
import { gzip } from '../../../src/runtime/gzip.ts';
import { type ApiServer, createApiServer } from '../../support/api-server.ts';

const labelNames = '/ingester.v1.IngesterService/LabelNames';
const ask = (headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: '{}',
});
const errorOf = async (response: Response) => {
  const { code, message } = (await response.json()) as { code: string; message: string };
  return { status: response.status, code, message };
};

describe('tenant', () => {
  it('is anonymous, whatever the header says, while multitenancy is off', async () => {
    const server = await createApiServer();
    await server.send(labelNames, ask({ 'x-scope-orgid': '///' }));
    expect(server.queries.asked.map(([, tenants]) => tenants)).toEqual([['anonymous']]);
  });

  it.each([
    ['team-1', 'team-1'],
    ["aZ9!-_.*'()", "aZ9!-_.*'()"],
    ['a'.repeat(150), 'a'.repeat(150)],
    ['team:project=x', 'team'],
    ['team|team', 'team'],
    ['first, second', 'first'],
    ['anonymous', 'anonymous'],
  ])('reads %j as %j', async (header, tenant) => {
    const server = await createApiServer({ multitenancy: true });
    const response = await server.send(labelNames, ask({ 'x-scope-orgid': header }));
    expect(response.status).toBe(200);
    expect(server.queries.asked.map(([, tenants]) => tenants)).toEqual([[tenant]]);
  });

  it.each([
    [undefined, /^no org id$/],
    ['', /^no org id$/],
    [':metadata', /^no org id$/],
    ['a|', /^no org id$/],
    ['.', /"\." is reserved/],
    ['..', /"\.\." is reserved/],
    ['a/b', /"a\/b" has the character "\/"/],
    ['a b', /"a b" has the character " "/],
    ['a'.repeat(151), /is 151 bytes, limit 150/],
    ['a|b', /multiple org ids/],
    ['a|'.repeat(70), /more than 64 org ids/],
  ])('refuses %j', async (header, message) => {
    const server = await createApiServer({ multitenancy: true });
    const headers: Record<string, string> = header === undefined ? {} : { 'x-scope-orgid': header };
    for (const path of [labelNames, '/push.v1.PusherService/Push']) {
      const answer = await errorOf(await server.send(path, ask(headers)));
      expect(answer).toMatchObject({ status: 401, code: 'unauthenticated' });
      expect(answer.message).toMatch(message);
    }
    expect(server.queries.asked).toEqual([]);
  });

  it.each(['/ready', '/healthz', '/metrics', '/api/v1/status/buildinfo'])(
    'is not needed for %s',
    async (path) => {
      const server = await createApiServer({ multitenancy: true });
      expect((await server.send(path)).status).toBe(200);
    },
  );
});

describe('host check', () => {
  const allowedHosts = ['localhost', '127.0.0.1', '[::1]'];

  it.each<[Record<string, string>, number]>([
    [{ host: '127.0.0.1:4040' }, 200],
    [{ host: 'LOCALHOST' }, 200],
    [{ host: 'localhost.:4040' }, 200],
    [{ host: '[::1]:4040' }, 200],
    [{ host: 'localhost:4040', origin: 'http://localhost:3000' }, 200],
    [{ host: 'evil.example' }, 403],
    [{ host: 'localhost.evil.example:4040' }, 403],
    [{ host: '127.0.0.1:4040:80' }, 403],
    [{ host: 'localhost:4040', origin: 'https://evil.example' }, 403],
    [{ host: 'localhost:4040', origin: 'https://localhost@evil.example' }, 403],
    [{ host: 'localhost:4040', origin: 'null' }, 403],
  ])('answers %j with %i', async (headers, status) => {
    const server = await createApiServer({ allowedHosts });
    for (const path of [labelNames, '/flush']) {
      const response = await server.send(path, { ...ask(), headers: { ...headers } });
      // A request that passes fails later for its content type, or flushes.
      expect([415, 204, 403]).toContain(response.status);
      expect(response.status === 403 ? 403 : 200).toBe(status);
    }
    expect(server.ingester.flushes).toHaveLength(status === 200 ? 1 : 0);
  });

  it('names what it refuses', async () => {
    const server = await createApiServer({ allowedHosts });
    const answer = await errorOf(
      await server.send('/ready', { headers: { host: 'evil.example' } }),
    );
    const message = 'host "evil.example" is not allowed while requests need no key';
    expect(answer).toEqual({ status: 403, code: 'permission_denied', message });
  });

  it('works for a request without a Host header, whose URL is its path on Bun', async () => {
    const answers = [{ allowedHosts }, {}].map(async (settings) => {
      const server = await createApiServer(settings);
      const request = new Request('http://127.0.0.1/');
      Object.defineProperty(request, 'url', { value: '/ready?x=1' });
      return (await server.fetch(request)).status;
    });
    expect(await Promise.all(answers)).toEqual([403, 200]);
  });

  it('is off without a list', async () => {
    const server = await createApiServer();
    const response = await server.send('/ready', { headers: { host: 'evil.example' } });
    expect(response.status).toBe(200);
  });
});

describe('failures', () => {
  it.each<[FailureKind, number, string, string | null]>([
    ['invalid', 400, 'invalid_argument', null],
    ['limit', 429, 'resource_exhausted', '1'],
    ['unauthenticated', 401, 'unauthenticated', null],
    ['forbidden', 403, 'permission_denied', null],
    ['missing', 404, 'not_found', null],
    ['unavailable', 503, 'unavailable', '1'],
    ['corrupt', 500, 'data_loss', null],
  ])('%s is %i %s', async (kind, status, code, retryAfter) => {
    const server = await createApiServer();
    const failure = new Failure(kind, 'value is 2,\n limit 1');
    server.ingester.failure = failure;
    server.queries.failure = failure;
    for (const path of [labelNames, '/flush']) {
      const response = await server.send(path, ask());
      expect(response.headers.get('retry-after')).toBe(retryAfter);
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
      expect(await errorOf(response)).toEqual({ status, code, message: 'value is 2, limit 1' });
    }
    expect(await server.metricsText()).toContain('pyroscope_panic_total 0');
  });

  it.each([new Failure('internal', 'secret'), new TypeError('secret'), 'secret', { secret: 1 }])(
    'hides what a bug says: %s',
    async (thrown) => {
      const server = await createApiServer();
      server.ingester.failure = thrown;
      server.queries.failure = thrown;
      for (const path of [labelNames, '/flush']) {
        const response = await server.send(path, ask({ 'x-request-id': 'r-1' }));
        const message = 'internal error, request r-1';
        expect(await errorOf(response)).toEqual({ status: 500, code: 'internal', message });
      }
      expect(await server.metricsText()).toContain('pyroscope_panic_total 2');
      const logged = server.lines.filter((line) => line.includes('"level":"error"'));
      expect(logged).toHaveLength(2);
      expect(logged[0]).toContain('"request_id":"r-1"');
    },
  );
});

describe('request id', () => {
  it('is the one of the request when it is sane, otherwise a new one', async () => {
    const server = await createApiServer();
    const idFor = async (id?: string) => {
      const headers: Record<string, string> = id === undefined ? {} : { 'x-request-id': id };
      return (await server.send('/ready', { headers })).headers.get('x-request-id');
    };
    expect(await idFor('abc-1')).toBe('abc-1');
    const made = [await idFor(), await idFor(), await idFor('a b'), await idFor('x'.repeat(129))];
    expect(new Set(made).size).toBe(4);
    for (const id of made) expect(id).toMatch(/^[0-9a-f]{16}-\d+$/);
  });
});

describe('requests in flight', () => {
  it('are refused over the bound, and accepted again below it', async () => {
    const server = await createApiServer({ inflightRequestsMax: 2 });
    let open: (() => void) | undefined;
    server.ingester.pushGate = new Promise((resolve) => {
      open = resolve;
    });
    const push = () =>
      server.send('/push.v1.PusherService/Push', {
        ...ask(),
        body: '{"series":[{"samples":[{}]}]}',
      });
    const waiting = [push(), push()];
    const refused = await push();
    expect(refused.headers.get('retry-after')).toBe('1');
    const message = '2 requests are in flight, limit 2';
    expect(await errorOf(refused)).toEqual({ status: 503, code: 'unavailable', message });
    expect((await server.send('/ready')).status).toBe(200);
    open?.();
    const answers = await Promise.all(waiting);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect((await push()).status).toBe(200);
  });
});

describe('bytes in flight', () => {
  it('are refused over the bound unless a request is alone', async () => {
    const server = await createApiServer({ inflightBytesMax: 100 });
    let open: (() => void) | undefined;
    server.ingester.pushGate = new Promise((resolve) => {
      open = resolve;
    });
    const push = (encoding: Record<string, string> = {}) => {
      const text = `{"series":[{"samples":[{"ID":"${'x'.repeat(100)}"}]}]}`;
      const body = encoding['content-encoding'] ? gzip(new TextEncoder().encode(text)) : text;
      const init = { ...ask(encoding), body: body as BodyInit };
      return server.send('/push.v1.PusherService/Push', init);
    };
    const waiting = push();
    for (const refused of [
      await push(),
      await push({ 'content-length': '139' }),
      await push({ 'content-encoding': 'gzip' }),
    ]) {
      expect(refused.headers.get('retry-after')).toBe('1');
      expect(await errorOf(refused)).toMatchObject({ status: 503, code: 'unavailable' });
    }
    open?.();
    expect((await waiting).status).toBe(200);
    expect((await push()).status).toBe(200);
  });
});

describe('metrics', () => {
  it('have Pyroscope names, and one label for all unknown paths', async () => {
    const server = await createApiServer();
    await server.send(labelNames, ask());
    for (let index = 0; index < 5; index += 1) await server.send(`/odd/${index}`);
    await server.send('/ready', { method: 'PROPFIND' });
    await server.send('/ingester.v1.IngesterService/Odd', ask());
    const text = await server.metricsText();
    const count = (labels: string) =>
      new RegExp(`^pyroscope_request_duration_seconds_count\\{${labels}\\} (\\d+)$`, 'm').exec(
        text,
      )?.[1];
    const names = 'method="POST",route="ingester_v1_ingesterservice_labelnames"';
    expect(count(`${names},status_code="200",ws="false"`)).toBe('1');
    expect(count('method="GET",route="unknown",status_code="404",ws="false"')).toBe('5');
    expect(count('method="other",route="ready",status_code="405",ws="false"')).toBe('1');
    const other = 'method="POST",route="ingester_v1_ingesterservice_other"';
    expect(count(`${other},status_code="501",ws="false"`)).toBe('1');
    expect(text).toContain(`pyroscope_inflight_requests{${names}} 0`);
    expect(text).toContain(`pyroscope_request_message_bytes_sum{${names}} 2`);
    expect(text).not.toContain('odd');
  });
});

describe('access log', () => {
  it('is one debug line a request', async () => {
    const server: ApiServer = await createApiServer();
    await server.send(labelNames, ask({ 'x-request-id': 'r-1' }));
    expect(server.lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      {
        level: 'debug',
        msg: 'request',
        request_id: 'r-1',
        method: 'POST',
        route: 'ingester_v1_ingesterservice_labelnames',
        status: 200,
        tenant: 'anonymous',
        body_bytes: 2,
      },
    ]);
  });
});
