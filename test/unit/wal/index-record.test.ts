// The index behind a segment's end: what a start reads in place of the records, and that it is
// believed only when it is whole and of this segment.
import { beforeEach, describe, expect, it } from 'vitest';
import { crc32c } from '../../../src/wal/crc32c.ts';
import { PageLayout, pageHeaderBytes } from '../../../src/wal/pages.ts';
import { fixedHeadBytes } from '../../../src/wal/record.ts';
import {
  diskOf,
  indexOffsetOf,
  type LogFiles,
  readFiles,
  segmentNames,
  withFile,
  withoutIndexes,
} from '../../support/log-files.ts';
import { ModelDisk } from '../../support/model-disk.ts';
import {
  segmentLog,
  store,
  storedRecords,
  type TestLog,
  walRecord,
} from '../../support/segment-log.ts';

const folder = '/data/wal';
const pageBytes = 512;
const small = { segmentBytes: 4_096, pageBytes };
const block = '01J0000000000000000000000B';

let disk: ModelDisk;

beforeEach(() => {
  disk = new ModelDisk();
});

async function opened(): Promise<TestLog> {
  const log = segmentLog(folder, disk, small);
  await log.wal.start();
  return log;
}

/** Some segments of two tenants, one of them released in part, with keys whose segment is gone. */
async function fill({ wal }: TestLog): Promise<void> {
  for (let at = 0; at < 12; at++) await store(wal, walRecord(at < 5 ? 'gone' : 'ä', at, 700));
  await wal.release('gone', 4, block);
  for (let at = 12; at < 20; at++) await store(wal, walRecord('gone', at, 300));
}

/** All that a log tells of what it holds. */
async function told({ wal }: TestLog) {
  return {
    records: await storedRecords(wal),
    keys: [...wal.recentKeys(0)].map(({ tenant, contentKey }) => `${tenant} ${contentKey}`).sort(),
    newest: [...wal.newestHeld()],
    pinnedBy: wal.pinnedBy(),
  };
}

async function files(): Promise<LogFiles> {
  const found = new Map(await readFiles(disk, folder));
  found.delete('spare');
  return found;
}

const bytesOf = (all: LogFiles, name: string) => all.get(name) as Uint8Array;

describe('the index of a segment', () => {
  it('tells at start what the records tell', async () => {
    const first = await opened();
    await fill(first);
    const before = await told(first);
    expect(before.keys).toHaveLength(20);
    disk = disk.restart();
    const withIndexes = await files();
    expect(await told(await opened())).toEqual(before);
    disk = await diskOf(withoutIndexes(withIndexes, pageBytes), folder);
    const scanned = await opened();
    expect(await told(scanned)).toEqual(before);
    expect(scanned.faults).toEqual([]);
  });

  it('is there for each segment but the last, and made for those that lack it', async () => {
    const first = await opened();
    await fill(first);
    await first.wal.close();
    const before = await files();
    disk = await diskOf(withoutIndexes(before, pageBytes), folder);
    await (await opened()).wal.close();
    const after = await files();
    const indexed = (all: LogFiles) =>
      segmentNames(all).filter(
        (name) => indexOffsetOf(bytesOf(all, name), pageBytes) !== undefined,
      );
    expect(indexed(before)).toEqual(segmentNames(before).slice(0, -1));
    expect(indexed(after)).toEqual(segmentNames(after).slice(0, -1));
    expect(segmentNames(after)).toHaveLength(segmentNames(before).length + 1);
    for (const name of indexed(before)) expect(bytesOf(after, name)).toEqual(bytesOf(before, name));
  });

  it('is what is read: records are not looked at', async () => {
    const first = await opened();
    await fill(first);
    await first.wal.close();
    const before = await told(await opened());
    const all = await files();
    const [name = ''] = segmentNames(all);
    const bytes = bytesOf(all, name).slice();
    // All but the first record, which says what the segment before is worth, and the index.
    bytes.fill(0, 200, indexOffsetOf(bytes, pageBytes));
    disk = await diskOf(withFile(all, name, bytes), folder);
    const log = await opened();
    expect([...log.wal.newestHeld()]).toEqual(before.newest);
    expect(log.faults).toEqual([]);
    await storedRecords(log.wal);
    const lost = log.faults.map(({ sequence, tenant }) => `${tenant} ${sequence}`).sort();
    expect(lost).toEqual(['gone 5', 'ä 6', 'ä 7', 'ä 8']);
  });

  it('is not believed when a bit of it is wrong, or when it is of another segment', async () => {
    const first = await opened();
    await fill(first);
    await first.wal.close();
    const before = await told(await opened());
    const all = await files();
    const [name = '', other = ''] = segmentNames(all);
    const bytes = bytesOf(all, name);
    const from = indexOffsetOf(bytes, pageBytes) as number;
    const foreign = bytesOf(all, other).slice(indexOffsetOf(bytesOf(all, other), pageBytes));
    const wrong = [new Uint8Array([...bytes.subarray(0, from), ...foreign])];
    for (let at = from; at < bytes.length; at += 5) {
      const flipped = bytes.slice();
      flipped[at] = (bytes[at] as number) ^ (1 << (at % 8));
      wrong.push(flipped);
    }
    for (const [at, changed] of wrong.entries()) {
      disk = await diskOf(withFile(all, name, changed), folder);
      const log = await opened();
      expect(await told(log), `change ${at}`).toEqual(before);
      expect(log.faults, `change ${at}`).toEqual([]);
    }
  });

  it('is not believed when its checksum is right and its body is not', async () => {
    const first = await opened();
    await fill(first);
    await first.wal.close();
    const before = await told(await opened());
    const all = await files();
    const [name = ''] = segmentNames(all);
    for (const [at, value] of [
      // Rows, keys, tenants and releases; then the tenant of the first row.
      ...[0, 4, 8, 12].flatMap((count) => [1, 2 ** 31].map((more) => [count, more] as const)),
      [16 + 28, 77],
    ] as const) {
      const bytes = bytesOf(all, name).slice();
      changeBody(bytes, (view) => view.setUint32(at, view.getUint32(at, true) + value, true));
      disk = await diskOf(withFile(all, name, bytes), folder);
      const log = await opened();
      expect(await told(log), `${value} more at ${at}`).toEqual(before);
      expect(log.faults).toEqual([]);
    }
  });

  it('is left out where a write failed: nothing is written there again', async () => {
    const log = await opened();
    await store(log.wal, walRecord('a', 1));
    for (let turn = 0; turn < 500; turn++) await Promise.resolve();
    disk.control.fail({ kind: 'sync', code: 'EIO' });
    await store(log.wal, walRecord('a', 2));
    await store(log.wal, walRecord('a', 3));
    const bytes = bytesOf(await files(), '0000000001.wal');
    expect(indexOffsetOf(bytes, pageBytes)).toBeUndefined();
    disk = disk.restart();
    const again = await opened();
    expect((await storedRecords(again.wal)).map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(indexOffsetOf(bytesOf(await files(), '0000000001.wal'), pageBytes)).toBeDefined();
  });

  it('costs no room when it cannot be written', async () => {
    const { wal, lines } = await opened();
    for (let at = 0; at < 4; at++) await store(wal, walRecord('a', at, 700));
    for (let turn = 0; turn < 500; turn++) await Promise.resolve();
    // The next segment's start is written before it, and is well.
    disk.control.fail({ kind: 'write', at: 1, code: 'ENOSPC' });
    await store(wal, walRecord('a', 4, 700));
    expect(lines.filter((line) => line.includes('log segment has no index'))).toHaveLength(1);
    const [first = ''] = segmentNames(await files());
    expect(indexOffsetOf(bytesOf(await files(), first), pageBytes)).toBeUndefined();
    const last = 72 + 'a'.length + 4 + 'service_name'.length + 4 + 's'.length + 700;
    expect(wal.bytesUsed()).toBe(bytesOf(await files(), first).length + last);
  });
});

/** Changes the body of a segment's index, and mends both checksums. */
function changeBody(file: Uint8Array, change: (body: DataView) => void): void {
  const layout = new PageLayout(pageBytes);
  const stream = layout.strip(file.slice(pageHeaderBytes), 0);
  const from = positionOf(indexOffsetOf(file, pageBytes) as number);
  const record = stream.subarray(from);
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  change(new DataView(record.buffer, record.byteOffset + fixedHeadBytes));
  view.setUint32(36, crc32c(record.subarray(fixedHeadBytes)), true);
  view.setUint32(4, crc32c(record.subarray(8, fixedHeadBytes)), true);
  for (const [at, byte] of record.entries()) file[layout.offsetOf(from + at)] = byte;
}

function positionOf(offset: number): number {
  const page = Math.floor(offset / pageBytes);
  return page * (pageBytes - pageHeaderBytes) + Math.max(0, (offset % pageBytes) - pageHeaderBytes);
}
