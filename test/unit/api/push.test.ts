// The push door: one table of requests and answers, run over both paths that take a PushRequest.
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { type ApiServer, createApiServer } from '../../support/api-server.ts';
import {
  accepted,
  asProto,
  type PushCase,
  proto,
  refused,
  requestBytesMax,
  stored,
} from './push-cases.ts';

const codes: Record<number, string> = {
  400: 'invalid_argument',
  405: 'unimplemented',
  415: 'unknown',
  429: 'resource_exhausted',
  501: 'unimplemented',
};

describe.each(['/push.v1.PusherService/Push', '/ingester.v1.IngesterService/Push'])(
  '%s',
  (path) => {
    const send = async (server: ApiServer, test: PushCase) => {
      const { headers = {}, body, method = 'POST' } = test;
      const init = body === undefined ? {} : { body: new Uint8Array(body) };
      return server.send(path, { method, headers, ...init });
    };

    it.each(accepted)('stores $title', async (test) => {
      const server = await createApiServer({ requestBytesMax });
      const response = await send(server, test);
      expect(await response.text()).toBe(test.answer);
      expect(response.status).toBe(200);
      const type = test.answer === '' ? 'application/proto' : 'application/json';
      expect(response.headers.get('content-type')).toBe(type);
      expect(server.ingester.pushes).toEqual([{ tenant: 'anonymous', profiles: stored }]);
    });

    it.each(refused)('refuses $title', async (test) => {
      const server = await createApiServer({ requestBytesMax });
      const response = await send(server, test);
      const answer = (await response.json()) as { code: string; message: string };
      expect(Object.keys(answer)).toEqual(['code', 'message']);
      expect([response.status, answer.code]).toEqual([test.status, codes[test.status ?? 200]]);
      if (test.message !== undefined) expect(answer.message).toMatch(test.message);
      expect(answer.message).not.toMatch(/\n/);
      expect(response.headers.get('content-type')).toBe('application/json');
      for (const [name, value] of Object.entries(test.answerHeaders ?? {})) {
        expect(response.headers.get(name)).toBe(value);
      }
      expect(server.ingester.pushes).toEqual([]);
    });

    it('stops reading a body without a length at its bound', async () => {
      const server = await createApiServer({ requestBytesMax });
      let pulls = 0;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          pulls += 1;
          controller.enqueue(new Uint8Array(8 << 10));
        },
      });
      const init = { method: 'POST', headers: asProto, body, duplex: 'half' };
      const response = await server.send(path, init as RequestInit);
      expect(response.status).toBe(429);
      expect(pulls).toBeLessThan(12);
    });

    it('answers 408 when the body does not arrive in time', async () => {
      const server = await createApiServer({ bodyTimeMsMax: 30 });
      const body = new ReadableStream<Uint8Array>({ start: (it) => it.enqueue(proto.slice(0, 4)) });
      const init = { method: 'POST', headers: asProto, body, duplex: 'half' };
      const response = await server.send(path, init as RequestInit);
      expect(response.status).toBe(408);
      expect(await response.json()).toEqual({
        code: 'deadline_exceeded',
        message: 'request body took more than 30 ms, the limit',
      });
    });

    it('answers 499 when the body breaks off', async () => {
      const server = await createApiServer();
      const body = new ReadableStream<Uint8Array>({
        pull: (it) => it.error(new TypeError('connection reset')),
      });
      const init = { method: 'POST', headers: asProto, body, duplex: 'half' };
      const response = await server.send(path, init as RequestInit);
      expect(response.status).toBe(499);
      expect(await server.metricsText()).toContain('pyroscope_panic_total 0');
    });

    it('hands over views of the body, not copies', async () => {
      const server = await createApiServer({ requestBytesMax });
      await send(server, { title: '', headers: asProto, body: proto });
      const bodies = server.ingester.pushes[0]?.profiles.map(({ body }) => body) ?? [];
      expect(new Set(bodies.slice(0, 2).map((body) => body.buffer)).size).toBe(1);
      expect(bodies[0]?.buffer.byteLength).toBeGreaterThanOrEqual(proto.byteLength);
    });

    it('passes the refusal of the ingester on', async () => {
      const server = await createApiServer({ requestBytesMax });
      server.ingester.failure = new Failure('limit', 'rate limit', { retryAfterSeconds: 2.2 });
      const response = await send(server, { title: '', headers: asProto, body: proto });
      expect([response.status, response.headers.get('retry-after')]).toEqual([429, '3']);
      expect(await response.json()).toEqual({ code: 'resource_exhausted', message: 'rate limit' });
    });
  },
);
