// Limits as clients and operators meet them: statuses, counters, and a file that changes.
import { afterEach, describe, expect, it } from 'vitest';
import { encodePprof } from '../fixtures/pprof-writer.ts';
import { type Answer, startApp, type TestApp } from '../support/app.ts';
import { testStartMs } from '../support/memory-platform.ts';
import { stamped } from '../support/stamp.ts';

const labels = { __name__: 'process_cpu', service_name: 'shop' };
const small = encodePprof({
  sampleTypes: [['cpu', 'nanoseconds']],
  samples: [{ locations: [1], values: [1] }],
  locations: [{ id: 1, lines: [{ function: 1 }] }],
  functions: [{ id: 1, name: 'main' }],
});
const minuteMs = 60_000;
const mib = 2 ** 20;
const path = 'limits.json';
let running: TestApp | undefined;

afterEach(async () => {
  await running?.[Symbol.asyncDispose]();
  running = undefined;
});

/** An app whose limits are those of `json`; undefined: no file. */
async function start(json: object | undefined, file: Record<string, unknown> = {}) {
  const limits = json === undefined ? {} : { limits: path };
  running = await startApp({}, { ...file, limits: undefined, ...limits }, (platform) =>
    platform.files.set(path, JSON.stringify(json)),
  );
  return running;
}

const at = (timeMs: number) => stamped(small, BigInt(timeMs) * 1_000_000n);
let serial = 0;
/** `bytes` of plain pprof, each time another profile. */
function sized(bytes: number): Uint8Array {
  const profile = at(testStartMs + serial++);
  // Field 100, a string that no reader knows.
  const length = bytes - profile.length - 6;
  const head = [0xa2, 0x06, ...[0, 7, 14, 21].map((by) => ((length >> by) & 0x7f) | 0x80)];
  head[5] = (head[5] as number) & 0x7f;
  const all = new Uint8Array(bytes);
  all.set(profile);
  all.set(head, profile.length);
  return all;
}

const push = (test: TestApp, profiles: Uint8Array[], tenant?: string, name = labels) =>
  test.push([{ labels: name, profiles }], tenant === undefined ? {} : { 'x-scope-orgid': tenant });
const errorOf = ({ status, body, response }: Answer) => {
  const { code, message } = JSON.parse(body);
  return { status, code, message, retryAfter: response.headers.get('retry-after') };
};
const discarded = (test: TestApp, reason: string, tenant = 'anonymous') =>
  test.metric(`pyroscope_discarded_samples_total{reason="${reason}",tenant="${tenant}"}`);

describe('the acceptance window', () => {
  it('is from an hour ago to ten minutes ahead', async () => {
    const test = await start(undefined);
    const ends = [testStartMs - 60 * minuteMs, testStartMs + 10 * minuteMs];
    expect(await push(test, ends.map(at))).toMatchObject({ status: 200 });
    for (const timeMs of [(ends[0] as number) - 1, (ends[1] as number) + 1]) {
      const error = errorOf(await push(test, [at(timeMs)]));
      expect(error).toMatchObject({ status: 400, code: 'invalid_argument', retryAfter: null });
      expect(error.message).toContain(new Date(timeMs).toISOString());
      expect(error.message).toContain('service_name=');
    }
    expect(await discarded(test, 'not_in_ingestion_window')).toBe(2);
  });

  it('does not refuse the retry of what was acknowledged within it', async () => {
    const test = await start(undefined);
    const profile = at(testStartMs - 55 * minuteMs);
    expect(await push(test, [profile])).toMatchObject({ status: 200 });
    test.platform.advance(10 * minuteMs);
    expect(await push(test, [profile])).toMatchObject({ status: 200 });
    expect(await push(test, [at(testStartMs - 55 * minuteMs + 1)])).toMatchObject({ status: 400 });
  });

  it('stores profiles without a time, and of 1970, under that of their receipt', async () => {
    const test = await start(undefined);
    // None, the first nanosecond, seconds, milliseconds, the last nanosecond of 1970.
    const times = [0, 1, testStartMs / 1_000, testStartMs, 365 * 86_400 * 1e9 - 1_000];
    const profiles = times.map((timeNs) => stamped(small, BigInt(timeNs)));
    expect(await push(test, profiles)).toMatchObject({ status: 200 });
    const name = 'phlox_profile_times_replaced_total{tenant="anonymous"}';
    expect(await test.metric(name)).toBe(times.length);
    await push(test, [at(testStartMs)]);
    expect(await test.metric(name)).toBe(times.length);
  });
});

describe('the rate', () => {
  const json = { defaults: { ingestBytesPerSecond: mib, ingestBurstBytes: '5MiB' } };

  it('refuses a push as a whole, says when to come back, and lets it in then', async () => {
    const test = await start(json);
    expect(await push(test, [sized(4 * mib)])).toMatchObject({ status: 200 });
    const profiles = [sized(2 * mib), sized(mib)];
    const error = errorOf(await push(test, profiles));
    expect(error).toMatchObject({ status: 429, code: 'resource_exhausted', retryAfter: '3' });
    expect(error.message).toMatch(
      /^push of 31457\d\d bytes is over the rate: 1048\d{3} bytes are left now, limit 1048576 /,
    );
    expect(await discarded(test, 'rate_limited')).toBe(2);
    // Nothing of it was stored: a smaller one that fits is, and costs only itself.
    test.platform.advance(3_000);
    expect(await push(test, profiles)).toMatchObject({ status: 200 });
    expect(await test.metric('phlox_resends_total{tenant="anonymous"}')).toBe(0);
  });

  it('acknowledges a retry over the rate, alone and beside what is new', async () => {
    const test = await start(json);
    const first = sized(4 * mib);
    const second = sized(mib / 2);
    expect(await push(test, [first])).toMatchObject({ status: 200 });
    expect(await push(test, [first, second])).toMatchObject({ status: 200 });
    expect(await push(test, [first, first, second])).toMatchObject({ status: 200 });
    expect(await push(test, [first, sized(mib)])).toMatchObject({ status: 429 });
  });

  it('refuses for good what is more than the burst, before it stores any of it', async () => {
    const test = await start(json);
    const error = errorOf(await push(test, [sized(3 * mib), sized(3 * mib), small]));
    expect(error).toMatchObject({ status: 400, code: 'invalid_argument', retryAfter: null });
    expect(error.message).toMatch(/limit 5242880 \(ingestBurstBytes\): send it in parts$/);
    expect(await discarded(test, 'rate_limited')).toBe(3);
    // It has cost nothing.
    expect(await push(test, [sized(4 * mib)])).toMatchObject({ status: 200 });
  });

  it('counts each profile once when some are wrong and the rest is over the rate', async () => {
    const test = await start(json);
    await push(test, [sized(4 * mib)]);
    const broken = new Uint8Array([0x1f, 0x8b, 1]);
    expect(await push(test, [broken, sized(2 * mib)])).toMatchObject({ status: 429 });
    expect(await discarded(test, 'malformed_profile')).toBe(1);
    expect(await discarded(test, 'rate_limited')).toBe(1);
  });

  it('comes before what is wrong with a profile, as in Pyroscope', async () => {
    const test = await start({ defaults: { ...json.defaults, samplesMax: 1 } });
    await push(test, [sized(4 * mib)]);
    const nameless = { service_name: 'shop' } as typeof labels;
    expect(await push(test, [sized(2 * mib)], undefined, nameless)).toMatchObject({ status: 429 });
    test.platform.advance(5_000);
    expect(await push(test, [sized(2 * mib)], undefined, nameless)).toMatchObject({ status: 400 });
    expect(await push(test, [sized(4 * mib)])).toMatchObject({ status: 429 });
  });

  it('is each tenant’s own', async () => {
    const test = await start(
      { ...json, overrides: { b: { ingestBytesPerSecond: 0 } } },
      { multitenancy: true },
    );
    for (let i = 0; i < 3; i++) {
      const status = i === 0 ? 200 : 429;
      expect(await push(test, [sized(4 * mib)], 'a')).toMatchObject({ status });
      expect(await push(test, [sized(4 * mib)], 'b')).toMatchObject({ status: 200 });
    }
    expect(await discarded(test, 'rate_limited', 'a')).toBe(2);
    expect(await discarded(test, 'rate_limited', 'b')).toBe(0);
  });
});

describe('a push', () => {
  it('inflates to its bound at the most', async () => {
    const test = await start({
      defaults: { ingestBytesPerSecond: 0, pushBytesMax: '2MiB', profileBytesMax: '1MiB' },
    });
    const error = errorOf(await push(test, [sized(mib), sized(mib), small]));
    expect(error).toMatchObject({ status: 400 });
    expect(error.message).toContain('more than 2097152 bytes, the limit (pushBytesMax)');
    expect(await discarded(test, 'body_size_limit_exceeded')).toBe(3);
    expect(await test.ask('LabelNames', {})).toEqual({});
    const large = errorOf(await push(test, [sized(mib + 1)]));
    expect(large.message).toBe('profile is 1048577 bytes, limit 1048576 (profileBytesMax)');
  });
});

describe('the series limit', () => {
  it('counts what was pushed in the last ten minutes, through flushes', async () => {
    const test = await start({ defaults: { seriesMax: 2 } });
    const of = (service: string) => {
      const timeMs = test.platform.clock.nowMs() + serial++;
      return push(test, [at(timeMs)], undefined, { ...labels, service_name: service });
    };
    expect(await of('a')).toMatchObject({ status: 200 });
    expect(await of('b')).toMatchObject({ status: 200 });
    const error = errorOf(await of('c'));
    expect(error).toMatchObject({ status: 429, retryAfter: '60' });
    expect(error.message).toContain('2 active series and would get 1 more, limit 2 (seriesMax)');
    await test.flush();
    expect(await of('c')).toMatchObject({ status: 429 });
    test.platform.advance(9 * minuteMs);
    expect(await of('a')).toMatchObject({ status: 200 });
    test.platform.advance(minuteMs);
    expect(await of('c')).toMatchObject({ status: 200 });
    expect(await of('b')).toMatchObject({ status: 429 });
    await test.app.tick(test.platform.clock.nowMs());
    expect(await test.metric('phlox_active_series{tenant="anonymous"}')).toBe(2);
  });

  it('bounds the memory of labels', async () => {
    const test = await start({ defaults: { seriesLabelBytesMax: 2_000 } });
    const long = { ...labels, path: 'x'.repeat(1_000) };
    expect(await push(test, [sized(1_000)])).toMatchObject({ status: 200 });
    const error = errorOf(await push(test, [sized(1_000)], undefined, long));
    expect(error).toMatchObject({ status: 429 });
    expect(error.message).toContain('limit 2000 (seriesLabelBytesMax)');
  });
});

describe('the file of limits', () => {
  const set = async (test: TestApp, text: string) => {
    test.platform.files.set(path, text);
    test.platform.advance(1_000);
    await test.app.tick(test.platform.clock.nowMs());
  };
  const sampleLimit = async (test: TestApp) => {
    const { body } = await test.get('/api/v1/status/config');
    return JSON.parse(body).limitsInForce.defaults.samplesMax;
  };

  it.each(['{"defaults":{"sampleMax":1}}', '', undefined])(
    'lets nothing start when it is bad: %j',
    async (text) => {
      const starting = startApp({}, { limits: path }, ({ files }) => {
        if (text !== undefined) files.set(path, text);
      });
      await expect(starting).rejects.toMatchObject({
        kind: 'invalid',
        message: expect.stringMatching(/limits\.json/),
      });
    },
  );

  it('is in force for pushes and queries as soon as it was read again', async () => {
    const test = await start({});
    const query = (days: number) =>
      test.get(
        `/pyroscope/render?query=process_cpu:cpu:nanoseconds:cpu:nanoseconds{}&from=now-${days}d`,
      );
    expect((await query(2)).status).toBe(400);
    await set(test, '{"defaults":{"queryLengthMaxMs":"3d","profileBytesMax":8}}');
    expect((await query(2)).status).toBe(200);
    expect((await push(test, [small])).body).toContain('limit 8 (profileBytesMax)');
  });

  it('stays in force as it was while a new version is bad or gone', async () => {
    const test = await start({ defaults: { samplesMax: 5 } });
    const loads = (outcome: string) =>
      test.metric(`phlox_settings_file_loads_total{setting="limits",outcome="${outcome}"}`);
    const isRefused = () => test.metric('phlox_settings_file_refused{setting="limits"}');
    await set(test, '{"defaults":{"samplesMx":6}}');
    await set(test, '{"defaults":{"samplesMx":6}}');
    expect([await sampleLimit(test), await loads('refused'), await isRefused()]).toEqual([5, 1, 1]);
    test.platform.files.delete(path);
    await set(test, '{');
    const errors = test.platform.lines.filter(({ level }) => level === 'error');
    expect(errors).toHaveLength(2);
    expect(errors[0]).toMatchObject({
      setting: 'limits',
      file: path,
      error: expect.stringContaining('samplesMx: did you mean samplesMax?'),
    });
    expect(await sampleLimit(test)).toBe(5);
    await set(test, '{"defaults":{"samplesMax":7}}');
    expect([await sampleLimit(test), await loads('ok'), await isRefused()]).toEqual([7, 2, 0]);
  });

  it('holds two tenants to their own overrides, and shows each its own', async () => {
    const test = await start(
      {
        defaults: { labelNamesMax: 3 },
        overrides: { a: { labelNamesMax: 2 }, b: { labelNamesMax: 4, seriesMax: 9 } },
      },
      { multitenancy: true },
    );
    const withLabels = (count: number) =>
      Object.fromEntries([
        ...Object.entries(labels),
        ...Array.from({ length: count - 2 }, (_, i) => [`l${i}`, 'v']),
      ]) as typeof labels;
    for (const [tenant, most] of [
      ['a', 2],
      ['b', 4],
      ['c', 3],
    ] as const) {
      expect(await push(test, [small], tenant, withLabels(most))).toMatchObject({ status: 200 });
      const error = errorOf(await push(test, [small], tenant, withLabels(most + 1)));
      expect(error.message).toContain(`has ${most + 1} labels, limit ${most} (labelNamesMax)`);
      expect(await discarded(test, 'max_label_names_per_series', tenant)).toBe(1);
    }
    const shown = await test.app.fetch(
      new Request('http://127.0.0.1:4040/api/v1/tenant_limits', {
        headers: { 'x-scope-orgid': 'b' },
      }),
    );
    expect(await shown.json()).toEqual({
      ingestion_rate: 4 * mib,
      ingestion_burst_size: 32 * mib,
      max_global_series_per_user: 9,
    });
  });

  it('is not asked about what the log holds already', async () => {
    const test = await start({});
    expect(await push(test, [sized(1_000)])).toMatchObject({ status: 200 });
    const { localBucket, wal } = test.platform;
    // As after a kill: the same log and folder, another process, with limits that allow nothing.
    const next = await startApp({ localBucket, wal }, { limits: path }, ({ files, advance }) => {
      files.set(path, '{"defaults":{"profileBytesMax":16,"rejectOlderThanMs":1}}');
      advance(3 * 60 * minuteMs);
    });
    running = next;
    expect(await next.ask('LabelValues', { name: 'service_name' })).toEqual({ names: ['shop'] });
  });
});
