// Rows of section 2: uploads at `/ingest`.
import { gzip } from '../../../src/runtime/gzip.ts';
import { toTree, toTrie } from '../../support/stack-formats.ts';
import { type FormPart, formBody } from '../../support/upload.ts';
import { rawZstd } from '../../support/zstd-frames.ts';
import { gzipBomb, padded, pprof } from './profiles.ts';
import type { WireClock, WireRow } from './row.ts';

const malformed = 'malformed_profile';
const stored = ['service_name=shop'];
const form = { 'content-type': 'multipart/form-data; boundary=xyz' };
const folded = 'main;work 7\nmain 3\n';
const stacks = [['main;work', 7]] as const;

export function ingestRows(clock: WireClock): WireRow[] {
  return [...names(clock), ...formats(clock), ...forms(clock), ...bodies(clock), ...answers(clock)];
}

function path(clock: WireClock, parameters = '', name = 'shop'): string {
  return `/ingest?name=${encodeURIComponent(name)}&from=${clock.nowMs}${parameters}`;
}

function accepted(
  title: string,
  url: string,
  body: Uint8Array | string,
  more: Partial<WireRow> = {},
): WireRow {
  return { title, path: url, body, status: 200, answer: '', stored, ...more };
}

function refused(
  title: string,
  url: string,
  body: Uint8Array | string,
  more: Partial<WireRow> = {},
): WireRow {
  return { title, path: url, body, status: 422, code: 'invalid_argument', ...more };
}

function names(clock: WireClock): WireRow[] {
  const named = (title: string, name: string, found: string) =>
    accepted(`2.2 ${title}`, path(clock, '', name), folded, { stored: [found] });
  const wrong = (title: string, name: string) =>
    refused(`2.2 ${title}`, path(clock, '', name), folded, { status: 400, message: /^name: / });
  return [
    refused('2.1 no name', '/ingest', folded, { status: 400, message: /^name/ }),
    wrong('an empty name', ' '),
    wrong('a character that applications do not have', 'a b'),
    wrong('a key with a dash', 'shop{a-b=c}'),
    wrong('an empty key', 'shop{=c}'),
    named('dashes and slashes', 'team/my-shop', 'service_name=team/my-shop'),
    named('labels', 'shop{ a = x=y ,b=}', 'service_name=shop,a=x=y'),
    named('a key given twice', 'shop{a=1,a=2}', 'service_name=shop,a=2'),
    named('a reserved key', 'shop{__a=1,b=2}', 'service_name=shop,__a=,b=2'),
    named('text behind the brace', 'shop{a=1}b', 'service_name=shop,a=1'),
    named('a service among the labels', 'shop{service_name=pay}', 'service_name=pay,app_name=shop'),
    {
      ...named('no closing brace', 'shop{a=1,b=2', 'service_name=shop,a=1,b=2'),
      deviation: 'Pyroscope loses the last pair without a word',
    },
    accepted('2.1 a sample rate that is none', path(clock, '&sampleRate=many'), folded),
    accepted('2.1 a sample rate of 0', path(clock, '&sampleRate=0'), folded),
    accepted('2.1 units and aggregation', path(clock, '&units=x&aggregationType=y'), folded),
    accepted('2.3 a time that is none', '/ingest?name=shop&from=soon', folded),
    accepted('2.3 no time', '/ingest?name=shop', folded),
    accepted('2.1 the other path', `/pyroscope${path(clock)}`, folded),
  ];
}

function formats(clock: WireClock): WireRow[] {
  const type = (format: string) => ({ headers: { 'content-type': format } });
  const good = pprof(clock);
  const speedscope = JSON.stringify({
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    shared: { frames: [{ name: 'main' }] },
    profiles: [{ type: 'sampled', name: 'a', unit: 'none', samples: [[0]], weights: [1] }],
  });
  return [
    accepted('2.4 trie', path(clock, '&format=trie'), toTrie(stacks)),
    accepted('2.4 trie by its type', path(clock), toTrie(stacks), type('binary/octet-stream+trie')),
    accepted('2.4 tree', path(clock, '&format=tree'), toTree(stacks)),
    accepted('2.4 tree by its type', path(clock), toTree(stacks), type('binary/octet-stream+tree')),
    accepted('2.4 lines', path(clock, '&format=lines'), 'main;work\nmain\n'),
    accepted('2.4 pprof', path(clock, '&format=pprof'), good),
    accepted('2.4 pprof in gzip', path(clock, '&format=pprof'), gzip(good)),
    accepted('2.4 speedscope', path(clock, '&format=speedscope'), speedscope),
    ...['groups', 'folded', 'collapsed', 'unheard-of'].map((format) =>
      accepted(`2.4 ${format}`, path(clock, `&format=${format}`), folded),
    ),
    accepted('2.4 no format', path(clock), folded),
    refused('2.4 jfr', path(clock, '&format=jfr'), Uint8Array.of(0x46, 0x4c, 0x52, 0, 0, 2), {
      status: 415,
      code: 'unimplemented',
      message: /pprof/,
      deviation: 'Pyroscope reads JFR; here the answer says how to send pprof',
    }),
    ...['gzip', 'zstd'].map((encoding) =>
      accepted(
        `2.4 Content-Encoding ${encoding}`,
        path(clock, '&format=pprof'),
        encoding === 'gzip' ? gzip(good) : rawZstd(good),
        {
          headers: { 'content-encoding': encoding },
          deviation: 'Pyroscope reads the compressed bytes as they are',
        },
      ),
    ),
  ];
}

function forms(clock: WireClock): WireRow[] {
  const good = pprof(clock);
  const profile = { name: 'profile', filename: 'profile.pprof', content: good };
  const of = (...parts: FormPart[]) => formBody(parts);
  const config = (content: string) => ({ name: 'sample_type_config', filename: 'c.json', content });
  const wrong = (title: string, message: RegExp, ...parts: FormPart[]) =>
    refused(`2.5 ${title}`, path(clock), of(...parts), {
      headers: form,
      message,
      reason: malformed,
    });
  const { filename: _, ...field } = profile;
  return [
    accepted('2.5 a form', path(clock), of(profile), { headers: form }),
    accepted('2.5 gzip in a form', path(clock), of({ ...profile, content: gzip(good) }), {
      headers: form,
    }),
    accepted('2.5 a form with types', path(clock), of(profile, config('{"cpu":{"units":"x"}}')), {
      headers: form,
    }),
    wrong('no profile', /no file part "profile"/, config('{}')),
    wrong('a profile without a file name', /no file part/, field),
    wrong('an empty profile', /empty/, { ...profile, content: '' }),
    wrong('a profile before this one', /too old/, profile, { ...profile, name: 'prev_profile' }),
    wrong('types that are no JSON', /sample_type_config/, profile, config('{')),
    refused('2.5 another boundary', path(clock), formBody([profile], 'abc'), { headers: form }),
    refused('2.5 no boundary', path(clock), of(profile), {
      headers: { 'content-type': 'multipart/form-data' },
      message: /boundary/,
    }),
  ];
}

function bodies(clock: WireClock): WireRow[] {
  const asPprof = path(clock, '&format=pprof');
  const nothing = { stored: [] };
  const good = pprof(clock);
  const zeroIds = pprof(clock, {
    samples: [{ locations: [1], values: [7] }],
    functions: [{ id: 0, name: 'main' }],
  });
  const text = (title: string, body: string, message: RegExp, parameters = '') =>
    refused(`2.9 ${title}`, path(clock, parameters), body, { message, reason: malformed });
  const negative = {
    deviation: 'Pyroscope stores what no query can show: such a value is nothing that was measured',
  };
  return [
    accepted('2.6 a pprof without samples', asPprof, pprof(clock, { samples: [] }), nothing),
    accepted('2.6 a pprof of 1970', asPprof, pprof(clock, { timeNs: 5n })),
    accepted('2.6 functions without ids of .NET', `${asPprof}&spyName=dotnetspy`, zeroIds),
    refused('2.6 functions without ids of another client', asPprof, zeroIds, {
      message: /id 0/,
      reason: malformed,
    }),
    refused(
      '2.6 more functions without ids than locations',
      `${asPprof}&spyName=dotnetspy`,
      pprof(clock, { functions: ['main', 'other'].map((name) => ({ id: 0, name })) }),
      { message: /id 0/, reason: malformed },
    ),
    accepted(
      '2.6 dashes of .NET',
      `${asPprof}&spyName=dotnetspy`,
      pprof(clock, { sampleTypes: [['alloc-size', 'bytes']] }),
      { stored: ['service_name=shop,__type__=alloc_size'] },
    ),
    refused('2.6 no pprof', asPprof, 'hello', { reason: malformed }),
    refused('2.6 an empty body', asPprof, '', { message: /empty/, reason: malformed }),
    refused('2.6 corrupt gzip', asPprof, gzip(good).slice(0, -9), { reason: malformed }),
    refused('2.6 a profile over its bound', asPprof, gzip(padded(good, 2 ** 22 + 1)), {
      message: /4194304/,
      reason: 'profile_size_limit',
    }),
    text('a count that is none', 'a;b x\n', /^line 1: "x"/),
    { ...text('a negative count', 'a;b -1\n', /"-1"/), ...negative },
    text('a line that is too long', `${'a'.repeat(65_537)}\n`, /65536/, '&format=lines'),
    {
      ...text('a folded line that is too long', `${'a'.repeat(65_537)} 1\n`, /65536/),
      deviation: 'Pyroscope stops reading there, silently',
    },
    accepted('2.9 lines without a space', path(clock), 'abc\n\ndef\n', nothing),
    refused('2.9 a tree that is cut short', path(clock, '&format=tree'), Uint8Array.of(0, 0, 2)),
    refused('2.9 a trie that is cut short', path(clock, '&format=trie'), Uint8Array.of(9, 1)),
    refused('2.9 another schema', path(clock, '&format=speedscope'), '{"$schema":"x"}'),
    refused('2.9 no JSON', path(clock, '&format=speedscope'), '{'),
    accepted('2.9 a profile_id', path(clock, '', 'shop{profile_id=7}'), folded, nothing),
    refused('2.9 a suffix that names no type', path(clock, '', 'shop.unheard'), folded, {
      status: 400,
      message: /"unheard"/,
    }),
    ...['.cpu', '.wall', '.alloc_space', '.mutex_count', '.bytes'].map((suffix) =>
      accepted(`2.9 the suffix ${suffix}`, path(clock, '', `shop${suffix}`), folded),
    ),
  ];
}

function answers(clock: WireClock): WireRow[] {
  const many = `shop{${Array.from({ length: 40 }, (_, i) => `l${i}=v`).join(',')}}`;
  const tooMany = { reason: 'max_label_names_per_series', message: /limit 30/ };
  const late = pprof(clock, { timeNs: BigInt(clock.nowMs - 7_200_000) * 1_000_000n });
  const two = { tenant: 'wire-series-ingest' };
  return [
    ...['GET', 'PUT', 'DELETE'].map(
      (method): WireRow => ({ title: `2 ${method}`, path: path(clock), method, status: 405 }),
    ),
    refused('2.10 no tenant', path(clock), folded, {
      status: 401,
      code: 'unauthenticated',
      tenant: null,
    }),
    refused('2.10 several tenants', path(clock), folded, {
      status: 401,
      code: 'unauthenticated',
      tenant: 'a|b',
    }),
    refused('2.10 text that a limit refuses', path(clock, '', many), folded, {
      status: 400,
      ...tooMany,
    }),
    refused(
      '2.10 pprof that a limit refuses',
      path(clock, '&format=pprof', many),
      pprof(clock),
      tooMany,
    ),
    refused('2.10 pprof from before the window', path(clock, '&format=pprof'), late, {
      reason: 'not_in_ingestion_window',
    }),
    {
      title: '2.10 a body over its bound',
      path: path(clock),
      headers: { 'content-encoding': 'gzip' },
      body: gzipBomb(clock),
      isLarge: true,
      status: 413,
      message: new RegExp(`${clock.requestBytesMax}`),
    },
    accepted('2.10 the first of the series', path(clock), folded, two),
    refused('2.10 over the series limit', path(clock, '', 'other'), folded, {
      ...two,
      status: 429,
      code: 'resource_exhausted',
      reason: 'series_limit',
      stored,
      answerHeaders: { 'retry-after': /^\d+$/ },
    }),
  ];
}
