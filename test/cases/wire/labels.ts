// Rows of sections 1.7 to 1.9: labels with a meaning of their own, those of samples, which make
// series, and what all of them are called afterwards.
import { encodePprof, type PprofInput } from '../../fixtures/pprof-writer.ts';
import { good, labels, pprof, pushOf, pushOfPairs } from './profiles.ts';
import { asProto, pushPath, type WireClock, type WireRow } from './row.ts';

const type = '__profile_type__=process_cpu:cpu:nanoseconds:cpu:nanoseconds';

export function labelRows(clock: WireClock): WireRow[] {
  return [...special(clock), ...sampleLabels(clock), ...wrong(clock)];
}

function accepted(title: string, body: Uint8Array, stored: readonly string[]): WireRow {
  return { title, path: pushPath, headers: asProto, body, status: 200, answer: '', stored };
}

function refused(title: string, body: Uint8Array, reason: string): WireRow {
  const answer = { status: 400, code: 'invalid_argument', reason };
  return { title, path: pushPath, headers: asProto, body, ...answer };
}

function special(clock: WireClock): WireRow[] {
  const with_ = (title: string, more: Record<string, string>, found: string) =>
    accepted(`1.8 ${title}`, pushOf(pprof(clock), { ...labels, ...more }), [found]);
  const { periodType: _, ...untyped } = good(clock);
  const bare = encodePprof(untyped);
  const of = (title: string, parts: Partial<PprofInput>, found: string[]) =>
    accepted(`1.8 ${title}`, pushOf(pprof(clock, parts)), found);
  return [
    with_('the labels of the type', {}, `${type},__type__=cpu,__unit__=nanoseconds`),
    with_('the labels of the period', {}, '__period_type__=cpu,__period_unit__=nanoseconds'),
    accepted('1.8 no period type', pushOf(bare), [
      '__profile_type__=process_cpu:cpu:nanoseconds::,__period_type__=',
    ]),
    of(
      'a column without values',
      {
        sampleTypes: [
          ['samples', 'count'],
          ['cpu', 'nanoseconds'],
        ],
        samples: [{ locations: [1], values: [0, 7] }],
      },
      ['__type__=cpu'],
    ),
    with_(
      'the session',
      { __session_id__: '0123456789abcdef' },
      'service_name=shop,__session_id__=',
    ),
    with_('__delta__', { __delta__: 'false' }, 'service_name=shop,__delta__='),
    with_('__otel__', { __otel__: 'true' }, 'service_name=shop,__otel__='),
    with_('a spy', { pyroscope_spy: 'gospy' }, 'service_name=shop,pyroscope_spy=gospy'),
    with_('a scope', { 'otel.scope.name': 'x' }, 'service_name=shop,otel.scope.name=x'),
    with_(
      'a profile that is a delta',
      { __name__: 'godeltaprof_memory' },
      '__name__=memory,__name_replaced__=godeltaprof_memory',
    ),
    with_('nothing behind that name', { __name__: 'godeltaprof_' }, '__name__=godeltaprof_'),
    {
      ...with_('a type that the client names', { __type__: 'x' }, 'service_name=shop,__type__=cpu'),
      deviation: 'Pyroscope keeps it, so that the profile is not found under its own type',
    },
  ];
}

function sampleLabels(clock: WireClock): WireRow[] {
  const sample = { locations: [1], values: [7] };
  const thread = (text: string) => ({ ...sample, labels: [{ key: 'thread', text }] });
  const of = (title: string, samples: PprofInput['samples'], found: string[], own = labels) =>
    accepted(`1.9 ${title}`, pushOf(pprof(clock, { samples }), own), found);
  const ids = [
    { key: 'span_id', text: '0123456789abcdef' },
    { key: 'trace_id', text: '0123456789abcdef0123456789abcdef' },
  ];
  return [
    of('a label of a sample', [thread('a')], ['service_name=shop,thread=a']),
    of(
      'two of them, and a sample without',
      [thread('a'), thread('b'), sample],
      ['service_name=shop,thread=', 'service_name=shop,thread=a', 'service_name=shop,thread=b'],
    ),
    of('a label that the series has', [thread('a')], ['service_name=shop,thread=own'], {
      ...labels,
      thread: 'own',
    }),
    of(
      'a number for a label',
      [{ ...sample, labels: [{ key: 'bytes', number: 7 }] }],
      ['service_name=shop,bytes='],
    ),
    of('span and trace', [{ ...sample, labels: ids }], ['service_name=shop,span_id=,trace_id=']),
    of(
      'the older name of a span',
      [{ ...sample, labels: [{ key: 'profile_id', text: '0123456789abcdef' }] }],
      ['service_name=shop,profile_id=,span_id='],
    ),
    of(
      'a span that is none',
      [{ ...sample, labels: [{ key: 'span_id', text: 'x' }] }],
      ['service_name=shop,span_id='],
    ),
    {
      ...of(
        'a label without a name',
        [{ ...sample, labels: [{ key: '', text: 'v' }] }],
        ['service_name=shop'],
      ),
      deviation: 'Pyroscope answers 400; a label without a name tells nothing apart',
    },
    {
      ...of(
        'a hundred and one numbers for labels',
        [
          {
            ...sample,
            labels: Array.from({ length: 101 }, (_, i) => ({ key: `k${i}`, number: 1 })),
          },
        ],
        ['service_name=shop'],
      ),
      deviation: 'Pyroscope counts them and answers 400; they are left out, and need no bound',
    },
  ];
}

function wrong(clock: WireClock): WireRow[] {
  const bad = (title: string, key: string, text: string, reason: string) =>
    refused(
      `1.9 ${title}`,
      pushOf(pprof(clock, { samples: [{ locations: [1], values: [7], labels: [{ key, text }] }] })),
      reason,
    );
  const many = Array.from({ length: 29 }, (_, i) => ({ key: `k${i}`, text: 'v' }));
  const crowded = pprof(clock, { samples: [{ locations: [1], values: [7], labels: many }] });
  const name = Uint8Array.of(0xff);
  return [
    bad('a sample label with a long name', 'n'.repeat(1_025), 'v', 'label_name_too_long'),
    bad('a sample label with a long value', 'n', 'v'.repeat(2_049), 'label_value_too_long'),
    refused(
      '1.9 more labels than a series may have',
      pushOf(crowded),
      'max_label_names_per_series',
    ),
    {
      title: '1.7 a name that is not UTF-8',
      path: pushPath,
      headers: asProto,
      body: pushOfPairs(pprof(clock), [...Object.entries(labels), [name, 'x']]),
      status: 400,
      code: 'invalid_argument',
    },
  ];
}
