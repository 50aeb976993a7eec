// The query engine as the doors see it: each call of the contract, planned, read and answered.
// Decides only which parts make which answer; `observe.ts` runs and counts the calls.
import { Failure } from '../errors.ts';
import { ownTurns } from '../lib/own-turns.ts';
import { emptyCallTree } from './call-tree.ts';
import type { CallTree, QueryContext, QueryService, StacktracesRequest } from './contract.ts';
import { dotText, graphNodesDefault } from './dot.ts';
import {
  callTreeOf,
  diffOf,
  emptyFlameGraph,
  flameGraphOf,
  planDiff,
  type TreeQuery,
  treeBytesOf,
} from './flamegraph.ts';
import { foldedText } from './folded.ts';
import { namesOf, planLabels, profileTypes, seriesOf, statsOf, valuesOf } from './labels.ts';
import { type Call, type QueriesOptions, queryTurns, runCall } from './observe.ts';
import { answerPprof } from './pprof.ts';
import { answerFlameGraphAndSeries } from './render-query.ts';
import { answerReport } from './report-query.ts';
import { timeSeriesOf } from './timeseries.ts';
import { planSeries, planStacks } from './validate.ts';

/** Nodes of the tree that a call graph is folded from: more than it shows. */
const graphTreeNodesMin = 512;

/** The engine over one provider. */
export function createQueries(options: QueriesOptions): QueryService {
  const shared = { ...options, yield: ownTurns(options.yield), turns: queryTurns() };
  const run = <T>(kind: string, context: QueryContext, work: (call: Call) => Promise<T>) =>
    runCall(shared, kind, context, work);
  return { ...labelCalls(run), ...treeCalls(run), ...otherCalls(run) };
}

type Run = <T>(kind: string, context: QueryContext, work: (call: Call) => Promise<T>) => Promise<T>;

type LabelCalls = 'profileTypes' | 'labelNames' | 'labelValues' | 'series' | 'profileStats';

function labelCalls(run: Run): Pick<QueryService, LabelCalls> {
  return {
    profileTypes: (context, range) =>
      run('profile_types', context, ({ planning, read }) =>
        read((reading) => profileTypes(reading, range, planning)),
      ),
    labelNames: (context, request) =>
      run('label_names', context, async ({ planning, read }) => {
        const plan = planLabels(request, planning);
        return plan === undefined ? [] : await read((reading) => namesOf(reading, plan));
      }),
    labelValues: (context, name, request) =>
      run('label_values', context, async ({ planning, read }) => {
        if (name === '') throw new Failure('invalid', 'label name is empty');
        const plan = planLabels(request, planning);
        return plan === undefined ? [] : await read((reading) => valuesOf(reading, plan, name));
      }),
    series: (context, request) =>
      run('series', context, async ({ planning, read }) => {
        const plan = planLabels(request, planning);
        if (plan === undefined) return [];
        return await read((reading) => seriesOf(reading, plan, request.labelNames));
      }),
    profileStats: (context) =>
      run('profile_stats', context, async ({ read }) => {
        const { length } = context.tenants;
        if (length !== 1) throw new Failure('invalid', `stats are of 1 tenant, got ${length}`);
        return await read(statsOf);
      }),
  };
}

type TreeCalls = 'flameGraph' | 'tree' | 'callTree' | 'dot' | 'folded';

function treeCalls(run: Run): Pick<QueryService, TreeCalls> {
  /** Plans, reads and answers; `empty` when the range is older than the lookback. */
  const tree = <T>(
    kind: string,
    context: QueryContext,
    request: StacktracesRequest,
    empty: () => T,
    answer: (query: TreeQuery) => Promise<T>,
  ) =>
    run(kind, context, async ({ planning, kernels, read }) => {
      const plan = planStacks(request, planning, 'bounded');
      if (plan === undefined) return empty();
      return await read((reading) => answer({ reading, kernels, plan }));
    });
  return {
    flameGraph: (context, request) =>
      tree('flamegraph', context, request, emptyFlameGraph, flameGraphOf),
    tree: (context, request) =>
      tree('tree', context, request, () => new Uint8Array(0), treeBytesOf),
    callTree: (context, request): Promise<CallTree> =>
      tree('call_tree', context, request, emptyCallTree, (query) =>
        callTreeOf(query, query.plan.nodes),
      ),
    dot: (context, request) =>
      tree(
        'dot',
        context,
        request,
        () => '',
        async (query) => {
          const nodesMax = request.maxNodes || graphNodesDefault;
          const whole = await callTreeOf(query, Math.max(graphTreeNodesMin, nodesMax));
          const { id: title, sampleUnit: unit } = query.plan.profileType;
          return dotText(whole, { nodesMax, title, unit });
        },
      ),
    folded: (context, request) =>
      tree(
        'folded',
        context,
        request,
        () => '',
        async (query) => foldedText(await callTreeOf(query, query.plan.nodes), query.reading.meter),
      ),
  };
}

function otherCalls(run: Run): Omit<QueryService, LabelCalls | TreeCalls> {
  return {
    pprof: (context, request) => run('pprof', context, (call) => answerPprof(call, request)),
    report: (context, request) => run('report', context, (call) => answerReport(call, request)),
    flameGraphAndSeries: (context, stacks, series) =>
      run('render', context, (call) => answerFlameGraphAndSeries(call, stacks, series)),
    timeSeries: (context, request) =>
      run('time_series', context, async ({ planning, read }) => {
        const plan = planSeries(request, planning);
        if (plan === undefined) return [];
        return await read((reading) => timeSeriesOf(reading, plan, request));
      }),
    diff: (context, left, right) =>
      run('diff', context, async ({ planning, kernels, read }) => {
        const plan = planDiff(left, right, planning);
        return await read((reading) => diffOf(reading, kernels, plan));
      }),
  };
}
