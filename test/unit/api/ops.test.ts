// What operators and orchestrators ask, and what unknown paths and methods are told.
import { describe, expect, it } from 'vitest';
import { createApiServer } from '../../support/api-server.ts';

describe('operations', () => {
  it('is ready while pushes are accepted, and says why not otherwise', async () => {
    const server = await createApiServer();
    const ready = await server.send('/ready');
    expect([ready.status, await ready.text()]).toEqual([200, 'ready\n']);
    server.ingester.notReady = 'log is replayed';
    const notReady = await server.send('/ready');
    expect([notReady.status, await notReady.text()]).toEqual([503, 'not ready: log is replayed\n']);
    expect((await server.send('/healthz')).status).toBe(200);
  });

  it('answers HEAD like GET, without a body', async () => {
    const server = await createApiServer();
    const response = await server.send('/ready', { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it('tells the build as Pyroscope does', async () => {
    const server = await createApiServer();
    const data = {
      version: '1.2.3',
      revision: 'abc',
      branch: '',
      buildUser: '',
      buildDate: '',
      goVersion: 'test 1',
    };
    const response = await server.send('/api/v1/status/buildinfo');
    expect(await response.json()).toEqual({ status: 'success', data });
    const labels = 'version="1.2.3",revision="abc",branch="",goversion="test 1"';
    expect(await server.metricsText()).toContain(`pyroscope_build_info{${labels}} 1`);
  });

  it('tells the settings in force', async () => {
    const server = await createApiServer();
    const response = await server.send('/api/v1/status/config');
    expect(await response.json()).toEqual({ listen: '127.0.0.1:4040', keys: '***' });
  });

  it('serves metrics as text', async () => {
    const server = await createApiServer();
    const response = await server.send('/metrics');
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await response.text()).toContain('# TYPE pyroscope_request_duration_seconds histogram');
  });

  it('flushes all tenants', async () => {
    const server = await createApiServer();
    const response = await server.send('/flush', { method: 'POST' });
    expect([response.status, await response.text()]).toEqual([204, '']);
    expect(server.ingester.flushes).toEqual([undefined]);
  });
});

describe('unknown', () => {
  it.each(['/', '/nothing', '/ready/', '/querier.v1.QuerierService/Odd', '/a%0Ab'])(
    'path %s is 404',
    async (path) => {
      const server = await createApiServer();
      const response = await server.send(path);
      const message = `nothing is at ${JSON.stringify(decodeURI(path))}`;
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual({ code: 'not_found', message });
    },
  );

  it.each([
    ['POST', '/ready', 'GET, HEAD'],
    ['DELETE', '/metrics', 'GET, HEAD'],
    ['GET', '/flush', 'POST'],
    ['GET', '/ingester.v1.IngesterService/Series', 'POST'],
    ['GET', '/ingester.v1.IngesterService/Odd', 'POST'],
  ])('method %s of %s is 405, allowed are %s', async (method, path, allow) => {
    const server = await createApiServer();
    const response = await server.send(path, { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow]);
    expect(await response.json()).toEqual({
      code: 'unimplemented',
      message: `method "${method}" is not allowed here, use ${allow}`,
    });
  });
});
