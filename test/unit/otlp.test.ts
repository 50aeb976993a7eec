// OTLP through the whole app: the same profiles by either layout, either encoding, and by Push
// answer every query alike, and a request sent again is stored once.
import { afterEach, expect, it } from 'vitest';
import { encodePprof } from '../fixtures/pprof-writer.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { otlpFixture, otlpPath } from '../support/otlp-requests.ts';

const origin = 'http://127.0.0.1:4040';
const capturedNs = 1_700_000_000_123_456_789n;
let running: TestApp[] = [];

afterEach(async () => {
  for (const app of running) await app[Symbol.asyncDispose]();
  running = [];
});

async function started(): Promise<TestApp> {
  const app = await startApp();
  running.push(app);
  return app;
}

/** The captures are of one fixed time; this is their time in a request that is sent now. */
function madeAt(file: string, timeNs: bigint): Uint8Array<ArrayBuffer> {
  const bytes = otlpFixture(file);
  if (!file.endsWith('.binpb')) {
    const text = new TextDecoder().decode(bytes);
    return new TextEncoder().encode(text.replaceAll(String(capturedNs), String(timeNs)));
  }
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 8 <= bytes.length; at++) {
    if (view.getBigUint64(at, true) === capturedNs) view.setBigUint64(at, timeNs, true);
  }
  return bytes;
}

async function post(app: TestApp, body: Uint8Array<ArrayBuffer>, type: string) {
  const init = { method: 'POST', headers: { 'content-type': type }, body };
  const response = await app.app.fetch(new Request(`${origin}${otlpPath}`, init));
  return { status: response.status, body: await response.text() };
}

const types = [
  'process_cpu:cpu:nanoseconds:cpu:nanoseconds',
  'off_cpu:off_cpu:nanoseconds::',
  'wall:wall:nanoseconds:wall:nanoseconds',
];
const selectors = [
  '{}',
  '{service_name="checkout"}',
  '{service_name="sidecar"}',
  '{service_name="unknown_service:nginx"}',
  '{"thread.name"="worker"}',
];

async function answers(app: TestApp, nowMs: number) {
  const range = { start: String(nowMs - 3_600_000), end: String(nowMs + 3_600_000) };
  const ask = async (method: string, body: object) => {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...range, ...body }),
    };
    const url = `${origin}/querier.v1.QuerierService/${method}`;
    const response = await app.app.fetch(new Request(url, init));
    const answer = await response.json();
    expect(response.status, JSON.stringify(answer)).toBe(200);
    return answer;
  };
  const all: Record<string, unknown> = {
    types: await ask('ProfileTypes', {}),
    series: await ask('Series', { matchers: [], labelNames: [] }),
  };
  for (const profileTypeID of types) {
    for (const labelSelector of selectors) {
      const query = { profileTypeID, labelSelector };
      all[`${profileTypeID} ${labelSelector}`] = [
        await ask('SelectMergeStacktraces', { ...query, maxNodes: 100 }),
        await ask('SelectSeries', { ...query, step: 15, groupBy: ['service_name'] }),
      ];
    }
    const spans = { profileTypeID, labelSelector: '{}', spanSelector: ['1112131415161718'] };
    all[`${profileTypeID} of a span`] = await ask('SelectMergeSpanProfile', spans);
  }
  return all;
}

const functions = [
  { id: 1, name: 'main', systemName: '_Zmain', file: 'shop.c', startLine: 10 },
  { id: 2, name: 'work', systemName: '_Zwork', file: 'shop.c', startLine: 20 },
  { id: 3, name: 'inner', systemName: '_Zinner', file: 'shop.h', startLine: 5 },
];
const mappings = [
  { id: 1, start: 0x400000, limit: 0x500000, offset: 0x1000, file: '/usr/bin/shop' },
  { id: 2, start: 0x7f0000, limit: 0x7fffff, file: '/usr/lib/libc.so.6' },
];
const locations = [
  { id: 1, mapping: 1, address: 0x401000, lines: [{ function: 1, line: 12 }] },
  {
    id: 2,
    mapping: 1,
    address: 0x402000,
    lines: [
      { function: 3, line: 6 },
      { function: 2, line: 25 },
    ],
  },
  { id: 3, mapping: 2, address: 0x7f1234 },
];
const worker = { key: 'thread.name', text: 'worker' };
const core = { key: 'cpu.logical_number', text: '3' };
const link = [
  { key: 'span_id', text: '1112131415161718' },
  { key: 'trace_id', text: '0102030405060708090a0b0c0d0e0f10' },
];

/** What the captured request says, as a client of Push would. */
function asPush(timeNs: bigint) {
  const shared = { functions, mappings, locations, timeNs, durationNs: 5_000_000_000n };
  const cpu = {
    ...shared,
    sampleTypes: [['cpu', 'nanoseconds']],
    periodType: ['cpu', 'nanoseconds'],
    period: 10_000_000,
  } as const;
  const checkout = {
    service_name: 'checkout',
    'service.name': 'checkout',
    'k8s.pod.name': 'checkout-1',
    'host.cpus': '4',
    one: 'element',
    agent: 'ebpf',
  };
  const series = (labels: Record<string, string>, profile: Parameters<typeof encodePprof>[0]) => {
    return { labels, profiles: [encodePprof(profile)] };
  };
  return [
    series(
      { ...checkout, __name__: 'process_cpu' },
      {
        ...cpu,
        samples: [
          { locations: [1], values: [20_000_000], labels: [worker, core] },
          { locations: [2, 1], values: [30_000_000], labels: link },
          { locations: [3, 2, 1], values: [50_000_000] },
        ],
      },
    ),
    series(
      { ...checkout, service_name: 'sidecar', __name__: 'process_cpu' },
      { ...cpu, samples: [{ locations: [2, 1], values: [70_000_000], labels: [worker] }] },
    ),
    series(
      { ...checkout, __name__: 'off_cpu' },
      {
        ...shared,
        sampleTypes: [['off_cpu', 'nanoseconds']],
        samples: [{ locations: [2, 1], values: [2n ** 53n + 1_001n] }],
      },
    ),
    series(
      {
        __name__: 'wall',
        service_name: 'unknown_service:nginx',
        'process.executable.name': 'nginx',
      },
      {
        ...shared,
        sampleTypes: [['wall', 'nanoseconds']],
        periodType: ['wall', 'nanoseconds'],
        period: 1_000,
        samples: [{ locations: [1], values: [2n ** 40n] }],
      },
    ),
  ];
}

const doors: [string, string][] = [
  ['shop-1.9.binpb', 'application/x-protobuf'],
  ['shop-1.10.binpb', 'application/x-protobuf'],
  ['shop-1.10.jsonl', 'application/json'],
];

it('answers queries as a push of the same profiles does', async () => {
  const pushed = await started();
  const nowMs = pushed.platform.clock.nowMs();
  const timeNs = BigInt(nowMs) * 1_000_000n + 456_789n;
  expect(await pushed.push(asPush(timeNs))).toMatchObject({ status: 200 });
  const expected = await answers(pushed, nowMs);
  for (const type of types) {
    expect(JSON.stringify(expected[`${type} {}`])).toContain('"main"');
  }
  for (const [file, type] of doors) {
    const app = await started();
    const answer = await post(app, madeAt(file, timeNs), type);
    expect(answer).toEqual({ status: 200, body: type === 'application/json' ? '{}' : '' });
    expect(await answers(app, nowMs), file).toEqual(expected);
    // A client that did not hear the answer sends the request again.
    await post(app, madeAt(file, timeNs), type);
    expect(await answers(app, nowMs), `${file} again`).toEqual(expected);
  }
});
