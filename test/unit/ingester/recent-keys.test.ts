// The keys that make a retry known: for how long, and what is asked of the log.
import { describe, expect, it } from 'vitest';
import { RecentKeys } from '../../../src/ingester/recent-keys.ts';

const windowMs = 1_000;
const key = (fill: number) => new Uint8Array(16).fill(fill);

describe('RecentKeys', () => {
  it('knows a key for one window and at most two', () => {
    const keys = new RecentKeys({ windowMs, keysMax: 100 }, 0);
    keys.add(key(1), 'durable', 999);
    keys.add(key(2), 'durable', 1_998);
    expect(keys.get(key(1))).toBe('durable');
    keys.add(key(3), 'durable', 3_000);
    expect([1, 2, 3].map((fill) => keys.get(key(fill)))).toEqual([undefined, 'durable', 'durable']);
  });

  it('asks the log of keys that it has not seen, until a window is over', () => {
    const asked: number[] = [];
    const keys = new RecentKeys({ windowMs, keysMax: 2 }, 0);
    keys.addEarlier((one) => asked.push(one[0] as number) > 0 && one[0] === 7, 0);
    keys.add(key(1), 'durable', 0);
    expect([1, 7, 8].map((fill) => keys.get(key(fill)))).toEqual(['durable', 'durable', undefined]);
    expect(asked).toEqual([7, 8]);
    // Full generations are no reason to ask no more.
    for (let fill = 20; fill < 30; fill++) keys.add(key(fill), 'durable', 999);
    expect(keys.get(key(7))).toBe('durable');
    keys.add(key(2), 'durable', 1_000);
    expect(keys.get(key(7))).toBeUndefined();
  });
});
