// What OTLP's JSON may look like: the spellings that clients use, and what is refused.
import { describe, expect, it } from 'vitest';
import { decodeOtlpJson } from '../../../src/convert/otlp-json.ts';
import { finish } from '../../../src/lib/steps.ts';

describe('json', () => {
  const decode = (value: unknown) =>
    finish(decodeOtlpJson(new TextEncoder().encode(JSON.stringify(value))));
  const withLink = (link: object) => decode({ dictionary: { linkTable: [link] } });

  it.each([
    ['hex', '0102030405060708', '0102030405060708090A0B0C0D0E0F10'],
    ['base64', 'AQIDBAUGBwg=', 'AQIDBAUGBwgJCgsMDQ4PEA=='],
    ['base64 without padding', 'AQIDBAUGBwg', 'AQIDBAUGBwgJCgsMDQ4PEA'],
  ])('takes ids in %s', (_, spanId, traceId) => {
    expect(withLink({ spanId, traceId }).dictionary?.links).toEqual([
      { spanId: '0102030405060708', traceId: '0102030405060708090a0b0c0d0e0f10' },
    ]);
  });

  it('takes no id for one of zeros', () => {
    const zeros = { spanId: '0'.repeat(16), traceId: 'AAAAAAAAAAAAAAAAAAAAAA==' };
    expect(withLink(zeros).dictionary?.links).toEqual([{ spanId: '', traceId: '' }]);
  });

  it('takes both spellings of a name, numbers as text, null for absent, unknown fields', () => {
    const profile = {
      time_unix_nano: '12',
      durationNano: 3,
      period: null,
      periodType: { type_strindex: 1, unitStrindex: '2' },
      samples: [{ values: ['9007199254740993', -1], timestampsUnixNano: ['1'], extra: {} }],
      unknown: [1],
    };
    const request = decode({ resource_profiles: [{ scopeProfiles: [{ profiles: [profile] }] }] });
    expect(request.resources[0]?.scopes[0]?.profiles).toEqual([
      {
        sampleType: undefined,
        timeNs: 12n,
        durationNs: 3n,
        period: 0n,
        periodType: { type: 1, unit: 2 },
        samples: [{ stack: 0, attributes: [], link: 0, value: 2n ** 53n, timestampCount: 1 }],
      },
    ]);
  });

  it.each<[string, unknown, string]>([
    ['a list', [], 'json field request is [], not an object'],
    ['a table that is none', { dictionary: { stringTable: {} } }, 'stringTable is {}, not a list'],
    ['a name that is none', { dictionary: { stringTable: [1] } }, 'stringTable is 1, not text'],
    ['a number that lost digits', profileWith({ timeUnixNano: 2 ** 60 }), 'as text above 2^53'],
    ['a number over 64 bits', profileWith({ timeUnixNano: `${2n ** 64n}` }), 'not a uint64'],
    ['a negative index', profileWith({ samples: [{ stackIndex: -1 }] }), 'not an index'],
    ['an id of another length', { dictionary: { linkTable: [{ spanId: 'abc' }] } }, 'not 8 bytes'],
    ['the fields before 1.9', profileWith({ sample: [{}] }), 'a layout before otlp 1.9'],
    ['several sample types', profileWith({ sampleType: [{}] }), 'a layout before otlp 1.9'],
  ])('refuses %s', (_, value, message) => {
    expect(() => decode(value)).toThrowError(message);
  });
});

function profileWith(profile: object) {
  return { resourceProfiles: [{ scopeProfiles: [{ profiles: [profile] }] }] };
}
