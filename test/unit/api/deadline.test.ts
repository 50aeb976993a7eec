// One watch bounds many waits, and rests when nothing waits.
import { expect, it } from 'vitest';
import { createDeadline } from '../../../src/api/deadline.ts';

/** A platform whose time passes only in `advance`. */
function createManualTime() {
  let nowMs = 0;
  let sleepers: { untilMs: number; wake: () => void }[] = [];
  return {
    platform: {
      clock: { nowMs: () => nowMs, monotonicMs: () => nowMs },
      sleep: (ms: number) =>
        new Promise<void>((wake) => {
          sleepers.push({ untilMs: nowMs + ms, wake });
        }),
    },
    sleeping: () => sleepers.length,
    async advance(ms: number) {
      for (let passed = 0; passed < ms; passed += 1) {
        nowMs += 1;
        for (const sleeper of sleepers) if (sleeper.untilMs <= nowMs) sleeper.wake();
        sleepers = sleepers.filter(({ untilMs }) => untilMs > nowMs);
        for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
      }
    },
  };
}

const never = new Promise<never>(() => undefined);
const late = () => new Error('late');

it('rejects what takes too long, at most a tenth later, and nothing else', async () => {
  const time = createManualTime();
  const within = createDeadline(time.platform, 100);
  const outcomes: string[] = [];
  const track = (name: string, work: Promise<unknown>) =>
    within(work, late).then(
      () => outcomes.push(`${name} done`),
      (error: Error) => outcomes.push(`${name} ${error.message}`),
    );
  const first = track('first', never);
  await time.advance(50);
  const second = track('second', never);
  await track('third', Promise.resolve(1));
  await track('fourth', Promise.reject(new Error('broken')));
  await time.advance(49);
  expect(outcomes).toEqual(['third done', 'fourth broken']);
  await time.advance(11);
  await first;
  await time.advance(39);
  expect(outcomes).toEqual(['third done', 'fourth broken', 'first late']);
  await time.advance(11);
  await second;
  expect(outcomes.at(-1)).toBe('second late');
});

it('sleeps once for all, and not while nothing waits', async () => {
  const time = createManualTime();
  const within = createDeadline(time.platform, 100);
  for (let index = 0; index < 20; index += 1) await within(Promise.resolve(index), late);
  expect(time.sleeping()).toBe(1);
  await time.advance(50);
  expect(time.sleeping()).toBe(0);
  const waiting = within(never, late);
  await time.advance(120);
  await expect(waiting).rejects.toThrow('late');
});

it('fails those that wait when time itself fails', async () => {
  const time = createManualTime();
  const sleep = () => Promise.reject(new Error('no timers'));
  const within = createDeadline({ ...time.platform, sleep }, 100);
  await expect(within(never, late)).rejects.toThrow('no timers');
});
