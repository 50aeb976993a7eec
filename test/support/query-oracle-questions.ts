// Random questions about stacks and series to an app of the oracle, and whether an answer is what
// the model says. `query-oracle-labels.ts` has those about labels. Owns how a question is put to
// each door; the rules of answers are the model's.
import { create, toBinary } from '@bufbuild/protobuf';
import { createClient } from '@connectrpc/connect';
import { expect } from 'vitest';
import { ProfileSchema } from '../../src/gen/google/v1/profile_pb.ts';
import {
  ProfileFormat,
  QuerierService,
  SelectMergeProfileRequestSchema,
} from '../../src/gen/querier/v1/querier_pb.ts';
import { TimeSeriesAggregationType } from '../../src/gen/types/v1/types_pb.ts';
import type { Random } from '../fixtures/random.ts';
import { apiOrigin } from './api-server.ts';
import { transportTo } from './connect-client.ts';
import {
  type ModelSelect,
  type ModelSeriesSelect,
  type QueryModel,
  selectorText,
} from './query-model.ts';
import {
  answerOf,
  diffOf,
  exactJson,
  graphOf,
  pprofOf,
  seriesOf,
  tooLarge,
} from './query-oracle-wire.ts';

export interface Asked {
  fetch: (request: Request) => Promise<Response>;
}

export interface Question {
  /** For messages. */
  text: string;
  tenants: readonly string[];
  /** What it is about, when that is stacks. */
  select?: ModelSelect;
  ask: (app: Asked) => Promise<unknown>;
  /** Throws when the model's answer is another one. */
  check: (answer: unknown, model: QueryModel) => void;
}

const valueMax = 2n ** 63n - 1n;
const nodesDefault = 8_192;
const emptyCallSite: string[] = [];

/** Headers of a call for the tenants. */
export const headersOf = (tenants: readonly string[]) => ({ 'x-scope-orgid': tenants.join('|') });

export const querierOf = (app: Asked, isBinary: boolean) =>
  createClient(QuerierService, transportTo(app, isBinary));

const bytesOf = async (response: Response): Promise<Uint8Array> => {
  if (response.status !== 200) {
    throw new Error(`answered ${response.status}: ${await response.text()}`);
  }
  return new Uint8Array(await response.arrayBuffer());
};

/** The fields of a select on the wire. */
function wireOf(select: ModelSelect) {
  const { profileType, matchers, range, callSite, profileIds, spanIds, traceIds } = select;
  return {
    profileTypeID: profileType,
    labelSelector: selectorText(matchers),
    start: BigInt(range.startMs),
    end: BigInt(range.endMs),
    stackTraceSelector: { callSite: (callSite ?? emptyCallSite).map((name) => ({ name })) },
    profileIdSelector: [...(profileIds ?? [])],
    spanSelector: [...(spanIds ?? [])],
    traceIdSelector: [...(traceIds ?? [])],
  };
}

/** Lists that are empty on the wire are not given. */
export function asSent(select: ModelSelect): ModelSelect {
  const sent = { ...select };
  for (const name of ['callSite', 'profileIds', 'spanIds', 'traceIds'] as const) {
    if (sent[name]?.length === 0) delete sent[name];
  }
  return sent;
}

/** The model's answer, or that a sum is too large for any. */
function summed(model: QueryModel, selects: readonly ModelSelect[], answer: () => unknown) {
  const values = selects
    .flatMap((select) => model.stacks(select))
    .map(({ values: [v] }) => v ?? 0n);
  return values.reduce((sum, value) => sum + value, 0n) > valueMax ? tooLarge : answer();
}

/** One question about stacks; what is drawn for it decides everything. */
export function stacksQuestion(random: Random, drawn: ModelSelect, other: ModelSelect): Question {
  const select = asSent(drawn);
  const isBinary = random.below(2) === 0;
  const maxNodes = [undefined, 0, 1, 2, 5, 20][random.below(6)];
  const context = { select, tenants: select.tenants, isBinary, maxNodes };
  const kinds = [flameGraph, flameGraph, tree, spanGraph, pprof, pprof, pprofField, render];
  const kind = random.below(kinds.length + 2);
  if (kind < kinds.length) return (kinds[kind] as (typeof kinds)[number])(context);
  const against = asSent({ ...other, tenants: select.tenants });
  return kind === kinds.length
    ? diff(context, against)
    : renderDiff(context, { ...against, profileType: select.profileType });
}

interface Context {
  select: ModelSelect;
  tenants: readonly string[];
  isBinary: boolean;
  maxNodes: number | undefined;
}

const nodesField = (maxNodes: number | undefined) =>
  maxNodes === undefined ? {} : { maxNodes: BigInt(maxNodes) };

function question(
  name: string,
  context: Context,
  ask: Question['ask'],
  expected: (model: QueryModel) => unknown,
  selects: readonly ModelSelect[] = [context.select],
): Question {
  const { select, tenants, isBinary, maxNodes } = context;
  return {
    text: `${name} ${JSON.stringify({ isBinary, maxNodes, selects })}`,
    tenants,
    select,
    ask: (app) => answerOf(() => ask(app)),
    check: (answer, model) => expect(answer).toEqual(summed(model, selects, () => expected(model))),
  };
}

function flameGraph(context: Context): Question {
  const { select, tenants, isBinary, maxNodes } = context;
  const ask = async (app: Asked) => {
    const request = { ...wireOf(select), ...nodesField(maxNodes) };
    const options = { headers: headersOf(tenants) };
    const answer = await querierOf(app, isBinary).selectMergeStacktraces(request, options);
    return graphOf(answer.flamegraph);
  };
  return question('flame graph', context, ask, (model) =>
    model.flameGraph(select, maxNodes || nodesDefault),
  );
}

function spanGraph(context: Context): Question {
  const { spanIds = [], callSite: _, profileIds: __, traceIds: ___, ...rest } = context.select;
  const select = { ...rest, spanIds };
  const { tenants, isBinary, maxNodes } = context;
  const ask = async (app: Asked) => {
    const {
      stackTraceSelector: _s,
      profileIdSelector: _p,
      traceIdSelector: _t,
      ...wire
    } = wireOf(select);
    const request = { ...wire, ...nodesField(maxNodes) };
    const options = { headers: headersOf(tenants) };
    const answer = await querierOf(app, isBinary).selectMergeSpanProfile(request, options);
    return graphOf(answer.flamegraph);
  };
  const expected = (model: QueryModel) => model.flameGraph(select, maxNodes || nodesDefault);
  return question('spans', { ...context, select }, ask, expected);
}

function tree(context: Context): Question {
  const { select, tenants, isBinary, maxNodes } = context;
  const ask = async (app: Asked) => {
    const format = ProfileFormat.TREE;
    const request = { ...wireOf(select), ...nodesField(maxNodes), format };
    const options = { headers: headersOf(tenants) };
    const answer = await querierOf(app, isBinary).selectMergeStacktraces(request, options);
    return Buffer.from(answer.tree).toString('hex');
  };
  return question('tree', context, ask, (model) =>
    Buffer.from(model.treeBytes(select, maxNodes || nodesDefault)).toString('hex'),
  );
}

/** What a pprof of the select must say, in another decoder's words. */
function pprofExpected(select: ModelSelect, maxNodes: number, model: QueryModel) {
  const [, type = '', unit = ''] = select.profileType.split(':');
  const { startMs, endMs } = select.range;
  const sums = model.pprof(select);
  return {
    sampleTypes: [[type, unit]],
    defaultSampleType: type,
    timeNs: BigInt(endMs) * 1_000_000n,
    durationNs: BigInt(endMs - startMs) * 1_000_000n,
    // What is cut off changes stacks, never sums.
    sums: maxNodes > 0 ? undefined : sums,
    total: [...sums.values()].reduce((sum, value) => sum + value, 0n),
  };
}

const pprofAnswer = (bytes: Uint8Array, maxNodes: number) => {
  const answer = pprofOf(bytes);
  return maxNodes > 0 ? { ...answer, sums: undefined } : answer;
};

/** `SelectMergeProfile`: the bytes as they come. */
function pprof(context: Context): Question {
  const { spanIds: _, ...select } = context.select;
  const { tenants, maxNodes = 0 } = context;
  const ask = async (app: Asked) => {
    const { spanSelector: _s, ...wire } = wireOf(select);
    const schema = SelectMergeProfileRequestSchema;
    const message = create(schema, { ...wire, ...nodesField(maxNodes) });
    const url = `${apiOrigin}/${QuerierService.typeName}/SelectMergeProfile`;
    const headers = { 'content-type': 'application/proto', ...headersOf(tenants) };
    const body = new Uint8Array(toBinary(schema, message));
    const response = await app.fetch(new Request(url, { method: 'POST', headers, body }));
    // The client knows how to read an error.
    if (response.status === 400)
      await querierOf(app, true).selectMergeProfile(message, { headers });
    return pprofAnswer(await bytesOf(response), maxNodes);
  };
  return question('pprof', { ...context, select }, ask, (model) =>
    pprofExpected(select, maxNodes, model),
  );
}

function pprofField(context: Context): Question {
  const { select, tenants, isBinary } = context;
  const ask = async (app: Asked) => {
    const request = { ...wireOf(select), format: ProfileFormat.PPROF };
    const options = { headers: headersOf(tenants) };
    const answer = await querierOf(app, isBinary).selectMergeStacktraces(request, options);
    const { profile } = answer.pprof ?? {};
    if (profile === undefined) throw new Error('the answer has no pprof');
    return pprofAnswer(toBinary(ProfileSchema, profile), 0);
  };
  return question('pprof field', { ...context, maxNodes: undefined }, ask, (model) =>
    pprofExpected(select, 0, model),
  );
}

/** Flame graphs of `/pyroscope/render` as JSON has them, numbers of any size as text. */
const bearerOf = (graph: {
  names: string[];
  levels: bigint[][];
  total: bigint;
  maxSelf: bigint;
}) => ({
  names: graph.names,
  levels: graph.levels.map((level) => level.map(String)),
  numTicks: String(graph.total),
  maxSelf: String(graph.maxSelf),
});

interface Bearer {
  flamebearer: { names: string[]; levels: unknown[][]; numTicks: unknown; maxSelf: unknown };
  timeline: { startTime: number; samples: unknown[]; durationDelta: number } | null;
  leftTicks?: unknown;
  rightTicks?: unknown;
}

const readBearer = ({ names, levels, numTicks, maxSelf }: Bearer['flamebearer']) => ({
  names,
  levels: levels.map((level) => level.map(String)),
  numTicks: String(numTicks),
  maxSelf: String(maxSelf),
});

/** Doors of plain HTTP answer a sum that is too large as 400. */
async function rendered(
  app: Asked,
  path: string,
  params: Record<string, string>,
  context: Context,
) {
  const nodes: Record<string, string> =
    context.maxNodes === undefined ? {} : { 'max-nodes': String(context.maxNodes) };
  const url = `${apiOrigin}/pyroscope/${path}?${new URLSearchParams({ ...params, ...nodes })}`;
  const response = await app.fetch(new Request(url, { headers: headersOf(context.tenants) }));
  const text = await response.text();
  if (response.status === 400 && text.includes(String(valueMax))) return tooLarge;
  if (response.status !== 200) throw new Error(`answered ${response.status}: ${text}`);
  return exactJson(text) as Bearer;
}

const queryOf = ({ profileType, matchers }: ModelSelect) => profileType + selectorText(matchers);

/** Selectors of samples do not fit into a query string. */
function plain({ tenants, profileType, matchers, range }: ModelSelect): ModelSelect {
  return { tenants, profileType, matchers, range };
}

function render(context: Context): Question {
  const select = plain(context.select);
  const { range } = select;
  const ask = async (app: Asked) => {
    const params = { query: queryOf(select), from: `${range.startMs}`, until: `${range.endMs}` };
    const answer = await rendered(app, 'render', params, context);
    return 'refused' in answer
      ? answer
      : { ...answer, flamebearer: readBearer(answer.flamebearer) };
  };
  const text = `render ${JSON.stringify({ select, maxNodes: context.maxNodes })}`;
  const check = (answer: unknown, model: QueryModel) => {
    const nodes = context.maxNodes || nodesDefault;
    const flamebearer = summed(model, [select], () => bearerOf(model.flameGraph(select, nodes)));
    if (flamebearer === tooLarge) return expect(answer).toEqual(tooLarge);
    expect(answer).toMatchObject({ flamebearer });
    const { timeline } = answer as Bearer;
    expect(timeline?.samples.map(Number)).toEqual(barsOf(select, timeline, model));
  };
  return { text, tenants: context.tenants, select, ask: (app) => answerOf(() => ask(app)), check };
}

/** The bars that the model sees on the answer's own grid. */
function barsOf(select: ModelSelect, timeline: Bearer['timeline'], model: QueryModel): number[] {
  if (timeline === null) throw new Error('the answer has no timeline');
  const stepMs = timeline.durationDelta * 1_000;
  const startMs = timeline.startTime * 1_000;
  const endMs = Math.floor(select.range.endMs / stepMs) * stepMs;
  expect(startMs).toBe(Math.floor(select.range.startMs / stepMs) * stepMs);
  const bars = new Array<number>((endMs - startMs) / stepMs).fill(0);
  const grid = { startMs, endMs };
  const [series] = model.timeSeries({
    ...{ ...select, range: grid, stepMs, groupBy: [], aggregation: 'sum', limit: 0 },
  });
  for (const { timestampMs, value } of series?.points ?? []) {
    const bar = (timestampMs - startMs) / stepMs;
    if (bar < bars.length) bars[bar] = value;
  }
  return bars;
}

function renderDiff(context: Context, against: ModelSelect): Question {
  const [left, right] = [plain(context.select), plain(against)];
  const ask = async (app: Asked) => {
    const params = {
      leftQuery: queryOf(left),
      leftFrom: `${left.range.startMs}`,
      leftUntil: `${left.range.endMs}`,
      rightQuery: queryOf(right),
      rightFrom: `${right.range.startMs}`,
      rightUntil: `${right.range.endMs}`,
    };
    const answer = await rendered(app, 'render-diff', params, context);
    if ('refused' in answer) return answer;
    const { flamebearer, leftTicks = 0, rightTicks = 0 } = answer;
    const ticks = { leftTicks: String(leftTicks), rightTicks: String(rightTicks) };
    return { ...readBearer(flamebearer), ...ticks };
  };
  const expected = (model: QueryModel) => {
    const graph = model.diff(left, right, context.maxNodes || nodesDefault);
    const ticks = { leftTicks: `${graph.leftTicks}`, rightTicks: `${graph.rightTicks}` };
    return { ...bearerOf(graph), ...ticks };
  };
  return question('render diff', { ...context, select: left }, ask, expected, [left, right]);
}

function diff(context: Context, right: ModelSelect): Question {
  const { select: left, tenants, isBinary, maxNodes } = context;
  const ask = async (app: Asked) => {
    const sides = { left: { ...wireOf(left), ...nodesField(maxNodes) }, right: wireOf(right) };
    const answer = await querierOf(app, isBinary).diff(sides, { headers: headersOf(tenants) });
    return diffOf(answer.flamegraph);
  };
  const expected = (model: QueryModel) => model.diff(left, right, maxNodes || nodesDefault);
  return question('diff', context, ask, expected, [left, right]);
}

/** A question about a time series. */
export function seriesQuestion(random: Random, drawn: ModelSeriesSelect): Question {
  const isBinary = random.below(2) === 0;
  // Of whole seconds, as the wire's step is a fraction, and within the bound on points.
  const lengthMs = drawn.range.endMs - drawn.range.startMs;
  const leastMs = Math.max(drawn.stepMs, lengthMs / 10_000);
  const select = { ...drawn, stepMs: Math.ceil(leastMs / 1_000) * 1_000 };
  const { AVERAGE, SUM } = TimeSeriesAggregationType;
  return {
    text: `series ${JSON.stringify({ isBinary, select })}`,
    tenants: select.tenants,
    select,
    ask: async (app) => {
      const {
        profileIdSelector: _p,
        spanSelector: _s,
        traceIdSelector: _t,
        ...wire
      } = wireOf(select);
      const request = {
        ...wire,
        step: select.stepMs / 1_000,
        groupBy: [...select.groupBy],
        aggregation: select.aggregation === 'average' ? AVERAGE : SUM,
        limit: BigInt(select.limit),
      };
      const options = { headers: headersOf(select.tenants) };
      return seriesOf((await querierOf(app, isBinary).selectSeries(request, options)).series);
    },
    check: (answer, model) => expect(answer).toEqual(model.timeSeries(select)),
  };
}
