// Everything that a tenant can ask a server, and uploads whose every name begins with a mark, so
// that a trace of them is found in any answer. Owns no expectations; who is asked is the caller's.

/** Sends to the server under test; POST when there is a body. */
export type Send = (
  path: string,
  headers: Record<string, string>,
  body?: string | Uint8Array<ArrayBuffer>,
) => Promise<Answer>;

export interface Answer {
  status: number;
  text: string;
}

export type Answers = Record<string, Answer>;

const type = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
const querier = '/querier.v1.QuerierService';

/** Ten minutes, the first of them before `nowMs`. */
const timesOf = (nowMs: number) => {
  const fromSeconds = Math.floor(nowMs / 1_000) - 60;
  return { fromSeconds, untilSeconds: fromSeconds + 600 };
};

/** Stacks in text, a service, labels and a span: all of them called after the mark. */
export function uploadMarked(
  send: Send,
  mark: string,
  nowMs: number,
  headers: Record<string, string>,
): Promise<Answer> {
  const { fromSeconds, untilSeconds } = timesOf(nowMs);
  const name = encodeURIComponent(`${mark}-app{pod=${mark}-pod,${mark}_label=x}`);
  const path = `/ingest?name=${name}&from=${fromSeconds}&until=${untilSeconds}&units=samples`;
  return send(path, headers, `${mark}_main;${mark}_work 7\n${mark}_main 3\n`);
}

/** Calls of unary services: a path and the JSON to send. */
function unaryCalls(nowMs: number): Record<string, object> {
  const { fromSeconds, untilSeconds } = timesOf(nowMs);
  const range = { start: String(fromSeconds * 1_000), end: String(untilSeconds * 1_000) };
  const select = { profileTypeID: type, labelSelector: '{}', ...range };
  const matchers = ['{}'];
  const ingester = '/ingester.v1.IngesterService';
  return {
    [`${querier}/ProfileTypes`]: range,
    [`${querier}/LabelNames`]: { matchers, ...range },
    [`${querier}/LabelValues`]: { name: 'pod', matchers, ...range },
    [`${querier}/Series`]: { matchers, ...range },
    [`${querier}/SelectMergeStacktraces`]: select,
    [`${querier}/SelectMergeProfile`]: select,
    [`${querier}/SelectMergeSpanProfile`]: { ...select, spanSelector: ['1112131415161718'] },
    [`${querier}/SelectSeries`]: { ...select, step: 15, groupBy: ['pod'] },
    [`${querier}/Diff`]: { left: select, right: select },
    [`${querier}/GetProfileStats`]: {},
    [`${ingester}/ProfileTypes`]: range,
    [`${ingester}/LabelNames`]: range,
    [`${ingester}/LabelValues`]: { name: 'pod', ...range },
    [`${ingester}/Series`]: { matchers, ...range },
    '/settings.v1.SettingsService/Get': {},
    '/capabilities.v1.FeatureFlagsService/GetFeatureFlags': {},
    '/version.v1.Version/Version': {},
  };
}

/** What is asked with GET. */
function plainCalls(nowMs: number): string[] {
  const { fromSeconds, untilSeconds } = timesOf(nowMs);
  const times = `from=${fromSeconds}&until=${untilSeconds}`;
  const query = encodeURIComponent(`${type}{}`);
  const sides = ['left', 'right'].map(
    (side) => `${side}Query=${query}&${side}From=${fromSeconds}&${side}Until=${untilSeconds}`,
  );
  return [
    ...['', '&format=folded', '&format=dot', '&groupBy=pod'].map(
      (more) => `/pyroscope/render?query=${query}&${times}${more}`,
    ),
    `/pyroscope/render-diff?${sides.join('&')}`,
    '/pyroscope/label-values?label=service_name',
    '/api/v1/tenant_limits',
    '/api/v1/status/config',
    '/api/v1/status/buildinfo',
    '/metrics',
  ];
}

/** Asks everything; answers by path. */
export async function askEverything(
  send: Send,
  nowMs: number,
  headers: Record<string, string>,
): Promise<Answers> {
  const json = { ...headers, 'content-type': 'application/json' };
  const answers: Answers = {};
  for (const [path, body] of Object.entries(unaryCalls(nowMs))) {
    answers[path] = await send(path, json, JSON.stringify(body));
  }
  for (const path of plainCalls(nowMs)) answers[path] = await send(path, headers);
  return answers;
}

/** The paths that are asked, without parameters. */
export function askedPaths(): Set<string> {
  const paths = [...Object.keys(unaryCalls(0)), ...plainCalls(0)];
  return new Set(paths.map((path) => path.split('?', 1)[0] ?? ''));
}

/** Stores a setting of Grafana's app. */
export function storeSetting(send: Send, value: string, headers: Record<string, string>) {
  const body = JSON.stringify({ setting: { name: `${value}-setting`, value, modifiedAt: '1' } });
  const json = { ...headers, 'content-type': 'application/json' };
  return send('/settings.v1.SettingsService/Set', json, body);
}

/** Answers as they can be compared: what took how long apart, which metrics tell. */
export function shown(answers: Answers): [path: string, status: number, text: string][] {
  return Object.entries(answers).map(([path, { status, text }]) => [path, status, text]);
}
