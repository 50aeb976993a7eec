// Rows that break several rules at once: clients and dashboards know a refusal by its reason, and
// the order of the checks, which is that of sections 1.3, 1.4 and 1.7, decides which it is. 13.4 is
// the notes' list of what servers get wrong.
import { gzip } from '../../../src/runtime/gzip.ts';
import { encodePush } from '../../support/http-push.ts';
import { labels, padded, pprof, pushOf, pushOfPairs } from './profiles.ts';
import { asProto, pushPath, type WireClock, type WireRow } from './row.ts';

const sample = { locations: [1], values: [7] };
const hourMs = 3_600_000;

export function orderRows(clock: WireClock): WireRow[] {
  const row = (title: string, body: Uint8Array, reason: string): WireRow => ({
    title: `13.4 ${title}`,
    path: pushPath,
    headers: asProto,
    body,
    status: 400,
    code: 'invalid_argument',
    reason,
  });
  return [...profileRows(clock, row), ...labelRows(clock, row), ...requestRows(clock)];
}

type MakeRow = (title: string, body: Uint8Array, reason: string) => WireRow;

function profileRows(clock: WireClock, row: MakeRow): WireRow[] {
  const old = BigInt(clock.nowMs - 2 * hourMs) * 1_000_000n;
  const many = Array(16_001).fill(sample);
  const texts = Array.from({ length: 101 }, (_, i) => ({ key: `k${i}`, text: 'v' }));
  const dashed = [['inuse-space', 'bytes']] as const;
  const noName = { service_name: 'shop' };
  return [
    row(
      'too large before too old',
      pushOf(gzip(padded(pprof(clock, { timeNs: old }), 2 ** 22 + 1))),
      'profile_size_limit',
    ),
    row(
      'too old before too many samples',
      pushOf(pprof(clock, { timeNs: old, samples: many })),
      'not_in_ingestion_window',
    ),
    row(
      'too many samples before too many labels of one',
      pushOf(pprof(clock, { samples: [...many, { ...sample, labels: texts }] })),
      'samples_limit',
    ),
    row(
      'too many labels of a sample before the dash',
      pushOf(pprof(clock, { sampleTypes: dashed, samples: [{ ...sample, labels: texts }] })),
      'sample_labels_limit',
    ),
    row(
      'the dash before the labels of the series',
      pushOf(pprof(clock, { sampleTypes: dashed }), noName),
      'malformed_profile',
    ),
    row(
      'too old before the labels of the series',
      pushOf(pprof(clock, { timeNs: old }), noName),
      'not_in_ingestion_window',
    ),
  ];
}

function labelRows(clock: WireClock, row: MakeRow): WireRow[] {
  const profile = pprof(clock);
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`l${i}`, 'v']));
  const long = 'n'.repeat(1_025);
  const longValue = 'v'.repeat(2_049);
  const { __name__: _, ...noName } = labels;
  return [
    row(
      'too many labels before no __name__',
      pushOf(profile, { ...noName, ...many }),
      'max_label_names_per_series',
    ),
    row(
      'no __name__ before a long name',
      pushOf(profile, { ...noName, [long]: 'v' }),
      'invalid_labels',
    ),
    row(
      'a long name before its long value',
      pushOf(profile, { ...labels, [long]: longValue }),
      'label_name_too_long',
    ),
    row(
      'a long value before the same name again',
      pushOfPairs(profile, [...Object.entries(labels), ['x', longValue], ['x', longValue]]),
      'label_value_too_long',
    ),
    row(
      'too many labels before the same name again',
      pushOfPairs(profile, [...Object.entries({ ...labels, ...many }), ['x', 'v'], ['x', 'v']]),
      'max_label_names_per_series',
    ),
  ];
}

function requestRows(clock: WireClock): WireRow[] {
  const post = { path: pushPath, headers: asProto };
  const invalid = pprof(clock, { sampleTypes: [['a-b', 'count']] });
  const three = ['a', 'b', 'c'].map((service) => ({
    labels: { ...labels, service_name: service },
    profiles: [service === 'a' ? invalid : pprof(clock)],
  }));
  return [
    {
      ...post,
      title: '13.4 no tenant before a body that is none',
      body: Uint8Array.of(0xff),
      tenant: null,
      status: 401,
      code: 'unauthenticated',
    },
    {
      ...post,
      title: '13.4 what is to be sent again before what is wrong',
      body: encodePush(three),
      tenant: 'wire-series-order',
      status: 429,
      code: 'resource_exhausted',
      reason: 'series_limit',
      discarded: 2,
      deviation: 'Pyroscope stores some of it and answers the first error that has a code',
    },
  ];
}
