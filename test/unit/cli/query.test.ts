// The verbs that query, over a server: what they ask, what they print, and what they refuse.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { diffCommand } from '../../../src/cli/diff.ts';
import { queryCommand } from '../../../src/cli/query.ts';
import { seriesCommand } from '../../../src/cli/series.ts';
import { topCommand } from '../../../src/cli/top.ts';
import { Failure } from '../../../src/errors.ts';
import { type ApiServer, createApiServer } from '../../support/api-server.ts';
import { temporaryFolder } from '../../support/duckdb.ts';
import { type Listening, listening } from '../../support/listening.ts';
import { run } from './lines.ts';

let server: ApiServer;
let socket: Listening | undefined;
let at: string;
beforeEach(async () => {
  await socket?.[Symbol.asyncDispose]();
  server = await createApiServer({ multitenancy: true });
  socket = await listening(server.fetch);
  at = socket.url;
});
afterAll(() => socket?.[Symbol.asyncDispose]());

const type = 'process_cpu:cpu:nanoseconds:cpu:nanoseconds';
const query = `${type}{service_name="shop"}`;
const times = ['--from', '1700000000', '--until', '1700003600'];
const range = { startMs: 1_700_000_000_000, endMs: 1_700_003_600_000 };
const selector = '{"service_name"="shop"}';
const asked = { profileType: type, selector, range, maxNodes: undefined, samples: {} };

describe('query', () => {
  it('prints a tree, the largest children first', async () => {
    const { code, lines } = await run(queryCommand, query, at, ...times);
    expect([code, lines.join('\n')]).toEqual([
      0,
      ` share    total     self  function
100.0%      4ns      0ns  total
100.0%      4ns      0ns    a
 75.0%      3ns      2ns      c
 25.0%      1ns      1ns        d
 25.0%      1ns      0ns      b
 25.0%      1ns      1ns        e`,
    ]);
    expect(server.queries.asked).toEqual([['flameGraph', ['anonymous'], asked]]);
  });

  it('prints no more lines than asked for, and says how many are left', async () => {
    const { lines } = await run(queryCommand, query, at, '--lines', '2');
    expect(lines.join('\n').split('\n').slice(2)).toEqual([
      '100.0%      4ns      0ns    a',
      '4 more nodes, --lines shows more',
    ]);
  });

  it('asks for CPU time of the last hour of everything when nothing is said', async () => {
    await run(queryCommand, '--server', at, '--max-nodes', '7', '--tenant', 'team');
    const [[, tenants, request] = []] = server.queries.asked;
    const { range: given, ...rest } = request as typeof asked;
    expect(tenants).toEqual(['team']);
    expect(rest).toEqual({ profileType: type, selector: '{}', maxNodes: 7, samples: {} });
    expect(given.endMs - given.startMs).toBe(3_600_000);
    expect(Math.abs(Date.now() - given.endMs)).toBeLessThan(60_000);
  });

  it.each([
    [['{service_name="shop"}', '--type', 'a:b:c:d:e'], 'a:b:c:d:e', selector],
    [['a:b:c:d:e'], 'a:b:c:d:e', '{}'],
    [['a:b:c::{x="y"}'], 'a:b:c::', '{"x"="y"}'],
    [['{__name__="a:b:c:d:e",x=~"y.*"}'], 'a:b:c:d:e', '{"x"=~"y.*"}'],
  ])('reads %j', async (words, profileType, text) => {
    await run(queryCommand, at, ...words, ...times);
    expect(server.queries.asked[0]?.[2]).toMatchObject({ profileType, selector: text });
  });

  it.each([
    ['folded', 'a;c 2\na;b;e 1\na;c;d 1', 'folded'],
    ['dot', 'digraph "cpu" {}', 'dot'],
    ['md', '# Hot spots', 'report'],
  ])('prints format %s', async (format, text, method) => {
    const { code, lines } = await run(queryCommand, query, at, '--format', format, ...times);
    expect([code, lines]).toEqual([0, [text]]);
    const [[called, , request] = []] = server.queries.asked;
    expect(called).toBe(method);
    expect(request).toMatchObject({ profileType: type, selector, range });
  });

  it('prints json with exact numbers', async () => {
    const most = 2n ** 63n - 1n;
    const levels = [BigInt64Array.of(0n, most, 0n, 0n)];
    server.queries.answers.flameGraph = { names: ['total'], levels, total: most, maxSelf: 0n };
    const { lines } = await run(queryCommand, query, at, '--format', 'json');
    expect(lines.join()).toContain(`"numTicks":${most}`);
  });

  it('writes a pprof, packed when its name says so', async () => {
    await using folder = await temporaryFolder();
    const [plain, packed] = ['p.pb', 'p.pb.gz'].map((name) => join(folder.path, name));
    for (const out of [plain, packed] as string[]) {
      const result = await run(
        queryCommand,
        query,
        at,
        '--format',
        'pprof',
        '--out',
        out,
        ...times,
      );
      expect(result).toEqual({ code: 0, lines: [] });
    }
    const expected = Buffer.from(server.queries.answers.pprof);
    expect(await readFile(plain as string)).toEqual(expected);
    expect(gunzipSync(await readFile(packed as string))).toEqual(expected);
    expect(server.queries.asked[0]).toEqual(['pprof', ['anonymous'], asked]);
  });

  it('is 1, with a line on the problem, when nothing is found', async () => {
    const none = [BigInt64Array.of(0n, 0n, 0n, 0n)];
    server.queries.answers.flameGraph = { names: ['total'], levels: none, total: 0n, maxSelf: 0n };
    expect(await run(queryCommand, query, at, ...times)).toEqual({ code: 1, lines: [] });
  });

  it('tells what the server says', async () => {
    server.queries.failure = new Failure('invalid', 'range is 25 h, limit 24 h');
    const { lines } = await run(queryCommand, query, at);
    expect(lines).toEqual([`server ${at}: range is 25 h, limit 24 h`]);
  });

  it('tells that no server answers', async () => {
    await socket?.[Symbol.asyncDispose]();
    const { code, lines } = await run(queryCommand, query, at);
    expect([code, lines.join()]).toEqual([1, expect.stringMatching(/^server http:\/\/127.*: ./)]);
  });

  it.each([
    [['x:'], 'places'],
    [['{}', '{}'], 'two queries'],
    [['--format', 'odd'], '--format is "odd"'],
    [['--format', 'pprof'], 'needs --out'],
    [['--lines', '0'], '--lines is "0"'],
    [['--last', 'now'], '--last is "now"'],
    [['--last', '1h', '--from', 'now-2h'], 'one is possible'],
    [['--from', 'yesterday'], 'not a time'],
    [['--from', 'now', '--until', 'now-1h'], 'is after'],
    [['--server', 'ftp://x'], 'not an http url'],
    [['--tenant', 'a/b'], 'not supported'],
    [['a:b:c:d:e{}', '--type', 'a:b:c:d:e'], 'names one too'],
    [['--type', 'cpu'], 'has 1 parts'],
    [['{a=}'], 'bad selector'],
  ])('refuses %j', async (args, message) => {
    const place = args.includes('x:') ? [at] : args.includes('--server') ? [] : ['--server', at];
    const { code, lines } = await run(queryCommand, ...args, ...place);
    expect([code, lines.join()]).toEqual([1, expect.stringContaining(message)]);
    expect(server.queries.asked).toEqual([]);
  });
});

describe('top', () => {
  it('prints functions by self, and by total', async () => {
    const self = await run(topCommand, query, at, ...times);
    const total = await run(topCommand, query, at, '--by', 'total', '-n', '2');
    expect(self.lines.join('\n')).toBe(`    self           total         function
     2ns  50.0%      3ns  75.0%  c
     1ns  25.0%      1ns  25.0%  d
     1ns  25.0%      1ns  25.0%  e
     0ns   0.0%      4ns 100.0%  a
     0ns   0.0%      1ns  25.0%  b`);
    expect(total.lines.slice(1).map((line) => line.at(-1))).toEqual(['a', 'c']);
    expect(server.queries.asked[0]?.[2]).toMatchObject({ ...asked, maxNodes: 1_048_576 });
  });

  it('counts a recursive function once a stack', async () => {
    // a;a;b=3 and b;a=2
    const names = ['total', 'a', 'b'];
    const levels = [
      BigInt64Array.of(0n, 5n, 0n, 0n),
      BigInt64Array.of(0n, 3n, 0n, 1n, 0n, 2n, 0n, 2n),
      BigInt64Array.of(0n, 3n, 0n, 1n, 0n, 2n, 2n, 1n),
      BigInt64Array.of(0n, 3n, 3n, 2n),
    ];
    server.queries.answers.flameGraph = { names, levels, total: 5n, maxSelf: 3n };
    const { lines } = await run(topCommand, query, at, '--json');
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { function: 'b', self: '3', total: '5' },
      { function: 'a', self: '2', total: '5' },
    ]);
  });

  it('shows names that would steer a terminal as what they are', async () => {
    const names = ['total', '\u001b[2J\n'];
    const levels = [BigInt64Array.of(0n, 5n, 0n, 0n), BigInt64Array.of(0n, 5n, 5n, 1n)];
    server.queries.answers.flameGraph = { names, levels, total: 5n, maxSelf: 5n };
    const { lines } = await run(topCommand, query, at);
    expect(lines[1]).toMatch(/\\x1b\[2J\\x0a$/);
  });
});

describe('diff', () => {
  it('compares with the time of equal length just before', async () => {
    const { code, lines } = await run(diffCommand, query, at, ...times);
    expect([code, lines.join('\n')]).toEqual([
      0,
      `   change baseline             now         function
     +2ns      4ns 100.0%      6ns 100.0%  a
     +2ns      4ns             6ns         all`,
    ]);
    const before = { startMs: range.startMs - 3_600_001, endMs: range.startMs - 1 };
    const now = { ...asked, maxNodes: 1_048_576 };
    const diff = ['diff', ['anonymous'], { ...now, range: before }, now];
    expect(server.queries.asked).toEqual([diff]);
  });

  it.each([
    [['--baseline', '{v="1"}'], '{"v"="1"}', range],
    [
      ['--baseline-from', '1600000000'],
      selector,
      { startMs: 1_600_000_000_000, endMs: 1_600_003_600_000 },
    ],
    [
      ['--baseline-until', '1600003600'],
      selector,
      { startMs: 1_600_000_000_000, endMs: 1_600_003_600_000 },
    ],
    [
      ['--baseline', '{}', '--baseline-from', '1600000000', '--baseline-until', '1600000001'],
      '{}',
      { startMs: 1_600_000_000_000, endMs: 1_600_000_001_000 },
    ],
  ])('compares with %j', async (flags, text, when) => {
    await run(diffCommand, query, at, ...times, ...flags);
    expect(server.queries.asked[0]?.[2]).toMatchObject({ selector: text, range: when });
  });

  it('prints json and a report with the baseline', async () => {
    const json = await run(diffCommand, query, at, ...times, '--format', 'json');
    const md = await run(diffCommand, query, at, ...times, '--format', 'md', '--budget', '99');
    expect(JSON.parse(json.lines.join())).toMatchObject({ leftTicks: 4, rightTicks: 6 });
    expect(md.lines).toEqual(['# Hot spots']);
    const before = { startMs: range.startMs - 3_600_001, endMs: range.startMs - 1 };
    const report = { ...asked, budget: 99, baseline: { ...asked, range: before } };
    expect(server.queries.asked.at(-1)).toEqual(['report', ['anonymous'], report]);
  });
});

describe('series', () => {
  const labels = [
    { name: '__profile_type__', value: type },
    { name: 'k8s.pod', value: 'shop-1' },
    { name: 'service_name', value: 'shop' },
  ];

  it('prints services and their profile types, of all times', async () => {
    server.queries.answers.series = [labels];
    const { lines } = await run(seriesCommand, at);
    expect(lines).toEqual([`service_name __profile_type__`, `shop         ${type}`]);
    const labelNames = ['service_name', '__profile_type__'];
    const request = { matchers: [], any: false, range: undefined, labelNames };
    expect(server.queries.asked).toEqual([['series', ['anonymous'], request]]);
  });

  it('prints all labels, or some, or json', async () => {
    server.queries.answers.series = [labels];
    const all = await run(seriesCommand, at, query, '--labels', ...times);
    const some = await run(seriesCommand, at, type, '--by', 'k8s.pod');
    const json = await run(seriesCommand, at, '--json', '--labels');
    const text = `{__profile_type__="${type}", k8s.pod="shop-1", service_name="shop"}`;
    expect(all.lines).toEqual([text]);
    expect(some.lines).toEqual(['k8s.pod', 'shop-1']);
    expect(json.lines.map((line) => JSON.parse(line))).toEqual([
      { __profile_type__: type, 'k8s.pod': 'shop-1', service_name: 'shop' },
    ]);
    const [first, second] = server.queries.asked.map(([, , request]) => request);
    const matcher = `{__profile_type__="${type}",service_name="shop"}`;
    expect(first).toMatchObject({ matchers: [matcher], range, labelNames: [] });
    expect(second).toMatchObject({ matchers: [`{__profile_type__="${type}"}`] });
  });

  it('is 1 when there is none', async () => {
    server.queries.answers.series = [];
    expect(await run(seriesCommand, at)).toEqual({ code: 1, lines: [] });
  });
});
