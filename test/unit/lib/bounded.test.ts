// How many at once, and in which order.
import { describe, expect, it } from 'vitest';
import { forEachBounded, Serial } from '../../../src/lib/bounded.ts';

const turn = () => new Promise((resolve) => setTimeout(resolve, 1));

describe('bounded work', () => {
  it('starts items in order, never more than allowed at once', async () => {
    const started: number[] = [];
    let open = 0;
    let openMax = 0;
    await forEachBounded([1, 2, 3, 4, 5, 6, 7], 3, async (item) => {
      started.push(item);
      openMax = Math.max(openMax, ++open);
      await turn();
      open--;
    });
    expect(started).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(openMax).toBe(3);
    await forEachBounded([], 3, async () => {
      throw new Error('there is nothing to do');
    });
  });

  it('starts nothing after a failure, and throws it once the rest has settled', async () => {
    const started: number[] = [];
    const finished: number[] = [];
    const run = forEachBounded([1, 2, 3, 4, 5, 6], 2, async (item) => {
      started.push(item);
      if (item === 2) throw new Error('item 2');
      await turn();
      finished.push(item);
    });
    await expect(run).rejects.toThrow('item 2');
    expect(started).toEqual([1, 2]);
    expect(finished).toEqual([1]);
  });
});

describe('serial work', () => {
  it('runs one call after another, whatever becomes of them', async () => {
    const serial = new Serial();
    const lines: string[] = [];
    const call = (name: string, isBad = false) =>
      serial.run(async () => {
        lines.push(`${name} starts`);
        await turn();
        lines.push(`${name} ends`);
        if (isBad) throw new Error(name);
        return name;
      });
    const results = await Promise.allSettled([call('a'), call('b', true), call('c')]);
    expect(lines).toEqual(['a', 'b', 'c'].flatMap((name) => [`${name} starts`, `${name} ends`]));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });
});
