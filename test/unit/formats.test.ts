// One profile in every format, as other programs wrote it, through the whole app: every door's
// answer to queries is the one that is written down by hand, from a head and from a block.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import { otlpPath } from '../support/otlp-requests.ts';

const folder = new URL('../golden/formats/', import.meta.url);
const read = (file: string) => new Uint8Array(readFileSync(new URL(file, folder)));

interface Source {
  file: string;
  /** Of `/ingest`; OTLP has none. */
  parameters?: string;
  contentType?: string;
}

interface Expected {
  type: string;
  stacks: Record<string, number>;
  total: number;
  files: Source[];
}

const golden = JSON.parse(new TextDecoder().decode(read('expected.json'))) as Record<
  string,
  Expected
>;

const origin = 'http://127.0.0.1:4040';
/** When the profiles were taken, and how long. */
const fromMs = 1_767_323_045_000;
const untilMs = fromMs + 10_000;

async function upload({ app }: TestApp, source: Source) {
  const { file, parameters, contentType } = source;
  const times = `from=${fromMs}000000&until=${untilMs}000000`;
  const path = parameters === undefined ? otlpPath : `/ingest?${parameters}&${times}`;
  const headers = { ...(contentType !== undefined && { 'content-type': contentType }) };
  const init = { method: 'POST', headers, body: read(file) };
  const response = await app.fetch(new Request(origin + path, init));
  return { status: response.status, text: await response.text() };
}

async function ask({ app }: TestApp, method: string, body: object): Promise<unknown> {
  const range = { start: String(fromMs - 60_000), end: String(fromMs + 60_000) };
  const response = await app.fetch(
    new Request(`${origin}/querier.v1.QuerierService/${method}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...range, ...body }),
    }),
  );
  const answer: unknown = await response.json();
  expect(response.status, JSON.stringify(answer)).toBe(200);
  return answer;
}

const render = (app: TestApp, type: string, more: string) => {
  const query = encodeURIComponent(`${type}{service_name="shop"}`);
  return app.get(
    `/pyroscope/render?query=${query}&from=${fromMs - 60_000}&until=${fromMs + 60_000}${more}`,
  );
};

/** What each door must agree on. */
async function answers(app: TestApp, type: string) {
  const select = { profileTypeID: type, labelSelector: '{service_name="shop"}' };
  const merged = await ask(app, 'SelectMergeProfile', select);
  return {
    types: await ask(app, 'ProfileTypes', {}),
    graph: await ask(app, 'SelectMergeStacktraces', select),
    points: await ask(app, 'SelectSeries', { ...select, step: 15 }),
    merged: resolved(merged as MergedProfile),
    page: (await render(app, type, '')).body,
  };
}

/** A pprof in JSON, as much of it as these have; what is 0 or empty is not there. */
interface MergedProfile {
  stringTable: string[];
  sampleType: { type: string; unit: string }[];
  sample: { locationId: string[]; value: string[] }[];
  location: { id: string; address?: string; line: { functionId: string; line?: string }[] }[];
  function: { id: string; name: string; filename?: string }[];
  timeNanos: string;
  durationNanos: string;
}

/** With names in place of numbers, in an order of its own. */
function resolved(merged: MergedProfile) {
  const { stringTable, sampleType, timeNanos, durationNanos } = merged;
  const text = (index = '0') => stringTable[Number(index)] ?? '';
  const functions = new Map(
    merged.function.map(({ id, name, filename }) => [id, `${text(name)}|${text(filename)}`]),
  );
  const locations = new Map(
    merged.location.map(({ id, address = '0', line }) => {
      const lines = line.map((one) => `${functions.get(one.functionId)}:${one.line ?? 0}`);
      return [id, `${address} ${lines}`];
    }),
  );
  const samples = merged.sample.map(
    ({ locationId, value }) => `${locationId.map((id) => locations.get(id)).join(';')} ${value}`,
  );
  const types = sampleType.map(({ type, unit }) => `${text(type)}:${text(unit)}`);
  return { types, samples: samples.sort(), timeNanos, durationNanos };
}

function stacksOf(folded: string): Record<string, number> {
  const rows = folded.split('\n').filter(Boolean);
  return Object.fromEntries(
    rows.map((row) => {
      const space = row.lastIndexOf(' ');
      return [row.slice(0, space), Number(row.slice(space + 1))];
    }),
  );
}

describe.each(Object.entries(golden))('the golden %s profile', (_name, expected) => {
  const { type, files } = expected;
  let first: Awaited<ReturnType<typeof answers>> | undefined;

  it.each(files)('is found in $file $parameters $contentType', async (source) => {
    await using app = await startApp();
    const answer = source.parameters === undefined && source.contentType === 'application/json';
    expect(await upload(app, source)).toEqual({ status: 200, text: answer ? '{}' : '' });
    for (const place of ['head', 'block']) {
      const folded = await render(app, type, '&format=folded');
      expect([place, stacksOf(folded.body)]).toEqual([place, expected.stacks]);
      const found = await answers(app, type);
      expect(found.types).toMatchObject({ profileTypes: [{ ID: type }] });
      expect(found.points).toMatchObject({ series: [{ points: [{ value: expected.total }] }] });
      first ??= found;
      expect(found).toEqual(first);
      if (place === 'head') expect(await app.flush()).toBe(204);
    }
  });

  it('is labelled alike at the doors of one kind', async () => {
    const sets = new Set<string>();
    for (const source of files) {
      await using app = await startApp();
      await upload(app, source);
      const { labelsSet } = (await ask(app, 'Series', { matchers: [] })) as {
        labelsSet: { labels: { name: string; value: string }[] }[];
      };
      expect(labelsSet).toHaveLength(1);
      const labels = labelsSet[0]?.labels.filter(({ name }) => !name.startsWith('__')) ?? [];
      sets.add(labels.map(({ name, value }) => `${name}=${value}`).join());
    }
    const speedscope = 'profile_name=thread 1,pyroscope_spy=unknown,service_name=shop';
    // `service.name` is there as well; names with dots are shown to who asks for them.
    const otlp = files.some(({ parameters }) => parameters === undefined)
      ? ['service_name=shop']
      : [];
    expect([...sets].sort()).toEqual(
      [...otlp, speedscope, 'pyroscope_spy=unknown,service_name=shop'].sort(),
    );
  });
});

it.each(['cpu-prev.form', 'heap-prev.form'])(
  '%s, of a client that is too old, is refused',
  async (file) => {
    await using app = await startApp();
    const contentType = 'multipart/form-data; boundary=golden-boundary';
    const answer = await upload(app, { file, parameters: 'name=shop', contentType });
    expect(answer.status).toBe(422);
    expect(answer.text).toMatch(/prev_profile is not supported/);
    expect(await ask(app, 'ProfileTypes', {})).toEqual({});
  },
);
