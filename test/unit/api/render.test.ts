// `/pyroscope/render`, `/render-diff` and `/label-values`: parameters, shapes and formats.
import { describe, expect, it } from 'vitest';
import { gunzip } from '../../../src/runtime/gzip.ts';
import { createApiServer } from '../../support/api-server.ts';

const type = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
const query = `${type}{service_name="shop",}`;
const tenants = ['anonymous'];
const [from, until] = ['1700000003', '1700000063'];
const range = { startMs: 1_700_000_003_000, endMs: 1_700_000_063_000 };
const selector = '{"service_name"="shop"}';
const asked = { profileType: type, selector, range, maxNodes: undefined, samples: {} };

const path = (name: string, params: Record<string, string> | [string, string][]) =>
  `/pyroscope/${name}?${new URLSearchParams(params)}`;
const render = async (params: Record<string, string>, headers: Record<string, string> = {}) => {
  const server = await createApiServer();
  const all = { query, from, until, ...params };
  return { server, response: await server.send(path('render', all), { headers }) };
};

describe('render', () => {
  it('answers flamebearer with a timeline on the grid', async () => {
    const { server, response } = await render({ 'max-nodes': '5' });
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({
      version: 1,
      flamebearer: {
        names: ['total', 'a', 'c', 'd', 'b', 'e'],
        levels: [
          [0, 4, 0, 0],
          [0, 4, 0, 1],
          [0, 1, 0, 4, 0, 3, 2, 2],
          [0, 1, 1, 5, 2, 1, 1, 3],
        ],
        numTicks: 4,
        maxSelf: 2,
      },
      metadata: {
        format: 'single',
        spyName: '',
        sampleRate: 1_000_000_000,
        units: 'samples',
        name: 'cpu',
      },
      timeline: {
        startTime: 1_699_999_995,
        samples: [0, 2 ** 60, 0, 0],
        durationDelta: 15,
        watermarks: null,
      },
      groups: null,
      heatmap: null,
    });
    const onGrid = { startMs: 1_699_999_995_000, endMs: 1_700_000_055_000 };
    expect(server.queries.asked).toEqual([
      [
        'flameGraphAndSeries',
        tenants,
        { ...asked, maxNodes: 5 },
        {
          profileType: type,
          selector,
          range: onGrid,
          stepMs: 15_000,
          groupBy: [],
          aggregation: 'sum',
          limit: 0,
        },
      ],
    ]);
  });

  it('writes numbers past 2^53 with all their digits', async () => {
    const server = await createApiServer();
    const most = 2n ** 63n - 1n;
    const levels = [BigInt64Array.of(0n, most, 0n, 0n)];
    server.queries.answers.flameGraph = { names: ['total'], levels, total: most, maxSelf: most };
    const response = await server.send(path('render', { query, from, until }));
    const body = await response.text();
    expect(body).toContain(`"levels":[[0,${most},0,0]],"numTicks":${most},"maxSelf":${most}`);
  });

  it('groups by labels: the first names the groups, `*` those without it', async () => {
    const server = await createApiServer();
    const at = (timestampMs: number, value: number) => ({ timestampMs, value });
    const first = 1_700_000_010_000;
    server.queries.answers.timeSeries = [
      { labels: [{ name: 'pod', value: 'a' }], points: [at(first, 1.9)] },
      {
        labels: [
          { name: 'env', value: 'x' },
          { name: 'pod', value: 'a' },
        ],
        points: [at(first, 2), at(first + 15_000, 3)],
      },
      { labels: [], points: [at(first, 4)] },
    ];
    const params: [string, string][] = [
      ['query', query],
      ['from', from],
      ['until', until],
      ['groupBy', 'pod'],
      ['groupBy', 'env'],
      ['aggregation', 'avg'],
    ];
    const response = await server.send(path('render', params));
    const rest = { startTime: 1_699_999_995, durationDelta: 15, watermarks: null };
    expect(await response.json()).toMatchObject({
      timeline: { ...rest, samples: [0, 0, 0, 0] },
      groups: {
        a: { ...rest, samples: [0, 3, 3, 0] },
        '*': { ...rest, samples: [0, 4, 0, 0] },
      },
    });
    const [call] = server.queries.asked;
    expect(call?.[3]).toMatchObject({ groupBy: ['pod', 'env'], aggregation: 'average' });
  });

  it.each([
    ['memory:inuse_space:bytes:space:bytes', 'bytes', 100],
    ['memory:alloc_objects:count:space:bytes', 'objects', 100],
    ['goroutine:goroutine:count:goroutine:count', 'objects', 100],
    ['mutex:delay:nanoseconds:contentions:count', 'nanoseconds', 100],
    ['process_cpu:samples:count::milliseconds', 'objects', 100],
  ])('tells the units of %s', async (id, units, sampleRate) => {
    const { response } = await render({ query: `{__name__="${id}"}` });
    expect(await response.json()).toMatchObject({ metadata: { units, sampleRate } });
  });

  it.each([
    ['dot', 'text/plain; charset=utf-8', 'dot', 'digraph "cpu" {}\n'],
    ['collapsed', 'text/plain; charset=utf-8', 'folded', 'a;c 2\na;b;e 1\na;c;d 1\n'],
    ['folded', 'text/plain; charset=utf-8', 'folded', 'a;c 2\na;b;e 1\na;c;d 1\n'],
  ])('answers format %s', async (format, contentType, method, body) => {
    const { server, response } = await render({ format });
    expect(response.headers.get('content-type')).toBe(contentType);
    expect(await response.text()).toBe(body);
    expect(server.queries.asked).toEqual([[method, tenants, asked]]);
  });

  it('answers format pprof, uncompressed and whole, for whoever takes no gzip', async () => {
    const { server, response } = await render({ format: 'pprof', maxNodes: '0' });
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(server.queries.answers.pprof);
    expect(server.queries.asked).toEqual([['pprof', tenants, asked]]);
  });

  it('answers format md, with a budget and a baseline of another time', async () => {
    const plain = await render({ format: 'md' });
    expect(plain.response.headers.get('content-type')).toBe('text/markdown; charset=utf-8');
    expect(await plain.response.text()).toBe('# Hot spots\n');
    expect(plain.server.queries.asked).toEqual([['report', tenants, { ...asked, budget: 8_000 }]]);
    const params = {
      format: 'md',
      budget: '500',
      baselineFrom: '1600000000',
      baselineUntil: '1600000060',
    };
    const { server } = await render(params);
    const baseline = { ...asked, range: { startMs: 1_600_000_000_000, endMs: 1_600_000_060_000 } };
    expect(server.queries.asked).toEqual([
      ['report', tenants, { ...asked, budget: 500, baseline }],
    ]);
  });

  it('answers format md with a baseline of other series at the same time', async () => {
    const { server } = await render({ format: 'md', baselineQuery: `${type}{v="1"}` });
    const baseline = { ...asked, selector: '{"v"="1"}' };
    expect(server.queries.asked[0]?.[2]).toMatchObject({ baseline });
  });

  it.each([['json'], ['odd'], ['']])('answers format %j with json', async (format) => {
    const { response } = await render({ format });
    expect(await response.json()).toMatchObject({ version: 1 });
  });

  it.each([
    [{ query: '' }, 'query is missing'],
    [{ query: `${type}{` }, 'bad selector'],
    [{ query: '{service_name="x"}' }, 'names no profile type'],
    [{ query: `{__profile_type__="${type}"}` }, 'names no profile type'],
    [{ query: 'cpu{service_name="x"}' }, 'has 1 parts'],
    [{ from: '0' }, 'from is 0'],
    [{ until: '0' }, 'until is 0'],
    [{ from: 'now', until: 'now-1h' }, 'is after'],
    [{ maxNodes: '-1' }, 'max-nodes is -1'],
    [{ format: 'md', budget: '0' }, 'budget is "0"'],
    [{ format: 'md', budget: 'x' }, 'budget is "x"'],
    [{ format: 'md', baselineQuery: 'a:b:c:d:e{}' }, 'different profile types'],
  ])('refuses %j', async (params, message) => {
    const { server, response } = await render(params);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining(message),
    });
    expect(server.queries.asked).toEqual([]);
  });

  it('reads times of every format, and what is none as now', async () => {
    for (const [text, startMs] of [
      ['1700000000', 1_700_000_000_000],
      ['1700000000000', 1_700_000_000_000],
      ['20231114', 1_699_920_000_000],
    ] as const) {
      const { server } = await render({ from: text, until: 'nonsense', format: 'dot' });
      const request = server.queries.asked[0]?.[2] as { range: typeof range };
      expect(request.range.startMs).toBe(startMs);
      expect(Math.abs(request.range.endMs - Date.now())).toBeLessThan(60_000);
    }
  });

  it('keeps every kind of matcher', async () => {
    const ticks = '`\\d`';
    const odd = String.raw`{"k8s.pod"=~"a.*\"b", x!='\'', y!~${ticks}, __name__="${type}"}`;
    const { server } = await render({ query: odd, format: 'dot' });
    const text = String.raw`{"k8s.pod"=~"a.*\"b","x"!="'","y"!~"\\d"}`;
    expect(server.queries.asked[0]?.[2]).toMatchObject({ profileType: type, selector: text });
  });

  it('takes a second name for a matcher of the series', async () => {
    const { server } = await render({ query: `${type}{__name__="memory"}`, format: 'dot' });
    const selector = '{"__name__"="memory"}';
    expect(server.queries.asked[0]?.[2]).toMatchObject({ profileType: type, selector });
  });

  // The larger one is compressed in pieces, so that nobody waits for it.
  it.each([1_000, 200_000])('compresses %i lines for those that take it', async (lines) => {
    const server = await createApiServer();
    server.queries.answers.folded = 'main;work 1\n'.repeat(lines);
    const at = path('render', { query, from, until, format: 'folded' });
    const refused = await server.send(at, { headers: { 'accept-encoding': 'gzip;q=0' } });
    const taken = await server.send(at, { headers: { 'accept-encoding': 'br;q=1, gzip;q=0.5' } });
    expect(refused.headers.get('content-encoding')).toBeNull();
    expect(taken.headers.get('content-encoding')).toBe('gzip');
    expect(taken.headers.get('vary')).toBe('Accept-Encoding');
    const packed = new Uint8Array(await taken.arrayBuffer());
    expect(packed.byteLength).toBeLessThan(lines);
    const text = new TextDecoder().decode(gunzip(packed, 1 << 24));
    expect(text === server.queries.answers.folded).toBe(true);
    expect((await refused.text()) === text).toBe(true);
  });

  it.each(['render', 'render-diff', 'label-values'])('is 405 for POST of %s', async (name) => {
    const server = await createApiServer();
    const response = await server.send(`/pyroscope/${name}`, { method: 'POST' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('answers HEAD without a body', async () => {
    const server = await createApiServer();
    const response = await server.send(path('render', { query, from, until }), { method: 'HEAD' });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });
});

describe('render-diff', () => {
  const sides = {
    leftQuery: query,
    leftFrom: from,
    leftUntil: until,
    rightQuery: `${type}{}`,
    rightFrom: from,
    rightUntil: until,
  };

  it('answers a double flamebearer', async () => {
    const server = await createApiServer();
    const response = await server.send(path('render-diff', { ...sides, maxNodes: '7' }));
    expect(await response.json()).toEqual({
      version: 1,
      flamebearer: {
        names: ['total', 'a'],
        levels: [
          [0, 4, 0, 0, 6, 0, 0],
          [0, 4, 4, 0, 6, 6, 1],
        ],
        numTicks: 10,
        maxSelf: 6,
      },
      metadata: expect.objectContaining({ format: 'double', units: 'samples' }),
      timeline: null,
      groups: null,
      heatmap: null,
      leftTicks: 4,
      rightTicks: 6,
    });
    const left = { ...asked, maxNodes: 7 };
    expect(server.queries.asked).toEqual([['diff', tenants, left, { ...left, selector: '{}' }]]);
  });

  it.each([
    [{ rightQuery: 'a:b:c:d:e{}' }, 'different profile types'],
    [{ leftQuery: '' }, 'leftQuery is missing'],
    [{ rightFrom: '0' }, 'rightFrom is 0'],
  ])('refuses %j', async (params, message) => {
    const server = await createApiServer();
    const response = await server.send(path('render-diff', { ...sides, ...params }));
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { message: expect.stringContaining(message) },
    ]);
  });
});

describe('label-values', () => {
  it('answers values, and profile types for __name__', async () => {
    const server = await createApiServer();
    const values = await server.send(path('label-values', { label: 'service_name' }));
    const types = await server.send(path('label-values', { label: '__name__', from, until }));
    expect(await values.json()).toEqual(['checkout', 'search']);
    expect(await types.json()).toEqual(server.queries.answers.profileTypes);
    expect(server.queries.asked).toEqual([
      ['labelValues', tenants, 'service_name', { matchers: [], any: false, range: undefined }],
      ['profileTypes', tenants, range],
    ]);
  });

  it('refuses to answer without a label', async () => {
    const server = await createApiServer();
    expect((await server.send('/pyroscope/label-values')).status).toBe(400);
  });
});
