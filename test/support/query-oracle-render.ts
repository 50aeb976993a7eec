// Questions of the oracle to the doors of plain HTTP, whose answers are flamebearer JSON.
import { expect } from 'vitest';
import { apiOrigin } from './api-server.ts';
import { type ModelSelect, type QueryModel, selectorText } from './query-model.ts';
import {
  type Asked,
  type Context,
  headersOf,
  nodesDefault,
  type Question,
  question,
  summed,
  valueMax,
} from './query-oracle-question.ts';
import { answerOf, exactJson, tooLarge } from './query-oracle-wire.ts';

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

/** `/pyroscope/render`: the flame graph, and bars on the grid that the answer names. */
export function render(context: Context): Question {
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
  const { tenants } = context;
  return { text, tenants, select, ask: (app) => answerOf(() => ask(app)), check };
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

/** `/pyroscope/render-diff` */
export function renderDiff(context: Context, against: ModelSelect): Question {
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
