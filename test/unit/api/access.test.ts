// Who gets in where: every route against every kind of key, and the rules around them.
import { describe, expect, it } from 'vitest';
import { type KeyEntry, KeyRing, type Scope, scopes } from '../../../src/auth/keys.ts';
import { type ApiServer, apiOrigin, createApiServer } from '../../support/api-server.ts';
import { basicAuth, digestOf, newKey } from '../../support/keys.ts';

const other = newKey('other', ...scopes);
const operator = newKey('*', ...scopes);
const byScope = Object.fromEntries(scopes.map((scope) => [scope, newKey('team', scope)]));
const everyKey = [other, operator, ...Object.values(byScope)].map(({ entry }) => entry);

const unary = (service: string, ...methods: string[]) =>
  methods.map((method) => `/${service}/${method}`);
const table: Record<Scope | 'open', readonly string[]> = {
  push: [
    '/push.v1.PusherService/Push',
    '/ingester.v1.IngesterService/Push',
    '/ingest',
    '/pyroscope/ingest',
    '/v1development/profiles',
    '/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export',
  ],
  admin: [
    '/ingester.v1.IngesterService/Flush',
    ...unary('settings.v1.SettingsService', 'Set', 'Delete'),
    '/metrics',
    '/api/v1/status/buildinfo',
    '/api/v1/status/config',
    '/flush',
  ],
  open: ['/ready', '/healthz', '/nothing'],
  query: [],
};

function withKeys(entries: readonly KeyEntry[] = everyKey, settings = {}): Promise<ApiServer> {
  const ring = new KeyRing(entries);
  return createApiServer({ keys: () => ring, ...settings }, { sleep: () => Promise.resolve() });
}

/** Every path with a method that it takes, and the scope that it should need. */
function rows(server: ApiServer): { path: string; method: string; scope: Scope | 'open' }[] {
  const known = new Map(
    Object.entries(table).flatMap(([scope, paths]) => paths.map((path) => [path, scope as Scope])),
  );
  return server.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ path, method }) => ({ path, method, scope: known.get(path) ?? 'query' }));
}

async function ask(
  server: ApiServer,
  { path, method }: { path: string; method: string },
  headers: Record<string, string> = {},
) {
  const body = method === 'POST' ? { body: '{}' } : {};
  const typed = { ...(method === 'POST' && { 'content-type': 'application/json' }), ...headers };
  return server.send(path.replace('*', 'Odd'), { method, headers: typed, ...body });
}

describe('every route', () => {
  it('lets in who has the scope, and nobody else', async () => {
    const server = await withKeys();
    const all = rows(server);
    for (const paths of Object.values(table)) {
      for (const path of paths.filter((one) => one !== '/nothing')) {
        expect(all.map((row) => row.path)).toContain(path);
      }
    }
    expect(all.length).toBeGreaterThan(30);
    const stranger = newKey('team', ...scopes);
    for (const row of all) {
      const statusOf = async (headers: Record<string, string>) =>
        (await ask(server, row, headers)).status;
      const named = { 'x-scope-orgid': 'team' };
      const got: Record<string, number> = {
        none: await statusOf({}),
        named: await statusOf(named),
        stranger: await statusOf({ ...stranger.bearer, ...named }),
        otherTenant: await statusOf({ ...other.bearer, ...named }),
      };
      for (const scope of scopes) got[scope] = await statusOf(byScope[scope]?.bearer ?? {});
      got['operator'] = await statusOf({ ...operator.bearer, ...named });
      const isIn = (status: number | undefined) => ![401, 403].includes(status ?? 0);
      const expected = {
        none: row.scope === 'open',
        named: row.scope === 'open',
        stranger: row.scope === 'open',
        otherTenant: row.scope === 'open',
        ...Object.fromEntries(
          scopes.map((scope) => [scope, scope === row.scope || row.scope === 'open']),
        ),
        operator: true,
      };
      const entered = Object.fromEntries(
        Object.entries(got).map(([who, status]) => [who, isIn(status)]),
      );
      expect({ ...row, ...entered }).toEqual({ ...row, ...expected });
      if (row.scope === 'open') continue;
      expect([got['none'], got['stranger'], got['otherTenant']]).toEqual([401, 401, 403]);
    }
  });

  it('acts for the tenant of the key, or for the one that an operator names', async () => {
    const server = await withKeys();
    const names = { path: '/querier.v1.QuerierService/LabelNames', method: 'POST' };
    await ask(server, names, byScope['query']?.bearer);
    await ask(server, names, { ...operator.bearer, 'x-scope-orgid': 'b|a' });
    await ask(server, names, basicAuth('team', operator.key));
    await ask(server, names, { ...basicAuth('team', operator.key), 'x-scope-orgid': 'x' });
    const tenants = server.queries.asked.map(([, asked]) => asked);
    expect(tenants).toEqual([['team'], ['a', 'b'], ['team'], ['x']]);
  });
});

const push = { path: '/ingest?name=app', method: 'POST' };

describe('a key', () => {
  const { key, bearer } = byScope['push'] as (typeof byScope)[string];
  it.each([
    ['as a bearer', bearer, undefined],
    ['as a password', basicAuth('', key), undefined],
    ['with its tenant as user', basicAuth('team', key), undefined],
    ['with its tenant in the header', { ...bearer, 'x-scope-orgid': 'team' }, undefined],
    ['with metadata in the header', { ...bearer, 'x-scope-orgid': 'team:a=b' }, undefined],
    ['with an empty header', { ...bearer, 'x-scope-orgid': '' }, undefined],
    ['with another user', basicAuth('other', key), 403],
    ['with another tenant', { ...bearer, 'x-scope-orgid': 'other' }, 403],
    ['with two tenants', { ...bearer, 'x-scope-orgid': 'other|team' }, 403],
    ['with a case changed', { ...bearer, 'x-scope-orgid': 'Team' }, 403],
    ['with a tenant that is none', { ...bearer, 'x-scope-orgid': '../team' }, 401],
    ['as user', basicAuth(key, ''), 401],
    ['in another scheme', { authorization: `Token ${key}` }, 401],
    ['as its digest', { authorization: `Bearer ${byScope['push']?.entry.sha256}` }, 401],
  ])('%s', async (_title, headers, status) => {
    const server = await withKeys();
    const answer = await ask(server, push, headers as Record<string, string>);
    // What gets in is told that `{}` is no profile.
    expect(answer.status === 401 || answer.status === 403 ? answer.status : undefined).toBe(status);
    expect(answer.headers.has('www-authenticate')).toBe(answer.status === 401);
  });

  it('is not needed for what multitenancy off lets anybody do', async () => {
    const server = await createApiServer();
    const answer = await ask(server, push, { authorization: 'Bearer whatever' });
    expect([401, 403]).not.toContain(answer.status);
  });

  it.each([
    [{}, 'no org id'],
    [{ 'x-scope-orgid': 'a|b' }, 'multiple org ids, 2 are given, limit 1'],
  ])('of an operator pushes for one tenant: %j', async (headers, message) => {
    const server = await withKeys();
    const answer = await ask(server, push, { ...operator.bearer, ...headers });
    expect(answer.status).toBe(401);
    expect(await answer.json()).toEqual({ code: 'unauthenticated', message });
    expect(server.ingester.pushes).toEqual([]);
  });

  it('that was chosen by a person opens nothing, though its digest is among the keys', async () => {
    const entry = { sha256: digestOf('hunter2'), tenant: 'team', scopes };
    const server = await withKeys([entry]);
    const answer = await ask(server, push, { authorization: 'Bearer hunter2' });
    expect(answer.status).toBe(401);
  });
});

describe('what concerns the whole process', () => {
  const admin = byScope['admin'] as (typeof byScope)[string];
  const connectFlush = { path: '/ingester.v1.IngesterService/Flush', method: 'POST' };
  it('is confined to the tenant of the key, or to the one that an operator names', async () => {
    const server = await withKeys();
    const plainFlush = { path: '/flush', method: 'POST' };
    const named = { ...operator.bearer, 'x-scope-orgid': 'x' };
    for (const flush of [plainFlush, connectFlush]) {
      expect((await ask(server, flush, admin.bearer)).status).toBeLessThan(300);
      expect((await ask(server, flush, named)).status).toBeLessThan(300);
    }
    expect((await ask(server, plainFlush, operator.bearer)).status).toBe(204);
    const two = { ...operator.bearer, 'x-scope-orgid': 'x|y' };
    for (const flush of [plainFlush, connectFlush]) {
      expect((await ask(server, flush, two)).status).toBe(401);
    }
    expect(server.ingester.flushes).toEqual(['team', 'x', 'team', 'x', undefined]);
  });

  it('shows metrics of the tenant alone', async () => {
    const server = await withKeys();
    const upload = { method: 'POST', body: 'main;work 1\n' };
    const tenants = ['team', 'team-b', 'other'];
    for (const tenant of tenants) {
      const headers = { ...operator.bearer, 'x-scope-orgid': tenant };
      // Text is no pprof: what is discarded is counted by tenant.
      await server.send('/ingest?name=a&format=pprof', { ...upload, headers });
    }
    const text = async (headers: Record<string, string>) =>
      (await ask(server, { path: '/metrics', method: 'GET' }, headers)).text();
    const own = await text(admin.bearer);
    const samples = own.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(samples.length).toBeGreaterThan(0);
    for (const line of samples) expect(line).toMatch(/[{,]tenant="team"[,}]/);
    expect(own).not.toMatch(/other|team-b/);
    const all = await text(operator.bearer);
    for (const tenant of tenants) expect(all).toContain(`tenant="${tenant}"`);
    expect(all).toContain('phlox_auth_failures_total');
  });
});

describe('refusals', () => {
  it('have the shape of every error, and name neither key nor tenant', async () => {
    const server = await withKeys();
    const shape = async (headers: Record<string, string>) => {
      const answer = await ask(server, push, headers);
      return { status: answer.status, ...((await answer.json()) as object) };
    };
    const stranger = newKey('team', 'push');
    expect([
      await shape({}),
      await shape(stranger.bearer),
      await shape(byScope['query']?.bearer ?? {}),
      await shape({ ...other.bearer, 'x-scope-orgid': 'team' }),
    ]).toEqual([
      { status: 401, code: 'unauthenticated', message: 'a key is needed' },
      { status: 401, code: 'unauthenticated', message: 'the key is not known' },
      { status: 403, code: 'permission_denied', message: 'the key has not the scope push' },
      {
        status: 403,
        code: 'permission_denied',
        message: 'the key is not one of the tenant that is named',
      },
    ]);
    const text = await server.metricsText();
    for (const reason of ['no_key', 'unknown_key', 'scope', 'tenant']) {
      expect(text).toContain(`phlox_auth_failures_total{reason="${reason}"} 1`);
    }
  });

  it('are counted also when what names the tenant is no name', async () => {
    const server = await withKeys();
    const answers = [
      await ask(server, push, { ...byScope['push']?.bearer, 'x-scope-orgid': '../team' }),
      await ask(server, push, basicAuth('a b', byScope['push']?.key ?? '')),
      await ask(server, push, { ...operator.bearer, 'x-scope-orgid': 'a/b' }),
      await ask(server, push, operator.bearer),
    ];
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect(await server.metricsText()).toContain('phlox_auth_failures_total{reason="tenant"} 4');
  });

  it('come before the bound on requests in flight and before the body', async () => {
    const server = await withKeys(everyKey, { inflightRequestsMax: 0 });
    let isRead = false;
    const body = new ReadableStream(
      {
        pull: (controller) => {
          isRead = true;
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
    const answer = await server.fetch(new Request(`${apiOrigin}/ingest?name=a`, init));
    expect([answer.status, isRead]).toEqual([401, false]);
  });
});
