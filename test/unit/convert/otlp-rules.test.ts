// What becomes of one profile of an OTLP request: its name and types, labels, values, and what is
// refused.
import { describe, expect, it } from 'vitest';
import { decodeOtlpBinary } from '../../../src/convert/otlp-binary.ts';
import { otlpAttributesMax, otlpProfilesMax } from '../../../src/convert/otlp-model.ts';
import { finish } from '../../../src/lib/steps.ts';
import { Writer } from '../../fixtures/protobuf.ts';
import {
  convertAll,
  keyValue,
  readPushed,
  sample19,
  type TinyOptions,
  text,
  tinyDictionary,
  tinyProfile,
  tinyRequest,
  tinyResource,
} from '../../support/otlp-requests.ts';

function convert(options: TinyOptions) {
  const [outcome] = convertAll(finish(decodeOtlpBinary(tinyRequest(options))));
  return { failure: outcome?.failure?.message, pushed: outcome?.pushed.map(readPushed) ?? [] };
}

function labelsOf(options: TinyOptions) {
  return convert(options).pushed.map(({ labels }) => labels);
}

const samples = [1, 2] as const;
const cpu = [3, 4] as const;
const offCpu = [8, 4] as const;
const wall = [9, 4] as const;

describe('the profile type', () => {
  it.each<[string, TinyOptions, string, string, bigint]>([
    [
      'samples:count of cpu:nanoseconds',
      { sampleType: samples, periodType: cpu, period: 10 },
      'process_cpu',
      'cpu:nanoseconds',
      30n,
    ],
    [
      'off_cpu',
      { sampleType: offCpu, periodType: undefined },
      'off_cpu',
      'off_cpu:nanoseconds',
      3n,
    ],
    [
      'off_cpu with a period of 0',
      { sampleType: offCpu, periodType: cpu, period: 0 },
      'off_cpu',
      'off_cpu:nanoseconds',
      3n,
    ],
    [
      'off_cpu with a period',
      { sampleType: offCpu, periodType: cpu },
      'cpu',
      'off_cpu:nanoseconds',
      3n,
    ],
    [
      'anything with a period',
      { sampleType: wall, periodType: wall },
      'wall',
      'wall:nanoseconds',
      3n,
    ],
    [
      'samples:count of another period',
      { sampleType: samples, periodType: wall },
      'wall',
      'samples:count',
      3n,
    ],
  ])('%s is stored as it is found later', (_, options, name, type, value) => {
    const { pushed } = convert({ ...options, samples: [sample19([3])] });
    expect(pushed).toMatchObject([
      { labels: { __name__: name }, types: [type], samples: [{ value: [value] }] },
    ]);
  });

  it.each<[string, TinyOptions, string]>([
    ['no sample type', { sampleType: undefined }, 'profile has no sample type'],
    ['a sample type without a name', { sampleType: [0, 0] }, 'profile has no sample type'],
    ['no period type', { periodType: undefined }, 'profile of "samples:count" has no name'],
    ['a period type without a name', { periodType: [0, 0] }, 'has no name'],
    ['a period of 0', { periodType: wall, sampleType: wall, period: 0 }, 'has no name: set period'],
  ])('%s is refused', (_, options, message) => {
    const { failure, pushed } = convert(options);
    expect(failure).toContain(message);
    expect(pushed).toEqual([]);
  });
});

const executable = keyValue('process.executable.name', text('nginx'));

describe('the service', () => {
  it.each<[string, Writer[], string]>([
    ['service.name', [executable, keyValue('service.name', text('shop'))], 'shop'],
    ['the executable', [executable], 'unknown_service:nginx'],
    ['nothing', [], 'unknown_service'],
    ['an empty service.name', [keyValue('service.name', text(''))], 'unknown_service'],
    [
      'an attribute of the name of the label',
      [keyValue('service_name', text('x'))],
      'unknown_service',
    ],
  ])('is named by %s', (_, resource, service) => {
    expect(labelsOf({ resource })).toMatchObject([{ service_name: service }]);
  });

  it('is named by the first of the configured attributes that is there', () => {
    const request = tinyRequest({
      resource: [keyValue('b', text('two')), keyValue('c', text('three')), executable],
    });
    const [outcome] = convertAll(finish(decodeOtlpBinary(request)), {
      serviceNameAttributes: ['a', 'b', 'c'],
    });
    expect(outcome?.pushed.map(readPushed)).toMatchObject([{ labels: { service_name: 'two' } }]);
  });

  it('of a sample splits the profile', () => {
    const service = new Writer().number(1, 10);
    const dictionary = tinyDictionary([
      service.message(2, text('sidecar')),
      new Writer().number(1, 10).message(2, text('other')),
    ]).string(5, 'service.name');
    const profile = tinyProfile({
      samples: [
        sample19([1], { attributes: [2] }),
        sample19([2]),
        sample19([3], { attributes: [3, 1] }),
        sample19([4], { attributes: [2] }),
      ],
    });
    const request = new Writer().message(1, tinyResource([profile])).message(2, dictionary);
    const [outcome] = convertAll(finish(decodeOtlpBinary(request.finish())));
    const found = outcome?.pushed.map(readPushed).map(({ labels, samples: list }) => {
      return [labels['service_name'], list.map(({ value, labels: own }) => [value[0], own])];
    });
    expect(found).toEqual([
      [
        'sidecar',
        [
          [10n, {}],
          [40n, {}],
        ],
      ],
      ['shop', [[20n, {}]]],
      ['other', [[30n, { thread: 'worker' }]]],
    ]);
  });
});

it('labels are text, numbers and single elements; names of our own are not overwritten', () => {
  const array = (...elements: Writer[]) => {
    const list = new Writer();
    for (const one of elements) list.message(1, one);
    return new Writer().message(5, list);
  };
  const resource = [
    keyValue('text', text('a')),
    keyValue('text', text('second')),
    keyValue('number', new Writer().element(3, -5)),
    keyValue('zero', new Writer().element(3, 0)),
    keyValue('flag', new Writer().element(2, 1)),
    keyValue('one', array(new Writer().element(3, 7))),
    keyValue('two', array(text('a'), text('b'))),
    keyValue('none', array()),
    keyValue('map', new Writer().message(6, new Writer())),
    keyValue('empty', text('')),
    keyValue('__name__', text('mine')),
  ];
  expect(labelsOf({ resource })).toEqual([
    {
      __name__: 'process_cpu',
      service_name: 'unknown_service',
      __delta__: 'false',
      __otel__: 'true',
      text: 'a',
      number: '-5',
      zero: '0',
      one: '7',
    },
  ]);
});

describe('values', () => {
  it.each<[string, Writer, bigint]>([
    ['are summed', sample19([1, 2, 3], { timestamps: 3 }), 60n],
    ['are counted by timestamps when there are none', sample19([], { timestamps: 4 }), 40n],
    ['may be zero', sample19([0]), 0n],
    ['may be negative', sample19([-7]), -70n],
    ['keep all their bits', sample19([2n ** 59n - 1n]), 10n * (2n ** 59n - 1n)],
  ])('%s', (_, sample, value) => {
    expect(convert({ samples: [sample] }).pushed[0]?.samples).toMatchObject([{ value: [value] }]);
  });

  it.each<[string, Writer[], string]>([
    ['are all absent', [sample19([])], 'sample 0 has neither values nor timestamps'],
    ['are absent in one sample', [sample19([1]), sample19([])], 'sample 1 has neither'],
    ['are over int64', [sample19([2n ** 62n])], 'of sample 0 is over int64'],
  ])('that %s refuse the profile', (_, list, message) => {
    const { failure, pushed } = convert({ samples: list });
    expect(failure).toContain(message);
    expect(pushed).toEqual([]);
  });
});

it('a profile without duration counts as ten seconds, one without time keeps none', () => {
  expect(convert({}).pushed).toMatchObject([{ durationNs: 10_000_000_000n, timeNs: 0n }]);
});

describe('a profile is refused, and its neighbours are not, for', () => {
  const attributes = [new Writer().number(1, 99).message(2, text('x'))];
  const many = Array.from({ length: otlpAttributesMax + 1 }, () => 1);
  it.each<[string, TinyOptions, string]>([
    ['a stack', { samples: [new Writer().number(1, 9).packed(2, [1])] }, 'there is no stack 9'],
    ['a link', { samples: [sample19([1], { link: 3 })] }, 'there is no link 3, the table has 1'],
    ['an attribute', { samples: [sample19([1], { attributes: [7] })] }, 'there is no attribute 7'],
    [
      'the key of an attribute',
      { attributes, samples: [sample19([1], { attributes: [2] })] },
      'there is no string 99',
    ],
    ['a type', { sampleType: [77, 2] }, 'there is no string 77'],
    ['many attributes', { samples: [sample19([1], { attributes: many })] }, 'limit 256'],
  ])('%s that is not there', (_, options, message) => {
    const bad = tinyProfile(options);
    const request = new Writer()
      .message(1, tinyResource([bad, tinyProfile()]))
      .message(2, tinyDictionary(options.attributes));
    const [first, second] = convertAll(finish(decodeOtlpBinary(request.finish())));
    expect(first?.failure?.message).toContain(message);
    expect(second?.failure).toBeUndefined();
    expect(second?.pushed).toHaveLength(1);
  });

  it.each<[string, (dictionary: Writer) => Writer, string]>([
    ['a location', (it) => it.message(7, new Writer().packed(1, [5])), 'there is no location 5'],
    [
      'a mapping',
      (it) => it.message(2, new Writer().number(1, 4)).message(7, new Writer().packed(1, [2])),
      'there is no mapping 4',
    ],
    [
      'a function',
      (it) =>
        it
          .message(2, new Writer().message(3, new Writer().number(1, 6)))
          .message(7, new Writer().packed(1, [2])),
      'there is no function 6',
    ],
  ])('%s that its stack leads to', (_, change, message) => {
    const bad = tinyProfile({ samples: [new Writer().number(1, 2).packed(2, [1])] });
    const request = new Writer()
      .message(1, tinyResource([bad, tinyProfile()]))
      .message(2, change(tinyDictionary()));
    const [first, second] = convertAll(finish(decodeOtlpBinary(request.finish())));
    expect(first?.failure?.message).toContain(message);
    expect(second?.pushed).toHaveLength(1);
  });
});

describe('a request', () => {
  it('that lacks its dictionary has every profile with samples refused', () => {
    const profiles = [tinyProfile(), tinyProfile({ samples: [] })];
    const request = new Writer().message(1, tinyResource(profiles)).finish();
    const outcomes = convertAll(finish(decodeOtlpBinary(request)));
    expect(outcomes.map(({ failure }) => failure?.message)).toEqual([
      'request has no dictionary',
      undefined,
    ]);
  });

  it('without resources is refused', () => {
    expect(() => convertAll({ resources: [], dictionary: undefined })).toThrowError(
      'no resource profiles received',
    );
  });

  it('may not make more bytes, or more profiles, than its bounds', () => {
    const profiles = Array.from({ length: 20 }, () => tinyProfile());
    const request = new Writer()
      .message(1, tinyResource(profiles))
      .message(2, tinyDictionary())
      .finish();
    const outcomes = convertAll(finish(decodeOtlpBinary(request)), { bytesMax: 1_000 });
    const sizes = outcomes.flatMap(({ pushed }) => pushed.map(({ body }) => body.byteLength));
    expect(sizes.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(1_000);
    expect(outcomes.at(-1)?.failure?.message).toBe(
      'profiles of the request are over 1000 bytes, the limit',
    );
    const tooMany = Array.from({ length: otlpProfilesMax + 1 }, () => tinyProfile());
    const large = new Writer().message(1, tinyResource(tooMany)).message(2, tinyDictionary());
    const last = convertAll(finish(decodeOtlpBinary(large.finish()))).at(-1);
    expect(last?.failure?.message).toBe('request has more than 10000 profiles, the limit');
  });
});
