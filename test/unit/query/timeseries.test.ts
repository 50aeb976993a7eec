// Time series: the grid, sums and means, groups, order and limit, row by row of the wire's table.
import { expect, test } from 'vitest';
import type { SeriesRequest } from '../../../src/query/contract.ts';
import { dividedOnce } from '../../../src/query/timeseries.ts';
import { createEngine, nowMs, pushStacks, requestOf } from '../../support/query-engine.ts';
import { QueryModel } from '../../support/query-model.ts';

const startMs = nowMs - 100_000;

function seriesRequest(changes: Partial<SeriesRequest> = {}): SeriesRequest {
  const { profileType, selector } = requestOf();
  return {
    profileType,
    selector,
    range: { startMs, endMs: nowMs },
    stepMs: 30_000,
    groupBy: [],
    aggregation: 'sum',
    limit: 0,
    ...changes,
  };
}

/** Points as `[seconds after the start, value]`. */
async function pointsOf(model: QueryModel, changes: Partial<SeriesRequest> = {}) {
  const { queries, context } = createEngine(model);
  const series = await queries.timeSeries(context, seriesRequest(changes));
  return series.map(({ labels, points }) => ({
    labels: labels.map(({ name, value }) => `${name}=${value}`).join(),
    points: points.map(({ timestampMs, value }) => [(timestampMs - startMs) / 1000, value]),
  }));
}

test('slots are (T - step, T] from the start on; the first also has its left end', async () => {
  const model = new QueryModel();
  const at = (seconds: number, value: number, atNs = 0n) =>
    pushStacks(model, { atMs: -100_000 + seconds * 1000, atNs, stacks: { main: value } });
  at(-30, 1, -1n); // before the first slot
  at(-30, 2);
  at(0, 4);
  at(0, 8, 1n);
  at(30, 16);
  at(30, 32, 1n);
  at(90, 64);
  at(90, 128, 1n); // after the last edge, before the end
  at(100, 256);
  expect(await pointsOf(model)).toEqual([
    {
      labels: '',
      points: [
        [0, 6],
        [30, 24],
        [60, 32],
        [90, 64],
      ],
    },
  ]);
});

test('empty slots are left out, and so is a series without any', async () => {
  const model = new QueryModel();
  pushStacks(model, { atMs: -10_000, stacks: { main: 1 } });
  pushStacks(model, { labels: { pod: 'x' }, atMs: -5_000, stacks: { main: 1 } });
  expect(await pointsOf(model, { groupBy: ['pod'] })).toEqual([{ labels: '', points: [[90, 1]] }]);
  expect(await pointsOf(new QueryModel())).toEqual([]);
});

test('series are grouped by what they have of the names, and by nothing else', async () => {
  const model = new QueryModel();
  const push = (labels: Record<string, string>, value: number) =>
    pushStacks(model, { labels, stacks: { main: value } });
  push({ pod: 'x', 'k8s.ns': 'n' }, 1);
  push({ pod: 'x' }, 2);
  push({ pod: 'y' }, 4);
  push({}, 8);
  const points = (value: number) => [[60, value]];
  expect(await pointsOf(model)).toEqual([{ labels: '', points: points(15) }]);
  expect(await pointsOf(model, { groupBy: ['pod', 'nobody'] })).toEqual([
    { labels: '', points: points(8) },
    { labels: 'pod=y', points: points(4) },
    { labels: 'pod=x', points: points(3) },
  ]);
  expect(await pointsOf(model, { groupBy: ['k8s.ns', '__type__'] })).toEqual([
    { labels: '__type__=cpu', points: points(14) },
    { labels: '__type__=cpu,k8s.ns=n', points: points(1) },
  ]);
});

test('the largest sums come first, equal ones by labels; the limit cuts after that', async () => {
  const model = new QueryModel();
  for (const [pod, value] of Object.entries({ d: 3, c: 5, b: 3, a: 1 })) {
    pushStacks(model, { labels: { pod }, stacks: { main: value } });
  }
  const pods = async (limit: number) =>
    (await pointsOf(model, { groupBy: ['pod'], limit })).map(({ labels }) => labels);
  expect(await pods(0)).toEqual(['pod=c', 'pod=b', 'pod=d', 'pod=a']);
  expect(await pods(2)).toEqual(['pod=c', 'pod=b']);
  expect(await pods(9)).toHaveLength(4);
});

test('the average is the mean of the profiles of a slot over all sources', async () => {
  const model = new QueryModel();
  for (const value of [1, 2, 4]) pushStacks(model, { stacks: { main: value, 'main;x': 1 } });
  expect(await pointsOf(model, { aggregation: 'average' })).toEqual([
    { labels: '', points: [[60, 10 / 3]] },
  ]);
});

test('a call site counts only the samples below it', async () => {
  const model = new QueryModel();
  pushStacks(model, { stacks: { 'main;a': 1, 'main;b': 2, 'other;main;a': 4 } });
  expect(await pointsOf(model, { callSite: ['main', 'a'] })).toEqual([
    { labels: '', points: [[60, 1]] },
  ]);
});

test('sums above 2^53 and above 2^63 are rounded once, and ordered exactly', async () => {
  const model = new QueryModel();
  const max = 2n ** 63n - 1n;
  for (const value of [2n ** 53n, 1n, 1n]) {
    pushStacks(model, { labels: { pod: 'a' }, stacks: { main: value } });
  }
  pushStacks(model, { labels: { pod: 'b' }, stacks: { main: 2n ** 53n + 1n } });
  for (let i = 0; i < 3; i++) pushStacks(model, { labels: { pod: 'c' }, stacks: { main: max } });
  expect(await pointsOf(model, { groupBy: ['pod'] })).toEqual([
    { labels: 'pod=c', points: [[60, Number(3n * max)]] },
    { labels: 'pod=a', points: [[60, 2 ** 53 + 2]] },
    { labels: 'pod=b', points: [[60, 2 ** 53]] },
  ]);
});

test.each([
  [10n, 3, 10 / 3],
  [0n, 5, 0],
  [2n ** 53n + 1n, 1, 2 ** 53],
  [2n ** 53n + 3n, 1, 2 ** 53 + 4],
  // The quotient lies just above the middle between two doubles.
  [(2n ** 53n + 1n) * 3n + 1n, 3, 2 ** 53 + 2],
  [(2n ** 53n + 1n) * 3n - 1n, 3, 2 ** 53],
  // A middle that is passed by less than 2^-64.
  [2n ** 57n - 2n ** 17n + 16n, 2 ** 40 - 1, 2 ** 17 + 2 ** -35],
  [2n ** 63n - 1n, 1_000_003, 9223344366821.676],
])('%d / %d is the nearest double, %d', (sum, count, quotient) => {
  expect(dividedOnce(sum, count)).toBe(quotient);
});
