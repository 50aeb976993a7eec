// More rows of section 3: what attributes become, and indexes of the dictionary that lead nowhere.
import { Writer } from '../../fixtures/protobuf.ts';
import {
  keyValue,
  otlpPath,
  sample19,
  sample110,
  text,
  tinyDictionary,
  tinyProfile,
  tinyRequest,
  tinyResource,
} from '../../support/otlp-requests.ts';
import { binary, malformed, was500 } from './otlp.ts';
import type { WireClock, WireRow } from './row.ts';

export function otlpTableRows(clock: WireClock): WireRow[] {
  return [...attributes(), ...samples(), ...tables(), ...refusals(clock), ...versions()];
}

function accepted(title: string, body: Uint8Array, stored: readonly string[]): WireRow {
  return { title: `3.4 ${title}`, path: otlpPath, headers: binary, body, status: 200, stored };
}

function refused(title: string, body: Uint8Array, message: RegExp, reason = malformed): WireRow {
  return { title, path: otlpPath, headers: binary, body, status: 400, message, reason };
}

const shop = keyValue('service.name', text('shop'));

function attributes(): WireRow[] {
  const of = (title: string, more: readonly Writer[], found: string) =>
    accepted(title, tinyRequest({ resource: [shop, ...more] }), [`service_name=shop,${found}`]);
  const list = (...values: Writer[]) => {
    const array = new Writer();
    for (const one of values) array.message(1, one);
    return new Writer().message(5, array);
  };
  const scope = new Writer()
    .message(
      1,
      new Writer().message(3, keyValue('scope', text('s'))).message(3, keyValue('a', text('2'))),
    )
    .message(2, tinyProfile());
  const resource = new Writer().message(1, shop).message(1, keyValue('a', text('1')));
  const scoped = new Writer()
    .message(1, new Writer().message(1, resource).message(2, scope))
    .message(2, tinyDictionary());
  return [
    of('the service as it was called', [], 'service.name=shop'),
    of(
      'the first of equal attributes',
      [1, 2].map((n) => keyValue('a', text(`${n}`))),
      'a=1',
    ),
    of('a whole number', [keyValue('a', new Writer().number(3, 7))], 'a=7'),
    of('a truth value', [keyValue('a', new Writer().number(2, 1))], 'a='),
    of('a list of one', [keyValue('a', list(text('x')))], 'a=x'),
    of('a list of two', [keyValue('a', list(text('x'), text('y')))], 'a='),
    of('a dot in a name', [keyValue('k8s.pod.name', text('p'))], 'k8s.pod.name=p'),
    of('a name of the server', [keyValue('__name__', text('evil'))], '__name__=process_cpu'),
    of('the mark of the door', [], '__otel__=,__delta__='),
    accepted('attributes of the scope, behind those of the resource', scoped.finish(), [
      'service_name=shop,a=1,scope=s',
    ]),
  ];
}

/** Strings behind those of the tiny dictionary, whose last is 9. */
function withStrings(...strings: readonly string[]): Writer {
  const dictionary = tinyDictionary();
  for (const one of strings) dictionary.string(5, one);
  return dictionary;
}

function requestOf(dictionary: Writer, ...samplesOf: readonly Writer[]): Uint8Array {
  const profile = tinyProfile({ samples: samplesOf });
  return new Writer()
    .message(1, tinyResource([profile]))
    .message(2, dictionary)
    .finish();
}

function samples(): WireRow[] {
  const services = withStrings('service.name').message(
    6,
    new Writer().number(1, 10).message(2, text('side')),
  );
  const links = tinyDictionary().message(
    4,
    new Writer().bytes(1, new Uint8Array(16).fill(1)).bytes(2, new Uint8Array(8).fill(2)),
  );
  return [
    accepted(
      'an attribute of a sample',
      requestOf(tinyDictionary(), sample19([1], { attributes: [1] }), sample19([1])),
      ['service_name=shop,thread=', 'service_name=shop,thread=worker'],
    ),
    accepted(
      'the service of a sample',
      requestOf(services, sample19([1], { attributes: [2] }), sample19([1])),
      ['service_name=shop,service.name=shop', 'service_name=side,service.name=shop'],
    ),
    accepted('span and trace of a link', requestOf(links, sample19([1], { link: 1 })), [
      'service_name=shop,span_id=,trace_id=',
    ]),
    {
      ...accepted('several values of a sample', requestOf(tinyDictionary(), sample19([1, 2])), [
        'service_name=shop',
      ]),
      deviation: 'Pyroscope sums them for off_cpu alone and answers 500 for the others',
    },
    accepted('a value of 0', requestOf(tinyDictionary(), sample19([0])), []),
  ];
}

function tables(): WireRow[] {
  const wrong = (title: string, dictionary: Writer, message: RegExp) => {
    const sample = new Writer().number(1, 2).packed(2, [1]);
    const body = requestOf(dictionary.message(7, new Writer().packed(1, [2])), sample);
    return { ...refused(`3.4 ${title}`, body, message), deviation: was500 };
  };
  const withLocation = (location: Writer) => tinyDictionary().message(2, location);
  const line = (functionIndex: number) => new Writer().number(1, functionIndex);
  const withFunction = (named: Writer) =>
    withLocation(new Writer().message(3, line(2))).message(3, named);
  const withMapping = (mapping: Writer) =>
    withLocation(new Writer().number(1, 1)).message(1, mapping);
  return [
    wrong('a location that is not there', tinyDictionary(), /no location 2/),
    wrong(
      'a function that is not there',
      withLocation(new Writer().message(3, line(9))),
      /no function 9/,
    ),
    wrong('a mapping that is not there', withLocation(new Writer().number(1, 9)), /no mapping 9/),
    wrong('a name that is not there', withFunction(new Writer().number(1, 99)), /no string 99/),
    wrong(
      'a system name that is not there',
      withFunction(new Writer().number(2, 99)),
      /no string 99/,
    ),
    wrong('a file that is not there', withFunction(new Writer().number(3, 99)), /no string 99/),
    wrong(
      'a file of a mapping that is not there',
      withMapping(new Writer().number(4, 99)),
      /no string 99/,
    ),
    wrong(
      'an attribute of a mapping that is not there',
      withMapping(new Writer().packed(5, [99])),
      /no attribute 99/,
    ),
    {
      ...refused(
        '3.5 a type that is not there',
        tinyRequest({ sampleType: [99, 2] }),
        /no string 99/,
      ),
      deviation: was500,
    },
  ];
}

function refusals({ nowMs }: WireClock): WireRow[] {
  const old = BigInt(nowMs - 7_200_000) * 1_000_000n;
  const dated = new Writer()
    .message(1, tinyResource([tinyProfile().fixed64(3, old)]))
    .message(2, tinyDictionary())
    .finish();
  const many = Array.from({ length: 30 }, (_, i) => keyValue(`l${i}`, text('v')));
  const long = keyValue('a', text('v'.repeat(2_049)));
  const window = 'not_in_ingestion_window';
  return [
    refused('3.2 a profile from before the window', dated, /rejectOlderThanMs/, window),
    refused(
      '3.2 more labels than a series may have',
      tinyRequest({ resource: [shop, ...many] }),
      /labelNamesMax/,
      'max_label_names_per_series',
    ),
    refused(
      '3.2 a label with a long value',
      tinyRequest({ resource: [shop, long] }),
      /labelValueBytesMax/,
      'label_value_too_long',
    ),
  ];
}

/** Newer Collectors say which version of the schema they have written. */
function versions(): WireRow[] {
  const header = 'otlp-profiles-development-version';
  const timed = tinyRequest({ samples: [sample110([], { attributes: [1], timestamps: 1 })] });
  const stored = ['service_name=shop,thread=worker'];
  const of = (version: string) => ({ headers: { ...binary, [header]: version } });
  const unknown = (version: string): WireRow => ({
    title: `own: the schema ${JSON.stringify(version)}`,
    path: otlpPath,
    ...of(version),
    body: tinyRequest(),
    status: 400,
    message: /otlp-profiles-development-version/,
  });
  return [
    refused('own: samples that are of either layout', timed, /undecided/),
    { ...accepted('', timed, stored), title: 'own: such samples of a named schema', ...of('1') },
    {
      title: 'own: a sample without any value, of a named schema',
      path: otlpPath,
      ...of('1'),
      body: tinyRequest({ samples: [sample110([], { attributes: [1] })] }),
      status: 400,
      message: /neither values nor timestamps/,
      reason: malformed,
    },
    ...['2', '', '01', '1, 1'].map(unknown),
    {
      title: 'own: half a character in JSON',
      path: otlpPath,
      headers: { 'content-type': 'application/json' },
      body: halfCharacter,
      status: 400,
      reason: 'invalid_labels',
      message: /utf-8/,
    },
  ];
}

/** JSON can spell what is no text. */
const halfCharacter = JSON.stringify({
  resourceProfiles: [
    {
      resource: { attributes: [{ key: 'service.name', value: { stringValue: '\ud800' } }] },
      scopeProfiles: [
        {
          profiles: [
            {
              sampleType: { typeStrindex: 1, unitStrindex: 2 },
              periodType: { typeStrindex: 3, unitStrindex: 4 },
              period: '10',
              samples: [{ stackIndex: 0, values: ['1'] }],
            },
          ],
        },
      ],
    },
  ],
  dictionary: { stringTable: ['', 'samples', 'count', 'cpu', 'nanoseconds'] },
});
