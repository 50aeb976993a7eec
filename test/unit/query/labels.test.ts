// Label calls: what they answer, how lists of selectors are read, and what a missing range means.
import { expect, test } from 'vitest';
import { createEngine, nowMs, pushStacks } from '../../support/query-engine.ts';
import { QueryModel } from '../../support/query-model.ts';

const hourMs = 3_600_000;

function engine() {
  const model = new QueryModel();
  const stacks = { main: 1 };
  pushStacks(model, { labels: { pod: 'x', region: 'eu' }, stacks });
  pushStacks(model, { labels: { pod: 'y', region: 'us' }, stacks });
  pushStacks(model, { labels: { service_name: 'cart', 'k8s.pod': 'ü' }, stacks });
  pushStacks(model, { labels: { service_name: 'old' }, atMs: -2 * hourMs, stacks });
  pushStacks(model, { tenant: 'b', labels: { secret: 'b' }, stacks });
  return createEngine(model);
}

const all = { matchers: [], any: false, range: undefined };
const lastHour = { startMs: nowMs - hourMs, endMs: nowMs };

test('names are sorted, with the own ones of the server', async () => {
  const { queries, context } = engine();
  expect(await queries.labelNames(context, all)).toEqual([
    '__name__',
    '__period_type__',
    '__period_unit__',
    '__profile_type__',
    '__type__',
    '__unit__',
    'k8s.pod',
    'pod',
    'region',
    'service_name',
  ]);
});

test('values are sorted; an unknown label has none, an empty name is refused', async () => {
  const { queries, context } = engine();
  expect(await queries.labelValues(context, 'service_name', all)).toEqual(['cart', 'old', 'shop']);
  expect(await queries.labelValues(context, 'k8s.pod', all)).toEqual(['ü']);
  expect(await queries.labelValues(context, '__type__', all)).toEqual(['cpu']);
  expect(await queries.labelValues(context, 'nobody', all)).toEqual([]);
  await expect(queries.labelValues(context, '', all)).rejects.toMatchObject({ kind: 'invalid' });
});

test('a range leaves out the sources outside of it, and both its ends count', async () => {
  const { queries, context } = engine();
  const values = (range: { startMs: number; endMs: number }) =>
    queries.labelValues(context, 'service_name', { ...all, range });
  expect(await values(lastHour)).toEqual(['cart', 'shop']);
  const oldMs = nowMs - 2 * hourMs;
  expect(await values({ startMs: oldMs, endMs: oldMs })).toEqual(['old']);
  expect(await values({ startMs: oldMs - 1, endMs: oldMs - 1 })).toEqual([]);
});

test.each([
  [['{region="eu"}', '{pod="x"}'], false, ['x']],
  [['{region="eu"}', '{pod="y"}'], false, []],
  [['{region="eu"}', '{pod="y"}'], true, ['x', 'y']],
  [['{region="eu"}', '{}'], true, ['x', 'y']],
  [['{region="eu"}', '{}'], false, ['x']],
  [['{}'], false, ['x', 'y']],
  [[''], false, ['x', 'y']],
  [['{pod=""}'], false, []],
  [['{pod!="", region=~".u"}'], false, ['x']],
  [['{region!~"e.*",}'], false, ['y']],
  [['process_cpu{pod="y"}'], false, ['y']],
])('the matchers %j, any %s, select the pods %j', async (matchers, any, pods) => {
  const { queries, context } = engine();
  expect(await queries.labelValues(context, 'pod', { ...all, matchers, any })).toEqual(pods);
});

test('a bad matcher is refused, also among alternatives', async () => {
  const { queries, context } = engine();
  for (const any of [true, false]) {
    const request = { ...all, matchers: ['{}', '{a=~"("}'], any };
    await expect(queries.labelNames(context, request)).rejects.toMatchObject({ kind: 'invalid' });
    await expect(queries.series(context, { ...request, labelNames: [] })).rejects.toMatchObject({
      kind: 'invalid',
    });
  }
  const many = { ...all, matchers: Array(101).fill('{}') };
  await expect(queries.labelNames(context, many)).rejects.toMatchObject({
    message: '101 matchers are given, limit 100',
  });
});

test('a range that is half missing or reversed is refused', async () => {
  const { queries, context } = engine();
  for (const range of [
    { startMs: 0, endMs: nowMs },
    { startMs: nowMs, endMs: nowMs - 1 },
  ]) {
    await expect(queries.labelNames(context, { ...all, range })).rejects.toMatchObject({
      kind: 'invalid',
    });
  }
});

test('series are distinct, sorted and cut down to the names asked for', async () => {
  const { queries, context } = engine();
  const series = (labelNames: string[], matchers: string[] = []) =>
    queries.series(context, { ...all, matchers, labelNames });
  expect(await series(['region', 'service_name', 'nobody'])).toEqual([
    [
      { name: 'region', value: 'eu' },
      { name: 'service_name', value: 'shop' },
    ],
    [
      { name: 'region', value: 'us' },
      { name: 'service_name', value: 'shop' },
    ],
    [{ name: 'service_name', value: 'cart' }],
    [{ name: 'service_name', value: 'old' }],
  ]);
  expect(await series(['region'], ['{service_name="cart"}'])).toEqual([[]]);
  expect(await series([], ['{service_name="cart"}'])).toMatchObject([{ length: 8 }]);
});

test('profile types without a range are those of the last hour', async () => {
  const model = new QueryModel();
  pushStacks(model, { stacks: { main: 1 } });
  pushStacks(model, { labels: { __name__: 'a' }, atMs: -2 * hourMs, stacks: { main: 1 } });
  pushStacks(model, { labels: { __name__: 'x:y' }, stacks: { main: 1 } });
  pushStacks(model, { labels: { __name__: 'x:y:z' }, stacks: { main: 1 } });
  const { queries, context } = createEngine(model);
  const cpu = 'cpu:nanoseconds:cpu:nanoseconds';
  expect(await queries.profileTypes(context, undefined)).toEqual([
    `process_cpu:${cpu}`,
    `x:y:${cpu}`,
  ]);
  const range = { startMs: nowMs - 3 * hourMs, endMs: nowMs };
  expect(await queries.profileTypes(context, range)).toEqual([
    `a:${cpu}`,
    `process_cpu:${cpu}`,
    `x:y:${cpu}`,
  ]);
  await expect(queries.profileTypes(context, { startMs: 2, endMs: 1 })).rejects.toMatchObject({
    kind: 'invalid',
  });
});

test('stats are of one tenant: the times of its first and last profile, or nothing', async () => {
  const { queries, context } = engine();
  expect(await queries.profileStats(context)).toEqual({
    startMs: nowMs - 2 * hourMs,
    endMs: nowMs - 60_000,
  });
  expect(await queries.profileStats({ ...context, tenants: ['nobody'] })).toBeUndefined();
  await expect(queries.profileStats({ ...context, tenants: ['a', 'b'] })).rejects.toMatchObject({
    kind: 'invalid',
    message: 'stats are of 1 tenant, got 2',
  });
});
