// Uploads through the whole app: what clients send is found afterwards under the names that
// dashboards ask for, once.
import { describe, expect, it } from 'vitest';
import { encodePprof, type PprofInput } from '../fixtures/pprof-writer.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { loadFixture } from '../support/fixtures.ts';
import { toFolded, toTree } from '../support/stack-formats.ts';
import { stamped } from '../support/stamp.ts';
import { formUpload } from '../support/upload.ts';

const origin = 'http://127.0.0.1:4040';

async function upload(app: TestApp, path: string, init: RequestInit): Promise<number> {
  const request = new Request(`${origin}${path}`, { method: 'POST', ...init });
  const response = await app.app.fetch(request);
  const text = await response.text();
  expect(text).toMatch(response.status === 200 ? /^$/ : /^\{"code":"\w+","message":"/);
  return response.status;
}

async function typesOf(app: TestApp): Promise<string[]> {
  const answer = (await app.ask('ProfileTypes', {})) as { profileTypes?: { ID: string }[] };
  return (answer.profileTypes ?? []).map(({ ID }) => ID).sort();
}

type Types = PprofInput['sampleTypes'];

interface Source {
  source: string;
  sampleTypes: Types;
  periodType?: readonly [string, string];
  spyName: string;
  config?: Record<string, { 'display-name': string }>;
  stored: string[];
}

const heap: Types = [
  ['alloc_objects', 'count'],
  ['alloc_space', 'bytes'],
  ['inuse_objects', 'count'],
  ['inuse_space', 'bytes'],
];
const contentions: Types = [
  ['contentions', 'count'],
  ['delay', 'nanoseconds'],
];

const sources: Source[] = [
  {
    source: 'Go CPU',
    spyName: 'gospy',
    sampleTypes: [
      ['samples', 'count'],
      ['cpu', 'nanoseconds'],
    ],
    periodType: ['cpu', 'nanoseconds'],
    stored: [
      'process_cpu:cpu:nanoseconds:cpu:nanoseconds',
      'process_cpu:samples:count:cpu:nanoseconds',
    ],
  },
  {
    source: 'Go heap',
    spyName: 'gospy',
    sampleTypes: heap,
    periodType: ['space', 'bytes'],
    stored: heap.map(([type, unit]) => `memory:${type}:${unit}:space:bytes`),
  },
  {
    source: 'Go goroutines',
    spyName: 'gospy',
    sampleTypes: [['goroutine', 'count']],
    periodType: ['goroutine', 'count'],
    config: { goroutine: { 'display-name': 'goroutines' } },
    stored: ['goroutines:goroutine:count:goroutine:count'],
  },
  {
    source: 'Go block',
    spyName: 'gospy',
    sampleTypes: contentions,
    periodType: ['contentions', 'count'],
    config: {
      contentions: { 'display-name': 'block_count' },
      delay: { 'display-name': 'block_duration' },
    },
    stored: [
      'block:contentions:count:contentions:count',
      'block:delay:nanoseconds:contentions:count',
    ],
  },
  {
    source: 'Go mutex',
    spyName: 'gospy',
    sampleTypes: contentions,
    periodType: ['contentions', 'count'],
    stored: [
      'mutex:contentions:count:contentions:count',
      'mutex:delay:nanoseconds:contentions:count',
    ],
  },
  {
    source: 'Node wall',
    spyName: 'nodespy',
    sampleTypes: [
      ['samples', 'count'],
      ['wall', 'microseconds'],
    ],
    periodType: ['wall', 'microseconds'],
    stored: ['wall:samples:count:wall:microseconds', 'wall:wall:microseconds:wall:microseconds'],
  },
  {
    source: 'older Node heap',
    spyName: 'nodespy',
    sampleTypes: [
      ['objects', 'count'],
      ['space', 'bytes'],
    ],
    periodType: ['space', 'bytes'],
    stored: ['memory:objects:count:space:bytes', 'memory:space:bytes:space:bytes'],
  },
  {
    source: 'pyspy',
    spyName: 'pyspy',
    sampleTypes: [['samples', 'count']],
    periodType: ['', 'milliseconds'],
    stored: ['process_cpu:samples:count::milliseconds'],
  },
  {
    source: '.NET',
    spyName: 'dotnetspy',
    sampleTypes: [
      ['cpu', 'nanoseconds'],
      ['alloc-samples', 'count'],
      ['alloc-size', 'bytes'],
    ],
    periodType: ['', 'nanoseconds'],
    config: { cpu: { 'display-name': 'cpu' }, 'alloc-size': { 'display-name': 'alloc-size' } },
    stored: [
      'process_cpu:alloc_samples:count::nanoseconds',
      'process_cpu:alloc_size:bytes::nanoseconds',
      'process_cpu:cpu:nanoseconds::nanoseconds',
    ],
  },
];

function profileOf({ sampleTypes, periodType }: Source): Uint8Array<ArrayBuffer> {
  return encodePprof({
    sampleTypes,
    samples: [{ locations: [1], values: sampleTypes.map((_, i) => i + 1) }],
    locations: [{ id: 1, lines: [{ function: 1 }] }],
    functions: [{ id: 1, name: 'work', file: 'work.x' }],
    ...(periodType && { periodType }),
  });
}

describe('profile types', () => {
  it.each(sources)('of $source are those of Pyroscope', async (source) => {
    await using app = await startApp();
    const config = source.config && { sample_type_config: JSON.stringify(source.config) };
    const form = formUpload({ profile: profileOf(source), ...config });
    const path = `/ingest?name=shop&spyName=${source.spyName}&from=${app.platform.clock.nowMs()}`;
    expect(await upload(app, path, form)).toBe(200);
    expect(await typesOf(app)).toEqual(source.stored);
  });

  it.each([
    ['node-wall', 'nodespy', 'wall'],
    ['node-heap', 'nodespy', 'memory'],
    ['go-cpu', 'gospy', 'process_cpu'],
    ['python-wall', 'pyspy', 'wall'],
  ] as const)('of the file %s by %s are of %s', async (name, spyName, expected) => {
    await using app = await startApp();
    const profile = stamped(
      loadFixture(name).packed,
      BigInt(app.platform.clock.nowMs()) * 1_000_000n,
    );
    const path = `/ingest?name=shop&spyName=${spyName}&from=${app.platform.clock.nowMs()}`;
    expect(await upload(app, path, formUpload({ profile }))).toBe(200);
    const types = await typesOf(app);
    expect(types.length).toBeGreaterThan(0);
    for (const type of types) expect(type.split(':')[0]).toBe(expected);
  });
});

describe('an upload', () => {
  const text = toFolded([
    ['main;work', 3],
    ['main;rest', 1],
  ]);
  const name = encodeURIComponent('shop.cpu{region=eu,__session_id__=00ff}');

  it('is found under its labels, and stored once when it comes again', async () => {
    await using app = await startApp();
    const path = `/ingest?name=${name}&from=${app.platform.clock.nowMs()}&spyName=rbspy`;
    for (let i = 0; i < 2; i++) {
      expect(await upload(app, path, { body: new Uint8Array(text) })).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    const tree = toTree([
      ['main;rest', 1],
      ['main;work', 3],
    ]);
    expect(await upload(app, `${path}&format=tree`, { body: new Uint8Array(tree) })).toBe(200);
    const sets = (await app.ask('Series', { matchers: ['{service_name="shop"}'] })) as {
      labelsSet: { labels: { name: string; value: string }[] }[];
    };
    const labels = sets.labelsSet.map((set) =>
      set.labels.filter(({ name: n }) => !n.startsWith('__')),
    );
    expect(labels).toEqual([
      [
        { name: 'pyroscope_spy', value: 'rbspy' },
        { name: 'region', value: 'eu' },
        { name: 'service_name', value: 'shop' },
      ],
    ]);
    expect(
      await app.metric('pyroscope_head_profiles_created_total{profile_name="process_cpu"}'),
    ).toBe(1);
  });

  it('that the ingester refuses is 400 as text and 422 as pprof', async () => {
    await using app = await startApp();
    const many = encodeURIComponent(
      `shop{${Array.from({ length: 40 }, (_, i) => `l${i}=v`).join(',')}}`,
    );
    const path = `/ingest?name=${many}`;
    expect(await upload(app, path, { body: new Uint8Array(text) })).toBe(400);
    const profile = profileOf(sources[0] as Source);
    expect(await upload(app, path, formUpload({ profile }))).toBe(422);
  });

  it('of functions without ids is repaired', async () => {
    await using app = await startApp();
    const profile = encodePprof({
      sampleTypes: [['cpu', 'nanoseconds']],
      samples: [{ locations: [1, 2], values: [5] }],
      locations: [
        { id: 1, lines: [{ function: 1 }] },
        { id: 2, lines: [{ function: 2 }] },
      ],
      functions: [
        { id: 0, name: 'leaf' },
        { id: 0, name: 'root' },
      ],
    });
    const path = `/ingest?name=shop&spyName=dotnetspy&from=${app.platform.clock.nowMs()}`;
    expect(await upload(app, path, formUpload({ profile }))).toBe(200);
    const query = encodeURIComponent('process_cpu:cpu:nanoseconds::{service_name="shop"}');
    const { body } = await app.get(`/pyroscope/render?query=${query}&from=now-1h&until=now%2B1m`);
    expect(JSON.parse(body)).toMatchObject({ flamebearer: { names: ['total', 'root', 'leaf'] } });
  });
});
