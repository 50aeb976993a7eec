// `GET /pyroscope/render`, `/pyroscope/render-diff` and `/pyroscope/label-values`: the query doors
// for plain HTTP. Owns their paths, formats and content types.
import { Failure } from '../errors.ts';
import { labelNames } from '../model/labels.ts';
import type { Platform } from '../platform.ts';
import type {
  QueryContext,
  QueryService,
  SelectRequest,
  StacktracesRequest,
  TimeSeries,
} from '../query/contract.ts';
import type { Call, Route } from './call.ts';
import { withSignal } from './call-signal.ts';
import { answer } from './compress.ts';
import { flamebearerJson } from './flamebearer.ts';
import { jsonType } from './receive.ts';
import {
  maxNodesOf,
  type Params,
  profileTypeOf,
  rangeOf,
  selectRequestOf,
} from './render-query.ts';
import { groupTimelines, timelineOf, timelineRange, timelineStepMs } from './timeline.ts';

export interface RenderOptions {
  queries: QueryService;
  platform: Pick<Platform, 'clock' | 'gzip' | 'sleep'>;
}

interface Rendered {
  contentType: string;
  body: string | Uint8Array;
  headers?: Record<string, string>;
}

type Render = (params: Params, context: QueryContext, nowMs: number) => Promise<Rendered>;

const textType = 'text/plain; charset=utf-8';
const markdownType = 'text/markdown; charset=utf-8';

const renderNames = { query: 'query', from: 'from', until: 'until' };
const baselineNames = { query: 'baselineQuery', from: 'baselineFrom', until: 'baselineUntil' };
const leftNames = { query: 'leftQuery', from: 'leftFrom', until: 'leftUntil' };
const rightNames = { query: 'rightQuery', from: 'rightFrom', until: 'rightUntil' };

// About two screens of a person, a few thousand tokens of a model.
const budgetDefault = 8_000;
const budgetMax = 1_000_000;

/** The routes. */
export function renderRoutes(options: RenderOptions): Route[] {
  const { queries } = options;
  return [
    route('/pyroscope/render', options, (params, context, nowMs) =>
      render(queries, params, context, nowMs),
    ),
    route('/pyroscope/render-diff', options, (params, context, nowMs) =>
      renderDiff(queries, params, context, nowMs),
    ),
    route('/pyroscope/label-values', options, (params, context, nowMs) =>
      labelValues(queries, params, context, nowMs),
    ),
  ];
}

function route(path: string, { platform }: RenderOptions, render: Render): Route {
  const handle = async ({ request, tenants }: Call) => {
    const query = request.url.indexOf('?');
    const params = new URLSearchParams(query < 0 ? '' : request.url.slice(query + 1));
    const { contentType, body, headers } = await withSignal(
      request,
      platform.sleep,
      undefined,
      (signal) => render(params, { tenants, signal }, platform.clock.nowMs()),
    );
    const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
    return answer(request, platform, contentType, bytes, headers);
  };
  return {
    path,
    methods: ['GET'],
    scope: 'query',
    isTenantScoped: true,
    isBounded: true,
    door: 'http',
    handle,
  };
}

async function render(
  queries: QueryService,
  params: Params,
  context: QueryContext,
  nowMs: number,
): Promise<Rendered> {
  const select = selectRequestOf(params, renderNames, nowMs);
  const request = { ...select, maxNodes: maxNodesOf(params), samples: {} };
  switch (params.get('format')) {
    case 'dot':
      return { contentType: textType, body: await queries.dot(context, request) };
    case 'pprof': {
      const exact = { ...request, maxNodes: request.maxNodes || undefined };
      const headers = { 'Content-Disposition': 'attachment; filename="profile.pb"' };
      const body = await queries.pprof(context, exact);
      return { contentType: 'application/octet-stream', body, headers };
    }
    case 'collapsed':
    case 'folded':
      return { contentType: textType, body: await queries.folded(context, request) };
    case 'md': {
      const baseline = baselineOf(params, request, nowMs);
      const report = { ...request, ...(baseline && { baseline }), budget: budgetOf(params) };
      return { contentType: markdownType, body: await queries.report(context, report) };
    }
    default:
      return renderJson(queries, params, context, request);
  }
}

async function renderJson(
  queries: QueryService,
  params: Params,
  context: QueryContext,
  request: StacktracesRequest,
): Promise<Rendered> {
  const type = profileTypeOf(request.profileType);
  const stepMs = timelineStepMs(request.range);
  const range = timelineRange(request.range, stepMs);
  const groupBy = params.getAll('groupBy').filter((name) => name !== '');
  const { graph, series } = await queries.flameGraphAndSeries(context, request, {
    profileType: request.profileType,
    selector: request.selector,
    range,
    stepMs,
    groupBy,
    aggregation: params.get('aggregation') === 'avg' ? 'average' : 'sum',
    limit: 0,
  });
  // Of several series Pyroscope shows no sum: each has its own timeline among the groups.
  const shown: TimeSeries[] = series.length === 1 ? series : [];
  const [label] = groupBy;
  const groups = label === undefined ? null : groupTimelines(series, label, range, stepMs);
  const timeline = timelineOf(shown, range, stepMs);
  return { contentType: jsonType, body: flamebearerJson({ type, graph, timeline, groups }) };
}

async function renderDiff(
  queries: QueryService,
  params: Params,
  context: QueryContext,
  nowMs: number,
): Promise<Rendered> {
  const left = selectRequestOf(params, leftNames, nowMs);
  const right = selectRequestOf(params, rightNames, nowMs);
  assertSameType(left, right, 'left and right');
  const side = (select: SelectRequest) => ({
    ...select,
    maxNodes: maxNodesOf(params),
    samples: {},
  });
  const graph = await queries.diff(context, side(left), side(right));
  const type = profileTypeOf(left.profileType);
  const body = flamebearerJson({ type, graph, timeline: null, groups: null });
  return { contentType: jsonType, body };
}

async function labelValues(
  queries: QueryService,
  params: Params,
  context: QueryContext,
  nowMs: number,
): Promise<Rendered> {
  const label = params.get('label') ?? '';
  if (label === '') throw new Failure('invalid', 'label is missing');
  const hasRange = params.has('from') || params.has('until');
  const range = hasRange ? rangeOf(params, renderNames, nowMs) : undefined;
  const query = params.get('query') ?? '';
  const matchers = query === '' ? [] : [query];
  // What Pyroscope's own page calls a name is a profile type.
  const values =
    label === labelNames.name
      ? await queries.profileTypes(context, range)
      : await queries.labelValues(context, label, { matchers, any: false, range });
  return { contentType: jsonType, body: JSON.stringify(values) };
}

/** What a report is compared with: the same query at another time, another query, or both. */
function baselineOf(
  params: Params,
  request: StacktracesRequest,
  nowMs: number,
): StacktracesRequest | undefined {
  if (Object.values(baselineNames).every((name) => !params.has(name))) return undefined;
  const nameOf = (part: keyof typeof baselineNames) =>
    params.has(baselineNames[part]) ? baselineNames[part] : renderNames[part];
  const names = { query: nameOf('query'), from: nameOf('from'), until: nameOf('until') };
  const select = selectRequestOf(params, names, nowMs);
  assertSameType(request, select, 'query and baseline');
  return { ...select, maxNodes: request.maxNodes, samples: request.samples };
}

function assertSameType(a: SelectRequest, b: SelectRequest, what: string): void {
  if (a.profileType === b.profileType) return;
  const types = `${a.profileType} and ${b.profileType}`;
  throw new Failure('invalid', `${what} have different profile types, ${types}`);
}

function budgetOf(params: Params): number {
  const text = params.get('budget');
  if (text === null) return budgetDefault;
  const budget = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (budget < 1 || budget > budgetMax) {
    const shown = JSON.stringify(text.slice(0, 32));
    throw new Failure('invalid', `budget is ${shown}, 1 to ${budgetMax} characters are possible`);
  }
  return budget;
}
