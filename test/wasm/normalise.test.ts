// What a scan mends instead of refusing: references that lead nowhere, depth, length, type
// parameters, more label groups than it takes.
import { describe, expect, test } from 'vitest';
import { plainTreatment } from '../../src/model/treatment.ts';
import { encodePprof, type LocationInput, type SampleInput } from '../fixtures/pprof-writer.ts';
import { Writer } from '../fixtures/protobuf.ts';
import { createKernel, ingest, planOf } from '../support/kernel.ts';
import { dumpRows } from '../support/kernel-dump.ts';
import { decodeWire } from '../support/wire-pprof.ts';
import { expectedRows, modelOf } from './model.ts';
import { encode, samples, withField } from './scan-builders.ts';

/** Scans and appends; both must be as the model says. */
function store(bytes: Uint8Array) {
  const kernel = createKernel();
  const facts = kernel.scan(bytes);
  const { samples: _samples, groups: _groups, ...model } = modelOf(bytes, decodeWire);
  expect(facts).toMatchObject(model);
  kernel.append(planOf(facts));
  const rows = dumpRows(kernel);
  expect(rows).toEqual(expectedRows(modelOf(bytes, decodeWire), planOf(facts), 0xffffffff));
  return { facts, rows };
}

const oneType = [['a', 'count']] as const;
const good: SampleInput = { locations: [1, 2], values: [1, 1] };

describe('a sample is left out, and counted, when a location of its stack', () => {
  const locations = (...more: LocationInput[]) => [
    { id: 1, lines: [{ function: 1 }] },
    { id: 2, lines: [{ function: 1, line: 4 }] },
    ...more,
  ];
  const dangling: SampleInput = { locations: [1, 3, 2], values: [5, 5] };
  test.each([3n, 0n, 77n, 16_384n, 2n ** 32n + 1n, 2n ** 64n - 1n])('has the id %s', (id) => {
    for (const isUnpacked of [false, true]) {
      const stack = [1, 2, 1, 2, 1, 2, 1, 2, 1, id, 1, 2];
      const lost: SampleInput = { locations: stack, values: [5, 5] };
      const { facts, rows } = store(encode({ isUnpacked, samples: [good, lost, good] }));
      expect(facts.danglingSampleCount).toBe(1);
      expect(rows.map(({ total }) => total)).toEqual([2n, 2n]);
    }
  });
  test.each<[string, LocationInput]>([
    ['has a mapping that is not there', { id: 3, mapping: 5, lines: [{ function: 1 }] }],
    ['has a function that is not there', { id: 3, lines: [{ function: 1 }, { function: 9 }] }],
    ['has neither line nor address', { id: 3 }],
  ])('%s', (_name, location) => {
    const bytes = encode({ locations: locations(location), samples: [good, dangling] });
    const { facts, rows } = store(bytes);
    expect(facts.danglingSampleCount).toBe(1);
    expect(rows.map(({ total }) => total)).toEqual([1n, 1n]);
  });
  test('is one of a table whose ids are far apart', () => {
    const far = 2n ** 50n;
    const bytes = encode({
      locations: locations({ id: far, mapping: 5 }, { id: far + 1n, address: 7 }),
      samples: [
        good,
        { locations: [far], values: [1, 1] },
        { locations: [far + 1n], values: [1, 1] },
      ],
    });
    expect(store(bytes).facts.danglingSampleCount).toBe(1);
  });
  test('is there, but the profile has none at all', () => {
    expect(store(encode({ locations: [], samples: [good] })).rows).toEqual([]);
  });
});

describe('what leads nowhere and measures nothing is empty', () => {
  test.each([7, 8, 13, 14])('string index of field %i', (field) => {
    const bytes = Uint8Array.of(...encode(), ...new Writer().number(field, 77).finish());
    const { facts } = store(bytes);
    expect([facts.dropFrames, facts.keepFrames, facts.defaultSampleType]).toEqual(['', '', '']);
    expect(facts.comments).toEqual(field === 13 ? [''] : []);
  });
  test('a mapping without an id', () => {
    const bytes = encode({ mappings: [{ id: 0, file: 'a' }, { id: 0 }, { id: 3, file: 'b' }] });
    expect(store(bytes).rows.map(({ total }) => total)).toEqual([1n, 2n]);
  });
});

describe('an address is forgotten', () => {
  test('when its mapping has functions and the location lines, so that equal calls are one', () => {
    const bytes = encodePprof({
      sampleTypes: oneType,
      functions: [{ id: 1, name: 'f' }],
      mappings: [{ id: 1, hasFunctions: true }],
      locations: [
        { id: 1, mapping: 1, address: 10, lines: [{ function: 1, line: 3 }] },
        { id: 2, mapping: 1, address: 20, lines: [{ function: 1, line: 3 }] },
        { id: 3, mapping: 1, address: 30 },
      ],
      samples: [
        { locations: [1], values: [1] },
        { locations: [2], values: [2] },
        { locations: [3], values: [4] },
      ],
    });
    expect(store(bytes).rows.flatMap((row) => row.samples.map(({ value }) => value))).toEqual([
      3n,
      4n,
    ]);
  });
});

describe('a stack of more than 1,000 locations', () => {
  const deep = (depth: number): SampleInput => ({
    locations: Array.from({ length: depth }, (_, i) => (i === depth - 1001 ? 1 : 2)),
    values: [1, 1],
  });
  test('keeps those next to the root', () => {
    const { facts, rows } = store(samples(deep(1000), deep(1001), deep(5000), good));
    expect(facts).toMatchObject({ truncatedStackCount: 2, depthMax: 5000 });
    // The frame that would tell the deep ones from the other is the first that goes.
    expect(rows[0]?.samples.map(({ value }) => value)).toEqual([3n, 1n]);
  });
});

/** The longest end of whole characters within so many bytes. */
function endOf(text: string, bytesMax: number): string {
  const characters = [...text];
  while (new TextEncoder().encode(characters.join('')).length > bytesMax) characters.shift();
  return characters.join('');
}

describe('a string of more than 65,535 bytes', () => {
  const named = (name: string) => encode({ functions: [{ id: 1, name }] });
  test.each([
    ['keeps its end', `head${'x'.repeat(65_535)}`, 'x'.repeat(65_535)],
    ['begins with a whole character', `é${'x'.repeat(65_534)}`, 'x'.repeat(65_534)],
    ['begins with one of four bytes', `a😀${'x'.repeat(65_532)}`, 'x'.repeat(65_532)],
  ])('%s', (_name, name, kept) => {
    const { facts, rows } = store(named(name));
    expect(facts.truncatedStringCount).toBe(1);
    expect(rows[0]?.samples[0]?.stack).toContain(`{${kept}|`);
  });
  test.each([0, 1, 2, 3, 4])(
    'is empty or whole characters when %i bytes may stay',
    (symbolBytesMax) => {
      const kernel = createKernel();
      const names = ['😀', 'é', 'aé', '日本', 'abc'];
      const functions = names.map((name, i) => ({ id: i + 1, name }));
      const locations = names.map((_, i) => ({ id: i + 1, lines: [{ function: i + 1 }] }));
      const sample: SampleInput = { locations: [1, 2, 3, 4, 5], values: [1] };
      const profile = encodePprof({
        sampleTypes: oneType,
        functions,
        locations,
        samples: [sample],
      });
      // What follows the last string, a field nobody knows, looks like the rest of a character.
      const bytes = Uint8Array.of(...profile, 0x80, 0x01, 0x01);
      kernel.append(planOf(kernel.scan(bytes, { ...plainTreatment, symbolBytesMax })));
      const stack = dumpRows(kernel)[0]?.samples[0]?.stack ?? '';
      const stored = [...stack.matchAll(/\{([^|]*)\|/g)].map(([, name]) => name);
      const ends = names.map((name) => endOf(name, symbolBytesMax));
      expect(stored.toSorted()).toEqual(ends.toSorted());
    },
  );
  test('of just as many is left alone', () => {
    expect(store(named('x'.repeat(65_535))).facts.truncatedStringCount).toBe(0);
  });
});

describe('type parameters of Go', () => {
  const nameOf = (name: string) => {
    const { rows } = store(encode({ functions: [{ id: 1, name, systemName: name }] }));
    const [, stored, system] = /\{([^|]*)\|([^|]*)\|/.exec(rows[0]?.samples[0]?.stack ?? '') ?? [];
    expect(system).toBe(name);
    return stored;
  };
  test.each([
    ['slices.Sort[go.shape.[]int,go.shape.int]', 'slices.Sort'],
    ['main.(*List[go.shape.struct { F [4]string }]).Add', 'main.(*List).Add'],
    ['main.A[go.shape.int].func1.B[go.shape.uint8]', 'main.A.func1.B'],
    ['[go.shape.int]', ''],
    ['main.A[go.shape.int', 'main.A[go.shape.int'],
    ['main.A[...]', 'main.A[...]'],
    ['[I go.shape.', '[I go.shape.'],
  ])('%s is stored as %s', (name, stored) => {
    expect(nameOf(name)).toBe(stored);
  });
  test('are found only in strings, and in what is left of them', () => {
    const mark = 'f[go.shape.int]';
    const long = `${mark}${'x'.repeat(65_535)}`;
    const { rows } = store(
      Uint8Array.of(
        ...encode({ functions: [{ id: 1, name: 'g[go.shape.int]h', file: long }] }),
        // A field that no reader knows, between strings.
        ...new Writer().string(100, mark).string(6, mark).string(100, mark).finish(),
      ),
    );
    expect(rows[0]?.samples[0]?.stack).toContain('{gh|');
  });
  test('leave one function where there were two', () => {
    const kernel = createKernel();
    const functions = [
      { id: 1, name: 'f[go.shape.int]' },
      { id: 2, name: 'f[go.shape.string]' },
    ];
    const locations = [
      { id: 1, lines: [{ function: 1 }] },
      { id: 2, lines: [{ function: 2 }] },
    ];
    ingest(kernel, encode({ functions, locations }));
    expect(kernel.stats().functions).toBe(1);
  });
});

describe('more label groups than a scan takes', () => {
  const many = (count: number, labels: (i: number) => SampleInput['labels']) =>
    encodePprof({
      sampleTypes: oneType,
      functions: [{ id: 1, name: 'f' }],
      locations: [{ id: 1, lines: [{ function: 1 }] }],
      samples: Array.from({ length: count }, (_, i) => ({
        locations: [1],
        values: [1],
        labels: labels(i) ?? [],
      })),
    });
  const scan = (bytes: Uint8Array) => {
    const { groups, ignoredLabels } = createKernel().scan(bytes);
    const counts = groups.flatMap(({ sampleCounts }) => [...sampleCounts]);
    const total = counts.reduce((sum, one) => sum + one, 0);
    return { groups: groups.length, ignoredLabels, total };
  };
  test('come down to those without the labels that have the most values', () => {
    const bytes = many(30_000, (i) => [
      { key: 'thread', text: `${i}` },
      { key: 'pool', text: `p${i % 3}` },
      { key: 'request', text: `r${i >> 1}` },
    ]);
    expect(scan(bytes)).toEqual({
      groups: 4,
      ignoredLabels: ['request', 'thread'],
      total: 30_000,
    });
  });
  test('of a label each come down to one', () => {
    const { groups, total } = scan(many(20_000, (i) => [{ key: `k${i}`, text: 'v' }]));
    expect({ groups, total }).toEqual({ groups: 1, total: 20_000 });
  });
  test('keep the spans of samples', () => {
    const bytes = many(3_000, (i) => [
      { key: 'thread', text: `${i}` },
      { key: 'span_id', text: i.toString(16).padStart(16, '0') },
    ]);
    const kernel = createKernel();
    ingest(kernel, bytes);
    const [row] = dumpRows(kernel);
    expect(row?.samples.length).toBe(3_000);
    expect(row?.samples[2_999]?.span).toBe(2_999n);
  });
});

test('a message that two rules are about is refused by the stricter one', () => {
  const lost = withField(2, new Writer().packed(1, [9]).packed(2, [1]));
  expect(() => createKernel().scan(lost)).toThrow('sample 1 has 1 value');
});
