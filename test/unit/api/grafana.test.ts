// What Grafana's data source, Profiles Drilldown and Pyroscope's own page send, answered: each
// request as it comes over the wire, and what the query service is asked.
import { create, toBinary } from '@bufbuild/protobuf';
import { expect, it } from 'vitest';
import {
  ProfileTypesRequestSchema,
  SelectMergeSpanProfileRequestSchema,
  SelectMergeStacktracesRequestSchema,
  SelectSeriesRequestSchema,
} from '../../../src/gen/querier/v1/querier_pb.ts';
import {
  LabelNamesRequestSchema,
  LabelValuesRequestSchema,
} from '../../../src/gen/types/v1/types_pb.ts';
import { createApiServer } from '../../support/api-server.ts';

const type = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
const [start, end] = [1_700_000_000_000n, 1_700_003_600_000n];
const select = { profileTypeID: type, labelSelector: '{service_name="shop",}', start, end };
const range = { start, end };
const goClient = {
  'content-type': 'application/proto',
  'connect-protocol-version': '1',
  'connect-timeout-ms': '29998',
  'accept-encoding': 'gzip',
  'user-agent': 'connect-go/1.19.1 (go1.25)',
};
const json = { 'content-type': 'application/json', accept: 'application/json, text/plain, */*' };

const querier = 'querier.v1.QuerierService';
const numbers = { start: Number(start), end: Number(end) };
const drilldown = `{__profile_type__="${type}", service_name="shop", }`;

type Row = [who: string, path: string, body: Uint8Array | string | undefined, method: string];

const dataSource: Row[] = [
  [
    'health check',
    'ProfileTypes',
    toBinary(ProfileTypesRequestSchema, create(ProfileTypesRequestSchema)),
    'profileTypes',
  ],
  [
    'type picker',
    'ProfileTypes',
    toBinary(ProfileTypesRequestSchema, create(ProfileTypesRequestSchema, range)),
    'profileTypes',
  ],
  [
    'label names',
    'LabelNames',
    toBinary(
      LabelNamesRequestSchema,
      create(LabelNamesRequestSchema, { matchers: ['{}'], ...range }),
    ),
    'labelNames',
  ],
  [
    'label values',
    'LabelValues',
    toBinary(
      LabelValuesRequestSchema,
      create(LabelValuesRequestSchema, { name: 'pod', matchers: ['{}'], ...range }),
    ),
    'labelValues',
  ],
  [
    'metrics',
    'SelectSeries',
    toBinary(
      SelectSeriesRequestSchema,
      create(SelectSeriesRequestSchema, { ...select, step: 15, groupBy: ['pod'] }),
    ),
    'timeSeries',
  ],
  [
    'profile',
    'SelectMergeStacktraces',
    toBinary(
      SelectMergeStacktracesRequestSchema,
      create(SelectMergeStacktracesRequestSchema, { ...select, maxNodes: 16_384n }),
    ),
    'flameGraph',
  ],
  [
    'span',
    'SelectMergeSpanProfile',
    toBinary(
      SelectMergeSpanProfileRequestSchema,
      create(SelectMergeSpanProfileRequestSchema, {
        ...select,
        spanSelector: ['0123456789abcdef'],
      }),
    ),
    'flameGraph',
  ],
].map(([who, name, body, method]) => [who, `/${querier}/${name}`, body, method] as Row);

it.each(dataSource)('the data source: %s', async (_who, path, body, method) => {
  const server = await createApiServer();
  const bytes = new Uint8Array(body as Uint8Array);
  const response = await server.send(path, { method: 'POST', headers: goClient, body: bytes });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/proto');
  expect(server.queries.asked.map(([asked]) => asked)).toEqual([method]);
});

const get = (name: string, params: Record<string, string>): string =>
  `/pyroscope/${name}?${new URLSearchParams(params)}`;
const rendered = {
  query: `${type}{service_name="shop"}`,
  from: '1700000000',
  until: '1700003600000',
};
const sides = { leftQuery: rendered.query, rightQuery: rendered.query };
const times = { leftFrom: 'now-2h', leftUntil: 'now-1h', rightFrom: 'now-1h', rightUntil: 'now' };

const drilldownRows: Row[] = [
  [
    'services',
    `/${querier}/Series`,
    JSON.stringify({ ...numbers, labelNames: ['service_name', '__profile_type__'], matchers: [] }),
    'series',
  ],
  [
    'label names',
    `/${querier}/LabelNames`,
    JSON.stringify({ ...numbers, matchers: [drilldown] }),
    'labelNames',
  ],
  [
    'label values',
    `/${querier}/LabelValues`,
    JSON.stringify({ ...numbers, name: 'pod', matchers: [drilldown] }),
    'labelValues',
  ],
  [
    'function details',
    `/${querier}/SelectMergeProfile`,
    JSON.stringify({
      profile_typeID: type,
      label_selector: '{service_name="shop"}',
      ...numbers,
      stack_trace_selector: { call_site: [{ name: 'main' }] },
    }),
    'pprof',
  ],
  ['onboarding', `/${querier}/GetProfileStats`, '{}', 'profileStats'],
  [
    'render',
    get('render', { ...rendered, format: 'json', 'max-nodes': '100' }),
    undefined,
    'flameGraphAndSeries',
  ],
  ['dot', get('render', { ...rendered, format: 'dot', 'max-nodes': '100' }), undefined, 'dot'],
  ['comparison', get('render-diff', { ...sides, ...times, 'max-nodes': '100' }), undefined, 'diff'],
  ['page: tenancy probe', `/${querier}/LabelNames`, '{}', 'labelNames'],
  [
    'page: flame graph',
    `/${querier}/SelectMergeStacktraces`,
    JSON.stringify({ ...select, ...numbers }),
    'flameGraph',
  ],
  [
    'page: series',
    `/${querier}/SelectSeries`,
    JSON.stringify({ ...select, ...numbers, step: 15 }),
    'timeSeries',
  ],
];

it.each(drilldownRows)('Drilldown, and the page: %s', async (_who, path, body, method) => {
  const server = await createApiServer();
  const init = body === undefined ? {} : { method: 'POST', headers: json, body: body as string };
  const response = await server.send(path, init);
  expect(response.status).toBe(200);
  expect(server.queries.asked[0]?.[0]).toBe(method);
});

it.each([
  ['settings', 'settings.v1.SettingsService/Get', 200],
  ['query sizes', `${querier}/AnalyzeQuery`, 501],
  ['heatmaps', `${querier}/SelectHeatmap`, 501],
  ['recording rules', 'settings.v1.RecordingRulesService/ListRecordingRules', 501],
  ['ad-hoc profiles', 'adhocprofiles.v1.AdHocProfileService/List', 501],
  ['source code', 'vcs.v1.VCSService/GithubApp', 501],
  ['feature flags', 'capabilities.v1.FeatureFlagsService/GetFeatureFlags', 200],
])('Drilldown, what is optional: %s', async (_who, path, status) => {
  const server = await createApiServer();
  const response = await server.send(`/${path}`, { method: 'POST', headers: json, body: '{}' });
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toBe('application/json');
  if (status === 501) {
    const message = expect.stringMatching(/ is not implemented: ./);
    expect(await response.json()).toEqual({ code: 'unimplemented', message });
  }
});
