// A label that names the tenant: for whom it does, and what the series of a request must agree on.
import { describe, expect, it } from 'vitest';
import { KeyRing } from '../../../src/auth/keys.ts';
import { createApiServer } from '../../support/api-server.ts';
import { encodePush } from '../../support/http-push.ts';
import { basicAuth, newKey } from '../../support/keys.ts';

const operator = newKey('*', 'push', 'query');
const own = newKey('own', 'push');
const ring = new KeyRing([operator.entry, own.entry]);

async function server(settings: { tenantLabel?: string } = { tenantLabel: 'team' }) {
  const api = await createApiServer({ keys: () => ring, ...settings });
  const answered = async (response: Promise<Response>) => {
    const { status } = await response;
    const text = await (await response).text();
    return status === 200 ? status : [status, (JSON.parse(text) as { message: string }).message];
  };
  return {
    api,
    /** One series for each team; undefined: a series without the label. */
    push: (headers: Record<string, string>, ...teams: (string | undefined)[]) => {
      const series = teams.map((team) => ({
        labels: { service_name: 'shop', ...(team !== undefined && { team }) },
        profiles: [new Uint8Array(8)],
      }));
      const typed = { 'content-type': 'application/proto', ...headers };
      const init = { method: 'POST', headers: typed, body: encodePush(series) };
      return answered(api.send('/push.v1.PusherService/Push', init));
    },
    upload: (headers: Record<string, string>, name: string) => {
      const init = { method: 'POST', headers, body: 'main 1\n' };
      return answered(api.send(`/ingest?name=${encodeURIComponent(name)}`, init));
    },
    tenants: () => api.ingester.pushes.map(({ tenant }) => tenant),
  };
}

const { bearer } = operator;

describe('the label', () => {
  it('names the tenant when nothing else does, and stays a label', async () => {
    const { api, push, upload, tenants } = await server();
    expect([await push(bearer, 'a', 'a'), await upload(bearer, 'app{team=b}')]).toEqual([200, 200]);
    expect(tenants()).toEqual(['a', 'b']);
    for (const { tenant, profiles } of api.ingester.pushes) {
      for (const { labels } of profiles) {
        expect(labels).toContainEqual({ name: 'team', value: tenant });
      }
    }
  });

  it('does not count beside a header or a user', async () => {
    const { push, upload, tenants } = await server();
    await push({ ...bearer, 'x-scope-orgid': 'named' }, 'a', 'b');
    await upload(basicAuth('user', operator.key), 'app{team=b}');
    expect(tenants()).toEqual(['named', 'user']);
  });

  it('takes nobody with the key of one tenant to another', async () => {
    const { push, upload, tenants } = await server();
    expect([await push(own.bearer, 'a', 'b'), await upload(own.bearer, 'app{team=b}')]).toEqual([
      200, 200,
    ]);
    expect(tenants()).toEqual(['own', 'own']);
  });

  it('is nothing without the setting', async () => {
    const { push, upload, tenants } = await server({});
    expect(await push(bearer, 'a')).toEqual([401, 'no org id']);
    expect(await upload(bearer, 'app{team=b}')).toEqual([401, 'no org id']);
    expect(tenants()).toEqual([]);
  });

  it('must be there, be a tenant, and be the same in a request', async () => {
    const { push, upload, tenants } = await server();
    const missing = [400, 'label team (tenantLabel) is missing, it names the tenant'];
    expect(await push(bearer, undefined)).toEqual(missing);
    expect(await upload(bearer, 'app')).toEqual(missing);
    expect(await push(bearer)).toEqual(missing);
    const two = [400, 'label team (tenantLabel) names 2 tenants, limit 1 a request'];
    expect(await push(bearer, 'a', 'b')).toEqual(two);
    expect(await push(bearer, 'a', undefined)).toEqual(two);
    const odd = [400, 'label team (tenantLabel) is "a/b", no tenant'];
    expect(await push(bearer, 'a/b')).toEqual(odd);
    expect(await upload(bearer, 'app{team=a/b}')).toEqual(odd);
    expect(tenants()).toEqual([]);
  });

  it('names no tenant to a query', async () => {
    const { api } = await server();
    const headers = { 'content-type': 'application/json', ...bearer };
    const init = { method: 'POST', headers, body: '{}' };
    const answer = await api.send('/querier.v1.QuerierService/LabelNames', init);
    expect(answer.status).toBe(401);
  });
});
