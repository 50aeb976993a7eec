// How sources are read: opened and closed, asked side by side, merged in order, retried, blamed.
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { createEngine, nowMs, pushStacks, requestOf } from '../../support/query-engine.ts';
import { QueryModel } from '../../support/query-model.ts';

function modelOf(count: number, tenant = 'a'): QueryModel {
  const model = new QueryModel();
  for (let i = 0; i < count; i++) {
    pushStacks(model, { tenant, labels: { pod: `p${i}` }, stacks: { 'main;work': 1 } });
  }
  return model;
}

const labels = { matchers: [], any: false, range: undefined };
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('asks no more sources at once than the limit, and all of them', async () => {
  const { queries, context, provider } = createEngine(modelOf(9), {
    limits: { querySourcesParallelMax: 3 },
  });
  let asked = 0;
  let running = 0;
  let most = 0;
  provider.before = async () => {
    asked++;
    running++;
    most = Math.max(most, running);
    await turn();
    running--;
  };
  const graph = await queries.flameGraph(context, requestOf());
  expect({ asked, most, total: graph.total }).toEqual({ asked: 9, most: 3, total: 9n });
  expect(provider.openCount).toBe(0);
});

test('gives the same pprof whichever source is faster', async () => {
  const answers: Uint8Array[] = [];
  for (const slow of [0, 4]) {
    const { queries, context, provider } = createEngine(modelOf(5));
    provider.before = async (name) => {
      if (name === `block a${slow}`) for (let i = 0; i < 10; i++) await turn();
    };
    answers.push(await queries.tree(context, requestOf()));
  }
  expect(answers[0]).toEqual(answers[1]);
});

test('runs a query again from the beginning when a block was deleted meanwhile, once', async () => {
  const { queries, context, provider, lent } = createEngine(modelOf(3));
  let misses = 1;
  provider.before = (name) => {
    if (name === 'block a1' && misses-- > 0) throw new Failure('missing', 'no such file');
  };
  expect((await queries.flameGraph(context, requestOf())).total).toBe(3n);
  expect(provider.opened).toHaveLength(2);
  misses = 2;
  await expect(queries.flameGraph(context, requestOf())).rejects.toMatchObject({
    kind: 'unavailable',
    message: 'block a1: no such file',
  });
  expect(provider.opened).toHaveLength(4);
  expect({ open: provider.openCount, lent: lent.now }).toEqual({ open: 0, lent: 0 });
});

test('fails when a source fails, names it, keeps the kind, and does not try again', async () => {
  const { queries, context, provider, lent } = createEngine(modelOf(3));
  provider.before = (name) => {
    if (name === 'block a2') {
      throw new Failure('unavailable', 'bucket is away', { retryAfterSeconds: 3 });
    }
  };
  await expect(queries.flameGraph(context, requestOf())).rejects.toMatchObject({
    kind: 'unavailable',
    message: 'block a2: bucket is away',
    retryAfterSeconds: 3,
  });
  expect(provider.opened).toHaveLength(1);
  expect({ open: provider.openCount, lent: lent.now }).toEqual({ open: 0, lent: 0 });
});

test('calls what is no failure our bug, and names the tenant among several', async () => {
  const model = modelOf(1);
  pushStacks(model, { tenant: 'b', stacks: { main: 1 } });
  const { queries, context, provider } = createEngine(model);
  provider.before = (name) => {
    if (name === 'block b0') throw new TypeError('x is\n undefined');
  };
  const both = { ...context, tenants: ['a', 'b'] };
  await expect(queries.labelNames(both, labels)).rejects.toMatchObject({
    kind: 'internal',
    message: 'tenant b, block b0: x is undefined',
  });
});

test('lets the sources under way stop before it closes them', async () => {
  const { queries, context, provider } = createEngine(modelOf(4));
  const stopped: string[] = [];
  provider.before = async (name, meter) => {
    if (name === 'block a2') throw new Failure('corrupt', 'bad page');
    try {
      for (;;) {
        await turn();
        await meter.pause();
      }
    } finally {
      stopped.push(`${name} of ${provider.openCount}`);
    }
  };
  await expect(queries.series(context, { ...labels, labelNames: [] })).rejects.toMatchObject({
    kind: 'corrupt',
    message: 'block a2: bad page',
  });
  expect(stopped.sort()).toEqual(['block a0 of 1', 'block a1 of 1', 'block a3 of 1']);
});

test('merges the answers of tenants, each asked once', async () => {
  const model = modelOf(1);
  pushStacks(model, { tenant: 'b', stacks: { 'main;other': 5 } });
  const { queries, context, provider } = createEngine(model);
  const both = { ...context, tenants: ['a', 'b', 'a'] };
  expect((await queries.flameGraph(both, requestOf())).total).toBe(6n);
  expect(provider.opened).toHaveLength(2);
  expect((await queries.flameGraph({ ...context, tenants: ['c'] }, requestOf())).total).toBe(0n);
});

describe('a query that may not go on', () => {
  test('ends with the reason of its signal, whichever source notices', async () => {
    const { queries, context, provider, abort, lent, metrics } = createEngine(modelOf(3));
    provider.before = async (_, meter) => {
      abort.abort(new Failure('unavailable', 'client went away'));
      await meter.pause();
    };
    await expect(queries.flameGraph(context, requestOf())).rejects.toThrow(/^client went away$/);
    expect({ open: provider.openCount, lent: lent.now }).toEqual({ open: 0, lent: 0 });
    const counted = await metrics.query.queries.get();
    expect(counted.values).toMatchObject([{ labels: { outcome: 'aborted' }, value: 1 }]);
  });

  test('ends when it takes too long, and names the limit', async () => {
    const { queries, context, provider, clock } = createEngine(modelOf(3), {
      limits: { queryTimeMaxMs: 1_000 },
    });
    provider.before = async (_, meter) => {
      clock.monotonic += 600;
      await meter.pause();
    };
    await expect(queries.flameGraph(context, requestOf())).rejects.toMatchObject({
      kind: 'limit',
      message: 'query ran for 1200 ms, query time limit 1000 ms',
    });
  });

  test('ends when it fetches too much, before it does, and counts what it fetched', async () => {
    const { queries, context, provider, metrics } = createEngine(modelOf(3), {
      limits: { queryBytesMax: 100, querySourcesParallelMax: 1 },
    });
    provider.before = (_, meter) => meter.fetch(40);
    await expect(queries.flameGraph(context, requestOf())).rejects.toMatchObject({
      kind: 'limit',
      message: 'query needs 120 bytes or more, query bytes limit 100',
    });
    const bytes = await metrics.query.fetchedBytes.get();
    expect(bytes.values).toEqual([{ labels: { kind: 'flamegraph' }, value: 80 }]);
    const ended = await metrics.query.queries.get();
    expect(ended.values).toMatchObject([{ labels: { kind: 'flamegraph', outcome: 'limit' } }]);
  });
});

test('lets others run every five milliseconds, not more often', async () => {
  const { queries, context, provider, clock } = createEngine(modelOf(20), {
    limits: { querySourcesParallelMax: 1 },
  });
  provider.before = async (_, meter) => {
    clock.monotonic += 3;
    await meter.pause();
  };
  await queries.labelNames(context, labels);
  expect(clock.yields).toBe(10);
});

test('lets others run between the steps of sources that pause together', async () => {
  const { queries, context, provider, clock } = createEngine(modelOf(8));
  const yieldsAtStep: number[] = [];
  provider.before = async (_, meter) => {
    if (clock.monotonic === 0) clock.monotonic = 20;
    await meter.pause();
    yieldsAtStep.push(clock.yields);
    clock.monotonic += 20;
  };
  await queries.labelNames(context, labels);
  expect(new Set(yieldsAtStep).size).toBe(8);
});

test('lets others run between the steps of queries that run together', async () => {
  const { queries, context, provider, clock } = createEngine(modelOf(1));
  const yieldsAtStep: number[] = [];
  provider.before = async (_, meter) => {
    clock.monotonic += 20;
    await meter.pause();
    yieldsAtStep.push(clock.yields);
  };
  await Promise.all(Array.from({ length: 4 }, () => queries.labelNames(context, labels)));
  expect(new Set(yieldsAtStep).size).toBe(4);
});

test('opens what a time series needs: one step before its start, up to its last edge', async () => {
  const { queries, context, provider } = createEngine(modelOf(1));
  const range = { startMs: nowMs - 100_000, endMs: nowMs };
  const request = { ...requestOf({ range }), groupBy: [], limit: 0, aggregation: 'sum' } as const;
  await queries.timeSeries(context, { ...request, stepMs: 30_000 });
  expect(provider.opened).toEqual([
    {
      startNs: BigInt(nowMs - 130_000) * 1_000_000n,
      endNs: BigInt(nowMs - 10_000) * 1_000_000n,
    },
  ]);
});

test('asks a source when there is memory for it, and gives it back whatever happens', async () => {
  const { queries, context, provider, memory, abort } = createEngine(modelOf(9), { memoryMax: 2 });
  let running = 0;
  let most = 0;
  provider.before = async () => {
    most = Math.max(most, ++running);
    await turn();
    running--;
  };
  const many = Array.from({ length: 3 }, () =>
    queries.series(context, { ...labels, labelNames: [] }),
  );
  expect((await Promise.all(many)).map((sets) => sets.length)).toEqual([9, 9, 9]);
  expect([most, memory.bytesUsed]).toEqual([2, 0]);
  // A merge holds more than there is: from then on one is read at a time, and all are.
  expect((await queries.flameGraph(context, requestOf())).total).toBe(9n);
  expect(memory.bytesUsed).toBe(0);
  provider.before = (name) => {
    if (name === 'block a3') throw new Failure('unavailable', 'bucket is away');
    if (name === 'block a5') abort.abort(new Error('gone'));
  };
  await expect(queries.flameGraph(context, requestOf())).rejects.toThrow();
  expect([memory.bytesUsed, memory.waitingCount]).toEqual([0, 0]);
});

test('refuses a merge that memory is short for while others keep theirs', async () => {
  const { queries, context, provider, memory, lent } = createEngine(modelOf(2), { memoryMax: 2 });
  const other = memory.hold();
  other.resize(2);
  await expect(queries.flameGraph(context, requestOf())).rejects.toMatchObject({
    kind: 'unavailable',
    message: expect.stringMatching(/^queries hold 2 bytes of memory and need \d+ more, limit 2$/),
  });
  expect({ open: provider.openCount, lent: lent.now, used: memory.bytesUsed }).toEqual({
    open: 0,
    lent: 0,
    used: 2,
  });
});
