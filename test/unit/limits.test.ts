// Limits of pushes as clients meet them: statuses, messages, counters.
import { afterEach, describe, expect, it } from 'vitest';
import type { TestApp } from '../support/app.ts';
import {
  at,
  discarded,
  errorOf,
  labels,
  push,
  sized,
  small,
  startLimited,
} from '../support/limited-app.ts';
import { testStartMs } from '../support/memory-platform.ts';
import { stamped } from '../support/stamp.ts';

const minuteMs = 60_000;
const mib = 2 ** 20;
let running: TestApp | undefined;

afterEach(async () => {
  await running?.[Symbol.asyncDispose]();
  running = undefined;
});

async function start(...given: Parameters<typeof startLimited>) {
  running = await startLimited(...given);
  return running;
}

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
    const nameless = { service_name: 'shop' };
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
    let pushes = 0;
    const of = (service: string) => {
      const timeMs = test.platform.clock.nowMs() + pushes++;
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
