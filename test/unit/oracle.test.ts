// The test data and the oracle over it: what the oracle says of hand-made profiles, that the
// committed fixtures are small and tell nothing of a machine, that a steady service is repeatable.
import { readdirSync, statSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Profile } from 'pprof-format';
import { describe, expect, it } from 'vitest';
import { encodePprof } from '../fixtures/pprof-writer.ts';
import { syntheticProfile, syntheticProfiles } from '../fixtures/synthetic.ts';
import { fixtureNames, loadFixture, loadFixtures } from '../support/fixtures.ts';
import { addExpected, decodeExpected } from '../support/oracle.ts';
import { steadyService } from '../support/steady-service.ts';

function stacks(bytes: Uint8Array, type: string) {
  return Object.fromEntries(decodeExpected(bytes).perType.get(type) ?? []);
}

describe('the oracle', () => {
  it('sums equal stacks from root to leaf and drops zero values', () => {
    const expected = decodeExpected(syntheticProfile('repeatedStack'));
    expect(expected).toEqual({
      sampleTypes: [{ type: 'cpu', unit: 'nanoseconds' }],
      perType: new Map([
        [
          'cpu',
          new Map([
            ['main;work;work;work', 5n],
            ['main;work;leaf', 2n],
          ]),
        ],
      ]),
      totals: new Map([['cpu', 7n]]),
    });
  });

  it('keeps values and sums above 2^53 exact', () => {
    const bytes = syntheticProfile('bigValues');
    expect(stacks(bytes, 'alloc_space')).toEqual({
      'main;work': 2n ** 53n + 1n,
      'main;work;leaf': 2n ** 62n + 2n ** 53n + 3n,
    });
    expect(stacks(bytes, 'inuse_space')).toEqual({ 'main;work': 2n ** 63n - 1n });
    expect(decodeExpected(bytes).totals.get('alloc_objects')).toBe(3n * 2n ** 52n + 1n);
  });

  it('drops a sample with any negative value and a value of zero', () => {
    const bytes = syntheticProfile('negativeValues');
    expect(stacks(bytes, 'samples')).toEqual({});
    expect(stacks(bytes, 'cpu')).toEqual({ 'main;work;leaf': 9n });
  });

  it('expands inlined lines, the outermost first', () => {
    expect(stacks(syntheticProfile('inlined'), 'cpu')).toEqual({
      'main;work;leaf': 5n,
      'main;work;leaf;leaf;leaf': 6n,
    });
  });

  it('names a location without lines by the empty string, and the empty stack too', () => {
    expect(stacks(syntheticProfile('noLines'), 'cpu')).toEqual({ ';': 1n });
    expect(stacks(syntheticProfile('emptyStack'), 'cpu')).toEqual({ '': 11n, main: 12n });
  });

  it('counts functions from 1 when none has an id', () => {
    expect(stacks(syntheticProfile('zeroFunctionIds'), 'cpu')).toEqual({
      'main;work;leaf': 10n,
      'main;work': 20n,
    });
  });

  it('finds ids that are far apart and above 2^53', () => {
    expect(stacks(syntheticProfile('sparseIds'), 'cpu')).toEqual({
      'main;work;leaf': 3n,
      'main;work': 4n,
    });
  });

  it('replaces invalid UTF-8 as TextDecoder does', () => {
    expect(stacks(syntheticProfile('invalidUtf8'), 'cpu')).toEqual({
      'm\ufffd;\ufffda;\ufffd\ufffdb\ufffd': 7n,
    });
  });

  it('reads unpacked numbers as packed ones', () => {
    const bytes = syntheticProfile('unpacked');
    expect(stacks(bytes, 'samples')).toEqual({ 'main;work;leaf': 1n });
    expect(stacks(bytes, 'cpu')).toEqual({
      'main;work;leaf': 10_000_000n,
      'main;work': 20_000_000n,
    });
  });

  it('sums over all labels', () => {
    expect(decodeExpected(syntheticProfile('labels')).totals.get('cpu')).toBe(63n);
    expect(decodeExpected(syntheticProfile('spans')).totals.get('cpu')).toBe(31n);
  });

  it('refuses dangling ids and missing values', () => {
    const sampleTypes = [['cpu', 'nanoseconds']] as const;
    const locations = [{ id: 1, lines: [{ function: 2 }] }];
    const functions = [{ id: 1, name: 'f' }];
    const dangling = { sampleTypes, samples: [{ locations: [1], values: [1] }] };
    expect(() => decodeExpected(encodePprof(dangling))).toThrow('no location 1');
    expect(() => decodeExpected(encodePprof({ ...dangling, locations, functions }))).toThrow(
      'no function 2',
    );
    const short = { sampleTypes, samples: [{ locations: [], values: [] }] };
    expect(() => decodeExpected(encodePprof(short))).toThrow('0 values for 1 sample types');
  });

  it('adds profiles type by type', () => {
    const sum = decodeExpected(syntheticProfile('inlined'));
    addExpected(sum, decodeExpected(syntheticProfile('unpacked')));
    expect(sum.totals).toEqual(
      new Map([
        ['cpu', 30_000_011n],
        ['samples', 1n],
      ]),
    );
    expect(sum.perType.get('cpu')?.get('main;work;leaf')).toBe(10_000_005n);
  });
});

describe('the fixtures', () => {
  it('are listed by name and stay small', () => {
    const folder = new URL('../fixtures/', import.meta.url);
    const files = readdirSync(folder).filter((name) => name.endsWith('.pb.gz'));
    expect(files.sort()).toEqual(fixtureNames.map((name) => `${name}.pb.gz`).sort());
    const sizes = files.map((name) => statSync(new URL(name, folder)).size);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(60 * 1024);
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(400 * 1024);
  });

  it.each(fixtureNames)('%s decodes to stacks with values', (name) => {
    const expected = decodeExpected(loadFixture(name).plain);
    expect(expected.sampleTypes.length).toBeGreaterThan(0);
    const total = [...expected.totals.values()].reduce((sum, one) => sum + one, 0n);
    expect(total).toBeGreaterThan(0n);
  });

  it('tell nothing of the machine they were made on', () => {
    const text = new TextDecoder();
    for (const { name, plain } of loadFixtures()) {
      expect(text.decode(plain), name).not.toMatch(/\/(root|home|tmp|Users)\//);
    }
  });

  it('of the synthetic kind decode, each to its own bytes on every call', () => {
    for (const { name, bytes } of syntheticProfiles()) {
      expect(decodeExpected(bytes).sampleTypes.length, name).toBeGreaterThan(0);
      expect(syntheticProfile(name), name).toEqual(bytes);
    }
  });
});

describe('a steady service', () => {
  it.each(['cpu', 'heap'] as const)('of %s repeats its bytes and differs by seed', (kind) => {
    const bytes = (seed: number) =>
      [...steadyService({ kind, count: 3, seed })].map((p) => p.plain);
    expect(bytes(7)).toEqual(bytes(7));
    expect(bytes(7)).not.toEqual(bytes(8));
  });

  it('puts its profiles one interval apart, the time also inside', () => {
    const [first, second] = [...steadyService({ kind: 'cpu', count: 2, startMs: 5_000 })];
    expect([first?.timeNs, second?.timeNs]).toEqual([5_000_000_000n, 15_000_000_000n]);
    expect(BigInt(Profile.decode(second!.plain).timeNanos)).toBe(second?.timeNs);
    expect(gunzipSync(second!.packed).equals(second!.plain)).toBe(true);
  });

  it('of cpu shows other stacks each time, each worth whole periods', () => {
    const [first, second] = [...steadyService({ kind: 'cpu', count: 2 })].map((one) =>
      decodeExpected(one.plain).perType.get('cpu'),
    );
    const common = [...first!.keys()].filter((name) => second!.has(name)).length;
    expect(common).toBeGreaterThan(first!.size / 4);
    expect(common).toBeLessThan(first!.size);
    for (const value of first!.values()) expect(value % 10_000_000n).toBe(0n);
  });

  it('of heap only ever grows what was allocated', () => {
    let before = 0n;
    for (const { plain } of steadyService({ kind: 'heap', count: 5 })) {
      const { totals } = decodeExpected(plain);
      const allocated = totals.get('alloc_space')!;
      expect(allocated).toBeGreaterThan(before);
      expect(allocated).toBeGreaterThanOrEqual(totals.get('inuse_space')!);
      before = allocated;
    }
  });
});
