// So many at a time, the others in order.
import { describe, expect, it } from 'vitest';
import { Turns } from '../../../src/lib/turns.ts';

const { signal } = new AbortController();
const turns = () => new Turns({ what: 'queries', runningMax: 2, waitingMax: 2 });

describe('turns', () => {
  it('are given in the order they were asked for, so many at a time', async () => {
    const all = turns();
    const order: string[] = [];
    const ends = [await all.take(signal), await all.take(signal)];
    const ask = async (name: string) => {
      const end = await all.take(signal);
      order.push(name);
      return end;
    };
    const third = ask('third');
    const fourth = ask('fourth');
    await Promise.resolve();
    expect(order).toEqual([]);
    ends[1]?.();
    (await third)();
    (await fourth)();
    expect(order).toEqual(['third', 'fourth']);
  });

  it('are refused when too many wait', async () => {
    const all = turns();
    const end = await all.take(signal);
    await all.take(signal);
    const waiting = [all.take(signal), all.take(signal)];
    await expect(all.take(signal)).rejects.toMatchObject({
      kind: 'limit',
      message: '2 queries run and 2 wait, the limit',
    });
    end();
    await waiting[0];
  });

  it('are given up by who is aborted, and go to the next', async () => {
    const all = turns();
    const end = await all.take(signal);
    await all.take(signal);
    const impatient = new AbortController();
    const left = all.take(impatient.signal);
    const patient = all.take(signal);
    impatient.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    await expect(all.take(impatient.signal)).rejects.toThrow('gone');
    end();
    (await patient)();
  });
});
