// Work in steps: what it answers does not depend on who has turns between.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sortedInSteps } from '../../../src/lib/sort-in-steps.ts';
import { collect, finish, inTurns, Pace, type Steps } from '../../../src/lib/steps.ts';

function* threeSteps(): Steps<string> {
  yield;
  yield;
  return 'done';
}

describe('steps', () => {
  it('run at once, or with a turn for others between', async () => {
    let turns = 0;
    expect(finish(threeSteps())).toBe('done');
    expect(await inTurns(threeSteps(), async () => void turns++)).toBe('done');
    expect(turns).toBe(2);
  });

  it('leave their pauses out of what they yield', () => {
    expect(collect([undefined, { a: 1 }, undefined, { a: 2 }])).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it('are due after so much work, whatever its pieces', () => {
    const dues = (units: number, count: number) => {
      const pace = new Pace();
      let due = 0;
      for (let i = 0; i < count; i++) due += pace.spend(units) ? 1 : 0;
      return due;
    };
    expect(dues(1, 1 << 16)).toBe(4);
    expect(dues(1 << 14, 3)).toBe(3);
    expect(dues(1 << 10, 15)).toBe(0);
  });
});

describe('sorting in steps', () => {
  it('is what the sort of the runtime is, equal items in their order', () => {
    const items = fc.array(fc.record({ key: fc.nat(50), id: fc.nat() }), {
      minLength: 900,
      maxLength: 5_000,
      size: 'max',
    });
    fc.assert(
      fc.property(items, (given) => {
        const compare = (a: { key: number }, b: { key: number }) => a.key - b.key;
        expect(finish(sortedInSteps([...given], compare))).toEqual([...given].sort(compare));
      }),
      { numRuns: 20 },
    );
  });

  it('pauses', () => {
    const many = Array.from({ length: 50_000 }, (_, i) => (i * 7_919) % 50_021);
    let pauses = 0;
    const steps = sortedInSteps(many, (a, b) => a - b);
    while (!steps.next().done) pauses++;
    expect(pauses).toBeGreaterThan(100);
  });
});
