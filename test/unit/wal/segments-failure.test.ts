// A disk that fails, fills up or loses power at the wrong moment; and what one fsync covers.
import { beforeEach, describe, expect, it } from 'vitest';
import { isFailure } from '../../../src/errors.ts';
import type { SegmentWalOptions } from '../../../src/wal/segments.ts';
import { ModelDisk } from '../../support/model-disk.ts';
import {
  segmentLog,
  store,
  storedRecords,
  type TestLog,
  testNowMs,
  walRecord,
} from '../../support/segment-log.ts';

const folder = '/data/wal';
const small = { segmentBytes: 4_096, pageBytes: 512, bytesMax: 16_384 };
const block = '01J0000000000000000000000B';

let disk: ModelDisk;

beforeEach(() => {
  disk = new ModelDisk();
});

async function opened(options: Partial<SegmentWalOptions> = {}): Promise<TestLog> {
  const log = segmentLog(folder, disk, { ...small, ...options });
  await log.wal.start();
  // The spare segment is made in the background: it would take the faults meant for commits.
  for (let turn = 0; turn < 500; turn++) await Promise.resolve();
  return log;
}

/** The commit at hand fails, the start of a new segment does not, and there the commit does. */
function failTwice(kind: 'write' | 'sync'): void {
  disk.control.fail({ kind, code: 'EIO' });
  // A segment's start is one write, and an fsync of the file and one of the folder.
  disk.control.fail({ kind, at: kind === 'write' ? 2 : 3, code: 'EIO' });
}

async function sequences({ wal }: TestLog): Promise<number[]> {
  return (await storedRecords(wal)).map(({ sequence }) => sequence);
}

describe('a failed write', () => {
  it.each(['write', 'sync'] as const)(
    'is written again to a new segment under the same sequences (%s)',
    async (kind) => {
      const log = await opened();
      const { wal } = log;
      expect(await store(wal, walRecord('a', 1))).toBe(1);
      disk.control.fail({ kind, code: 'EIO' });
      const waiting = [wal.append(walRecord('a', 2)), wal.append(walRecord('b', 3))];
      await Promise.all(waiting.map((sequence) => wal.commit(sequence)));
      expect(waiting).toEqual([2, 3]);
      expect([wal.refusedUpTo(), wal.failure()]).toEqual([0, undefined]);
      expect(log.lines.join('\n')).toContain('what is pending is written again');
      expect(await store(wal, walRecord('a', 4))).toBe(4);
      expect(await sequences(log)).toEqual([1, 2, 3, 4]);
      disk = disk.restart();
      expect(await sequences(await opened())).toEqual([1, 2, 3, 4]);
    },
  );

  it('is committed before the log is closed', async () => {
    const { wal } = await opened();
    await store(wal, walRecord('a', 1));
    disk.control.fail({ kind: 'sync', code: 'EIO' });
    const commit = wal.commit(wal.append(walRecord('a', 2)));
    while (wal.failure() === undefined) await Promise.resolve();
    await wal.close();
    await commit;
    disk = disk.restart();
    expect(await sequences(await opened())).toEqual([1, 2]);
  });

  it.each(['write', 'sync'] as const)(
    'that fails again refuses all who wait, and the next commit goes well (%s)',
    async (kind) => {
      const log = await opened();
      const { wal } = log;
      expect(await store(wal, walRecord('a', 1))).toBe(1);
      failTwice(kind);
      const waiting = [wal.append(walRecord('a', 2)), wal.append(walRecord('b', 3))];
      const outcomes = await Promise.allSettled(waiting.map((sequence) => wal.commit(sequence)));
      for (const outcome of outcomes) {
        expect(outcome.status).toBe('rejected');
        const reason = outcome.status === 'rejected' ? outcome.reason : undefined;
        expect(isFailure(reason, 'unavailable')).toBe(true);
        expect(String(reason)).toContain('EIO');
      }
      expect(wal.refusedUpTo()).toBe(3);
      await expect(wal.commit(2)).rejects.toThrow('was refused');
      await wal.commit(1);
      expect(wal.failure()).toContain('EIO');
      log.clock.now += 60_000;
      await wal.tick(log.clock.now);
      expect(wal.failure()).toBeUndefined();
      expect(await store(wal, walRecord('a', 4))).toBe(4);
      expect(await sequences(log)).toEqual([1, 4]);
      disk = disk.restart();
      expect(await sequences(await opened())).toEqual([1, 4]);
    },
  );

  it('fences the refused off before it tells: no power loss brings them back', async () => {
    for (let seed = 0; seed < 40; seed++) {
      disk = new ModelDisk({ seed });
      const { wal } = await opened();
      await store(wal, walRecord('a', 1));
      failTwice('sync');
      await wal.commit(wal.append(walRecord('a', 2))).catch(() => undefined);
      expect(wal.refusedUpTo()).toBe(2);
      disk = disk.crash(seed);
      const log = await opened();
      expect(await sequences(log), `seed ${seed}`).toEqual([1]);
      expect(log.faults).toEqual([]);
    }
  });

  it('says why while it lasts, takes nothing, backs off, and comes back by itself', async () => {
    const log = await opened();
    const { wal, clock } = log;
    await store(wal, walRecord('a', 1));
    disk.control.fail({ kind: 'change', count: 1_000, code: 'EROFS' });
    await expect(wal.commit(wal.append(walRecord('a', 2)))).rejects.toThrow('EROFS');
    expect(wal.failure()).toContain('EROFS');
    expect(() => wal.append(walRecord('a', 3))).toThrow('EROFS');
    await expect(wal.release('a', 1, block)).rejects.toThrow('EROFS');
    const waits: number[] = [];
    for (let attempt = 0; attempt < 12; attempt++) {
      const next = await wal.tick(clock.now);
      waits.push(next - clock.now);
      clock.now = next;
    }
    expect(waits.every((wait) => wait > 0 && wait <= 30_000)).toBe(true);
    expect(waits.at(-1)).toBeGreaterThan(10_000);
    expect(await sequences(log)).toEqual([1]);
    disk.control.mend();
    await wal.tick(clock.now);
    expect(wal.failure()).toBeUndefined();
    await store(wal, walRecord('a', 4));
    await wal.release('a', 1, block);
    expect((await sequences(log)).length).toBe(1);
  });

  it('is mended by an append too, when nobody ticks', async () => {
    const { wal, clock } = await opened();
    disk.control.fail({ kind: 'change', count: 1_000, code: 'EIO' });
    await expect(wal.commit(wal.append(walRecord('a', 1)))).rejects.toThrow('EIO');
    disk.control.mend();
    clock.now += 60_000;
    expect(() => wal.append(walRecord('a', 2))).toThrow('EIO');
    for (let turn = 0; turn < 500; turn++) await Promise.resolve();
    expect(await store(wal, walRecord('a', 2))).toBe(2);
  });

  it('takes the append at which its wait is over, when nothing else is left to mend', async () => {
    const log = await opened();
    await store(log.wal, walRecord('a', 1));
    failTwice('sync');
    await expect(log.wal.commit(log.wal.append(walRecord('a', 2)))).rejects.toThrow('EIO');
    expect(() => log.wal.append(walRecord('a', 3))).toThrow('EIO');
    log.clock.now += 60_000;
    expect(await store(log.wal, walRecord('a', 4))).toBe(3);
    expect(await sequences(log)).toEqual([1, 3]);
  });

  it('counts as room given back when a segment cannot be deleted: later', async () => {
    const { wal, clock } = await opened();
    for (let at = 0; at < 10; at++) await store(wal, walRecord('a', at, 900));
    disk.control.fail({ kind: 'unlink', code: 'EIO' });
    await wal.release('a', 10, block);
    expect(wal.bytesUsed()).toBe(0);
    const isSegment = ({ name }: { name: string }) => name.endsWith('.wal');
    const count = async () =>
      (await disk.readdir(folder, { withFileTypes: true })).filter(isSegment).length;
    expect(await count()).toBeGreaterThan(1);
    expect(await wal.tick(clock.now)).toBe(Number.POSITIVE_INFINITY);
    expect(await count()).toBe(1);
  });
});

describe('a full log', () => {
  it('refuses what is too much, names the bound, and takes again after a release', async () => {
    const { wal } = await opened();
    const failures: unknown[] = [];
    for (let at = 0; at < 40 && failures.length === 0; at++) {
      try {
        await store(wal, walRecord(at < 3 ? 'quiet' : 'loud', at, 900));
      } catch (error) {
        failures.push(error);
      }
    }
    expect(isFailure(failures[0], 'unavailable')).toBe(true);
    expect(failures[0]).toMatchObject({ reason: 'log_full' });
    expect(String(failures[0])).toContain('limit 16384');
    // The oldest segment is held by the quiet one: releasing the loud one alone frees little.
    expect(wal.pinnedBy()).toEqual(['quiet']);
    await wal.release('loud', 100, block);
    expect(wal.pinnedBy()).toEqual(['quiet']);
    expect(wal.bytesUsed()).toBeGreaterThan(8_192);
    await wal.release('quiet', 100, block);
    expect(wal.pinnedBy()).toEqual([]);
    expect(wal.bytesUsed()).toBe(0);
    await store(wal, walRecord('loud', 1, 3_000));
  });

  it('refuses a record larger than a segment for good', async () => {
    const { wal } = await opened();
    const refused = (() => {
      try {
        return wal.append(walRecord('a', 1, 4_096));
      } catch (error) {
        return error;
      }
    })();
    expect(isFailure(refused, 'invalid')).toBe(true);
    expect(String(refused)).toMatch(/log record is \d+ bytes, limit \d+$/);
  });

  it('bounds what is appended and not committed', async () => {
    const options = { bytesMax: 2 ** 30, segmentBytes: 2 ** 26, pageBytes: 2 ** 15 };
    const { wal } = segmentLog(folder, disk, options);
    await wal.start();
    const record = walRecord('a', 1, 2 ** 22);
    expect(() => {
      for (let at = 0; at < 20; at++) wal.append(record);
    }).toThrow(/log has \d+ bytes to write, record is \d+, limit 33554432/);
  });

  it('lives through a full disk', async () => {
    disk = new ModelDisk({ capacityBytes: 18_000 });
    const other = await disk.open('/other', 'w');
    await other.write(new Uint8Array(4_000), 0, 4_000, 0);
    const log = await opened({ bytesMax: 2 ** 20 });
    const { wal, clock } = log;
    const stored: number[] = [];
    for (let at = 0; at < 30; at++) {
      clock.now += 60_000;
      await wal.tick(clock.now);
      const attempt = (async () => stored.push(await store(wal, walRecord('a', at, 700))))();
      await attempt.catch((error: unknown) => {
        expect(isFailure(error, 'unavailable')).toBe(true);
      });
    }
    expect(stored.length).toBeGreaterThan(5);
    expect(wal.failure()).toContain('ENOSPC');
    expect(await sequences(log)).toEqual(stored);
    disk = disk.restart();
    const again = await opened();
    expect(again.wal.failure()).toContain('ENOSPC');
    expect(await sequences(again)).toEqual(stored);
    await (await disk.open('/other', 'r+')).truncate(0);
    await again.wal.tick(again.clock.now + 60_000);
    await store(again.wal, walRecord('a', 1));
  });
});

describe('one fsync', () => {
  it('covers all who came while the one before was under way', async () => {
    const { wal } = await opened({ segmentBytes: 65_536, bytesMax: 2 ** 20 });
    const before = disk.control.operations;
    await Promise.all(Array.from({ length: 60 }, (_, at) => store(wal, walRecord('a', at))));
    // The first record goes by itself; the others, come meanwhile, go together: a write, an fsync.
    expect(disk.control.operations - before).toBe(4);
  });

  it('of the folder separates deletions, so that none outruns what explains it', async () => {
    for (let seed = 0; seed < 60; seed++) {
      disk = new ModelDisk({ seed });
      const { wal } = await opened();
      for (let at = 0; at < 12; at++) await store(wal, walRecord('ab'[at % 2] ?? 'a', at, 900));
      await wal.release('b', 12, block);
      await wal.release('a', 11, block);
      await wal.tick(testNowMs);
      disk = disk.crash(seed);
      expect(await sequences(await opened()), `seed ${seed}`).toEqual([]);
    }
  });
});
