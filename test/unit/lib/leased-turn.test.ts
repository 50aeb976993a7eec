// Turns: one at a time, in spite of failures, and of holders that never come back.
import { expect, it } from 'vitest';
import { createDeferred } from '../../../src/lib/deferred.ts';
import { LeasedTurn } from '../../../src/lib/leased-turn.ts';

/** A clock that moves only while somebody sleeps. */
function createTurn(leaseMs: number) {
  let now = 0;
  const sleep = async (ms: number) => {
    await new Promise((resolve) => setImmediate(resolve));
    now += ms;
  };
  return { turn: new LeasedTurn({ nowMs: () => now, sleep, leaseMs }), nowMs: () => now };
}

it('lets one work at a time, also after one has failed', async () => {
  const { turn } = createTurn(1e9);
  let working = 0;
  let most = 0;
  const work = async (isFailing: boolean) => {
    working++;
    most = Math.max(most, working);
    await new Promise((resolve) => setTimeout(resolve, 2));
    working--;
    if (isFailing) throw new Error('failed');
    return 'done';
  };
  const runs = Array.from({ length: 6 }, (_, at) => turn.run(() => work(at % 2 === 0)));
  const outcomes = await Promise.allSettled(runs);
  expect(outcomes.map(({ status }) => status)).toEqual(
    Array.from({ length: 6 }, (_, at) => (at % 2 === 0 ? 'rejected' : 'fulfilled')),
  );
  expect(most).toBe(1);
});

it('goes on after the lease of one that never comes back', async () => {
  const { turn, nowMs } = createTurn(10_000);
  void turn.run(() => new Promise(() => undefined));
  expect(await turn.run(async () => 'done')).toBe('done');
  expect(nowMs()).toBeGreaterThanOrEqual(10_000);
});

it('is not given back by one whose lease is over', async () => {
  const { turn } = createTurn(1_000);
  const late = createDeferred();
  const first = turn.run(() => late.promise);
  const second = createDeferred();
  let isSecondIn = false;
  const running = turn.run(() => {
    isSecondIn = true;
    return second.promise;
  });
  while (!isSecondIn) await new Promise((resolve) => setImmediate(resolve));
  late.resolve();
  await first;
  let isThirdIn = false;
  const third = turn.run(async () => {
    isThirdIn = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(isThirdIn).toBe(false);
  second.resolve();
  await Promise.all([running, third]);
});
