// Queries on real servers: every call of the query door by a generated client, in both encodings,
// from the head and from a block; and the command, which answers the same over the server and over
// its folder.
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Profile, ProfileSchema } from '../../src/gen/google/v1/profile_pb.ts';
import { ProfileFormat, QuerierService } from '../../src/gen/querier/v1/querier_pb.ts';
import { SettingsService } from '../../src/gen/settings/v1/setting_pb.ts';
import { transportTo } from '../support/connect-client.ts';
import { temporaryFolder } from '../support/duckdb.ts';
import { pushAccepted } from '../support/http-push.ts';
import { phlox } from '../support/phlox-command.ts';
import { type Server, serverRuntimes, startServer } from '../support/servers.ts';

const type = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
const span = 'a1b2c3d4e5f60718';

/** Of the stacks main;work=2 and main;work;leaf=big, the second one of a span. */
function cpuProfile(timeMs: number, big: bigint): Uint8Array {
  const stringTable = ['', 'cpu', 'nanoseconds', 'main', 'work', 'leaf', 'span_id', span];
  return toBinary(
    ProfileSchema,
    create(ProfileSchema, {
      sampleType: [{ type: 1n, unit: 2n }],
      periodType: { type: 1n, unit: 2n },
      period: 10_000_000n,
      timeNanos: BigInt(timeMs) * 1_000_000n,
      stringTable,
      function: [1n, 2n, 3n].map((id) => ({ id, name: id + 2n })),
      location: [1n, 2n, 3n].map((id) => ({ id, line: [{ functionId: id, line: 7n }] })),
      sample: [
        { locationId: [2n, 1n], value: [2n] },
        { locationId: [3n, 2n, 1n], value: [big], label: [{ key: 6n, str: 7n }] },
      ],
    }),
  );
}

/** Names root first with their values, of a pprof with one sample type. */
function stacksOf(profile: Profile): Map<string, bigint> {
  const name = (id: bigint) => {
    const line = profile.location.find((one) => one.id === id)?.line[0];
    const found = profile.function.find((one) => one.id === line?.functionId);
    return profile.stringTable[Number(found?.name)];
  };
  return new Map(
    profile.sample.map(({ locationId, value }) => [
      locationId.map(name).reverse().join(';'),
      value[0] ?? 0n,
    ]),
  );
}

describe.each(serverRuntimes)('on %s', (runtime) => {
  const big = 2n ** 60n;
  const timeMs = Date.now() - 60_000;
  const range = { start: BigInt(timeMs - 60_000), end: BigInt(timeMs + 60_000) };
  const select = { profileTypeID: type, labelSelector: '{service_name="shop",}', ...range };
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: Server;
  let dataDir: string;
  beforeAll(async () => {
    folder = await temporaryFolder();
    dataDir = join(folder.path, 'data');
    server = await startServer(runtime, { dataDir });
    const labels = { __name__: 'process_cpu', service_name: 'shop', pod: 'shop-1' };
    const profiles = [cpuProfile(timeMs, big), cpuProfile(timeMs + 1, 1n)];
    await pushAccepted(server.url, [{ labels, profiles }]);
  });
  afterAll(async () => {
    await server.stop();
    await folder[Symbol.asyncDispose]();
  });

  const places = ['head', 'block'].flatMap((place) => [
    { place, useBinaryFormat: true },
    { place, useBinaryFormat: false },
  ]);
  it.each(places)('answers every call from the $place, binary $useBinaryFormat', async (row) => {
    if (row.place === 'block') {
      expect((await fetch(`${server.url}/flush`, { method: 'POST' })).status).toBe(204);
    }
    const transport = transportTo({ fetch }, row.useBinaryFormat, server.url);
    const client = createClient(QuerierService, transport);

    const { profileTypes } = await client.profileTypes({});
    expect(profileTypes.map(({ ID }) => ID)).toEqual([type]);
    const names = await client.labelNames({ ...range, matchers: ['{}'] });
    expect(names.names).toEqual(
      expect.arrayContaining(['__profile_type__', 'pod', 'service_name']),
    );
    const values = await client.labelValues({ name: 'pod', matchers: ['{}'], ...range });
    expect(values.names).toEqual(['shop-1']);
    const labelNames = ['service_name', '__profile_type__'];
    const { labelsSet } = await client.series({ labelNames, ...range });
    expect(labelsSet).toHaveLength(1);
    const stats = await client.getProfileStats({});
    expect([stats.dataIngested, stats.oldestProfileTime]).toEqual([true, BigInt(timeMs)]);

    const { flamegraph } = await client.selectMergeStacktraces(select);
    const total = big + 5n;
    expect(flamegraph).toMatchObject({ names: ['total', 'main', 'work', 'leaf'], total });
    expect(flamegraph?.levels.map(({ values: level }) => level)).toEqual([
      [0n, total, 0n, 0n],
      [0n, total, 0n, 1n],
      [0n, total, 4n, 2n],
      [4n, big + 1n, big + 1n, 3n],
    ]);
    const tree = await client.selectMergeStacktraces({ ...select, format: ProfileFormat.TREE });
    expect(tree.tree.byteLength).toBeGreaterThan(20);
    const dot = await client.selectMergeStacktraces({ ...select, format: ProfileFormat.DOT });
    expect(dot.dot).toContain('digraph');
    const stacks = new Map([
      ['main;work', 4n],
      ['main;work;leaf', big + 1n],
    ]);
    const pprof = await client.selectMergeStacktraces({ ...select, format: ProfileFormat.PPROF });
    expect(stacksOf(pprof.pprof?.profile as Profile)).toEqual(stacks);
    const whole = await client.selectMergeProfile(select);
    expect(stacksOf(whole)).toEqual(stacks);
    const spans = await client.selectMergeSpanProfile({ ...select, spanSelector: [span] });
    expect(spans.flamegraph?.total).toBe(big + 1n);
    const later = { ...select, start: BigInt(timeMs + 1) };
    const diff = await client.diff({ left: select, right: later });
    expect(diff.flamegraph).toMatchObject({ leftTicks: total, rightTicks: 3n });
    const { series } = await client.selectSeries({ ...select, step: 15, groupBy: ['pod'] });
    expect(series.map(({ labels }) => labels)).toMatchObject([[{ name: 'pod', value: 'shop-1' }]]);
    const sum = series[0]?.points.reduce((all, { value }) => all + value, 0);
    expect(sum).toBe(Number(total));

    const settings = createClient(SettingsService, transport);
    await settings.set({ setting: { name: 'pluginSettings', value: '{}' } });
    expect((await settings.get({})).settings).toMatchObject([{ name: 'pluginSettings' }]);
  });

  it('renders', async () => {
    const params = new URLSearchParams({
      query: `${type}{service_name="shop"}`,
      from: String(timeMs - 60_000),
      until: String(timeMs + 60_000),
    });
    const at = (more: string) => fetch(`${server.url}/pyroscope/render?${params}&${more}`);
    const folded = await (await at('format=folded')).text();
    expect(folded).toBe(`main;work;leaf ${big + 1n}\nmain;work 4\n`);
    expect(await (await at('')).json()).toMatchObject({
      flamebearer: { names: ['total', 'main', 'work', 'leaf'] },
      groups: null,
    });
    expect(await (await at('format=md&budget=2000')).text()).toContain('leaf');
    const bytes = new Uint8Array(await (await at('format=pprof')).arrayBuffer());
    const { fromBinary } = await import('@bufbuild/protobuf');
    expect(stacksOf(fromBinary(ProfileSchema, bytes)).get('main;work')).toBe(4n);
  });

  it('prints the same over the server and over its folder', async () => {
    const query = `${type}{service_name="shop"}`;
    const times = ['--from', String(timeMs - 60_000), '--until', String(timeMs + 60_000)];
    for (const args of [
      ['query', query, ...times],
      ['query', query, ...times, '--format', 'folded'],
      ['query', query, ...times, '--format', 'json'],
      ['query', query, ...times, '--format', 'md'],
      ['query', query, ...times, '--format', 'dot'],
      ['top', query, ...times],
      ['diff', query, ...times, '--baseline-until', String(timeMs)],
      ['series', '--labels'],
    ]) {
      const [asked, read] = [
        await phlox(runtime, [...args, server.url]),
        await phlox(runtime, [...args, dataDir]),
      ];
      expect(asked).toMatchObject({ code: 0, stderr: '' });
      expect([args[0], read]).toEqual([args[0], asked]);
      expect(read.stdout).toContain(args[0] === 'series' ? 'shop' : 'work');
    }
  }, 120_000);
});
