// The engine over random sources against the model that answers by brute force; and the model
// against the worked examples of the wire. A failure prints the seed.
import { describe, expect, test } from 'vitest';
import { createRandom } from '../../fixtures/random.ts';
import {
  labelRequest,
  nodesOfCallTree,
  plainGraph,
  plainSeries,
  readAnswer,
  seriesRequest,
  stacktracesRequest,
} from '../../support/query-answers.ts';
import { createEngine, nowMs } from '../../support/query-engine.ts';
import { clampedRange, QueryModel } from '../../support/query-model.ts';
import { modelDiff, modelFlameGraph, modelTreeBytes } from '../../support/query-model-tree.ts';
import {
  type DrawOptions,
  randomMatchers,
  randomPush,
  randomSelect,
  randomSeriesSelect,
} from '../../support/random-query.ts';

const options: DrawOptions = {
  tenants: ['a', 'b'],
  fromMs: nowMs - 600_000,
  toMs: nowMs,
  stepMs: 15_000,
  pushesMax: 60,
};
const seeds = Array.from({ length: 24 }, (_, i) => i + 1);
const nodesDefault = 8192;

function world(seed: number) {
  const random = createRandom(seed);
  const model = new QueryModel();
  const count = random.below(10) > 0 ? 20 + random.below(40) : random.below(3);
  for (let i = 0; i < count; i++) model.push(randomPush(random, options));
  const engine = createEngine(model, { rowsPerSource: 1 + random.below(20) });
  const ids = model.rows.map(({ profileId }) => profileId);
  const select = () => randomSelect(random, options, ids);
  const nodes = () => [undefined, 0, 1, 2, 5, 20][random.below(6)];
  const contextOf = (tenants: readonly string[]) => ({ ...engine.context, tenants });
  return { random, model, ...engine, select, nodes, contextOf };
}

describe.each(seeds)('seed %d', (seed) => {
  test('stacks equal the model', async () => {
    const { model, queries, select, nodes, contextOf, lent, provider } = world(seed);
    for (let i = 0; i < 8; i++) {
      const one = select();
      const maxNodes = nodes();
      const request = stacktracesRequest(one, maxNodes);
      const context = contextOf(one.tenants);
      const wanted = maxNodes || nodesDefault;
      const graph = await queries.flameGraph(context, request);
      expect(plainGraph(graph)).toEqual(model.flameGraph(one, wanted));
      expect([...(await queries.tree(context, request))]).toEqual([
        ...model.treeBytes(one, wanted),
      ]);
      const tree = await queries.callTree(context, request);
      expect(nodesOfCallTree(tree)).toEqual(model.callTree(one, wanted));
      const other = select();
      const against = stacktracesRequest({ ...other, tenants: one.tenants }, maxNodes);
      const diff = await queries.diff(context, request, against);
      expect(plainGraph(diff)).toEqual(model.diff(one, { ...other, tenants: one.tenants }, wanted));
    }
    expect({ lent: lent.now, open: provider.openCount }).toEqual({ lent: 0, open: 0 });
  });

  test('a lookback cuts the range, and nothing else', async () => {
    const { model, select, contextOf } = world(seed);
    const lookbackMs = 240_000;
    const { queries } = createEngine(model, { limits: { queryLookbackMs: lookbackMs } });
    for (let i = 0; i < 8; i++) {
      const one = select();
      const range = clampedRange(one.range, nowMs, lookbackMs);
      const graph = await queries.flameGraph(
        contextOf(one.tenants),
        stacktracesRequest(one, undefined),
      );
      const seen = range === undefined ? { ...one, tenants: [] } : { ...one, range };
      expect(plainGraph(graph)).toEqual(model.flameGraph(seen, nodesDefault));
    }
  });

  test('pprofs equal the model', async () => {
    const { model, queries, select, contextOf, lent } = world(seed);
    for (let i = 0; i < 8; i++) {
      const one = select();
      const answer = readAnswer(
        await queries.pprof(contextOf(one.tenants), stacktracesRequest(one, undefined)),
      );
      const [name, type, unit] = one.profileType.split(':');
      expect(answer).toEqual({
        sampleTypes: [[type, unit]],
        defaultSampleType: type,
        timeNs: BigInt(one.range.endMs) * 1_000_000n,
        durationNs: BigInt(one.range.endMs - one.range.startMs) * 1_000_000n,
        period: name === 'process_cpu' ? 1_000_000_000n : 524_288n,
        sums: model.pprof(one),
        isMerged: true,
      });
    }
    expect(lent.now).toBe(0);
  });

  test('series and labels equal the model', async () => {
    const { random, model, queries, contextOf } = world(seed);
    for (let i = 0; i < 8; i++) {
      const one = randomSeriesSelect(random, options);
      const series = await queries.timeSeries(contextOf(one.tenants), seriesRequest(one));
      expect(plainSeries(series)).toEqual(model.timeSeries(one));
      const tenants = one.tenants;
      const labels = {
        tenants,
        range: undefined,
        selectors: [randomMatchers(random), randomMatchers(random)].slice(random.below(3)),
        any: random.below(2) === 0,
      };
      const request = labelRequest(labels);
      const context = contextOf(tenants);
      expect(await queries.labelNames(context, request)).toEqual(model.labelNames(labels));
      expect(await queries.labelValues(context, 'pod', request)).toEqual(
        model.labelValues(labels, 'pod'),
      );
      const names = ['pod', 'k8s.ns', '__profile_type__'].slice(random.below(4));
      const sets = await queries.series(context, { ...request, labelNames: names });
      expect(sets.map((set) => set.map(({ name, value }) => [name, value]))).toEqual(
        model.series(labels, names),
      );
      expect(await queries.profileStats(contextOf(['a']))).toEqual(model.profileStats('a'));
    }
  });
});

describe('the model', () => {
  const stacks = [
    { names: ['a', 'b', 'e'], values: [1n] },
    { names: ['a', 'c'], values: [2n] },
    { names: ['a', 'c', 'd'], values: [1n] },
  ];

  test('gives the flame graph of the worked example', () => {
    expect(modelFlameGraph(stacks, 0)).toEqual({
      names: ['total', 'a', 'c', 'd', 'b', 'e'],
      levels: [
        [0n, 4n, 0n, 0n],
        [0n, 4n, 0n, 1n],
        [0n, 1n, 0n, 4n, 0n, 3n, 2n, 2n],
        [0n, 1n, 1n, 5n, 2n, 1n, 1n, 3n],
      ],
      total: 4n,
      maxSelf: 2n,
    });
  });

  test('keeps ties of the smallest node, and folds a real other into the last child', () => {
    const many = [
      { names: ['a'], values: [5n] },
      { names: ['other', 'x'], values: [9n] },
      { names: ['b'], values: [2n] },
      { names: ['c'], values: [2n] },
      { names: ['z'], values: [1n] },
    ];
    expect(modelFlameGraph(many, 4)).toMatchObject({
      names: ['total', 'other', 'c', 'b', 'a'],
      levels: [
        [0n, 19n, 0n, 0n],
        [0n, 5n, 5n, 4n, 0n, 2n, 2n, 3n, 0n, 2n, 2n, 2n, 0n, 10n, 10n, 1n],
      ],
    });
  });

  test('writes tree bytes with the last child first', () => {
    const bytes = [0, 0, 1, 1, 97, 0, 2, 1, 99, 2, 1, 1, 100, 1, 0, 1, 98, 0, 1, 1, 101, 1, 0];
    expect([...modelTreeBytes(stacks, 0)]).toEqual(bytes);
    expect(modelTreeBytes([], 0)).toHaveLength(0);
  });

  test('diffs with both sides side by side', () => {
    const sides = [
      { names: ['a'], values: [3n, 0n] },
      { names: ['total'], values: [0n, 2n] },
      { names: ['a'], values: [0n, 1n] },
    ];
    expect(modelDiff(sides, 0)).toEqual({
      names: ['total', 'total', 'a'],
      levels: [
        [0n, 3n, 0n, 0n, 3n, 0n, 0n],
        [0n, 3n, 3n, 0n, 1n, 1n, 2n, 0n, 0n, 0n, 0n, 2n, 2n, 1n],
      ],
      total: 6n,
      maxSelf: 3n,
      leftTicks: 3n,
      rightTicks: 3n,
    });
  });
});
