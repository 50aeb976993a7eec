// Random questions about labels to an app of the oracle. Labels are told by head and block, so an
// answer about a range may hold more than the range does: it lies between what the range has and
// what there is; without a range it is exact.
import { createClient } from '@connectrpc/connect';
import { expect } from 'vitest';
import { IngesterService } from '../../src/gen/ingester/v1/ingester_pb.ts';
import type { Random } from '../fixtures/random.ts';
import { apiOrigin } from './api-server.ts';
import { transportTo } from './connect-client.ts';
import {
  type ModelLabelSelect,
  type ModelRange,
  type QueryModel,
  selectorText,
} from './query-model.ts';
import { type Asked, headersOf, type Question, querierOf } from './query-oracle-question.ts';
import { setsOf } from './query-oracle-wire.ts';
import { type DrawOptions, randomMatchers } from './random-query.ts';

const everyName = { accept: '*/*;allow-utf8-labelnames=true' };

/** One question about labels of one or all tenants. */
export function labelsQuestion(random: Random, options: DrawOptions, range: ModelRange): Question {
  const kind = random.below(4) === 0 ? ingesterLabels : querierLabels;
  const other = [statistics, profileTypes, plainValues][random.below(9)];
  const matchers = Array.from({ length: random.below(3) }, () => randomMatchers(random));
  const isSingle = kind === ingesterLabels || other === statistics || random.below(3) > 0;
  const one = options.tenants[random.below(options.tenants.length)] as string;
  const tenants = isSingle ? [one] : options.tenants;
  const select = { tenants, range, selectors: matchers, any: false };
  return other === undefined ? kind(random, select) : other(select);
}

interface Answers {
  least: unknown[];
  most: unknown[];
}

/** In between, in the model's order. */
function expectBetween(answer: unknown, { least, most }: Answers): void {
  const [given, all, some] = [answer as unknown[], most, least].map((list) =>
    list.map((one) => JSON.stringify(one)),
  ) as [string[], string[], string[]];
  expect(given).toEqual(all.filter((one) => given.includes(one)));
  expect(given).toEqual(expect.arrayContaining(some));
}

const everything = () => true;

/** What the model says of `select`, at least and at most. */
function bounds(select: ModelLabelSelect, tell: (select: ModelLabelSelect) => unknown[]): Answers {
  const isExact = select.range === undefined;
  const most = tell({ ...select, sees: everything });
  return { least: isExact ? most : tell(select), most };
}

type Told = (model: QueryModel, select: ModelLabelSelect) => unknown[];

interface LabelCall {
  name: string;
  ask: Question['ask'];
  tell: Told;
}

function questionOf(select: ModelLabelSelect, { name, ask, tell }: LabelCall): Question {
  return {
    text: `${name} ${JSON.stringify(select)}`,
    tenants: select.tenants,
    ask,
    check: (answer, model) =>
      expectBetween(
        answer,
        bounds(select, (seen) => tell(model, seen)),
      ),
  };
}

/** Names, values or series, by calls that both services have. */
function labelCall(random: Random, prefix: string, clientOf: (app: Asked) => Client): CallOf {
  const name = ['pod', 'service_name', 'k8s.ns', '__profile_type__'][random.below(4)] as string;
  const names = ['pod', 'service_name', '__profile_type__'].filter(() => random.below(2) === 0);
  const calls: CallOf[] = [
    (request, headers) => ({
      name: `${prefix} names`,
      ask: async (app) => (await clientOf(app).labelNames(request, { headers })).names,
      tell: (model, seen) => model.labelNames(seen),
    }),
    (request, headers) => ({
      name: `${prefix} values of ${name}`,
      ask: async (app) => {
        return (await clientOf(app).labelValues({ ...request, name }, { headers })).names;
      },
      tell: (model, seen) => model.labelValues(seen, name),
    }),
    (request, headers) => ({
      name: `${prefix} series of ${names}`,
      ask: async (app) => {
        const asked = { ...request, labelNames: names };
        return setsOf((await clientOf(app).series(asked, { headers })).labelsSet);
      },
      tell: (model, seen) => model.series(seen, names),
    }),
  ];
  return calls[random.below(calls.length)] as CallOf;
}

type Client = Pick<ReturnType<typeof querierOf>, 'labelNames' | 'labelValues' | 'series'>;
type CallOf = (
  request: { matchers: string[]; start: bigint; end: bigint },
  headers: Record<string, string>,
) => LabelCall;

const wireRange = (range: ModelRange | undefined) => ({
  start: BigInt(range?.startMs ?? 0),
  end: BigInt(range?.endMs ?? 0),
});

function querierLabels(random: Random, select: ModelLabelSelect): Question {
  const isBinary = random.below(2) === 0;
  const range = random.below(3) === 0 ? undefined : select.range;
  const call = labelCall(random, 'querier', (app) => querierOf(app, isBinary));
  const request = { matchers: select.selectors.map(selectorText), ...wireRange(range) };
  const headers = { ...everyName, ...headersOf(select.tenants) };
  return questionOf({ ...select, range }, call(request, headers));
}

function ingesterLabels(random: Random, select: ModelLabelSelect): Question {
  const isBinary = random.below(2) === 0;
  const range = random.below(2) === 0 ? undefined : select.range;
  const clientOf = (app: Asked) =>
    createClient(IngesterService, transportTo(app, isBinary)) as unknown as Client;
  const call = labelCall(random, 'ingester', clientOf);
  const request = { matchers: select.selectors.map(selectorText), ...wireRange(range) };
  const headers = { ...everyName, ...headersOf(select.tenants) };
  return questionOf({ ...select, range, any: true }, call(request, headers));
}

function profileTypes(select: ModelLabelSelect): Question {
  const headers = headersOf(select.tenants);
  return questionOf(
    { ...select, selectors: [] },
    {
      name: 'profile types',
      ask: async (app) => {
        const request = wireRange(select.range);
        const answer = await querierOf(app, true).profileTypes(request, { headers });
        return answer.profileTypes.map(({ ID }) => ID);
      },
      tell: (model, { tenants, sees }) =>
        model.profileTypes(tenants, select.range as ModelRange, sees),
    },
  );
}

/** `/pyroscope/label-values` */
function plainValues(select: ModelLabelSelect): Question {
  return questionOf(
    { ...select, selectors: [] },
    {
      name: 'plain label values',
      ask: async (app) => {
        const { startMs, endMs } = select.range as ModelRange;
        const params = { label: 'pod', from: `${startMs}`, until: `${endMs}` };
        const url = `${apiOrigin}/pyroscope/label-values?${new URLSearchParams(params)}`;
        const response = await app.fetch(new Request(url, { headers: headersOf(select.tenants) }));
        return response.json();
      },
      tell: (model, seen) => model.labelValues(seen, 'pod'),
    },
  );
}

function statistics({ tenants }: ModelLabelSelect): Question {
  const [tenant = ''] = tenants;
  return {
    text: `statistics of ${tenant}`,
    tenants,
    ask: async (app) => {
      const options = { headers: headersOf(tenants) };
      const answer = await querierOf(app, false).getProfileStats({}, options);
      if (!answer.dataIngested) return undefined;
      const { oldestProfileTime, newestProfileTime } = answer;
      return { startMs: Number(oldestProfileTime), endMs: Number(newestProfileTime) };
    },
    check: (answer, model) => expect(answer).toEqual(model.profileStats(tenant)),
  };
}
