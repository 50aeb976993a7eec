// Sample labels as clients meet them: series while there is room, folded past it, the same after a
// restart, and never a reason to refuse a profile for ever.
import { afterEach, describe, expect, it } from 'vitest';
import { encodePprof, type SampleInput } from '../fixtures/pprof-writer.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { labels, limitsPath, push, startLimited } from '../support/limited-app.ts';
import { testStartMs } from '../support/memory-platform.ts';

const running: TestApp[] = [];

afterEach(async () => {
  for (const test of running.splice(0)) await test[Symbol.asyncDispose]();
});

async function start(defaults: object): Promise<TestApp> {
  const test = await startLimited({ defaults: { profileBytesMax: '16MiB', ...defaults } });
  running.push(test);
  return test;
}

/** The next process on the log of one that ended without a word, under other limits. */
async function restart(first: TestApp, defaults: object): Promise<TestApp> {
  const { wal, localBucket } = first.platform;
  const second = await startApp({ wal, localBucket }, { limits: limitsPath }, ({ files }) =>
    files.set(limitsPath, JSON.stringify({ defaults })),
  );
  running.push(second);
  return second;
}

let serial = 0;
const timeNs = () => BigInt(testStartMs + serial++) * 1_000_000n;

function profile(count: number, labelsOf: (i: number) => Record<string, string>): Uint8Array {
  return encodePprof({
    timeNs: timeNs(),
    sampleTypes: [['cpu', 'nanoseconds']],
    functions: [{ id: 1, name: 'main' }],
    locations: [{ id: 1, lines: [{ function: 1 }] }],
    samples: Array.from(
      { length: count },
      (_, i): SampleInput => ({
        locations: [1],
        values: [1],
        labels: Object.entries(labelsOf(i)).map(([key, text]) => ({ key, text })),
      }),
    ),
  });
}

/** What is stored: each series by the labels that samples gave it, and the sum of all values. */
async function stored(test: TestApp) {
  const { labelsSet } = (await test.ask('Series', {
    labelNames: ['pool', 'thread', 'request'],
  })) as { labelsSet?: { labels?: { name: string; value: string }[] }[] };
  const query = encodeURIComponent('process_cpu:cpu:nanoseconds::{}');
  const { body } = await test.get(
    `/pyroscope/render?query=${query}&from=${testStartMs - 1}&until=${testStartMs + 3_600_000}`,
  );
  const { flamebearer } = JSON.parse(body) as { flamebearer: { numTicks: number } };
  const series = (labelsSet ?? []).map(({ labels: set = [] }) =>
    set.map(({ name, value }) => `${name}=${value}`).join(),
  );
  return { series: series.sort(), total: flamebearer.numTicks };
}

const folded = (test: TestApp, reason: string) =>
  test.metric(`phlox_sample_labels_folded_total{tenant="anonymous",reason="${reason}"}`);

const requests = (count: number) =>
  profile(count, (i) => ({ pool: `p${i % 3}`, thread: `t${i % 20}`, request: `r${i}` }));
const pools = ['pool=p0', 'pool=p1', 'pool=p2'];
const threads = Array.from({ length: 60 }, (_, i) => `pool=p${i % 3},thread=t${i % 20}`).sort();

describe('past labelGroupsMax', () => {
  it('folds the label with the most values, and the next, until the rest fits', async () => {
    const test = await start({});
    expect(await push(test, [requests(600)])).toMatchObject({ status: 200 });
    expect(await stored(test)).toEqual({ series: threads, total: 600 });
    expect(await folded(test, 'groups')).toBe(1);
    const few = await start({ labelGroupsMax: 59 });
    await push(few, [requests(600)]);
    expect(await stored(few)).toEqual({ series: pools, total: 600 });
    expect(await folded(few, 'groups')).toBe(2);
  });

  it('leaves as many sets as there may be, beside samples without labels', async () => {
    const test = await start({ labelGroupsMax: 4 });
    await push(test, [profile(4, (i) => ({ pool: `p${i}` }))]);
    expect(await folded(test, 'groups')).toBe(0);
    await push(test, [profile(5, (i) => (i === 0 ? {} : { pool: `p${i}` }))]);
    expect(await folded(test, 'groups')).toBe(1);
    expect((await stored(test)).total).toBe(9);
  });

  it('survives far more values than a scan takes, and keeps every sample', async () => {
    const count = 80_000;
    const test = await start({ samplesMax: 1_000_000 });
    expect(await push(test, [requests(count)])).toMatchObject({ status: 200 });
    expect(await stored(test)).toEqual({ series: threads, total: count });
  });

  it('is bounded by characters too, so that a short push makes no large label sets', async () => {
    const test = await start({ labelValueBytesMax: 65_000 });
    const own = { ...labels, long: 'x'.repeat(60_000) };
    const many = profile(400, (i) => ({ request: `r${i}` }));
    expect(await push(test, [many], undefined, own)).toMatchObject({ status: 200 });
    expect((await stored(test)).series.length).toBeLessThan(150);
    expect((await stored(test)).total).toBe(400);
  });
});

describe('past the limit of series', () => {
  it('folds until there is room, and refuses only what has no labels to fold', async () => {
    const test = await start({ seriesMax: 4 });
    expect(await push(test, [requests(60)])).toMatchObject({ status: 200 });
    expect(await stored(test)).toEqual({ series: pools, total: 60 });
    expect(await folded(test, 'series_limit')).toBe(2);
    // There is room for one more series: that without any sample label.
    expect(await push(test, [profile(9, (i) => ({ thread: `u${i}` }))])).toMatchObject({
      status: 200,
    });
    expect(await stored(test)).toEqual({ series: ['', ...pools], total: 69 });
    const other = { ...labels, service_name: 'other' };
    const refused = await push(test, [profile(1, () => ({}))], undefined, other);
    expect(refused).toMatchObject({ status: 429 });
  });

  it('gives every profile of a push its place first', async () => {
    const test = await start({ seriesMax: 22 });
    const services = ['a', 'b', 'c'].map((service_name) => ({
      labels: { ...labels, service_name },
      profiles: [profile(20, (i) => ({ thread: `t${i}` }))],
    }));
    expect(await test.push(services)).toMatchObject({ status: 200 });
    // Twenty threads of the first, and a series for each of the others.
    expect(await test.metric('phlox_active_series{tenant="anonymous"}')).toBeLessThanOrEqual(22);
    const { series, total } = await stored(test);
    expect({ series: series.length, total }).toEqual({ series: 21, total: 60 });
    expect(await folded(test, 'series_limit')).toBe(2);
  });
});

describe('a restart', () => {
  it.each<[string, object]>([
    ['labelGroupsMax', { labelGroupsMax: 10 }],
    ['seriesMax', { seriesMax: 10 }],
    ['stackDepthMax', { stackDepthMax: 2 }],
    ['symbolBytesMax', { symbolBytesMax: 1_024 }],
  ])('under another %s finds what was stored', async (_name, limits) => {
    for (const [before, after] of [
      [limits, {}],
      [{}, limits],
    ] as const) {
      const first = await start(before);
      await push(first, [requests(600), deep()]);
      const second = await restart(first, after);
      await second.app.tick(second.platform.clock.nowMs());
      expect(await stored(second)).toEqual(await stored(first));
      expect(await namesOf(second)).toEqual(await namesOf(first));
    }
  });
});

/** Five calls deep, of functions with long names. */
function deep(): Uint8Array {
  const ids = [1, 2, 3, 4, 5];
  return encodePprof({
    timeNs: timeNs(),
    sampleTypes: [['cpu', 'nanoseconds']],
    functions: ids.map((id) => ({ id, name: `${id} is called ${'x'.repeat(1_016)}${id}` })),
    locations: ids.map((id) => ({ id, lines: [{ function: id }] })),
    samples: [{ locations: ids, values: [7] }],
  });
}

async function namesOf(test: TestApp): Promise<string[]> {
  const query = encodeURIComponent('process_cpu:cpu:nanoseconds::{}');
  const range = `from=${testStartMs - 1}&until=${testStartMs + 3_600_000}`;
  const { body } = await test.get(`/pyroscope/render?query=${query}&${range}`);
  return (JSON.parse(body) as { flamebearer: { names: string[] } }).flamebearer.names;
}

describe('limits of stacks and strings', () => {
  it('cut what is stored, and count it', async () => {
    const test = await start({ stackDepthMax: 2, symbolBytesMax: 1_024 });
    await push(test, [deep()]);
    const stacked = [5, 4].map((id) => `called ${'x'.repeat(1_016)}${id}`);
    expect(await namesOf(test)).toEqual(['total', ...stacked]);
    expect(await test.metric('phlox_stacks_truncated_total{tenant="anonymous"}')).toBe(1);
    expect(await test.metric('phlox_strings_truncated_total{tenant="anonymous"}')).toBe(5);
  });
});
