// Captured OTLP requests of both layouts and encodings, and what is stored of them: one golden
// answer for all. The captures were written by the published packages, not by us.
import { describe, expect, it } from 'vitest';
import { decodeOtlpBinary } from '../../../src/convert/otlp-binary.ts';
import { decodeOtlpJson } from '../../../src/convert/otlp-json.ts';
import { finish } from '../../../src/lib/steps.ts';
import { convertAll, otlpFixture, readPushed } from '../../support/otlp-requests.ts';

function storedOf(file: string) {
  const bytes = otlpFixture(file);
  const request = file.endsWith('.binpb')
    ? finish(decodeOtlpBinary(bytes))
    : finish(decodeOtlpJson(bytes));
  return convertAll(request).map(({ pushed, failure }) => {
    expect(failure).toBeUndefined();
    return pushed.map(readPushed);
  });
}

const files = (name: string) =>
  [
    '1.9.binpb',
    '1.10.binpb',
    '1.9.jsonl',
    '1.10.jsonl',
    '1.9-base64.jsonl',
    '1.10-base64.jsonl',
  ].map((suffix) => `${name}-${suffix}`);

const timeNs = 1_700_000_000_123_456_789n;
const main = 'main:12';
const work = `inner:6 work:25 ${main}`;
const shop = ['/usr/bin/shop', '0123abcd', true, 0x400000n];
const libc = ['/usr/lib/libc.so.6', '', false, 0x7f0000n];
const own = { __delta__: 'false', __otel__: 'true' };
const checkout = {
  ...own,
  'service.name': 'checkout',
  'k8s.pod.name': 'checkout-1',
  'host.cpus': '4',
  one: 'element',
  agent: 'ebpf',
};
const cpu = {
  types: ['cpu:nanoseconds'],
  period: 10_000_000n,
  timeNs,
  durationNs: 5_000_000_000n,
  defaultType: 'cpu',
};

const shopStored = [
  [
    {
      ...cpu,
      labels: { ...checkout, __name__: 'process_cpu', service_name: 'checkout' },
      mappings: [shop, libc],
      samples: [
        {
          stack: main,
          value: [20_000_000n],
          labels: { 'thread.name': 'worker', 'cpu.logical_number': '3' },
        },
        {
          stack: work,
          value: [30_000_000n],
          labels: {
            span_id: '1112131415161718',
            trace_id: '0102030405060708090a0b0c0d0e0f10',
          },
        },
        { stack: `0x7f1234 ${work}`, value: [50_000_000n], labels: {} },
      ],
    },
    {
      ...cpu,
      labels: { ...checkout, __name__: 'process_cpu', service_name: 'sidecar' },
      mappings: [shop],
      samples: [{ stack: work, value: [70_000_000n], labels: { 'thread.name': 'worker' } }],
    },
  ],
  [
    {
      ...cpu,
      labels: { ...checkout, __name__: 'off_cpu', service_name: 'checkout' },
      types: ['off_cpu:nanoseconds'],
      period: 0n,
      defaultType: 'off_cpu',
      mappings: [shop],
      samples: [{ stack: work, value: [2n ** 53n + 1_001n], labels: {} }],
    },
  ],
  [
    {
      ...cpu,
      labels: {
        ...own,
        __name__: 'wall',
        service_name: 'unknown_service:nginx',
        'process.executable.name': 'nginx',
      },
      types: ['wall:nanoseconds'],
      period: 1_000n,
      defaultType: 'wall',
      mappings: [shop],
      samples: [{ stack: main, value: [2n ** 40n], labels: {} }],
    },
  ],
];

describe('captured requests', () => {
  it.each(files('shop'))('%s becomes the profiles it is of', (file) => {
    expect(storedOf(file)).toEqual(shopStored);
  });

  it.each(files('timestamps'))('%s counts timestamps where there are no values', (file) => {
    const labels = { 'thread.name': 'worker' };
    expect(storedOf(file)).toMatchObject([
      [
        {
          labels: { __name__: 'process_cpu', service_name: 'checkout' },
          samples: [
            { stack: main, value: [1_000n], labels },
            { stack: work, value: [4_000n], labels },
          ],
        },
      ],
    ]);
  });

  it('become the same bytes, whichever layout and encoding they came in', () => {
    const bodies = files('shop').map((file) => {
      const bytes = otlpFixture(file);
      const request = file.endsWith('.binpb')
        ? finish(decodeOtlpBinary(bytes))
        : finish(decodeOtlpJson(bytes));
      const all = convertAll(request).flatMap(({ pushed }) => pushed.map(({ body }) => body));
      return all.map((body) => Buffer.from(body).toString('hex'));
    });
    for (const body of bodies) expect(body).toEqual(bodies[0]);
  });
});
