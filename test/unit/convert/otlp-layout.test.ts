// The decision between the two layouts of `Sample`, for requests written field by field.
import { describe, expect, it } from 'vitest';
import { decodeOtlpBinary } from '../../../src/convert/otlp-binary.ts';
import { decideLayout } from '../../../src/convert/otlp-layout.ts';
import { finish } from '../../../src/lib/steps.ts';
import { Writer } from '../../fixtures/protobuf.ts';
import {
  convertAll,
  keyValue,
  readPushed,
  sample19,
  sample110,
  type TinyOptions,
  text,
  tinyProfile,
  tinyRequest,
} from '../../support/otlp-requests.ts';

const byIndex = new Writer().number(3, 7).message(2, text('x'));
const valueByIndex = keyValue('host', new Writer().number(8, 7));
const tableValueByIndex = new Writer().number(1, 6).message(2, new Writer().number(8, 7));

const decided: [string, '1.9' | '1.10', TinyOptions][] = [
  ['values alone', '1.9', { samples: [sample19([5])] }],
  ['values of zero alone', '1.9', { samples: [sample19([0])] }],
  ['attributes in field 3', '1.9', { samples: [sample19([5], { attributes: [1] })] }],
  ['a link in field 4', '1.9', { samples: [sample19([5], { link: 1 })] }],
  ['timestamps and attributes in field 3', '1.9', attributed(sample19, 1)],
  ['one sample that tells', '1.9', { samples: [sample19([5]), sample19([5], { link: 1 })] }],
  ['no sample', '1.9', { samples: [] }],
  ['timestamps alone', '1.9', { samples: [sample19([], { timestamps: 3 })] }],
  ['values in field 4', '1.10', { samples: [sample110([5])] }],
  ['attributes and values', '1.10', { samples: [sample110([5], { attributes: [1] })] }],
  ['a link in field 3', '1.10', { samples: [sample110([], { link: 1, timestamps: 1 })] }],
  ['keys by index', '1.10', { ...attributed(sample110, 1), resource: [byIndex] }],
  ['values by index', '1.10', { ...attributed(sample110, 1), resource: [valueByIndex] }],
  ['values of the table', '1.10', { ...attributed(sample110, 1), attributes: [tableValueByIndex] }],
  ['more timestamps than attributes', '1.10', attributed(sample110, 3)],
  ['values that are no attributes', '1.9', { samples: [sample19([9], { timestamps: 1 })] }],
  ['negative values with timestamps', '1.9', { samples: [sample19([-1], { timestamps: 1 })] }],
];

function attributed(make: typeof sample19, timestamps: number): TinyOptions {
  return { samples: [make([], { attributes: [1], timestamps })] };
}

const refused: [string, TinyOptions][] = [
  [
    'samples of both layouts',
    { samples: [sample19([5], { attributes: [1] }), sample110([5], { attributes: [1] })] },
  ],
  ['values, or attributes, beside as many timestamps', attributed(sample110, 1)],
  [
    'a field 2 that is neither',
    { samples: [sample19([9], { timestamps: 1 }), sample19([1, 1], { timestamps: 1 })] },
  ],
];

describe('the layout', () => {
  it.each(decided)('of a request with %s is %s', (_, version, options) => {
    expect(finish(decideLayout(tinyRequest(options))).version).toBe(version);
  });

  const versioned: [string, '1.9' | '1.10', TinyOptions][] = [
    ['values, or attributes, beside as many timestamps', '1.10', attributed(sample110, 1)],
    ['attributes alone', '1.10', { samples: [sample110([], { attributes: [1] })] }],
    ['values in field 4', '1.10', { samples: [sample110([5])] }],
    ['attributes in field 3', '1.9', { samples: [sample19([5], { attributes: [1] })] }],
  ];
  it.each(versioned)('of %s, from a sender that names its schema, is %s', (_, version, options) => {
    expect(finish(decideLayout(tinyRequest(options), true)).version).toBe(version);
  });

  it.each(refused)('of %s is refused as undecided', (_, options) => {
    expect(() => finish(decodeOtlpBinary(tinyRequest(options)))).toThrowError(
      /^layout of the samples is undecided: .*; send values in every sample, or json$/,
    );
  });

  it('is decided by the whole request, wherever the evidence is', () => {
    const first = tinyRequest(attributed(sample110, 1));
    const second = tinyRequest({ samples: [sample110([5])], hasDictionary: false });
    const both = new Uint8Array([...first, ...second]);
    expect(finish(decideLayout(both)).version).toBe('1.10');
    const values = convertAll(finish(decodeOtlpBinary(both))).map(({ pushed }) =>
      pushed.map(readPushed).map(({ samples }) => samples),
    );
    const labels = { thread: 'worker' };
    expect(values).toEqual([
      [[{ stack: 'main:7', value: [10n], labels }]],
      [[{ stack: 'main:7', value: [50n], labels: {} }]],
    ]);
  });

  const older: [string, Writer][] = [
    ['locations in field 3', tinyProfile().packed(3, [1, 2])],
    ['a duration in field 5', tinyProfile({ periodType: undefined }).number(5, 9)],
    ['a period type in field 6', tinyProfile({ period: 0 }).message(6, new Writer().number(1, 1))],
    ['a link in field 5 of a sample', tinyProfile({ samples: [sample19([1]).number(5, 1)] })],
  ];
  it.each(older)('before 1.9 is told by %s', (_, profile) => {
    const scope = new Writer().message(2, profile);
    const request = new Writer().message(1, new Writer().message(2, scope));
    expect(() => finish(decodeOtlpBinary(request.finish()))).toThrowError(
      'profile is of a layout before otlp 1.9, send 1.9 or newer',
    );
  });
});
