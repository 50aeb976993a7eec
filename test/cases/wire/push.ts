// Rows of section 1: what Push makes of profiles and labels.
import { gzip } from '../../../src/runtime/gzip.ts';
import { encodePprof } from '../../fixtures/pprof-writer.ts';
import { Writer } from '../../fixtures/protobuf.ts';
import { encodePush } from '../../support/http-push.ts';
import { rawZstd } from '../../support/zstd-frames.ts';
import { good, joined, labels, padded, pprof, pprofWith, pushOf, pushOfPairs } from './profiles.ts';
import { asProto, pushPath, type WireClock, type WireRow } from './row.ts';

const minuteMs = 60_000;
const malformed = 'malformed_profile';
const was500 = 'Pyroscope answers 500, which agents send again and again';

/** A push that is stored. */
function accepted(title: string, body: Uint8Array, stored = ['service_name=shop']): WireRow {
  return { title, path: pushPath, headers: asProto, body, status: 200, answer: '', stored };
}

/** A push that is refused for what it holds. */
function refused(title: string, body: Uint8Array, message: RegExp, reason?: string): WireRow {
  const counted = reason === undefined ? {} : { reason };
  const answer = { status: 400, code: 'invalid_argument', message, ...counted };
  return { title, path: pushPath, headers: asProto, body, ...answer };
}

export function pushRows(clock: WireClock): WireRow[] {
  return [
    ...bytes(clock),
    ...requests(clock),
    ...profiles(clock),
    ...tables(clock),
    ...series(clock),
  ];
}

function bytes(clock: WireClock): WireRow[] {
  const whole = pprof(clock);
  const large = padded(whole, 4 * 2 ** 20 + 1);
  const packed = gzip(whole);
  const beside = (bad: Uint8Array) =>
    encodePush([
      { labels: { ...labels, service_name: 'bad' }, profiles: [bad] },
      { labels, profiles: [whole] },
    ]);
  return [
    accepted('1.2 a gzip profile', pushOf(packed)),
    accepted('1.2 a plain profile', pushOf(whole)),
    accepted('1.2 unknown fields', pushOf(pprofWith(clock, (out) => out.number(99, 7)))),
    {
      ...refused('1.2 corrupt gzip', pushOf(packed.slice(0, -9)), /gzip/, malformed),
      deviation: was500,
    },
    {
      ...refused('1.2 bytes that are no profile', pushOf(Uint8Array.of(1, 2, 3)), /./, malformed),
      deviation: was500,
    },
    { ...refused('1.2 a zstd profile', pushOf(rawZstd(whole)), /./, malformed), deviation: was500 },
    refused('1.2 a profile over its bound', pushOf(gzip(large)), /4194304/, 'profile_size_limit'),
    {
      ...refused('1.2 a profile over its bound beside a good one', beside(large), /1 of 2/),
      stored: ['service_name=shop'],
    },
    {
      ...refused('1.2 corrupt gzip beside a good one', beside(packed.slice(0, -9)), /1 of 2/),
      stored: ['service_name=shop'],
    },
    {
      ...refused(
        '1.2 a push over its bound',
        encodePush([{ labels, profiles: [0, 1].map(() => padded(whole, 600_000)) }]),
        /1048576/,
        'body_size_limit_exceeded',
      ),
      tenant: 'wire-batch',
      discarded: 2,
      title: '1.2 profiles that are together over the bound of a request',
    },
  ];
}

function requests(clock: WireClock): WireRow[] {
  const later = 'resource_exhausted';
  const two = ['a', 'b'].map((service) => ({
    labels: { ...labels, service_name: service },
    profiles: [pprof(clock)],
  }));
  const large = padded(pprof(clock), 3 * 2 ** 20);
  return [
    refused('1.10 no series', new Uint8Array(0), /^no profiles received$/),
    refused('1.3 a series without samples', encodePush([{ labels, profiles: [] }]), /^no profiles/),
    accepted('1.3 no service_name', pushOf(pprof(clock), { __name__: 'process_cpu' }), [
      'service_name=unknown_service',
    ]),
    accepted('1.3 an empty service_name', pushOf(pprof(clock), { ...labels, service_name: '' }), [
      'service_name=unknown_service',
    ]),
    {
      ...refused(
        '1.3 over the rate',
        encodePush([{ labels, profiles: [large, large] }]),
        /ingestBurstBytes/,
      ),
      title: '1.3 more than the rate ever lets in',
      tenant: 'wire-rate',
      reason: 'rate_limited',
      discarded: 2,
      deviation: 'Pyroscope answers 429, though no retry could get it through',
    },
    {
      ...refused('1.10 over the series limit', encodePush(two), /seriesMax/, 'series_limit'),
      tenant: 'wire-series',
      discarded: 2,
      status: 429,
      code: later,
      answerHeaders: { 'retry-after': /^\d+$/ },
    },
  ];
}

function profiles(clock: WireClock): WireRow[] {
  const at = (ms: number) =>
    pushOf(pprof(clock, { timeNs: BigInt(clock.nowMs + ms) * 1_000_000n }));
  const sample = { locations: [1], values: [7] };
  const texts = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ key: `k${i}`, text: 'v' }));
  const window = 'not_in_ingestion_window';
  return [
    refused(
      '1.4 no sample types',
      pushOf(pprof(clock, { sampleTypes: [], samples: [] })),
      /sample type/,
      malformed,
    ),
    accepted('1.4 no time', pushOf(pprof(clock, { timeNs: 0n }))),
    accepted('1.4 a negative time', pushOf(pprof(clock, { timeNs: -5n }))),
    // A busy machine asks minutes after the rows were made; a unit suite has the bounds themselves.
    accepted('1.4 a time within the window', at(-45 * minuteMs)),
    refused('1.4 a time before the window', at(-61 * minuteMs), /service_name="shop"/, window),
    refused('1.4 a time after the window', at(20 * minuteMs), /service_name="shop"/, window),
    accepted(
      '1.4 as many samples as may be',
      pushOf(pprof(clock, { samples: Array(16_000).fill(sample) })),
    ),
    refused(
      '1.4 a sample too many',
      pushOf(pprof(clock, { samples: Array(16_001).fill(sample) })),
      /16001.*16000/,
      'samples_limit',
    ),
    refused(
      '1.4 a sample label too many',
      pushOf(pprof(clock, { samples: [{ ...sample, labels: texts(101) }] })),
      /101.*100/,
      'sample_labels_limit',
    ),
    ...broken(clock),
  ];
}

function broken(clock: WireClock): WireRow[] {
  const sample = { locations: [1], values: [7] };
  return [
    refused(
      '1.4 a value too many',
      pushOf(pprof(clock, { samples: [{ ...sample, values: [1, 2] }] })),
      /2 values/,
      malformed,
    ),
    refused(
      '1.4 no value',
      pushOf(pprof(clock, { samples: [{ ...sample, values: [] }] })),
      /0 values/,
      malformed,
    ),
    refused(
      '1.4 a dash in a sample type',
      pushOf(pprof(clock, { sampleTypes: [['inuse-space', 'bytes']] })),
      /inuse-space/,
      malformed,
    ),
    {
      ...accepted(
        '1.4 a name that is not UTF-8',
        pushOf(pprof(clock, { functions: [{ id: 1, name: Uint8Array.of(0xff) }] })),
      ),
      deviation: 'Pyroscope answers 400; native symbols are not always text, U+FFFD says so',
    },
    refused(
      '1.4 a first string that is not empty',
      pushOf(new Writer().string(6, 'x').finish()),
      /./,
      malformed,
    ),
    refused(
      '1.4 a function id of 0',
      pushOf(
        pprof(clock, {
          functions: [
            { id: 0, name: 'a' },
            { id: 1, name: 'b' },
          ],
        }),
      ),
      /id 0/,
      malformed,
    ),
    refused(
      '1.4 functions that all have the id 0',
      pushOf(pprof(clock, { functions: [{ id: 0, name: 'main' }] })),
      /id 0/,
      malformed,
    ),
    refused(
      '1.4 a location id of 0',
      pushOf(pprof(clock, { locations: [{ id: 0 }, { id: 1 }] })),
      /id 0/,
      malformed,
    ),
  ];
}

/** String indexes that lead nowhere, in each place that has one. */
function tables(clock: WireClock): WireRow[] {
  const out = 9_999;
  const label = (field: number) =>
    new Writer().message(3, new Writer().number(1, 1).number(field, out));
  const sample = (field: number) => label(field).packed(1, [1]).packed(2, [7]);
  const row = (field: number) => new Writer().number(1, 2).number(field, out);
  const bare = encodePprof({ ...good(clock), sampleTypes: [], samples: [] });
  const places: [string, Uint8Array, number, Writer][] = [
    ['a sample type', bare, 1, new Writer().number(1, out)],
    ['a unit', bare, 1, new Writer().number(1, 1).number(2, out)],
    ['the period type', pprof(clock), 11, new Writer().number(1, out)],
    ['a key of a sample label', pprof(clock), 2, sample(1)],
    ['a sample label', pprof(clock), 2, sample(2)],
    ['a function name', pprof(clock), 5, row(2)],
    ['a system name', pprof(clock), 5, row(3)],
    ['a file of a function', pprof(clock), 5, row(4)],
    ['a file of a mapping', pprof(clock), 3, row(5)],
    ['a build id', pprof(clock), 3, row(6)],
  ];
  return places.map(([place, profile, field, message]) =>
    refused(
      `1.4 a string index out of range in ${place}`,
      pushOf(joined(profile, new Writer().message(field, message).finish())),
      /9999/,
      malformed,
    ),
  );
}

function series(clock: WireClock): WireRow[] {
  const profile = pprof(clock);
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`l${i}`, 'v']));
  const bad = (title: string, given: Record<string, string>, message: RegExp, reason: string) =>
    refused(`1.7 ${title}`, pushOf(profile, given), message, reason);
  const fine = (title: string, given: Record<string, string>, stored: string) =>
    accepted(`1.7 ${title}`, pushOf(profile, given), [stored]);
  const name = 'invalid_labels';
  return [
    bad('no labels', {}, /__name__/, name),
    fine('thirty labels', { ...labels, ...many(28) }, 'l27=v'),
    bad('a label too many', { ...labels, ...many(29) }, /31.*30/, 'max_label_names_per_series'),
    bad('no __name__', { service_name: 'shop' }, /__name__/, name),
    bad('an empty __name__', { ...labels, __name__: '' }, /__name__/, name),
    fine(
      'a name of 1,024 bytes',
      { ...labels, ['n'.repeat(1_024)]: 'v' },
      `${'n'.repeat(1_024)}=v`,
    ),
    bad(
      'a name of 1,025 bytes',
      { ...labels, ['n'.repeat(1_025)]: 'v' },
      /1025.*1024/,
      'label_name_too_long',
    ),
    fine('a value of 2,048 bytes', { ...labels, x: 'v'.repeat(2_048) }, `x=${'v'.repeat(2_048)}`),
    bad(
      'a value of 2,049 bytes',
      { ...labels, x: 'v'.repeat(2_049) },
      /2049.*2048/,
      'label_value_too_long',
    ),
    fine('a name with dots', { ...labels, 'a.b-c/d é': 'v' }, 'a.b-c/d é=v'),
    bad('an empty name', { ...labels, '': 'v' }, /empty/, name),
    refused(
      '1.7 a name given twice',
      pushOfPairs(profile, [...Object.entries(labels), ['x', '1'], ['x', '1']]),
      /"x"/,
      'duplicate_label_names',
    ),
    refused(
      '1.7 a value that is not UTF-8',
      pushOfPairs(profile, [...Object.entries(labels), ['x', Uint8Array.of(0xff)]]),
      /./,
    ),
    fine(
      'a service that says so',
      { ...labels, __session_id__: '0123456789abcdef' },
      'service_name=shop',
    ),
    fine('__delta__', { ...labels, __delta__: 'false' }, 'service_name=shop'),
  ];
}
