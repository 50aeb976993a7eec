// Every call of the query door by a generated client, over whatever serves it: what was pushed must
// come back, from a head or from a block, in both encodings.
import { create, toBinary } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { expect } from 'vitest';
import { type Profile, ProfileSchema } from '../../src/gen/google/v1/profile_pb.ts';
import { ProfileFormat, QuerierService } from '../../src/gen/querier/v1/querier_pb.ts';
import { SettingsService } from '../../src/gen/settings/v1/setting_pb.ts';
import { transportTo } from '../support/connect-client.ts';

/** The profile type of what is pushed. */
export const queriedType = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
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
export function stacksOf(profile: Profile): Map<string, bigint> {
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

/** The largest value among them. */
export const queriedBig = 2n ** 60n;
const big = queriedBig;
/** When the first of them was taken. */
export const queriedMs = Date.now() - 60_000;
const timeMs = queriedMs;
const range = { start: BigInt(timeMs - 60_000), end: BigInt(timeMs + 60_000) };
const select = { profileTypeID: queriedType, labelSelector: '{service_name="shop",}', ...range };

/** To be pushed, once, before anything is asked. */
export const queriedLabels = { __name__: 'process_cpu', service_name: 'shop', pod: 'shop-1' };
export const queriedProfiles = [cpuProfile(timeMs, big), cpuProfile(timeMs + 1, 1n)];

/** Makes every call and expects its answer. */
export async function expectQueries(url: string, useBinaryFormat: boolean): Promise<void> {
  const transport = transportTo({ fetch: fetchDecoded }, useBinaryFormat, url);
  const client = createClient(QuerierService, transport);

  const { profileTypes } = await client.profileTypes({});
  expect(profileTypes.map(({ ID }) => ID)).toEqual([queriedType]);
  const names = await client.labelNames({ ...range, matchers: ['{}'] });
  expect(names.names).toEqual(expect.arrayContaining(['__profile_type__', 'pod', 'service_name']));
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
}

/** Bodies come out of `fetch` inflated, under headers that say otherwise. */
async function fetchDecoded(request: Request): Promise<Response> {
  const response = await fetch(request);
  const headers = new Headers(response.headers);
  headers.delete('content-encoding');
  return new Response(response.body, { status: response.status, headers });
}
