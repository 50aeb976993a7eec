// A head that is let go while there is work for it: nothing that was acknowledged is missed.
import { expect, it } from 'vitest';
import { openDatabase } from '../../support/database.ts';
import { loadFixture } from '../../support/fixtures.ts';
import { stamped } from '../../support/stamp.ts';

const { packed } = loadFixture('go-cpu');

async function pushed(count: number) {
  const test = await openDatabase();
  for (let at = 0; at < count; at++) await test.push('shop', stamped(packed, BigInt(at + 1)));
  return test;
}

it('comes back for a reader, with what was pushed meanwhile', async () => {
  const { database, push } = await pushed(2);
  expect(database.sleep()).toBe(true);
  expect([database.isReady, database.isEmpty, database.bytesUsed()]).toEqual([false, false, 0]);
  await push('shop', stamped(packed, 3n));
  expect(database.bytesUsed()).toBe(0);
  await database.ready();
  // Each profile has two types.
  expect(database.liveStats().rows).toBe(6);
  await database.close();
});

it('is flushed when it was let go in the middle of the flush', async () => {
  const { database } = await pushed(3);
  const flushing = database.flush('api');
  expect(database.sleep()).toBe(true);
  await flushing;
  expect(database.blocks.map(({ stats }) => stats.numProfiles)).toEqual([6]);
  expect(database.isEmpty).toBe(true);
  await database.close();
});

it('gets a head again by itself when it is pushed a lot', async () => {
  const { database, push } = await pushed(1);
  database.sleep();
  for (let at = 10; at < 30; at++) await push('shop', stamped(packed, BigInt(at)));
  await database.ready();
  expect(database.liveStats().rows).toBe(42);
  await database.close();
});

it('is not let go when there is nothing in it', async () => {
  const { database } = await openDatabase();
  expect(database.sleep()).toBe(false);
  await database.close();
});
