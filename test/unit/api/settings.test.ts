// The settings that a user interface keeps on the server, and what it asks about the server itself.
import { Code, createClient } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { FeatureFlagsService } from '../../../src/gen/capabilities/v1/feature_flags_pb.ts';
import { SettingsService } from '../../../src/gen/settings/v1/setting_pb.ts';
import { Version } from '../../../src/gen/version/v1/version_pb.ts';
import { createApiServer } from '../../support/api-server.ts';
import { transportTo } from '../../support/connect-client.ts';

const file = 'tenants/anonymous/settings.json';

describe.each([true, false])('binary %s', (useBinaryFormat) => {
  const open = async () => {
    const server = await createApiServer();
    const transport = transportTo(server, useBinaryFormat);
    return { server, transport, client: createClient(SettingsService, transport) };
  };

  it('keeps settings, sorted by name', async () => {
    const { client } = await open();
    expect((await client.get({})).settings).toEqual([]);
    for (const name of ['b', 'é', 'a', 'z']) {
      const { setting } = await client.set({
        setting: { name, value: `{"${name}":1}`, modifiedAt: 5n },
      });
      expect(setting).toMatchObject({ name, modifiedAt: 5n });
    }
    await client.set({ setting: { name: 'b', value: 'second', modifiedAt: 5n } });
    await client.delete({ name: 'z' });
    expect((await client.get({})).settings).toMatchObject([
      { name: 'a', value: '{"a":1}', modifiedAt: 5n },
      { name: 'b', value: 'second', modifiedAt: 5n },
      { name: 'é', value: '{"é":1}', modifiedAt: 5n },
    ]);
  });

  it('stamps a setting without a time', async () => {
    const { client } = await open();
    const { setting } = await client.set({ setting: { name: 'a', value: '' } });
    expect(Math.abs(Number(setting?.modifiedAt) - Date.now())).toBeLessThan(60_000);
  });

  it('refuses to replace a newer setting', async () => {
    const { client } = await open();
    await client.set({ setting: { name: 'a', value: 'new', modifiedAt: 7n } });
    const older = client.set({ setting: { name: 'a', value: 'old', modifiedAt: 6n } });
    await expect(older).rejects.toMatchObject({ code: Code.AlreadyExists });
    expect((await client.get({})).settings).toMatchObject([{ value: 'new' }]);
  });

  it('refuses what is missing, empty or too large', async () => {
    const { client, server } = await open();
    const wrong = [
      client.set({}),
      client.set({ setting: { name: '', value: 'x' } }),
      client.set({ setting: { name: 'n'.repeat(257), value: 'x' } }),
      client.set({ setting: { name: 'a', value: 'x'.repeat(65_537) } }),
      client.delete({}),
    ];
    for (const call of wrong) {
      await expect(call).rejects.toMatchObject({ code: Code.InvalidArgument });
    }
    expect((await server.bucket.list('')).objects).toEqual([]);
  });

  it('tells its version and its features', async () => {
    const { transport } = await open();
    const version = await createClient(Version, transport).version({});
    const flags = await createClient(FeatureFlagsService, transport).getFeatureFlags({});
    expect(version.QuerierAPI).toBe(1n);
    expect(flags.featureFlags.map(({ name, enabled }) => [name, enabled])).toEqual([
      ['pyroscopeRuler', false],
      ['pyroscopeRulerFunctions', false],
      ['utf8LabelNames', false],
      ['v2StorageLayer', false],
    ]);
  });
});

describe('the store', () => {
  const post = (body: object, headers: Record<string, string> = {}): RequestInit => ({
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

  it('creates nothing for reads and for deletes of what is not there', async () => {
    const server = await createApiServer();
    await server.send('/settings.v1.SettingsService/Get', post({}));
    await server.send('/settings.v1.SettingsService/Delete', post({ name: 'a' }));
    expect((await server.bucket.list('')).objects).toEqual([]);
  });

  it('keeps tenants apart, and acts for one at a time', async () => {
    const server = await createApiServer({ multitenancy: true });
    const as = (tenant: string) => ({ 'x-scope-orgid': tenant });
    const set = post({ setting: { name: 'a', value: 'x' } }, as('one'));
    expect((await server.send('/settings.v1.SettingsService/Set', set)).status).toBe(200);
    const other = await server.send('/settings.v1.SettingsService/Get', post({}, as('two')));
    const both = await server.send('/settings.v1.SettingsService/Get', post({}, as('one|two')));
    const open = await server.send('/version.v1.Version/Version', post({}));
    expect([await other.json(), both.status, open.status]).toEqual([{}, 401, 200]);
  });

  it('loses no change of many at once, and stops at a hundred settings', async () => {
    const server = await createApiServer({ inflightRequestsMax: 200 });
    const sets = Array.from({ length: 101 }, (_, i) =>
      server.send('/settings.v1.SettingsService/Set', post({ setting: { name: `n${i}` } })),
    );
    const statuses = (await Promise.all(sets)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(100);
    expect(statuses.at(-1)).toBe(400);
    const stored = await server.send('/settings.v1.SettingsService/Get', post({}));
    expect(((await stored.json()) as { settings: unknown[] }).settings).toHaveLength(100);
  });

  it('writes a versioned file, and reads that of yesterday', async () => {
    const server = await createApiServer();
    const setting = { name: 'pluginSettings', value: '{"a":1}', modifiedAt: '1700000000000' };
    await server.send('/settings.v1.SettingsService/Set', post({ setting }));
    expect(new TextDecoder().decode(await server.bucket.get(file))).toBe(`{
  "version": 1,
  "settings": [
    {
      "name": "pluginSettings",
      "value": "{\\"a\\":1}",
      "modifiedMs": 1700000000000
    }
  ]
}
`);
    const stored = await server.send('/settings.v1.SettingsService/Get', post({}));
    expect(await stored.json()).toEqual({ settings: [setting] });
  });

  it.each(['', '{', '{"version":2,"settings":[]}', '{"version":1,"settings":[{"name":1}]}'])(
    'says of a file with %j that it is damaged, and leaves it alone',
    async (text) => {
      const server = await createApiServer();
      await server.bucket.put(file, new TextEncoder().encode(text));
      const setting = { name: 'a', value: 'x' };
      for (const [method, body] of [
        ['Get', {}],
        ['Set', { setting }],
      ] as const) {
        const response = await server.send(`/settings.v1.SettingsService/${method}`, post(body));
        expect([response.status, await response.json()]).toMatchObject([
          500,
          { code: 'data_loss' },
        ]);
      }
      expect(new TextDecoder().decode(await server.bucket.get(file))).toBe(text);
    },
  );
});
