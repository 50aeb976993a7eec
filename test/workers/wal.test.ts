// The log of a Durable Object in SQLite, inside workerd: the contract, and what only it promises.
import { abortAllDurableObjects } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import type { ObjectStorage } from '../../src/wal/durable-object-table.ts';
import { walContract } from '../cases/wal.ts';
import {
  all,
  bodyOf,
  counting,
  makeLog,
  minuteMs,
  record,
  rowCount,
  started,
  startMs,
  ulid,
} from '../support/object-log.ts';
import { openObject } from '../support/workers-env.ts';

let reached: ObjectStorage;

walContract(
  'DurableObjectWal in workerd',
  async ({ bytesMax }) => makeLog(reached, { bytesMax }),
  (run) =>
    openObject()(async (storage) => {
      reached = storage;
      await run();
    }),
);

describe('DurableObjectWal in workerd', () => {
  it('finds everything again when its object was ended', async () => {
    const inside = openObject();
    const sent = [record(1), { ...record(2), body: bodyOf(5_000_000, 2) }, record(3)];
    const id = await inside(async (storage) => {
      const wal = await started(storage);
      for (const one of sent) await wal.commit(wal.append(one));
      // Never committed: nobody was told that it is there.
      wal.append(record(4));
      return wal.id;
    });
    await abortAllDurableObjects();
    await inside(async (storage) => {
      const wal = await started(storage);
      expect(wal.id).toBe(id);
      const found = await all(wal);
      const withoutBody = <T extends { body: Uint8Array }>({ body: _, ...rest }: T) => rest;
      expect(found.map(withoutBody)).toEqual(
        sent.map((one, at) => ({ ...withoutBody(one), sequence: at + 1 })),
      );
      for (const [at, { body }] of found.entries()) {
        expect(Buffer.compare(body, sent[at]?.body as Uint8Array)).toBe(0);
      }
      expect([...wal.newestHeld()]).toEqual([['a', 3]]);
      expect(wal.append(record(5))).toBe(4);
    });
  });

  it('keeps its rows within 2 MB, however many records are committed together', async () => {
    const inside = openObject();
    const count = 40_000;
    await inside(async (storage) => {
      const wal = await started(storage);
      for (let at = 0; at < count; at++) {
        wal.append({ ...record(at % 251), body: bodyOf(60 + (at % 100), at) });
      }
      await wal.commit(count);
      const query = 'SELECT max(length(heads) + length(data)) AS bytes FROM log';
      const [largest] = storage.sql.exec(query).toArray();
      expect(largest?.['bytes']).toBeGreaterThan(1_800_000);
      expect(largest?.['bytes']).toBeLessThan(2_000_000);
    });
    await abortAllDurableObjects();
    await inside(async (storage) => {
      const wal = await started(storage);
      const found = await all(wal);
      expect(found).toHaveLength(count);
      const isWrong = ({ sequence, body }: { sequence: number; body: Uint8Array }) => {
        const at = sequence - 1;
        return Buffer.compare(body, bodyOf(60 + (at % 100), at)) !== 0;
      };
      expect(found.filter(isWrong)).toEqual([]);
      await wal.release('a', count, ulid);
      expect(wal.bytesUsed()).toBe(0);
    });
  });

  it('keeps what was released so, and the keys of it, when its object was ended', async () => {
    const inside = openObject();
    const held = await inside(async (storage) => {
      const wal = await started(storage);
      for (let fill = 1; fill <= 5; fill++) wal.append(record(fill));
      await wal.commit(5);
      await wal.release('a', 3, ulid);
      return wal.bytesUsed();
    });
    await abortAllDurableObjects();
    await inside(async (storage) => {
      const wal = await started(storage);
      expect((await all(wal)).map(({ sequence }) => sequence)).toEqual([4, 5]);
      expect(wal.bytesUsed()).toBe(held);
      expect([...wal.recentKeys(0)].map(({ contentKey }) => contentKey[0])).toEqual([
        1, 2, 3, 4, 5,
      ]);
      await wal.release('a', 5, ulid);
      expect(wal.bytesUsed()).toBe(0);
    });
    await abortAllDurableObjects();
    await inside(async (storage) => {
      const wal = await started(storage);
      expect([wal.bytesUsed(), [...wal.newestHeld()]]).toEqual([0, []]);
      expect(wal.append(record(6))).toBe(6);
    });
  });

  it('keeps the plan of a block until its records are released', async () => {
    const inside = openObject();
    const plan = { tenant: 'a', ulid, upTo: 2 };
    await inside(async (storage) => {
      const wal = await started(storage);
      for (let fill = 1; fill <= 3; fill++) await wal.commit(wal.append(record(fill)));
      expect(wal.planOf('a')).toBeUndefined();
      await wal.plan({ ...plan, upTo: 1 });
      await wal.plan(plan);
    });
    await abortAllDurableObjects();
    await inside(async (storage) => {
      const wal = await started(storage);
      expect(wal.planOf('a')).toEqual(plan);
      expect(wal.planOf('b')).toBeUndefined();
      await wal.release('a', 2, ulid);
      expect(wal.planOf('a')).toBeUndefined();
      expect((await all(wal)).map(({ sequence }) => sequence)).toEqual([3]);
    });
  });

  it('stores no value over 2 MB, and reads what it had to cut', async () => {
    await openObject()(async (storage) => {
      const wal = await started(storage);
      const sent = [bodyOf(1_900_000, 1), bodyOf(7_000_001, 2), bodyOf(3, 3)];
      for (const body of sent) wal.append({ ...record(1), body });
      await wal.commit(3);
      const longest = 'SELECT max(length(data) + length(heads)) AS bytes FROM log';
      expect(storage.sql.exec(longest).toArray()[0]?.['bytes']).toBeLessThan(2_000_000);
      const bodies = (await all(wal)).map(({ body }) => body);
      for (const [at, body] of sent.entries()) {
        expect(Buffer.compare(bodies[at] as Uint8Array, body)).toBe(0);
      }
    });
  });

  it('writes one row for all who wait, also over rows that are released', async () => {
    await openObject()(async (storage) => {
      const clock = { now: startMs };
      const { rowsWritten, counted } = counting(storage);
      const wal = await started(counted, clock);
      const push = async (count: number) => {
        const before = rowsWritten();
        for (let fill = 0; fill < count; fill++) wal.append(record(fill));
        await wal.commit(wal.append(record(count)));
        return rowsWritten() - before;
      };
      // The first one names the tenant.
      expect(await push(1)).toBe(2);
      expect(await push(30)).toBe(1);
      for (let count = 0; count < 20; count++) expect(await push(0)).toBe(1);
      const before = rowsWritten();
      await wal.release('a', Number.MAX_SAFE_INTEGER, ulid);
      expect(rowsWritten() - before).toBe(1);
      clock.now += 16 * minuteMs;
      for (let count = 0; count < 20; count++) expect(await push(0)).toBe(1);
      expect(rowCount(storage)).toBe(22);
      expect(await all(wal)).toHaveLength(20);
    });
  });

  it('does not write over rows whose keys still count', async () => {
    await openObject()(async (storage) => {
      const clock = { now: startMs };
      const wal = await started(storage, clock);
      await wal.commit(wal.append({ ...record(1), receivedMs: clock.now }));
      await wal.release('a', 1, ulid);
      clock.now += 14 * minuteMs;
      await wal.commit(wal.append({ ...record(2), receivedMs: clock.now }));
      expect([...wal.recentKeys(startMs)]).toHaveLength(2);
      expect(rowCount(storage)).toBe(2);
    });
  });

  it('gives rows back when far fewer are needed than before', async () => {
    await openObject()(async (storage) => {
      const clock = { now: startMs };
      const wal = await started(storage, clock);
      for (let fill = 0; fill < 200; fill++) await wal.commit(wal.append(record(fill)));
      await wal.release('a', 200, ulid);
      expect(rowCount(storage)).toBe(200);
      clock.now += 16 * minuteMs;
      const receivedMs = clock.now;
      for (let fill = 0; fill < 4; fill++) {
        await wal.commit(wal.append({ ...record(fill), receivedMs }));
      }
      await wal.release('a', 204, ulid);
      expect(rowCount(storage)).toBeLessThan(40);
      expect(await all(wal)).toEqual([]);
      expect([...wal.recentKeys(clock.now - minuteMs)]).toHaveLength(4);
    });
  });

  it('tells of a record that does not fit its checksum, and reads the others', async () => {
    await openObject()(async (storage) => {
      const damages: string[] = [];
      const wal = makeLog(storage, {});
      await wal.start((kind) => damages.push(kind));
      for (let fill = 1; fill <= 3; fill++) wal.append(record(fill));
      await wal.commit(3);
      const [row] = storage.sql.exec('SELECT data FROM log').toArray();
      const data = new Uint8Array(row?.['data'] as ArrayBuffer);
      const middle = Math.floor(data.length / 2);
      data[middle] = (data[middle] as number) ^ 1;
      storage.sql.exec('UPDATE log SET data = ?', data);
      expect((await all(wal)).map(({ sequence }) => sequence)).toEqual([1, 3]);
      expect(damages).toEqual(['wrong_checksum']);
    });
  });

  it('refuses what a transaction could not store, and goes on after a while', async () => {
    await openObject()(async (storage) => {
      const clock = { now: startMs };
      let isFull = false;
      const faulty: ObjectStorage = {
        sql: storage.sql,
        sync: () => storage.sync(),
        transactionSync: (work) =>
          storage.transactionSync(() => {
            const done = work();
            if (isFull) throw new Error('database or disk is full: SQLITE_FULL');
            return done;
          }),
      };
      const wal = await started(faulty, clock);
      await wal.commit(wal.append(record(1)));
      isFull = true;
      await expect(wal.commit(wal.append(record(2)))).rejects.toMatchObject({
        kind: 'unavailable',
      });
      expect(wal.refusedUpTo()).toBe(2);
      expect(wal.failure()).toContain('SQLITE_FULL');
      expect(() => wal.append(record(3))).toThrow('SQLITE_FULL');
      isFull = false;
      clock.now += 10_000;
      expect(wal.failure()).toBeUndefined();
      await wal.commit(wal.append(record(3)));
      expect((await all(wal)).map(({ body }) => body[0])).toEqual([1, 3]);
      expect(wal.bytesUsed()).toBe(wal.bytesUsedBy('a'));
    });
  });
});
