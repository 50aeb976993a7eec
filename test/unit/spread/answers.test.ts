// A tenant over several objects answers as one object does: every query, of heads, of blocks and of
// both, also when its number of objects changes between pushes; and so do refused pushes.
import { toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { ProfileSchema } from '../../../src/gen/google/v1/profile_pb.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { encodePush, type PushSeries } from '../../support/http-push.ts';
import { memoryPlatform, testStartMs } from '../../support/memory-platform.ts';
import { tinyRequest } from '../../support/otlp-requests.ts';
import { querierOf } from '../../support/query-oracle-question.ts';
import { pprofOf } from '../../support/query-oracle-wire.ts';
import { type Deployment, SpreadWorld } from '../../support/spread-world.ts';
import { stamped } from '../../support/stamp.ts';

const origin = 'http://127.0.0.1:4040';
const tenant = 'shop';
const startNs = BigInt(testStartMs) * 1_000_000n;
const regions = ['weur', 'enam', 'apac'];

async function createWorld(deployment: Deployment): Promise<SpreadWorld> {
  const base = await memoryPlatform();
  let drawn = 0;
  return new SpreadWorld(
    base,
    {
      turn: () => Promise.resolve(),
      sleep: base.sleep,
      clock: base.clock,
      random: base.random,
      below: (bound) => drawn++ % bound,
    },
    deployment,
  );
}

/** Twelve series of four services, in three requests each. */
const requests: PushSeries[][] = Array.from({ length: 3 }, (_, round) =>
  (['go-cpu', 'rust-cpu', 'go-heap-1'] as const).flatMap((name, kind) =>
    Array.from({ length: 4 }, (_, service) => ({
      labels: { __name__: name.includes('heap') ? 'memory' : 'process_cpu', ...pod(service, kind) },
      profiles: [stamped(loadFixture(name).packed, startNs + BigInt(round * 1e9 + service))],
    })),
  ),
);

function pod(service: number, kind: number) {
  const name = ['cart', 'mail', 'search', 'user'][service] as string;
  return { service_name: name, pod: `pod-${kind}-${service}` };
}

async function send(world: SpreadWorld, path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { 'x-scope-orgid': tenant, ...init.headers };
  return world.fetch(new Request(origin + path, { ...init, headers }));
}

async function push(world: SpreadWorld, series: readonly PushSeries[], region = 'weur') {
  const headers = { 'content-type': 'application/proto', 'test-region': region };
  const init = { method: 'POST', headers, body: encodePush(series) };
  const response = await send(world, '/push.v1.PusherService/Push', init);
  return { status: response.status, body: await response.text() };
}

async function pushAll(world: SpreadWorld, before?: (round: number) => Promise<void>) {
  for (const [round, series] of requests.entries()) {
    await before?.(round);
    expect(await push(world, series, regions[round])).toEqual({ status: 200, body: '' });
  }
}

async function flush(world: SpreadWorld): Promise<void> {
  expect((await send(world, '/flush', { method: 'POST' })).status).toBe(204);
}

const range = { start: testStartMs - 60_000, end: testStartMs + 60_000 };
const cpu = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
const select = {
  profileTypeID: cpu,
  labelSelector: '{service_name=~"cart|mail|search"}',
  ...range,
};
const asked: [path: string, body: object][] = [
  ['ProfileTypes', range],
  ['LabelNames', { matchers: ['{}'], ...range }],
  ['LabelValues', { name: 'pod', matchers: ['{service_name="mail"}'], ...range }],
  ['Series', { labelNames: ['service_name', '__profile_type__'], ...range }],
  ['Series', { matchers: ['{pod=~"pod-[01].*"}'], ...range }],
  ['GetProfileStats', {}],
  ['SelectMergeStacktraces', select],
  ['SelectMergeStacktraces', { ...select, maxNodes: 30 }],
  ['SelectMergeStacktraces', { ...select, maxNodes: 30, format: 'PROFILE_FORMAT_TREE' }],
  ['SelectMergeStacktraces', { ...select, maxNodes: 30, format: 'PROFILE_FORMAT_DOT' }],
  ['SelectMergeSpanProfile', { ...select, spanSelector: ['a1b2c3d4e5f60718'] }],
  ['SelectSeries', { ...select, step: 15, groupBy: ['pod'] }],
  ['SelectSeries', { ...select, step: 1, groupBy: ['service_name'] }],
  ['Diff', { left: select, right: { ...select, labelSelector: '{service_name="user"}' } }],
];
const query = encodeURIComponent(`${cpu}{service_name="mail"}`);
const rendered = [
  `/pyroscope/render?query=${query}&from=${range.start}&until=${range.end}`,
  `/pyroscope/render-diff?leftQuery=${query}&leftFrom=${range.start}&leftUntil=${range.end}` +
    `&rightQuery=${query}&rightFrom=${range.start}&rightUntil=${testStartMs}`,
  `/pyroscope/label-values?label=pod&query=${query}`,
];

/** Every answer as it is sent, and the values of a merged pprof, whose order nobody promises. */
async function answers(world: SpreadWorld): Promise<string[]> {
  const found: string[] = [];
  const note = async (name: string, response: Response) => {
    expect([name, response.status]).toEqual([name, 200]);
    found.push(`${name}: ${await response.text()}`);
  };
  const post = (path: string, body: object) =>
    send(world, `/querier.v1.QuerierService/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  for (const [path, body] of asked) await note(path, await post(path, body));
  for (const path of rendered) await note(path, await send(world, path));
  const client = querierOf({ fetch: (request) => world.fetch(request) }, true);
  const times = { start: BigInt(range.start), end: BigInt(range.end) };
  const headers = { 'x-scope-orgid': tenant };
  const merged = await client.selectMergeProfile({ ...select, ...times }, { headers });
  const { sums, ...header } = pprofOf(toBinary(ProfileSchema, merged));
  const lines = [...sums].map(([stack, value]) => `${stack} ${value}`);
  found.push([Object.values(header).join(), ...lines.sort()].join('\n'));
  return found;
}

let expected: string[] | undefined;

/** Of one object that has everything in its head. */
async function expectedAnswers(): Promise<string[]> {
  if (expected === undefined) {
    const world = await createWorld({ shards: 1 });
    await pushAll(world);
    expected = await answers(world);
  }
  return expected;
}

describe('a tenant over several objects answers as one does', () => {
  it.each<[name: string, Deployment, objects: number]>([
    ['by service', { shards: 4, shardBy: 'service' }, 4],
    ['by series', { shards: 4, shardBy: 'series' }, 4],
    ['by region', { shardBy: 'region' }, 10],
  ])('%s', async (_, deployment, objects) => {
    const world = await createWorld(deployment);
    await pushAll(world);
    // Heads of all; blocks and heads; blocks of all.
    expect(await answers(world)).toEqual(await expectedAnswers());
    expect(world.names).toHaveLength(objects);
    await world.flushOne(`${tenant}/${deployment['shardBy'] === 'region' ? 'enam' : 1}`);
    expect(await answers(world)).toEqual(await expectedAnswers());
    await flush(world);
    expect(await answers(world)).toEqual(await expectedAnswers());
    const { objects: files } = await world.bucket.list('');
    const blocks = files.filter(({ key }) => key.endsWith('/meta.json'));
    expect(blocks.length).toBeGreaterThan(1);
  });

  it('when their number changes between pushes', async () => {
    const world = await createWorld({ shards: 1 });
    const deployments: Deployment[] = [
      { shards: 4, shardBy: 'series' },
      { shardBy: 'region' },
      { shards: 2, shardBy: 'service' },
    ];
    await pushAll(world, async (round) => {
      world.deploy(deployments[round] as Deployment, round === 1);
      // Sent again across a change: stored already.
      const before = requests[round - 1];
      if (before !== undefined) expect((await push(world, before, 'weur')).status).toBe(200);
      if (round === 2) await flush(world);
    });
    expect(await answers(world)).toEqual(await expectedAnswers());
    world.deploy({ shards: 1 });
    expect(await answers(world)).toEqual(await expectedAnswers());
    await flush(world);
    expect(await answers(world)).toEqual(await expectedAnswers());
  });
});

it.each([
  ['/ingest?name=cart&format=folded', 'text/plain', 'a;b 7\na;c 1'],
  ['/push.v1.PusherService/Push', 'application/json', jsonPush()],
  ['/v1development/profiles', 'application/x-protobuf', tinyRequest()],
])('every door of pushes leads to all objects: %s', async (path, type, body) => {
  const seen: unknown[] = [];
  for (const shards of [1, 4]) {
    const world = await createWorld({ shards, shardBy: 'series' });
    const init = { method: 'POST', headers: { 'content-type': type }, body };
    const response = await send(world, path, init);
    const labels = await send(world, '/ingester.v1.IngesterService/Series', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    seen.push([response.status, await response.text(), await labels.text()]);
  }
  expect(seen[1]).toEqual(seen[0]);
  expect(seen[0]).toEqual([200, expect.any(String), expect.stringContaining('service_name')]);
});

function jsonPush(): string {
  const rawProfile = Buffer.from(loadFixture('go-cpu').packed).toString('base64');
  const series = ['cart', 'mail', 'search'].map((value) => ({
    labels: [
      { name: '__name__', value: 'cpu' },
      { name: 'service_name', value },
    ],
    samples: [{ rawProfile }],
  }));
  return JSON.stringify({ series });
}

describe('what is refused', () => {
  const good = requests[0] as PushSeries[];
  const bad = { labels: { __name__: 'cpu', ...pod(2, 9) }, profiles: [new Uint8Array([1, 2])] };
  const empty = { labels: { __name__: 'cpu', ...pod(3, 9) }, profiles: [new Uint8Array()] };
  const mixed = [bad, ...good.slice(0, 5), empty, ...good.slice(5)];

  it.each([
    ['some profiles', mixed, {}],
    ['one profile', [bad], {}],
    ['all', [bad, empty], {}],
    ['too many series', good, { seriesMax: 1 }],
  ])('reads as it does from one object: %s', async (_, series, limits) => {
    const one = await push(await createWorld({ shards: 1, ...limits }), series);
    const four = await push(await createWorld({ shards: 4, shardBy: 'series', ...limits }), series);
    expect(four.status).toBe(one.status);
    expect(four.status).toBeGreaterThanOrEqual(400);
    // Numbers of a limit are those of the object that it holds for.
    const text = (body: string) => body.replaceAll(/\d+ more/g, 'N more');
    expect(text(four.body)).toBe(text(one.body));
  });
});
