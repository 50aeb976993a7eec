// What a log finds when it is opened again: after a clean close, after the process died, with parts
// of its folder missing.
import { beforeEach, describe, expect, it } from 'vitest';
import { isFailure } from '../../../src/errors.ts';
import type { SegmentWalOptions } from '../../../src/wal/segments.ts';
import type { StoredRecord } from '../../../src/wal/wal.ts';
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
const small = { segmentBytes: 4_096, pageBytes: 512, bytesMax: 40_960 };
const block = '01J0000000000000000000000B';

let disk: ModelDisk;

beforeEach(() => {
  disk = new ModelDisk();
});

async function opened(options: Partial<SegmentWalOptions> = {}): Promise<TestLog> {
  const log = segmentLog(folder, disk, { ...small, ...options });
  await log.wal.start();
  return log;
}

async function fill(log: TestLog, count: number, bytes = 700): Promise<StoredRecord[]> {
  const stored: StoredRecord[] = [];
  for (let at = 0; at < count; at++) {
    const record = walRecord(at % 2 === 0 ? 'even' : 'odd', at, bytes);
    stored.push({ ...record, sequence: await store(log.wal, record) });
  }
  return stored;
}

async function names(): Promise<string[]> {
  const items = await disk.readdir(folder, { withFileTypes: true });
  return items.map(({ name }) => name).sort();
}

describe('a durable log that is opened again', () => {
  it('has the same identity and records after a close, and goes on counting', async () => {
    const first = await opened();
    const stored = await fill(first, 12);
    await first.wal.close();
    const second = await opened();
    expect(second.wal.id).toBe(first.wal.id);
    expect(await storedRecords(second.wal)).toEqual(stored);
    expect(second.faults).toEqual([]);
    expect(await store(second.wal, walRecord('even'))).toBe(13);
    await second.wal.close();
  });

  it('has all that was committed after the process died', async () => {
    const first = await opened();
    const stored = await fill(first, 12);
    first.wal.append(walRecord('even', 99));
    disk = disk.restart();
    const second = await opened();
    expect(await storedRecords(second.wal)).toEqual(stored);
    expect(second.faults).toEqual([]);
    disk = disk.restart();
    expect(await storedRecords((await opened()).wal)).toEqual(stored);
  });

  it('remembers what is released, and no more', async () => {
    const first = await opened();
    const stored = await fill(first, 12);
    await first.wal.release('even', 7, block);
    const left = stored.filter(({ tenant, sequence }) => tenant === 'odd' || sequence > 7);
    disk = disk.restart();
    const { wal } = await opened();
    expect(await storedRecords(wal)).toEqual(left);
    expect(wal.pinnedBy()).toEqual(['odd']);
  });

  it('counts on when every record was released and every older segment is gone', async () => {
    const first = await opened();
    await fill(first, 12);
    await first.wal.release('even', 12, block);
    await first.wal.release('odd', 12, block);
    expect(first.wal.bytesUsed()).toBe(0);
    await first.wal.tick(testNowMs);
    expect((await names()).filter((name) => name.endsWith('.wal'))).toHaveLength(1);
    await first.wal.close();
    const second = await opened();
    expect(await store(second.wal, walRecord('even'))).toBe(13);
  });

  it('keeps the keys of released records for 15 minutes, over restarts and segments', async () => {
    const first = await opened();
    await fill(first, 12);
    await first.wal.release('even', 12, block);
    await first.wal.release('odd', 12, block);
    disk = disk.restart();
    const second = await opened();
    await second.wal.tick(testNowMs);
    const keys: number[] = [];
    for (const key of second.wal.recentKeys(testNowMs - 1)) {
      expect(key.tenant).toBe((key.contentKey[0] ?? 0) % 2 === 0 ? 'even' : 'odd');
      expect(key.receivedMs).toBe(testNowMs);
      keys.push(key.contentKey[0] ?? -1);
    }
    expect(keys.sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, at) => at));
    second.clock.now += 16 * 60 * 1_000;
    await second.wal.close();
    const third = await opened();
    third.clock.now += 16 * 60 * 1_000;
    await third.wal.tick(third.clock.now);
    const found = [];
    for (const key of third.wal.recentKeys(0)) found.push(key);
    expect(found).toEqual([]);
  });

  it('makes a new identity when its segments are gone: numbers start again', async () => {
    const first = await opened({ newId: () => '01J0000000000000000000000X' });
    await fill(first, 3);
    await first.wal.close();
    for (const name of await names()) {
      if (name.endsWith('.wal')) await disk.unlink(`${folder}/${name}`);
    }
    const second = await opened();
    expect(second.wal.id).not.toBe(first.wal.id);
    expect(await store(second.wal, walRecord('a'))).toBe(1);
  });

  it.each([
    ['missing', undefined],
    ['damaged', 'phlox log 1\n01J00000000000000000000001\n00000000\n'],
  ])('finds its identity in the segments when the file is %s', async (_how, text) => {
    const first = await opened();
    const stored = await fill(first, 3);
    await first.wal.close();
    await disk.unlink(`${folder}/LOG`);
    if (text !== undefined) {
      const file = await disk.open(`${folder}/LOG`, 'w');
      await file.write(new TextEncoder().encode(text), 0, text.length, 0);
      await file.close();
    }
    const second = await opened({ newId: () => '01J0000000000000000000000X' });
    expect(second.wal.id).toBe(first.wal.id);
    expect(await storedRecords(second.wal)).toEqual(stored);
    expect(second.faults.map(({ reason }) => reason)).toEqual([
      'the identity file is missing or damaged: made again from a segment',
    ]);
    await second.wal.close();
    expect((await opened()).faults).toEqual([]);
  });

  it('sets segments of another log aside under a new identity', async () => {
    const first = await opened();
    await fill(first, 3);
    await first.wal.close();
    const other = await opened({ folder: '/other', newId: () => '01J0000000000000000000000Y' });
    await other.wal.close();
    await disk.rename('/other/LOG', `${folder}/LOG`);
    const second = await opened({ newId: () => '01J0000000000000000000000X' });
    expect(second.wal.id).toBe('01J0000000000000000000000X');
    expect(await storedRecords(second.wal)).toEqual([]);
    expect(second.faults).toHaveLength(1);
    expect((await names()).filter((name) => name.endsWith('.corrupt'))).toHaveLength(1);
    // The number of the file kept aside is not given again.
    expect((await names()).filter((name) => name.endsWith('.wal'))).toEqual(['0000000002.wal']);
  });

  it('refuses a log that a newer version wrote', async () => {
    const first = await opened();
    await fill(first, 1);
    await first.wal.close();
    const file = await disk.open(`${folder}/0000000001.wal`, 'r+');
    const bytes = new Uint8Array(512);
    await file.read(bytes, 0, 512, 0);
    const { crc32c } = await import('../../../src/wal/crc32c.ts');
    bytes[24 + 24] = 3;
    new DataView(bytes.buffer).setUint32(24 + 4, crc32c(bytes.subarray(32, 24 + 72)), true);
    await file.write(bytes, 0, 512, 0);
    const refused = await opened().catch((error: unknown) => error);
    expect(isFailure(refused, 'corrupt')).toBe(true);
    expect(String(refused)).toContain('format version 3, known are 1 and 2');
  });

  it('takes nothing once it is closed', async () => {
    const log = await opened();
    await fill(log, 1);
    await log.wal.close();
    await log.wal.close();
    expect(() => log.wal.append(walRecord('a'))).toThrow('log: closed');
    await expect(log.wal.release('even', 1, block)).rejects.toThrow('log: closed');
    expect(await log.wal.tick(testNowMs)).toBe(Number.POSITIVE_INFINITY);
  });
});
