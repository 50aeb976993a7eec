// Random questions about stacks and series to an app of the oracle, and whether an answer is what
// the model says. `query-oracle-labels.ts` has those about labels. Owns how a question is put to
// each door; the rules of answers are the model's.
import { create, toBinary } from '@bufbuild/protobuf';
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
import {
  type ModelSelect,
  type ModelSeriesSelect,
  type QueryModel,
  selectorText,
} from './query-model.ts';
import {
  type Asked,
  type Context,
  headersOf,
  nodesDefault,
  nodesField,
  type Question,
  querierOf,
  question,
} from './query-oracle-question.ts';
import { render, renderDiff } from './query-oracle-render.ts';
import { diffOf, graphOf, pprofOf, seriesOf } from './query-oracle-wire.ts';

const emptyCallSite: string[] = [];

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
