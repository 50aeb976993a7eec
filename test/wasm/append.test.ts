// Appending to a head: what comes out must be what the plain model says.
import { describe, expect, test } from 'vitest';
import { noSeries } from '../../src/kernel/facts.ts';
import { encodePprof, type PprofInput } from '../fixtures/pprof-writer.ts';
import { createRandom } from '../fixtures/random.ts';
import { syntheticProfiles } from '../fixtures/synthetic.ts';
import { loadFixture, loadFixtures } from '../support/fixtures.ts';
import { createKernel, ingest, planOf } from '../support/kernel.ts';
import { dumpRows } from '../support/kernel-dump.ts';
import { randomPprof } from '../support/random-pprof.ts';
import { expectedRows, modelOf } from './model.ts';

function assertAgrees(bytes: Uint8Array) {
  const kernel = createKernel();
  const facts = kernel.scan(bytes);
  const model = modelOf(bytes);
  const plan = planOf(facts);
  const { rowsFrom, rowCount } = kernel.append(plan);
  const rows = dumpRows(kernel);
  expect(rows).toEqual(expectedRows(model, plan, noSeries));
  expect({ rowsFrom, rowCount }).toEqual({ rowsFrom: 0, rowCount: rows.length });
}

const one = (changes: Partial<PprofInput> = {}): Uint8Array =>
  encodePprof({
    sampleTypes: [
      ['a', 'count'],
      ['b', 'count'],
    ],
    functions: [
      { id: 1, name: 'f' },
      { id: 2, name: 'g' },
    ],
    locations: [
      { id: 1, lines: [{ function: 1, line: 1 }] },
      { id: 2, lines: [{ function: 2, line: 2 }] },
    ],
    samples: [{ locations: [1, 2], values: [1, 2] }],
    ...changes,
  });

describe('append agrees with the model', () => {
  for (const { name, plain } of loadFixtures()) {
    test(`on the fixture ${name}`, () => assertAgrees(plain));
  }
  for (const { name, bytes } of syntheticProfiles()) {
    test(`on the synthetic profile ${name}`, () => assertAgrees(bytes));
  }
  test('on random profiles, one after the other in one head', () => {
    const random = createRandom(20_240_611);
    const kernel = createKernel();
    for (let round = 0; round < 150; round++) {
      const bytes = randomPprof(random);
      const plan = planOf(kernel.scan(bytes));
      const { rowsFrom } = kernel.append(plan);
      const rows = dumpRows(kernel, rowsFrom);
      expect(rows, `round ${round}`).toEqual(expectedRows(modelOf(bytes), plan, noSeries));
    }
  });
  test('on random plans that join groups and leave series out', () => {
    const random = createRandom(31);
    const kernel = createKernel();
    for (let round = 0; round < 100; round++) {
      const bytes = randomPprof(random);
      const facts = kernel.scan(bytes);
      const groupTargets = Uint32Array.from({ length: facts.groups.length }, (_, i) => i);
      for (let group = 1; group < groupTargets.length; group++) {
        const other = groupTargets[random.below(group)] as number;
        if (random.below(2)) groupTargets[group] = other;
      }
      const cells = facts.groups.length * facts.sampleTypes.length;
      const series = Uint32Array.from({ length: cells }, () =>
        random.below(3) ? random.below(100) : noSeries,
      );
      const plan = planOf(facts, { groupTargets, series });
      const { rowsFrom } = kernel.append(plan);
      const rows = dumpRows(kernel, rowsFrom);
      expect(rows, `round ${round}`).toEqual(expectedRows(modelOf(bytes), plan, noSeries));
    }
  });
});

describe('append', () => {
  test('adds no symbol and no stack for a profile it has seen', () => {
    for (const { plain } of loadFixtures()) {
      const kernel = createKernel();
      ingest(kernel, plain);
      const { rows, samples, bytesUsed, bytesReserved, ...before } = kernel.stats();
      expect(rows).toBeGreaterThan(0);
      expect(samples).toBeGreaterThan(0);
      expect(bytesUsed).toBeLessThanOrEqual(bytesReserved);
      ingest(kernel, plain);
      expect(kernel.stats()).toMatchObject({ ...before, rows: rows * 2, samples: samples * 2 });
    }
  });

  test('takes at most 12.5 bytes a sample in columns', () => {
    const kernel = createKernel();
    for (let i = 0; i < 8; i++) ingest(kernel, loadFixture('go-heap-2').plain);
    const { counts } = kernel.mark();
    // Stacks u32, values i64, spans u64, traces 16 bytes, rows 88 bytes; as in wasm/store.ts.
    const bytes = [4, 8, 8, 16, 88].reduce(
      (sum, size, i) => sum + size * (counts[8 + i] as number),
      0,
    );
    expect(bytes / kernel.stats().samples).toBeLessThan(12.5);
  });

  test.for([64, 128, 256, 1024])('leaves what lies behind %i samples alone', (count) => {
    // As many samples as the column has room for, and then values that are zero.
    const zeros = 2;
    const samples = Array.from({ length: count / 2 + zeros / 2 }, (_, i) => ({
      locations: [1 + (i >> 6), 1 + (i & 63)],
      values: [i + 1, i < count / 2 - zeros / 2 ? i + 1 : 0],
    }));
    const locations = Array.from({ length: 64 }, (_, i) => ({
      id: i + 1,
      lines: [{ function: 1, line: i }],
    }));
    const kernel = createKernel();
    const bytes = one({ samples, locations });
    const plan = planOf(kernel.scan(bytes));
    kernel.append(plan);
    expect(kernel.stats().samples).toBe(count);
    expect(dumpRows(kernel)).toEqual(expectedRows(modelOf(bytes), plan, noSeries));
  });

  test('stores no string that only labels use', () => {
    const kernel = createKernel();
    const labels = [
      { key: 'span_id', text: '00000000000000ff' },
      { key: 'route', text: '/a' },
    ];
    ingest(kernel, one({ samples: [{ locations: [1], values: [1, 1], labels }] }));
    // "", f and g; the sample types are the caller's.
    expect(kernel.stats().strings).toBe(3);
  });

  test('makes no row and stores nothing when no series is wanted', () => {
    const kernel = createKernel();
    const before = kernel.digest();
    const answer = ingest(kernel, one(), { series: Uint32Array.of(noSeries, noSeries) });
    expect(answer).toEqual({ rowsFrom: 0, rowCount: 0 });
    expect(kernel.digest()).toBe(before);
  });

  test('repairs invalid UTF-8 as TextDecoder does', () => {
    const random = createRandom(99);
    // Bytes that begin, continue and break sequences.
    const alphabet = [0x41, 0x80, 0xbf, 0xc1, 0xc3, 0xe0, 0xa0, 0xed, 0x9f, 0xf0, 0x90, 0xf4, 0x8f];
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    const raw = Array.from({ length: 400 }, () =>
      Uint8Array.from(
        { length: 1 + random.below(40) },
        () => (random.below(9) ? alphabet[random.below(alphabet.length)] : 0xff) as number,
      ),
    );
    const kernel = createKernel();
    const bytes = one({
      functions: raw.map((name, i) => ({ id: i + 1, name })),
      locations: raw.map((_, i) => ({ id: i + 1, lines: [{ function: i + 1 }] })),
      samples: [{ locations: raw.map((_, i) => i + 1), values: [1, 0] }],
    });
    ingest(kernel, bytes);
    const [row] = dumpRows(kernel);
    const names = row?.samples[0]?.stack.split('\n').map((text) => text.slice(3).split('|')[0]);
    expect(names).toEqual(raw.map((name) => decoder.decode(name)));
    // The same bytes again are the same strings.
    const { strings } = kernel.stats();
    ingest(kernel, bytes);
    expect(kernel.stats().strings).toBe(strings);
  });

  test('changes nothing when the head is full, and takes the profile after a reset', () => {
    const kernel = createKernel();
    const large = one({ samples: [{ locations: [1], values: [2n ** 62n, 2n ** 62n - 1n] }] });
    ingest(kernel, large);
    const before = kernel.digest();
    expect(() => ingest(kernel, one({ samples: [{ locations: [2], values: [1, 0] }] }))).toThrow(
      expect.objectContaining({ kind: 'limit', reason: 'head_full' }),
    );
    expect(kernel.digest()).toBe(before);
    kernel.reset([3, 4]);
    expect(ingest(kernel, large).rowCount).toBe(2);
  });

  test('takes a first profile whose types together pass 2^63-1, and nothing after it', () => {
    const kernel = createKernel();
    const full = 2n ** 63n - 1n;
    ingest(kernel, one({ samples: [{ locations: [1], values: [full, full] }] }));
    expect(dumpRows(kernel).map((row) => row.total)).toEqual([full, full]);
    expect(() => ingest(kernel, one())).toThrow(expect.objectContaining({ reason: 'head_full' }));
  });

  test('is a bug without a scan, after a refused scan, and with a plan of another shape', () => {
    const kernel = createKernel();
    const bytes = one();
    const plan = planOf(kernel.scan(bytes));
    kernel.append(plan);
    expect(() => kernel.append(plan)).toThrow('append without a scan');
    kernel.scan(bytes);
    expect(() => kernel.scan(Uint8Array.of(7))).toThrow();
    expect(() => kernel.append(plan)).toThrow('append without a scan');
    kernel.scan(bytes);
    expect(() => kernel.append({ ...plan, series: new Uint32Array(3) })).toThrow(
      'plan has 3 series',
    );
    expect(() => kernel.append({ ...plan, groupTargets: Uint32Array.of(1) })).toThrow(
      'group 0 has target 1',
    );
    expect(kernel.append(plan).rowCount).toBe(2);
  });
});
