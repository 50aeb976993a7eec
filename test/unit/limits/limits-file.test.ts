// The file of limits: what each tenant gets, and what is said of a file that makes no sense.
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../src/errors.ts';
import { defaultLimits, type Limits } from '../../../src/limits/limits.ts';
import { limitsOfTenant, parseLimitsFile } from '../../../src/limits/limits-file.ts';

function parse(json: unknown) {
  return parseLimitsFile(JSON.stringify(json));
}

function refusalOf(text: string): string {
  try {
    parseLimitsFile(text);
    return 'accepted';
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    expect(error).toMatchObject({ kind: 'invalid' });
    return (error as Failure).message;
  }
}

describe('a limits file', () => {
  it('gives a tenant its override, then the default of the file, then ours', () => {
    const table = parse({
      defaults: { samplesMax: 1, seriesMax: 2 },
      overrides: { a: { samplesMax: 3 }, 'b!': {} },
    });
    expect(limitsOfTenant(table, 'a')).toEqual({ ...defaultLimits, samplesMax: 3, seriesMax: 2 });
    for (const tenant of ['b!', 'c', 'constructor', '__proto__']) {
      const limits = limitsOfTenant(table, tenant);
      expect(limits).toEqual({ ...defaultLimits, samplesMax: 1, seriesMax: 2 });
    }
  });

  it('takes names of tenants that objects have a meaning for', () => {
    const text = '{"overrides":{"__proto__":{"samplesMax":7},"constructor":{"samplesMax":8}}}';
    const table = parseLimitsFile(text);
    expect(limitsOfTenant(table, '__proto__').samplesMax).toBe(7);
    expect(limitsOfTenant(table, 'constructor').samplesMax).toBe(8);
    expect(limitsOfTenant(table, 'other').samplesMax).toBe(16_000);
  });

  it.each([{}, { defaults: {} }, { overrides: {} }])('may say nothing: %j', (json) => {
    expect(parse(json)).toEqual({ defaults: defaultLimits, overrides: new Map() });
  });

  it('reads sizes and times as people write them', () => {
    const { defaults } = parse({
      defaults: { profileBytesMax: '8MiB', queryLookbackMs: '30d', rejectOlderThanMs: 0 },
    });
    expect(defaults).toMatchObject({
      profileBytesMax: 8 * 2 ** 20,
      queryLookbackMs: 30 * 86_400_000,
      rejectOlderThanMs: 0,
    });
  });

  it('takes our own defaults, written out', () => {
    expect(parse({ defaults: defaultLimits }).defaults).toEqual(defaultLimits);
  });

  it.each([
    ['', /^not json: /],
    ['{"defaults":', /^not json: /],
    ['[]', 'not a json object'],
    ['null', 'not a json object'],
    ['{"default":{}}', 'unknown name default: did you mean defaults?'],
    ['{"limits":{}}', 'unknown name limits: known are defaults overrides'],
    ['{"defaults":[]}', 'defaults is not an object of limits'],
    ['{"overrides":[]}', 'overrides is not an object of tenants'],
    ['{"overrides":{"a":1}}', 'overrides.a is not an object of limits'],
    ['{"overrides":{"":{}}}', 'overrides. is not the name of a tenant'],
    [
      '{"overrides":{"a":{"sampleMax":1}}}',
      'unknown name overrides.a.sampleMax: did you mean samplesMax?',
    ],
    ['{"defaults":{"toString":1}}', /^unknown name defaults\.toString: /],
    ['{"defaults":{"samplesMax":"many"}}', 'defaults.samplesMax "many" is not a whole number'],
    ['{"defaults":{"samplesMax":1.5}}', 'defaults.samplesMax 1.5 is not a whole number'],
    ['{"defaults":{"samplesMax":null}}', 'defaults.samplesMax null is not a whole number'],
    ['{"defaults":{"shards":33}}', 'defaults.shards 33 is over the most, 32'],
    [
      '{"defaults":{"shardBy":"pod"}}',
      'defaults.shardBy "pod" is not one of service series region',
    ],
    ['{"defaults":{"samplesMax":0}}', 'defaults.samplesMax 0 is under the least, 1'],
    ['{"defaults":{"seriesMax":-1}}', 'defaults.seriesMax -1 is under the least, 0'],
    [
      '{"defaults":{"profileBytesMax":"1GiB"}}',
      'defaults.profileBytesMax "1GiB" is over the most, 33554432',
    ],
    [
      '{"defaults":{"queryTimeMaxMs":"2 min"}}',
      'defaults.queryTimeMaxMs "2 min" is not a duration such as 1h',
    ],
    [
      '{"overrides":{"a":{"ingestBurstBytes":"2MiB"}}}',
      /^overrides\.a: ingestBurstBytes is 2097152, less than a profile and its labels may have/,
    ],
    [
      '{"defaults":{"pushBytesMax":"1MiB"}}',
      'defaults: pushBytesMax is 1048576, less than profileBytesMax, 4194304',
    ],
    ['{"defaults":{"nodesMax":100}}', 'defaults: nodesDefault is 8192, more than nodesMax, 100'],
  ])('is refused: %s', (text, message) => {
    const refusal = refusalOf(text);
    if (typeof message === 'string') expect(refusal).toBe(message);
    else expect(refusal).toMatch(message);
    expect(refusal).not.toContain('\n');
  });

  it('lets a small burst be where the rate is off', () => {
    const limits = parse({ defaults: { ingestBytesPerSecond: 0, ingestBurstBytes: 1 } });
    expect(limits.defaults.ingestBurstBytes).toBe(1);
  });
});

it('documents every limit with its default', async () => {
  const page = await readFile(new URL('../../../docs/limits.md', import.meta.url), 'utf8');
  const rows = page.matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm);
  const documented = new Map([...rows].map(([, name, value]) => [name, value?.trim()]));
  for (const name of Object.keys(defaultLimits) as (keyof Limits)[]) {
    const value = JSON.stringify(documented.get(name)?.replaceAll(/[`,]/g, '') ?? 'missing');
    const number = /^"\d+"$/.test(value) ? value.slice(1, -1) : value;
    const text = `{"defaults":{"${name}":${number}}}`;
    expect(parseLimitsFile(text).defaults[name], name).toBe(defaultLimits[name]);
  }
  expect(documented.size).toBe(Object.keys(defaultLimits).length);
});
