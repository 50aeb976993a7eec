// The keys of a Durable Object's log, inside workerd: what one push costs an object that was just
// started, and that packed keys are the ones that the log tells.
import { abortAllDurableObjects } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import {
  bodyOf,
  counting,
  minuteMs,
  record,
  started,
  startMs,
  ulid,
  unsynced,
} from '../support/object-log.ts';
import { openObject } from '../support/workers-env.ts';

describe('keys in the log of an object', () => {
  it('reads no more for a push at a start when it holds more', async () => {
    await openObject()(async (storage) => {
      const { rowsRead, rowsWritten, counted } = counting(unsynced(storage));
      let wal = await started(counted);
      // What an object does that is started for one push: see `Instances`, `findColdLog`.
      const pushCost = async (key: Uint8Array) => {
        const before = rowsRead();
        wal = await started(counted);
        for await (const _ of wal.headers('a')) break;
        const isKnown = wal.keysSince(startMs)(key);
        await wal.commit(wal.append({ ...record(0), contentKey: key }));
        return [rowsRead() - before, isKnown] as const;
      };
      const fill = async (count: number) => {
        for (let one = 0; one < count; one++) await wal.commit(wal.append(record(1)));
      };
      // The rows of one pack and a few, at the most.
      const rowsMax = 64 + 12;
      const costs: Record<number, number> = {};
      for (const [waiting, more] of [
        [30, 30],
        [3_000, 2_969],
      ] as const) {
        await fill(more);
        const [cost, isKnown] = await pushCost(record(9).contentKey);
        expect(isKnown).toBe(waiting === 3_000);
        costs[waiting] = cost;
      }
      // The keys of 64 rows cost one.
      expect(rowsWritten()).toBeLessThan(1.02 * 3_001 + 10);
      console.info(JSON.stringify({ rowsReadForAPush: costs, rowsWritten: rowsWritten() }));
      for (const cost of Object.values(costs)) expect(cost).toBeLessThanOrEqual(rowsMax);
    });
  });

  it('knows the keys that it tells, however many rows they are in', async () => {
    const inside = openObject();
    const clock = { now: startMs };
    const keyOf = (index: number) => {
      const key = new Uint8Array(16);
      new DataView(key.buffer).setUint32(12, index, true);
      return key;
    };
    await inside(async (storage) => {
      const wal = await started(unsynced(storage), clock);
      for (let index = 0; index < 9_000; ) {
        // Rows of one, of some and of thousands, the last over several pages.
        const count = index === 1_000 ? 6_000 : 1 + (index % 7);
        for (let one = 0; one < count; one++, index++, clock.now += 10) {
          wal.append({ ...record(0), contentKey: keyOf(index), receivedMs: clock.now });
        }
        await wal.commit(wal.append({ ...record(0), body: bodyOf(3, 1) }));
      }
      await wal.release('a', 5_000, ulid);
      await storage.sync();
    });
    await abortAllDurableObjects();
    await inside(async (storage) => {
      const wal = await started(storage, clock);
      for (const sinceMs of [clock.now, clock.now - 30_000, startMs, 0]) {
        const isKnown = wal.keysSince(sinceMs);
        const told = new Set([...wal.recentKeys(sinceMs)].map(({ contentKey }) => `${contentKey}`));
        const wrong = Array.from({ length: 9_100 }, (_, index) => keyOf(index)).filter(
          (key) => isKnown(key) !== told.has(`${key}`),
        );
        expect([sinceMs, told.size > 0, wrong]).toEqual([sinceMs, sinceMs < clock.now, []]);
      }
    });
  });

  it('forgets keys whose time is over, and gives their room back', async () => {
    await openObject()(async (storage) => {
      const clock = { now: startMs };
      const wal = await started(storage, clock);
      const push = async (fill: number) =>
        wal.commit(wal.append({ ...record(fill), receivedMs: clock.now }));
      for (let count = 0; count < 100; count++) await push(1);
      await wal.release('a', 100, ulid);
      clock.now += 16 * minuteMs;
      for (let count = 0; count < 100; count++) await push(2);
      const isKnown = (await started(storage, clock)).keysSince(clock.now - 15 * minuteMs);
      expect([1, 2, 3].map((fill) => isKnown(record(fill).contentKey))).toEqual([
        false,
        true,
        false,
      ]);
      const bytes = 'SELECT sum(length(entries)) AS bytes FROM keys';
      expect(storage.sql.exec(bytes).toArray()[0]?.['bytes']).toBeLessThanOrEqual(200 * 24);
    });
  });
});
