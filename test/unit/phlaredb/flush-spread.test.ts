// Heads are cut together and written apart: by how much, and what waits for no delay.
import { describe, expect, it } from 'vitest';
import { flushDelayMs } from '../../../src/phlaredb/flush-spread.ts';
import { openDatabase } from '../../support/database.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { stamped } from '../../support/stamp.ts';

const { packed } = loadFixture('go-cpu');
const hourMs = 3_600_000;

/** A database whose head was cut by its age, half of the spread before its flush. */
async function cut() {
  const test = await openDatabase();
  await test.push('one', packed);
  const boundaryMs = Math.ceil(test.platform.clock.nowMs() / hourMs) * hourMs;
  test.platform.advance(boundaryMs - test.platform.clock.nowMs());
  const nextMs = await test.database.tick(boundaryMs);
  return { ...test, boundaryMs, nextMs };
}

describe('the delay of a flush', () => {
  it('is spread over a part of the age, and over five minutes at the most', () => {
    expect(flushDelayMs(hourMs, 0)).toBe(0);
    expect(flushDelayMs(hourMs, 0.5)).toBe(150_000);
    expect(flushDelayMs(24 * hourMs, 0.999_999)).toBe(299_999);
    expect(flushDelayMs(60_000, 0.5)).toBe(2_500);
  });

  it('follows the cut of a head by its age', async () => {
    const { database, boundaryMs, nextMs } = await cut();
    expect(nextMs).toBe(boundaryMs + 150_000);
    await database.tick(nextMs - 1);
    expect(database.blocks).toEqual([]);
    expect(database.isEmpty).toBe(false);
    await database.tick(nextMs);
    expect(database.blocks.length).toBe(1);
  });

  it.each(['api', 'stop', 'memory', 'log'] as const)('puts off no flush for %s', async (reason) => {
    const { database, push } = await cut();
    await push('two', stamped(packed, 1n));
    await database.flush(reason);
    expect(database.blocks.map(({ stats }) => stats.numProfiles)).toEqual([2, 2]);
  });

  it('ends when a head is full behind the one that waits', async () => {
    const { database, push, boundaryMs } = await cut();
    await push('two', stamped(packed, 1n));
    database.seal('max-block-bytes');
    await database.tick(boundaryMs);
    expect(database.blocks.length).toBe(2);
  });

  it('is not made longer by a clock that is set back', async () => {
    const { database, boundaryMs } = await cut();
    await database.tick(boundaryMs - hourMs);
    expect(database.blocks.length).toBe(1);
  });
});
