// `querier.v1.QuerierService` as a generated client meets it, in both encodings: what reaches the
// query service, and what comes back.
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Code, createClient } from '@connectrpc/connect';
import { describe, expect, it } from 'vitest';
import { ProfileSchema } from '../../../src/gen/google/v1/profile_pb.ts';
import { ProfileFormat, QuerierService } from '../../../src/gen/querier/v1/querier_pb.ts';
import { TimeSeriesAggregationType } from '../../../src/gen/types/v1/types_pb.ts';
import { createApiServer } from '../../support/api-server.ts';
import { transportTo } from '../../support/connect-client.ts';
import { sampleDiff, sampleGraph, sampleProfile } from '../../support/fake-queries.ts';

const tenants = ['anonymous'];
const profileTypeID = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
const labelSelector = '{service_name="checkout",}';
const start = 1_700_000_000_000n;
const end = 1_700_003_600_000n;
const select = { profileTypeID, labelSelector, start, end };
const range = { startMs: Number(start), endMs: Number(end) };
const asked = { profileType: profileTypeID, selector: labelSelector, range };
const levelsOf = (levels: BigInt64Array[]) => levels.map((level) => ({ values: [...level] }));
const graph = { ...sampleGraph, levels: levelsOf(sampleGraph.levels) };
const uuid = '6b1f3f5e-55d6-4b1f-9a0e-0123456789ab';

describe.each([true, false])('binary %s', (useBinaryFormat) => {
  const open = async () => {
    const server = await createApiServer();
    const client = createClient(QuerierService, transportTo(server, useBinaryFormat));
    return { server, client, queries: server.queries };
  };

  it('answers flame graphs, of the format asked for and of none', async () => {
    const { client, queries } = await open();
    const bare = await client.selectMergeStacktraces(select);
    const full = await client.selectMergeStacktraces({
      ...select,
      format: ProfileFormat.FLAMEGRAPH,
      maxNodes: 100n,
      stackTraceSelector: { callSite: [{ name: 'main' }, { name: 'serve' }] },
      profileIdSelector: [uuid],
      spanSelector: ['0123456789abcdef'],
    });
    expect(bare.flamegraph).toMatchObject(graph);
    expect(full.flamegraph).toMatchObject(graph);
    const samples = {
      callSite: ['main', 'serve'],
      profileIds: [uuid],
      spanIds: ['0123456789abcdef'],
    };
    expect(queries.asked).toEqual([
      ['flameGraph', tenants, { ...asked, maxNodes: undefined, samples: {} }],
      ['flameGraph', tenants, { ...asked, maxNodes: 100, samples }],
    ]);
  });

  it('answers flame graphs of numbers up to the last of 64 bits', async () => {
    const { client, queries } = await open();
    const numbers = [0, 6, 7, 8, 13, 14, 20, 21, 27, 28, 31, 32, 33, 35, 42, 49, 52, 53, 56, 62, 63]
      .flatMap((bits) => [(1n << BigInt(bits)) - 1n, 1n << BigInt(bits)])
      .filter((value) => value < 1n << 63n);
    const levels = [BigInt64Array.from(numbers), new BigInt64Array(0), BigInt64Array.of(0n)];
    const total = (1n << 63n) - 1n;
    queries.answers.flameGraph = { names: ['total', 'é 🔥', ''], levels, total, maxSelf: 0n };
    const { flamegraph } = await client.selectMergeStacktraces(select);
    expect(flamegraph).toMatchObject({
      names: ['total', 'é 🔥', ''],
      levels: levelsOf(levels),
      total,
      maxSelf: 0n,
    });
  });

  it('answers trees, dots and pprofs', async () => {
    const { client, queries } = await open();
    const tree = await client.selectMergeStacktraces({ ...select, format: ProfileFormat.TREE });
    const dot = await client.selectMergeStacktraces({ ...select, format: ProfileFormat.DOT });
    const pprof = await client.selectMergeStacktraces({
      ...select,
      format: ProfileFormat.PPROF,
      traceIdSelector: ['00112233445566778899aabbccddeeff'],
    });
    expect(tree).toMatchObject({ tree: queries.answers.tree, dot: '' });
    expect(tree.flamegraph).toBeUndefined();
    expect(dot).toMatchObject({ dot: queries.answers.dot });
    expect(pprof.pprof?.profile).toMatchObject(sampleProfile);
    const plain = { ...asked, maxNodes: undefined, samples: {} };
    const samples = { traceIds: ['00112233445566778899aabbccddeeff'] };
    expect(queries.asked).toEqual([
      ['tree', tenants, plain],
      ['dot', tenants, plain],
      ['pprof', tenants, { ...plain, samples }],
    ]);
  });

  it('answers empty trees, dots and pprofs', async () => {
    const { client, queries } = await open();
    queries.answers = { ...queries.answers, tree: new Uint8Array(0), dot: '' };
    queries.answers.pprof = new Uint8Array(0);
    const of = (format: ProfileFormat) => client.selectMergeStacktraces({ ...select, format });
    expect((await of(ProfileFormat.TREE)).tree).toHaveLength(0);
    expect((await of(ProfileFormat.DOT)).dot).toBe('');
    expect((await of(ProfileFormat.PPROF)).pprof?.profile?.sample ?? []).toEqual([]);
    expect(await client.selectMergeProfile(select)).toMatchObject({ sample: [], stringTable: [] });
  });

  it('answers merged pprofs', async () => {
    const { client, queries } = await open();
    const plain = await client.selectMergeProfile({ ...select, maxNodes: 0n });
    await client.selectMergeProfile({
      ...select,
      maxNodes: 7n,
      stackTraceSelector: {
        callSite: [{ name: 'main' }],
        goPgo: { keepLocations: 5, aggregateCallees: true },
      },
    });
    expect(plain).toMatchObject(sampleProfile);
    const goPgo = { keepLocations: 5, aggregateCallees: true };
    expect(queries.asked).toEqual([
      ['pprof', tenants, { ...asked, maxNodes: undefined, samples: {} }],
      ['pprof', tenants, { ...asked, maxNodes: 7, samples: {}, goPgo }],
    ]);
  });

  it('answers span profiles, of no span too', async () => {
    const { client, queries } = await open();
    const spanSelector = ['00000000000000aa', '00000000000000bb'];
    const found = await client.selectMergeSpanProfile({ ...select, spanSelector });
    const tree = await client.selectMergeSpanProfile({ ...select, format: ProfileFormat.TREE });
    expect(found.flamegraph).toMatchObject(graph);
    expect(tree.tree).toEqual(queries.answers.tree);
    expect(queries.asked).toEqual([
      [
        'flameGraph',
        tenants,
        { ...asked, maxNodes: undefined, samples: { spanIds: spanSelector } },
      ],
      ['tree', tenants, { ...asked, maxNodes: undefined, samples: { spanIds: [] } }],
    ]);
  });

  it('answers differences with the larger bound on nodes of both sides', async () => {
    const { client, queries } = await open();
    const right = { ...select, labelSelector: '{}', maxNodes: 20n };
    const { flamegraph } = await client.diff({ left: { ...select, maxNodes: 10n }, right });
    expect(flamegraph).toMatchObject({ ...sampleDiff, levels: levelsOf(sampleDiff.levels) });
    const side = { ...asked, maxNodes: 20, samples: {} };
    expect(queries.asked).toEqual([['diff', tenants, side, { ...side, selector: '{}' }]]);
  });

  it('answers series over time', async () => {
    const { client, queries } = await open();
    const { series } = await client.selectSeries({ ...select, step: 15.0009 });
    await client.selectSeries({
      ...select,
      step: 0.001,
      groupBy: ['service_name', 'k8s.pod'],
      aggregation: TimeSeriesAggregationType.AVERAGE,
      stackTraceSelector: { callSite: [{ name: 'main' }] },
      limit: 3n,
    });
    const labels = [{ name: 'service_name', value: 'checkout' }];
    const points = [{ timestamp: 1_700_000_010_000n, value: 2 ** 60 }];
    expect(series).toMatchObject([{ labels, points }]);
    const groupBy = ['service_name', 'k8s.pod'];
    const more = { stepMs: 1, groupBy, aggregation: 'average', callSite: ['main'], limit: 3 };
    expect(queries.asked).toEqual([
      [
        'timeSeries',
        tenants,
        { ...asked, stepMs: 15_000, groupBy: [], aggregation: 'sum', limit: 0 },
      ],
      ['timeSeries', tenants, { ...asked, ...more }],
    ]);
  });

  it('answers label calls for series that match every selector', async () => {
    const { client, queries } = await open();
    const matchers = ['{service_name="checkout"}', '{env="prod"}'];
    expect((await client.labelNames({ matchers })).names).toEqual(['__name__', 'service_name']);
    const values = await client.labelValues({ name: 'k8s.pod', matchers, start, end });
    const labelNames = ['service_name', '__profile_type__'];
    const series = await client.series({ matchers, labelNames, start, end });
    expect(values.names).toEqual(['checkout', 'search']);
    expect(series.labelsSet).toMatchObject([
      { labels: [{ name: 'service_name', value: 'checkout' }] },
    ]);
    const request = { matchers, any: false, range };
    expect(queries.asked).toEqual([
      ['labelNames', tenants, { ...request, range: undefined }],
      ['labelValues', tenants, 'k8s.pod', request],
      ['series', tenants, { ...request, labelNames }],
    ]);
  });

  it('answers profile types, of the last hour without a range', async () => {
    const { client, queries } = await open();
    const given = await client.profileTypes({ start, end });
    await client.profileTypes({});
    expect(given.profileTypes).toMatchObject([{ ID: profileTypeID, sampleType: 'cpu' }]);
    const [first, second] = queries.asked.map(([, , given]) => given) as (typeof range)[];
    expect(first).toEqual(range);
    expect((second?.endMs ?? 0) - (second?.startMs ?? 0)).toBe(3_600_000);
    expect(Math.abs(Date.now() - (second?.endMs ?? 0))).toBeLessThan(60_000);
  });

  it('tells whether there is data, and from when to when', async () => {
    const { client, queries } = await open();
    const { startMs, endMs } = { startMs: 1_700_000_000_000, endMs: 1_700_000_060_000 };
    expect(await client.getProfileStats({})).toMatchObject({
      dataIngested: true,
      oldestProfileTime: BigInt(startMs),
      newestProfileTime: BigInt(endMs),
    });
    queries.answers.profileStats = undefined;
    expect(await client.getProfileStats({})).toMatchObject({
      dataIngested: false,
      oldestProfileTime: 0n,
    });
  });

  it.each(['selectHeatmap', 'analyzeQuery'] as const)('says that %s is not there', async (name) => {
    const { client } = await open();
    const failed = client[name]({});
    await expect(failed).rejects.toMatchObject({
      code: Code.Unimplemented,
      rawMessage: expect.stringMatching(/is not implemented: ./),
    });
  });
});

it('hands out a pprof byte for byte as the query service made it', async () => {
  const server = await createApiServer();
  // Valid, and not as any encoder would write it: an unknown field, and fields out of order.
  const odd = Uint8Array.of(0xa0, 0x06, 1, 0x60, 5, 0x48, 9, 0x32, 0);
  server.queries.answers.pprof = odd;
  const { SelectMergeProfileRequestSchema } = await import(
    '../../../src/gen/querier/v1/querier_pb.ts'
  );
  const response = await server.send('/querier.v1.QuerierService/SelectMergeProfile', {
    method: 'POST',
    headers: { 'content-type': 'application/proto' },
    body: toBinary(
      SelectMergeProfileRequestSchema,
      create(SelectMergeProfileRequestSchema, select),
    ),
  });
  expect(response.headers.get('content-type')).toBe('application/proto');
  const bytes = new Uint8Array(await response.arrayBuffer());
  expect(bytes).toEqual(odd);
  expect(fromBinary(ProfileSchema, bytes)).toMatchObject({ period: 5n, timeNanos: 9n });
});
