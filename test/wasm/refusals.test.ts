// Every way in which a scan refuses a profile: what it says, and that it leaves no trace.
import { describe, expect, test } from 'vitest';
import { Failure } from '../../src/errors.ts';
import { Writer } from '../fixtures/protobuf.ts';
import { createKernel, ingest } from '../support/kernel.ts';
import { encode, followed, samples, withField } from './scan-builders.ts';

const hostile: [name: string, bytes: Uint8Array, message: string | RegExp][] = [
  ['no bytes at all', new Uint8Array(0), 'string table has 0 entries, must begin with ""'],
  [
    'a first string that is not empty',
    new Writer().message(1, new Writer()).string(6, 'abc').finish(),
    'string 0 has 3 bytes, must have 0',
  ],
  ['no sample types', encode({ sampleTypes: [], samples: [] }), /^profile has 0 sample types/],
  [
    'too many sample types',
    encode({ sampleTypes: Array.from({ length: 65 }, () => ['a', 'b'] as const), samples: [] }),
    'profile has 65 sample types, limit 64',
  ],
  [
    'too many comments',
    encode({ comments: Array.from({ length: 1001 }, () => 'c') }),
    'profile has 1001 comments, limit 1000',
  ],
  ['a field cut short', encode().subarray(0, 20), /^a field runs past its message, which ends at/],
  ['a length of 2^40', followed(0x32, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20), /runs past its message/],
  ['a length of 2^64-1', followed(0x32, ...Array(9).fill(0xff), 1), /runs past its message/],
  ['a tag that is cut off', followed(0xff), /runs past its message/],
  ['field 0', followed(0x00, 0x00), /^field tag 0 before byte \d+ is out of range/],
  ['a field number past 2^29', followed(0x80, 0x80, 0x80, 0x80, 0x10, 0), /^field tag 4294967296/],
  ['the start of a group', followed(0x7b), /^field 15 before byte \d+ has wire type 3/],
  ['the end of a group', followed(0x7c), /has wire type 4, must be 0, 1, 2 or 5/],
  ['wire type 6', followed(0x7e), /has wire type 6/],
  ['wire type 7', followed(0x7f), /has wire type 7/],
  [
    'an 11-byte varint',
    followed(0x48, ...Array(10).fill(0x80), 1),
    /^varint at byte \d+ is longer/,
  ],
  ['a varint past 64 bits', followed(0x48, ...Array(9).fill(0xff), 2), /^varint at byte \d+ is/],
  [
    'an 11-byte varint among packed values',
    withField(2, new Writer().bytes(2, Uint8Array.of(...Array(10).fill(0x80), 1))),
    /^varint at byte \d+ is longer/,
  ],
  [
    'a string index past 2^32',
    withField(5, new Writer().number(1, 9).number(2, 2n ** 32n + 1n)),
    'string index 4294967297 out of range, string table has 5 entries',
  ],
  ...(
    [
      ['a sample type', 1, new Writer().number(2, 77)],
      ['the period type', 11, new Writer().number(1, 77)],
      ['a function', 5, new Writer().number(1, 9).number(3, 77)],
      ['a file name', 5, new Writer().number(1, 9).number(4, 77)],
      ['a mapping', 3, new Writer().number(1, 9).number(5, 77)],
      ['a build id', 3, new Writer().number(1, 9).number(6, 77)],
      ['a label', 2, new Writer().message(3, new Writer().number(1, 77))],
      ['a label value', 2, new Writer().message(3, new Writer().number(2, 77))],
      ['a label unit', 2, new Writer().message(3, new Writer().number(4, 77))],
    ] as const
  ).map(([what, field, body]): [string, Uint8Array, string] => [
    `a string index out of range in ${what}`,
    withField(field, body),
    'string index 77 out of range, string table has 5 entries',
  ]),
  ['a negative string index', withField(1, new Writer().number(1, -1n)), /^string index 1844674/],
  ['a location id 0', encode({ locations: [{ id: 1 }, { id: 0 }] }), /^location 1 has id 0/],
  [
    'one function id 0 of two',
    encode({
      functions: [
        { id: 1, name: 'f' },
        { id: 0, name: 'g' },
      ],
    }),
    'function 1 has id 0, must be 1 or more',
  ],
  ['a small id twice', withField(4, new Writer().number(1, 2)), /^location id 2 is .* twice$/],
  [
    'a large id twice',
    Uint8Array.of(
      ...withField(4, new Writer().number(1, 2n ** 50n)),
      ...new Writer().message(4, new Writer().number(1, 2n ** 50n)).finish(),
    ),
    'location id 1125899906842624 is in the profile twice',
  ],
  [
    'too few values',
    samples({ locations: [1], values: [1, 1] }, { locations: [1], values: [1] }),
    'sample 1 has 1 value, profile has 2 sample types',
  ],
  [
    'too many values',
    samples({ locations: [1], values: [1, 1, 1] }),
    'sample 0 has 3 values, profile has 2 sample types',
  ],
  [
    'values that add up to more than 2^63-1',
    samples({ locations: [1], values: [1, 2n ** 62n] }, { locations: [2], values: [1, 2n ** 62n] }),
    'values of sample type 1 add up to more than 9223372036854775807',
  ],
  [
    'values of two label groups that add up to more than 2^63-1',
    samples(
      { locations: [1], values: [2n ** 63n - 1n, 0], labels: [{ key: 'k', text: 'v' }] },
      { locations: [2], values: [1, 0] },
    ),
    'values of sample type 0 add up to more than 9223372036854775807',
  ],
  [
    'too many labels on a sample',
    samples({
      locations: [1],
      values: [1, 1],
      labels: Array.from({ length: 1001 }, () => ({ key: 'k', text: 'v' })),
    }),
    'sample 0 has more labels than the limit 1000',
  ],
];

describe('scan refuses', () => {
  for (const [name, bytes, message] of hostile) {
    test(name, () => {
      const kernel = createKernel();
      ingest(kernel, encode());
      const before = kernel.digest();
      let refusal: unknown;
      try {
        kernel.scan(bytes);
      } catch (error) {
        refusal = error;
      }
      expect(refusal).toBeInstanceOf(Failure);
      const { kind, reason, message: text } = refusal as Failure;
      expect({ kind, reason }).toEqual({ kind: 'invalid', reason: 'malformed_profile' });
      if (typeof message === 'string') expect(text).toBe(message);
      else expect(text).toMatch(message);
      expect(kernel.digest()).toBe(before);
      // It goes on as if nothing had been.
      expect(ingest(kernel, encode()).rowCount).toBe(2);
    });
  }
});
