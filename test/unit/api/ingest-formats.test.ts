// One profile in every format: the same bytes are stored, and the stacks are the expected ones.
import { describe, expect, it } from 'vitest';
import { type ApiServer, createApiServer } from '../../support/api-server.ts';
import { decodeExpected } from '../../support/oracle.ts';
import {
  type SpeedscopeOptions,
  type Stacks,
  toFolded,
  toLines,
  toSpeedscope,
  toTree,
  toTrie,
} from '../../support/stack-formats.ts';

const stacks: Stacks = [
  ['main;shop.serve;checkout', 3],
  ['main;shop.serve', 2],
  ['main;gc', 1],
  ['main;shop.serve;checkout;payCard', 5],
  ['idle', 4],
  ['größe;日本;x', 7],
];
const from = 1_767_312_000_123_456_789n;
const until = from + 10_000_000_000n;
const query = `from=${from}&until=${until}&spyName=testspy`;

async function upload(body: Uint8Array, parameters: string): Promise<ApiServer> {
  const server = await createApiServer();
  const init = { method: 'POST', body: new Uint8Array(body) };
  const response = await server.send(`/ingest?${query}&${parameters}`, init);
  expect([response.status, await response.text()]).toEqual([200, '']);
  return server;
}

async function stored(body: Uint8Array, parameters: string) {
  const { pushes } = (await upload(body, parameters)).ingester;
  return (pushes[0]?.profiles ?? []).map(({ labels, body: profile }) => ({
    labels: Object.fromEntries(labels.map(({ name, value }) => [name, value])),
    profile,
  }));
}

function sums(profile: Uint8Array): [type: string, unit: string, Record<string, bigint>][] {
  const { sampleTypes, perType } = decodeExpected(profile);
  return sampleTypes.map(({ type, unit }) => [
    type,
    unit,
    Object.fromEntries(perType.get(type) ?? []),
  ]);
}

function expected(factor: bigint): Record<string, bigint> {
  return Object.fromEntries(stacks.map(([stack, count]) => [stack, BigInt(count) * factor]));
}

const shuffled = stacks.toReversed();
const parts = stacks.flatMap(
  ([stack, count]): Stacks => [
    [stack, 1],
    [stack, count - 1],
  ],
);
const twice = parts.filter(([, count]) => count > 0);

describe('one profile', () => {
  const formats: [string, string, Uint8Array][] = [
    ['groups', 'format=groups', toFolded(stacks)],
    ['folded', 'format=folded', toFolded(shuffled)],
    ['collapsed', 'format=collapsed', toFolded(twice)],
    ['no format', '', toFolded(stacks)],
    ['an unknown format', 'format=other', toFolded(stacks)],
    ['lines', 'format=lines', toLines(stacks)],
    ['lines in another order', 'format=lines', toLines(shuffled)],
    ['tree', 'format=tree', toTree(stacks)],
    ['tree in another order', 'format=tree', toTree(shuffled)],
    ['trie', 'format=trie', toTrie(stacks)],
    ['speedscope, sampled', 'format=speedscope', toSpeedscope(stacks)],
    ['speedscope, evented', 'format=speedscope', toSpeedscope(stacks, { type: 'evented' })],
    [
      'speedscope in ms',
      'format=speedscope',
      toSpeedscope(twice, { unit: 'milliseconds', weight: 20 }),
    ],
  ];

  it.each(formats)('is the same bytes as %s', async (_, format, body) => {
    const folded = await stored(toFolded(stacks), 'name=shop.cpu&sampleRate=50');
    const other = await stored(body, `name=shop.cpu&sampleRate=50&${format}`);
    expect(other[0]?.profile).toEqual(folded[0]?.profile);
    expect(sums(other[0]?.profile ?? new Uint8Array())).toEqual([
      ['cpu', 'nanoseconds', expected(20_000_000n)],
    ]);
  });

  it.each([
    ['binary/octet-stream+tree', toTree(stacks)],
    ['binary/octet-stream+trie', toTrie(stacks)],
  ])('is told by the content type %s', async (type, body) => {
    const server = await createApiServer();
    await server.send('/ingest?name=shop.wall&sampleRate=0', {
      method: 'POST',
      headers: { 'content-type': type },
      body: new Uint8Array(body),
    });
    const profile = server.ingester.pushes[0]?.profiles[0]?.body ?? new Uint8Array();
    expect(sums(profile)).toEqual([['samples', 'count', expected(1n)]]);
  });

  it('is the same bytes when the client tries again later', async () => {
    const [first] = await stored(toFolded(stacks), 'name=shop.cpu');
    await new Promise((resolve) => setTimeout(resolve, 5));
    const [second] = await stored(toFolded(stacks), 'name=shop.cpu');
    expect(second).toEqual(first);
  });
});

describe('units of speedscope', () => {
  const cases: [SpeedscopeOptions, string, string, string, string, bigint][] = [
    [{ unit: 'nanoseconds', weight: 100 }, 'shop', 'process_cpu', 'cpu', 'nanoseconds', 100n],
    [{ unit: 'microseconds' }, 'shop', 'process_cpu', 'cpu', 'nanoseconds', 1_000n],
    [{ unit: 'seconds' }, 'shop.wall', 'wall', 'wall', 'nanoseconds', 1_000_000_000n],
    [{ unit: 'seconds', weight: 0.001 }, 'shop', 'process_cpu', 'cpu', 'nanoseconds', 1_000_000n],
    [{ unit: 'none' }, 'shop', 'process_cpu', 'cpu', 'nanoseconds', 100_000n],
    [{ unit: 'none' }, 'shop.alloc_objects', 'memory', 'alloc_objects', 'count', 1n],
    [{ unit: 'bytes' }, 'shop.alloc_space', 'memory', 'alloc_space', 'bytes', 1n],
    [{ unit: 'bytes' }, 'shop.cpu', 'memory', 'samples', 'bytes', 1n],
    [{ unit: 'milliseconds' }, 'shop.mutex_duration', 'mutex', 'delay', 'nanoseconds', 1_000_000n],
  ];
  it.each(cases)(
    'stores %o of %s as %s %s',
    async (options, name, profileName, type, unit, factor) => {
      const [one] = await stored(toSpeedscope(stacks, options), `name=${name}&format=speedscope`);
      expect(one?.labels).toMatchObject({
        __name__: profileName,
        profile_name: 'main thread',
        service_name: 'shop',
      });
      expect(sums(one?.profile ?? new Uint8Array())).toEqual([[type, unit, expected(factor)]]);
    },
  );

  it('stores every profile of a file, with files and lines of its frames', async () => {
    const file = {
      $schema: 'https://www.speedscope.app/file-format-schema.json',
      shared: { frames: [{ name: 'f', file: 'f.js', line: 7 }, { name: 'g' }] },
      profiles: [
        { type: 'sampled', name: 'one', unit: 'seconds', samples: [[0, 1]], weights: [1] },
        { type: 'sampled', name: 'two', unit: 'bytes', samples: [[1]], weights: [3] },
        { type: 'sampled', name: 'none', unit: 'bytes', samples: [], weights: [] },
      ],
    };
    const body = new TextEncoder().encode(JSON.stringify(file));
    const found = await stored(body, 'name=shop&format=speedscope');
    expect(found.map(({ labels }) => [labels['profile_name'], labels['__name__']])).toEqual([
      ['one', 'process_cpu'],
      ['two', 'memory'],
    ]);
    expect(new TextDecoder().decode(found[0]?.profile)).toContain('f.js');
  });
});

describe('speedscope files', () => {
  const sampled = { type: 'sampled', unit: 'none', samples: [[0]], weights: [1] };
  const opened = { type: 'evented', unit: 'none', startValue: 0, endValue: 9 };
  it.each<[string, object, RegExp]>([
    ['no such frame', { ...sampled, samples: [[1]] }, /profile 1: frame 1 is none of 1/],
    ['no weight', { ...sampled, weights: [] }, /1 samples have 0 weights/],
    ['a negative weight', { ...sampled, weights: [-1] }, /weight 0: -1 is not from 0/],
    ['an unknown unit', { ...sampled, unit: 'miles' }, /unit "miles"/],
    ['an unknown type', { ...sampled, type: 'x' }, /type "x"/],
    ['a close without an open', { ...opened, events: [{ type: 'C', frame: 0, at: 1 }] }, /closes/],
    [
      'time that goes back',
      {
        ...opened,
        events: [
          { type: 'O', frame: 0, at: 5 },
          { type: 'C', frame: 0, at: 4 },
        ],
      },
      /event 1: at is before/,
    ],
  ])('with %s in one profile are refused as a whole', async (_, profile, message) => {
    const server = await createApiServer();
    const file = {
      $schema: 'https://www.speedscope.app/file-format-schema.json',
      shared: { frames: [{ name: 'f' }] },
      profiles: [sampled, profile],
    };
    const init = { method: 'POST', body: JSON.stringify(file) };
    const response = await server.send('/ingest?name=shop&format=speedscope', init);
    const answer = (await response.json()) as { message: string };
    expect([response.status, answer.message]).toEqual([422, expect.stringMatching(message)]);
    expect(server.ingester.pushes).toEqual([]);
  });
});

describe('suffixes', () => {
  const rows: [string, string, string, string][] = [
    ['', 'process_cpu', 'cpu', 'nanoseconds'],
    ['.cpu', 'process_cpu', 'cpu', 'nanoseconds'],
    ['.itimer', 'process_cpu', 'cpu', 'nanoseconds'],
    ['.wall', 'wall', 'wall', 'nanoseconds'],
    ['.inuse_objects', 'memory', 'inuse_objects', 'count'],
    ['.alloc_objects', 'memory', 'alloc_objects', 'count'],
    ['.inuse_space', 'memory', 'inuse_space', 'bytes'],
    ['.alloc_space', 'memory', 'alloc_space', 'bytes'],
    ['.goroutines', 'goroutine', 'goroutines', 'count'],
    ['.mutex_count', 'mutex', 'contentions', 'count'],
    ['.mutex_duration', 'mutex', 'delay', 'nanoseconds'],
    ['.block_count', 'block', 'contentions', 'count'],
    ['.lock_count', 'block', 'contentions', 'count'],
    ['.block_duration', 'block', 'delay', 'nanoseconds'],
    ['.lock_duration', 'block', 'delay', 'nanoseconds'],
    ['.alloc_in_new_tlab_objects', 'memory', 'alloc_in_new_tlab_objects', 'count'],
    ['.alloc_in_new_tlab_bytes', 'memory', 'alloc_in_new_tlab_bytes', 'bytes'],
    ['.alloc_outside_tlab_objects', 'memory', 'alloc_outside_tlab_objects', 'count'],
    ['.alloc_outside_tlab_bytes', 'memory', 'alloc_outside_tlab_bytes', 'bytes'],
    ['.live', 'memory', 'live', 'count'],
    ['.exceptions', 'exceptions', 'samples', 'count'],
    ['.seconds', 'wall', 'wall', 'nanoseconds'],
    ['.milliseconds', 'wall', 'wall', 'nanoseconds'],
    ['.microseconds', 'wall', 'wall', 'nanoseconds'],
    ['.nanoseconds', 'wall', 'wall', 'nanoseconds'],
    ['.bytes', 'memory', 'samples', 'bytes'],
  ];
  it.each(rows)('%s is %s %s in %s', async (suffix, profileName, type, unit) => {
    const [one] = await stored(toFolded([['a;b', 2]]), `name=team/shop${suffix}&sampleRate=100`);
    expect(one?.labels).toEqual({
      __name__: profileName,
      pyroscope_spy: 'testspy',
      service_name: 'team/shop',
    });
    const factor = ['cpu', 'wall'].includes(type) ? 10_000_000n : 1n;
    expect(sums(one?.profile ?? new Uint8Array())).toEqual([[type, unit, { 'a;b': 2n * factor }]]);
  });

  it.each([
    ['sampleRate=0', 'samples', 2n],
    ['sampleRate=', 'cpu', 20_000_000n],
    ['sampleRate=-3', 'cpu', 20_000_000n],
    ['sampleRate=many', 'cpu', 20_000_000n],
    ['sampleRate=3', 'cpu', 666_666_666n],
    ['sampleRate=4000000000', 'cpu', 2n],
  ])('%s gives %s of %s', async (rate, type, value) => {
    const [one] = await stored(toFolded([['a', 2]]), `name=shop.cpu&${rate}`);
    const [found] = sums(one?.profile ?? new Uint8Array());
    expect([found?.[0], found?.[2]['a']]).toEqual([type, value]);
  });
});

describe('labels of a name', () => {
  it('keep the application beside a service that the client names', async () => {
    const name = encodeURIComponent(
      'shop.cpu{region=eu, b = x=y ,service_name=checkout,__session_id__=ab,__x__=1,region=us}',
    );
    const [one] = await stored(toFolded([['a', 2]]), `name=${name}`);
    expect(one?.labels).toEqual({
      __name__: 'process_cpu',
      __session_id__: 'ab',
      app_name: 'shop',
      b: 'x=y',
      pyroscope_spy: 'testspy',
      region: 'us',
      service_name: 'checkout',
    });
  });

  it('ignore a profile with a profile_id', async () => {
    const name = encodeURIComponent('shop.cpu{profile_id=7}');
    const server = await upload(toFolded([['a', 2]]), `name=${name}`);
    expect(server.ingester.pushes).toEqual([]);
  });
});
