// Pages of other sites: which may push, and what keeps the others away with and without keys.
import { describe, expect, it } from 'vitest';
import { KeyRing } from '../../../src/auth/keys.ts';
import { createApiServer } from '../../support/api-server.ts';
import { basicAuth, newKey } from '../../support/keys.ts';

const shop = 'https://shop.example';
const pushKey = newKey('team', 'push', 'query', 'admin');
const ring = new KeyRing([pushKey.entry]);
const keys = () => ring;
const host = '127.0.0.1:4040';
const allowedHosts = ['localhost', '127.0.0.1', '[::1]'];
const pushPath = '/ingest?name=app';

const preflight = (origin: string): RequestInit => ({
  method: 'OPTIONS',
  headers: {
    host,
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type',
  },
});
const corsHeaders = (headers: Headers) =>
  [...headers].filter(([name]) => name.startsWith('access-control-'));

describe('a named origin', () => {
  it.each([
    ['with keys', { keys, corsOrigins: [shop] }],
    ['without keys, on loopback', { allowedHosts, corsOrigins: [shop] }],
  ])('may push and read the answer, %s', async (_title, settings) => {
    const server = await createApiServer(settings);
    const asked = await server.send(pushPath, preflight(shop));
    expect(asked.status).toBe(204);
    expect(Object.fromEntries(corsHeaders(asked.headers))).toEqual({
      'access-control-allow-origin': shop,
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': expect.stringContaining('Authorization, Content-Type'),
      'access-control-expose-headers': 'Retry-After, X-Request-Id',
      'access-control-max-age': '600',
    });
    expect(asked.headers.get('vary')).toBe('Origin');
    const pushed = await server.send(pushPath, {
      method: 'POST',
      headers: { host, origin: shop, 'sec-fetch-site': 'cross-site', ...pushKey.bearer },
      body: 'main;work 1\n',
    });
    expect(pushed.status).toBe(200);
    expect(server.ingester.pushes).toHaveLength(1);
    expect(pushed.headers.get('access-control-allow-origin')).toBe(shop);
    // Never: what the browser has stored is not to be sent along.
    expect(pushed.headers.has('access-control-allow-credentials')).toBe(false);
  });

  it('reads why it is refused', async () => {
    const server = await createApiServer({ keys, corsOrigins: [shop] });
    const headers = { host, origin: shop };
    const answer = await server.send(pushPath, { method: 'POST', headers, body: 'a 1\n' });
    expect(answer.status).toBe(401);
    expect(answer.headers.get('access-control-allow-origin')).toBe(shop);
  });

  it.each(['/pyroscope/render', '/querier.v1.QuerierService/Series', '/flush', '/metrics'])(
    'may not ask %s',
    async (path) => {
      for (const settings of [{ keys }, { allowedHosts }]) {
        const server = await createApiServer({ ...settings, corsOrigins: [shop] });
        const asked = await server.send(path, preflight(shop));
        expect([asked.status, corsHeaders(asked.headers)]).toEqual([403, []]);
        const headers = { host, origin: shop, ...pushKey.bearer };
        for (const method of ['GET', 'POST']) {
          const answer = await server.send(path, { method, headers });
          expect([answer.status, corsHeaders(answer.headers)]).toEqual([403, []]);
        }
      }
    },
  );
});

describe('another origin', () => {
  it.each([
    'https://evil.example',
    'https://shop.example.evil.example',
    'http://shop.example',
    'https://shop.example:8443',
    'https://SHOP.example',
    'null',
    '*',
  ])('%s gets nothing, with and without keys, named ones and none', async (origin) => {
    for (const settings of [
      { keys, corsOrigins: [shop] },
      { keys },
      { allowedHosts, corsOrigins: [shop] },
      { allowedHosts },
    ]) {
      const server = await createApiServer(settings);
      const asked = await server.send(pushPath, preflight(origin));
      expect([asked.status, corsHeaders(asked.headers)]).toEqual([403, []]);
      const posts: Record<string, string>[] = [
        { 'content-type': 'text/plain' },
        { 'content-type': 'application/x-www-form-urlencoded' },
        { 'content-type': 'multipart/form-data; boundary=x' },
        {},
      ];
      for (const type of posts) {
        // What a browser stored for the server goes along with a form.
        const headers = { host, origin, ...type, ...basicAuth('', pushKey.key) };
        const answer = await server.send(pushPath, { method: 'POST', headers, body: 'a 1\n' });
        expect([answer.status, corsHeaders(answer.headers)]).toEqual([403, []]);
      }
      expect(server.ingester.pushes).toEqual([]);
    }
  });

  it('is the own one when it is the host, or the browser says so', async () => {
    const server = await createApiServer({ keys });
    const statusOf = async (headers: Record<string, string>) =>
      (await server.send('/flush', { method: 'POST', headers: { ...pushKey.bearer, ...headers } }))
        .status;
    expect(await statusOf({ host: 'phlox.example', origin: 'https://phlox.example' })).toBe(204);
    expect(await statusOf({ host: 'phlox.example:1', origin: 'https://phlox.example' })).toBe(403);
    const proxied = { host: 'inside:4040', origin: 'https://phlox.example' };
    expect(await statusOf({ ...proxied, 'sec-fetch-site': 'same-origin' })).toBe(204);
    expect(await statusOf({ ...proxied, 'sec-fetch-site': 'cross-site' })).toBe(403);
  });
});

describe('a page without an Origin', () => {
  it.each([
    ['an image of another site', 'GET', { 'sec-fetch-mode': 'no-cors' }, 403],
    ['a link on another site', 'GET', { 'sec-fetch-mode': 'navigate' }, 200],
    ['a form of another site', 'POST', { 'sec-fetch-mode': 'navigate' }, 403],
  ])('%s', async (_title, method, headers, status) => {
    for (const settings of [{ allowedHosts }, { keys }]) {
      const server = await createApiServer(settings);
      const path = method === 'GET' ? '/ready' : '/flush';
      const all = { host, 'sec-fetch-site': 'cross-site', ...pushKey.bearer, ...headers };
      const answer = await server.send(path, { method, headers: all as Record<string, string> });
      expect(answer.status).toBe(status);
    }
  });

  it('whose name was re-pointed to this machine has a foreign Host', async () => {
    const server = await createApiServer({ allowedHosts, corsOrigins: [shop] });
    for (const origin of [{}, { origin: 'http://evil.example:4040' }, { origin: shop }]) {
      const headers = { host: 'evil.example:4040', 'sec-fetch-site': 'same-origin', ...origin };
      const post = { method: 'POST', headers: headers as Record<string, string>, body: 'a 1\n' };
      expect((await server.send(pushPath, post)).status).toBe(403);
    }
    expect(server.ingester.pushes).toEqual([]);
  });
});
