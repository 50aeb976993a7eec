// What requests are refused for, and in which order: the table of the wire's shared validation.
import { expect, test } from 'vitest';
import { isFailure } from '../../../src/errors.ts';
import { defaultLimits } from '../../../src/limits/limits.ts';
import type { StacktracesRequest } from '../../../src/query/contract.ts';
import { limitsOfTenants } from '../../../src/query/limits.ts';
import { cpuType, createEngine, nowMs, pushStacks, requestOf } from '../../support/query-engine.ts';
import { QueryModel } from '../../support/query-model.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

function engine(limits = {}) {
  const model = new QueryModel();
  pushStacks(model, { stacks: { 'main;work': 5 } });
  return createEngine(model, { limits });
}

/** The kind and the message of the refusal of a flame graph. */
async function refusal(changes: Partial<StacktracesRequest>, limits = {}): Promise<string> {
  const { queries, context, lent, provider } = engine(limits);
  const error = await queries.flameGraph(context, requestOf(changes)).then(
    () => expect.unreachable('was answered'),
    (thrown: unknown) => thrown,
  );
  expect(lent.now).toBe(0);
  expect(provider.openCount).toBe(0);
  if (!isFailure(error)) throw error;
  return `${error.kind}: ${error.message}`;
}

const bad = { profileType: 'x', selector: '{', samples: { spanIds: ['x'] }, maxNodes: -1 };

test.each([
  ['no start', { startMs: 0, endMs: nowMs }],
  ['no end', { startMs: nowMs, endMs: 0 }],
  ['neither', { startMs: 0, endMs: 0 }],
])('refuses a range with %s before all else', async (_, range) => {
  expect(await refusal({ ...bad, range })).toBe(
    'invalid: query has no time range: start and end are needed',
  );
});

test('refuses a start after the end, whatever the rest', async () => {
  const range = { startMs: nowMs, endMs: nowMs - 1 };
  expect(await refusal({ ...bad, range })).toBe(
    `invalid: start ${nowMs} is after end ${nowMs - 1}`,
  );
});

test('takes a start that is the end', async () => {
  const { queries, context } = engine();
  const atMs = nowMs - 60_000;
  const graph = await queries.flameGraph(
    context,
    requestOf({ range: { startMs: atMs, endMs: atMs } }),
  );
  expect(graph.total).toBe(5n);
});

test('answers nothing for a range before the lookback, however bad the rest is', async () => {
  const { queries, context, provider } = engine();
  const range = { startMs: nowMs - 9 * dayMs, endMs: nowMs - 7 * dayMs - 1 };
  const request = requestOf({ ...bad, range });
  expect(await queries.flameGraph(context, request)).toEqual({
    names: ['total'],
    levels: [new BigInt64Array(4)],
    total: 0n,
    maxSelf: 0n,
  });
  expect(await queries.tree(context, request)).toEqual(new Uint8Array(0));
  expect(await queries.dot(context, request)).toBe('');
  expect(await queries.folded(context, request)).toBe('');
  expect(await queries.pprof(context, request)).toEqual(new Uint8Array(0));
  expect((await queries.callTree(context, request)).parents).toHaveLength(1);
  expect(await queries.diff(context, request, request)).toEqual({
    names: ['total'],
    levels: [new BigInt64Array(7)],
    total: 0n,
    maxSelf: 0n,
    leftTicks: 0n,
    rightTicks: 0n,
  });
  const series = { ...request, stepMs: 0, groupBy: [], aggregation: 'sum', limit: 0 } as const;
  expect(await queries.timeSeries(context, series)).toEqual([]);
  const labels = { matchers: ['{'], any: false, range, labelNames: [] };
  expect(await queries.labelNames(context, labels)).toEqual([]);
  expect(await queries.series(context, labels)).toEqual([]);
  expect(await queries.profileTypes(context, range)).toEqual([]);
  expect(provider.opened).toEqual([]);
});

test('still looks at a range that ends with the lookback', async () => {
  const { queries, context, provider } = engine();
  const endMs = nowMs - 7 * dayMs;
  await queries.flameGraph(context, requestOf({ range: { startMs: endMs - 1, endMs } }));
  const atNs = BigInt(endMs) * 1_000_000n;
  expect(provider.opened).toEqual([{ startNs: atNs, endNs: atNs }]);
});

test('moves a start before the lookback to it, silently and before the length', async () => {
  const { queries, context, provider } = engine();
  const range = { startMs: nowMs - 30 * dayMs, endMs: nowMs - 6 * dayMs };
  await queries.flameGraph(context, requestOf({ range }));
  expect(provider.opened).toEqual([
    {
      startNs: BigInt(nowMs - 7 * dayMs) * 1_000_000n,
      endNs: BigInt(nowMs - 6 * dayMs) * 1_000_000n,
    },
  ]);
});

test('refuses a range over the length limit before the nodes, one at it is taken', async () => {
  const range = { startMs: nowMs - dayMs - 1, endMs: nowMs };
  expect(await refusal({ ...bad, range })).toBe(
    `invalid: query is ${dayMs + 1} ms long, query length limit ${dayMs} ms`,
  );
  const { queries, context } = engine();
  const most = { startMs: nowMs - dayMs, endMs: nowMs };
  expect((await queries.flameGraph(context, requestOf({ range: most }))).total).toBe(5n);
});

test('takes label calls of any length, and moves their start to the lookback', async () => {
  const { queries, context, provider } = engine();
  const range = { startMs: nowMs - 30 * dayMs, endMs: nowMs };
  const request = { matchers: [], any: false, range };
  expect(await queries.profileTypes(context, range)).toHaveLength(1);
  expect(await queries.labelNames(context, request)).toContain('service_name');
  expect(await queries.labelValues(context, 'service_name', request)).toEqual(['shop']);
  expect(await queries.series(context, { ...request, labelNames: [] })).toHaveLength(1);
  const seen = {
    startNs: BigInt(nowMs - 7 * dayMs) * 1_000_000n,
    endNs: BigInt(nowMs) * 1_000_000n,
  };
  expect(provider.opened).toEqual([seen, seen, seen, seen]);
});

test('takes any range when the limits are off', async () => {
  const { queries, context } = engine({ queryLengthMaxMs: 0, queryLookbackMs: 0 });
  const range = { startMs: -1, endMs: Number.MAX_SAFE_INTEGER };
  expect((await queries.flameGraph(context, requestOf({ range }))).total).toBe(5n);
});

test.each([0.5, Number.NaN, 2 ** 53])('refuses %s as a time', async (startMs) => {
  const message = await refusal({ range: { startMs, endMs: nowMs } });
  expect(message).toBe(`invalid: start is ${startMs}, want whole milliseconds below 2^53`);
});

test.each([
  [-1, 'max nodes is -1, want a whole number from 0'],
  [1.5, 'max nodes is 1.5, want a whole number from 0'],
  [1_048_577, 'max nodes is 1048577, flame graph nodes limit 1048576'],
])('refuses %s nodes before the profile type', async (maxNodes, message) => {
  expect(await refusal({ ...bad, maxNodes })).toBe(`invalid: ${message}`);
});

test.each([
  ['', 1],
  ['process_cpu', 1],
  ['a:b:c:d', 4],
  ['a:b:c:d:e:f:g', 7],
])('refuses the profile type "%s" before the selector', async (profileType, parts) => {
  expect(await refusal({ ...bad, maxNodes: 1_048_576, profileType })).toBe(
    `invalid: profile type ${JSON.stringify(profileType)} has ${parts} parts, want 5 or 6: ` +
      'name:sample_type:sample_unit:period_type:period_unit[:delta]',
  );
});

test('ignores a sixth part of the profile type, and takes empty parts', async () => {
  const { queries, context } = engine();
  const six = await queries.flameGraph(context, requestOf({ profileType: `${cpuType}:delta` }));
  expect(six.total).toBe(5n);
  const empty = await queries.flameGraph(context, requestOf({ profileType: '::::' }));
  expect(empty.names).toEqual(['total']);
});

test.each([0, 0.5, -1])('refuses a step of %s ms before the selector', async (stepMs) => {
  const { queries, context } = engine();
  const request = { ...requestOf(), selector: '{', stepMs, groupBy: [], limit: 0 };
  const asked = queries.timeSeries(context, { ...request, aggregation: 'sum' });
  await expect(asked).rejects.toMatchObject({
    kind: 'invalid',
    message: `step is ${stepMs} ms, want a whole number from 1`,
  });
});

test('refuses a step that makes more points than the limit, and names both', async () => {
  const { queries, context } = engine({ seriesPointsMax: 61 });
  const request = { ...requestOf(), groupBy: [], limit: 0, aggregation: 'sum' } as const;
  await expect(queries.timeSeries(context, { ...request, stepMs: 60_000 })).resolves.toHaveLength(
    1,
  );
  const asked = queries.timeSeries(context, { ...request, stepMs: 59_000 });
  await expect(asked).rejects.toMatchObject({
    kind: 'invalid',
    message: 'step of 59000 ms makes 62 points, series points limit 61',
  });
});

test.each([
  ['', 'selector is empty, want {} for everything'],
  ['  ', 'selector is empty, want {} for everything'],
  ['{', 'bad selector at character 2: expected a label name, found the end'],
])('refuses the selector "%s"', async (selector, message) => {
  expect(await refusal({ ...bad, maxNodes: 0, profileType: cpuType, selector })).toBe(
    `invalid: ${message}`,
  );
});

test.each([
  [{ spanIds: ['00000000000000f'] }, 'span id "00000000000000f" is malformed'],
  [{ spanIds: ['000000000000000g'] }, 'span id "000000000000000g" is malformed'],
  [{ spanIds: ['0000000000000000'] }, 'span id "0000000000000000" is malformed'],
  [{ traceIds: ['f'.repeat(31)] }, `trace id "${'f'.repeat(31)}" is malformed`],
  [{ traceIds: ['0'.repeat(32)] }, `trace id "${'0'.repeat(32)}" is malformed`],
  [{ profileIds: ['123'] }, 'profile id "123" is malformed'],
  [{ profileIds: [`${'-'.repeat(4)}${'f'.repeat(32)}`] }, 'profile id'],
  [{ spanIds: [], traceIds: [] }, 'span ids and trace ids cannot be selected together'],
  [{ spanIds: Array(10_001).fill('f'.repeat(16)) }, '10001 span ids are selected, limit 10000'],
  [{ callSite: Array(10_001).fill('f') }, 'call site has 10001 frames, limit 10000'],
])('refuses sample selectors %#', async (samples, message) => {
  expect(await refusal({ samples })).toContain(`invalid: ${message}`);
});

test('refuses a query of no tenant', async () => {
  const { queries, context } = engine();
  const asked = queries.flameGraph({ ...context, tenants: [] }, requestOf());
  await expect(asked).rejects.toMatchObject({ kind: 'invalid', message: 'query names no tenant' });
});

test('takes of each limit the smallest that is set among the tenants', () => {
  const of = new Map([
    ['a', { ...defaultLimits, nodesMax: 0, queryBytesMax: 7, queryLookbackMs: 0 }],
    ['b', { ...defaultLimits, nodesMax: 9, queryBytesMax: 5, queryLookbackMs: 0 }],
  ]);
  const limits = limitsOfTenants(['a', 'b'], (tenant) => of.get(tenant) ?? defaultLimits);
  expect(limits).toMatchObject({ nodesMax: 9, queryBytesMax: 5, queryLookbackMs: 0 });
});

test('refuses a diff for its left side first, with the larger number of nodes', async () => {
  const { queries, context } = engine();
  const good = requestOf();
  const noRange = requestOf({ range: { startMs: 0, endMs: 0 } });
  await expect(queries.diff(context, good, noRange)).rejects.toMatchObject({ kind: 'invalid' });
  await expect(queries.diff(context, requestOf({ selector: '' }), noRange)).rejects.toMatchObject({
    message: 'selector is empty, want {} for everything',
  });
  await expect(
    queries.diff(context, good, requestOf({ maxNodes: 2_000_000 })),
  ).rejects.toMatchObject({ message: 'max nodes is 2000000, flame graph nodes limit 1048576' });
});
