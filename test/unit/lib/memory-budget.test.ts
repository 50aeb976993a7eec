// Memory that many take from one budget: in order, one always, and no more than there is.
import { describe, expect, it } from 'vitest';
import { MemoryBudget } from '../../../src/lib/memory-budget.ts';

const { signal } = new AbortController();
const budget = (bytesMax = 100, oneBytesMax = 1_000) =>
  new MemoryBudget({ what: 'queries', bytesMax: () => bytesMax, oneBytesMax });
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a memory budget', () => {
  it('gives what there is, and the rest in the order it was asked for', async () => {
    const memory = budget();
    const order: number[] = [];
    const ask = async (bytes: number) => {
      const lease = await memory.lease(bytes, 'a block', signal);
      order.push(bytes);
      return lease;
    };
    const first = await ask(60);
    // Small enough to fit, but it came after one that does not.
    const [second, third] = [ask(50), ask(10)];
    await turn();
    expect([order, memory.bytesUsed, memory.waitingCount]).toEqual([[60], 60, 2]);
    first.release();
    await second;
    await third;
    expect([order, memory.bytesUsed, memory.waitingCount]).toEqual([[60, 50, 10], 60, 0]);
  });

  it('lets one that is larger than the budget run alone', async () => {
    const memory = budget();
    const small = await memory.lease(1, 'a block', signal);
    const large = memory.lease(500, 'a block', signal);
    await turn();
    expect(memory.bytesUsed).toBe(1);
    small.release();
    const lease = await large;
    const next = memory.lease(1, 'a block', signal);
    await turn();
    expect([memory.bytesUsed, memory.waitingCount]).toEqual([500, 1]);
    lease.release();
    (await next).release();
    expect(memory.bytesUsed).toBe(0);
  });

  it('runs one at a time when others need all the memory', async () => {
    const memory = budget(-5);
    const first = await memory.lease(10, 'a block', signal);
    const second = memory.lease(10, 'a block', signal);
    await turn();
    expect(memory.waitingCount).toBe(1);
    first.release();
    first.release();
    expect((await second).bytes).toBe(10);
  });

  it('refuses what is larger than one may be, with both numbers', async () => {
    await expect(budget().lease(1_001, 'reading it', signal)).rejects.toMatchObject({
      kind: 'limit',
      reason: 'query_limit',
      message: 'reading it takes about 1001 bytes of memory, limit 1000',
    });
  });

  it('counts what a lease is corrected to', async () => {
    const memory = budget();
    const lease = await memory.lease(90, 'a block', signal);
    const next = memory.lease(50, 'a block', signal);
    lease.resize(120);
    await turn();
    expect([memory.bytesUsed, memory.waitingCount]).toEqual([120, 1]);
    lease.resize(50);
    await next;
    expect(memory.bytesUsed).toBe(100);
    lease.release();
    lease.resize(70);
    expect(memory.bytesUsed).toBe(50);
  });

  it('is asked no more by who is aborted, and goes to the next', async () => {
    const memory = budget();
    const first = await memory.lease(60, 'a block', signal);
    const impatient = new AbortController();
    const left = memory.lease(90, 'a block', impatient.signal);
    const next = memory.lease(30, 'a block', signal);
    impatient.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    await next;
    await expect(memory.lease(1, 'a block', impatient.signal)).rejects.toThrow('gone');
    first.release();
    expect(memory.bytesUsed).toBe(30);
  });

  it('lets nobody keep what passes it, but the only one up to what one may take', () => {
    const memory = budget();
    const [one, other] = [memory.hold(), memory.hold()];
    one.resize(90);
    other.resize(10);
    expect(() => other.resize(11)).toThrow(
      expect.objectContaining({
        kind: 'unavailable',
        message: 'queries hold 90 bytes of memory and need 11 more, limit 100',
      }),
    );
    expect([other.bytes, memory.bytesUsed]).toEqual([10, 100]);
    other.release();
    one.resize(1_000);
    expect(() => one.resize(1_001)).toThrow('limit 1000');
    one.release();
    expect(memory.bytesUsed).toBe(0);
  });

  it('gives to others what is no longer kept', async () => {
    const memory = budget();
    const kept = memory.hold();
    kept.resize(80);
    // Somebody runs in any case, or those that keep something could wait for each other.
    const first = await memory.lease(30, 'a block', signal);
    const second = memory.lease(30, 'a block', signal);
    await turn();
    expect(memory.waitingCount).toBe(1);
    kept.release();
    await second;
    first.release();
    expect(memory.bytesUsed).toBe(30);
  });
});
