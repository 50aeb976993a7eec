// Limits as operators change them: a file that is read at start and when it changes.
import { afterEach, describe, expect, it } from 'vitest';
import { startApp, type TestApp } from '../support/app.ts';
import {
  discarded,
  errorOf,
  labels,
  limitsPath,
  push,
  sized,
  small,
  startLimited,
} from '../support/limited-app.ts';

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

describe('the file of limits', () => {
  const set = async (test: TestApp, text: string) => {
    test.platform.files.set(limitsPath, text);
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
      const starting = startApp({}, { limits: limitsPath }, ({ files }) => {
        if (text !== undefined) files.set(limitsPath, text);
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
    test.platform.files.delete(limitsPath);
    await set(test, '{');
    const errors = test.platform.lines.filter(({ level }) => level === 'error');
    expect(errors).toHaveLength(2);
    expect(errors[0]).toMatchObject({
      setting: 'limits',
      file: limitsPath,
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
      ]);
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
    const next = await startApp(
      { localBucket, wal },
      { limits: limitsPath },
      ({ files, advance }) => {
        files.set(limitsPath, '{"defaults":{"profileBytesMax":16,"rejectOlderThanMs":1}}');
        advance(3 * 60 * minuteMs);
      },
    );
    running = next;
    expect(await next.ask('LabelValues', { name: 'service_name' })).toEqual({ names: ['shop'] });
  });
});
