// Damaged files: torn tails, cut files, flipped bits. Whatever is read is what was written; what is
// missing was torn off the very end or is told.
import { beforeAll, describe, expect, it } from 'vitest';
import { logService } from '../../../src/ingester/log-service.ts';
import { createMetrics } from '../../../src/metrics/registry.ts';
import type { StoredRecord } from '../../../src/wal/wal.ts';
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
import { segmentLog, store, storedRecords, walRecord } from '../../support/segment-log.ts';

const folder = '/wal';
const small = { segmentBytes: 2_048, pageBytes: 256 };
const block = '01J0000000000000000000000B';
/** As the fuzzers: `PHLOX_FUZZ` asks for more. */
const isLong = Number(process.env['PHLOX_FUZZ'] ?? 0) >= 20_000;

interface Sample {
  files: LogFiles;
  stored: string[];
  /** What was written and is in a block. */
  released: string[];
}

/** A log of some segments with records of many sizes, each committed by itself. */
async function sample(isClosed: boolean): Promise<Sample> {
  const disk = new ModelDisk();
  const { wal } = segmentLog(folder, disk, small);
  await wal.start();
  const stored: StoredRecord[] = [];
  for (let at = 0; at < 19; at++) {
    const record = walRecord(at % 3 === 0 ? 'a' : 'b', at, (at * 53) % 300);
    stored.push({ ...record, sequence: await store(wal, record) });
  }
  await wal.release('a', 4, block);
  const last = { ...walRecord('b', 99, 170) };
  stored.push({ ...last, sequence: await store(wal, last) });
  if (isClosed) await wal.close();
  const files = new Map(await readFiles(disk, folder));
  files.delete('spare');
  const isReleased = ({ tenant, sequence }: StoredRecord) => tenant === 'a' && sequence <= 4;
  const released = stored.filter(isReleased).map(textOf);
  return { files, stored: stored.map(textOf).filter((text) => !released.includes(text)), released };
}

/** Number, tenant and contents on one line: quicker to compare, thousands of times. */
function textOf({ sequence, tenant, receivedMs, contentKey, labels, body }: StoredRecord): string {
  const sent = `${contentKey} ${labels.map(({ name, value }) => `${name}=${value}`)} ${body}`;
  return `${sequence} ${tenant} ${receivedMs} ${sent}`;
}

interface Outcome {
  records: string[];
  reasons: string[];
}

/** Opens the log and reads all. */
async function reopen(files: LogFiles): Promise<Outcome> {
  const { wal, faults } = segmentLog(folder, await diskOf(files, folder), small);
  await wal.start();
  const records = (await storedRecords(wal)).map(textOf);
  return { records, reasons: faults.map(({ reason }) => reason) };
}

/** As `reopen`; then appends, closes, and expects to find all of that again. */
async function reopenTwice(files: LogFiles): Promise<Outcome> {
  const disk = await diskOf(files, folder);
  const { wal, faults } = segmentLog(folder, disk, small);
  await wal.start();
  const records = await storedRecords(wal);
  const added = { ...walRecord('c', 5), sequence: await store(wal, walRecord('c', 5)) };
  expect(records.every(({ sequence }) => sequence < added.sequence)).toBe(true);
  await wal.close();
  const again = segmentLog(folder, disk, small).wal;
  await again.start();
  expect(await storedRecords(again)).toEqual([...records, added]);
  return { records: records.map(textOf), reasons: faults.map(({ reason }) => reason) };
}

/** Expects that what is read was written, and that what is wrong was told. Answers what is lost. */
function expectNoLie({ records, reasons }: Outcome, of: Sample, what: string): string[] {
  const found = new Set(records);
  expect(records.length, what).toBe(found.size);
  const surplus = records.filter((record) => !of.stored.includes(record));
  const lost = of.stored.filter((record) => !found.has(record));
  // A damaged release brings back what it released: the blocks know better, and it is told.
  expect(
    surplus.filter((record) => !of.released.includes(record)),
    what,
  ).toEqual([]);
  // What was torn off the end cannot be told from what was never finished.
  const isTail = lost.every((record, at) => record === of.stored.at(at - lost.length));
  if (surplus.length > 0 || !isTail) expect(reasons, what).not.toEqual([]);
  return lost;
}

let crashed: Sample;
let closed: Sample;
let lastName: string;
let lastBytes: Uint8Array;
/** Offset in the last segment at which the last record starts, and where it ends. */
let [tornFrom, tornTo] = [0, 0];

beforeAll(async () => {
  crashed = await sample(false);
  closed = await sample(true);
  lastName = segmentNames(crashed.files).at(-1) as string;
  lastBytes = crashed.files.get(lastName) as Uint8Array;
  tornTo = lastBytes.findLastIndex((byte) => byte !== 0) + 1;
  // The head of a record starts with its magic, and this one is the last in the file.
  const magic = new TextEncoder().encode('plpr');
  tornFrom = lastBytes.findLastIndex((_, at) =>
    magic.every((byte, i) => lastBytes[at + i] === byte),
  );
});

describe('a torn tail', () => {
  it('is part of the sample', () => {
    expect(segmentNames(crashed.files).length).toBeGreaterThan(2);
    expect(tornTo - tornFrom).toBeGreaterThan(170);
  });

  it('loses the last record alone, without a fault, wherever the file ends', async () => {
    for (let cut = tornFrom; cut < tornTo; cut++) {
      const files = withFile(crashed.files, lastName, lastBytes.slice(0, cut));
      expect(await (cut % 16 === 0 ? reopenTwice : reopen)(files), `cut at ${cut}`).toEqual({
        records: crashed.stored.slice(0, -1),
        reasons: [],
      });
    }
  });

  it('loses the last record alone, without a fault, wherever zeros begin', async () => {
    for (let cut = tornFrom; cut < tornTo; cut++) {
      const files = withFile(crashed.files, lastName, lastBytes.slice().fill(0, cut));
      expect(await (cut % 16 === 0 ? reopenTwice : reopen)(files), `zeros from ${cut}`).toEqual({
        records: crashed.stored.slice(0, -1),
        reasons: [],
      });
    }
  });

  it('loses nothing when it is whole', async () => {
    expect(await reopenTwice(crashed.files)).toEqual({ records: crashed.stored, reasons: [] });
    expect(await reopenTwice(closed.files)).toEqual({ records: closed.stored, reasons: [] });
  });
});

describe('a file that was cut', () => {
  it('is told when it is not the last one, and the other files are served', async () => {
    const [first = ''] = segmentNames(closed.files);
    const bytes = closed.files.get(first) as Uint8Array;
    for (let cut = 0; cut < bytes.length; cut += 7) {
      const files = withFile(closed.files, first, bytes.slice(0, cut));
      const outcome = await (cut % 70 === 0 ? reopenTwice(files) : reopen(files));
      const lost = expectNoLie(outcome, closed, `cut at ${cut}`);
      // A torn index is no damage: there is nothing in it that the records do not tell.
      const isIndexCut = cut >= (indexOffsetOf(bytes, small.pageBytes) ?? bytes.length);
      expect(outcome.reasons.length === 0, `cut at ${cut}`).toBe(isIndexCut);
      if (isIndexCut) expect(lost, `cut at ${cut}`).toEqual([]);
    }
  });
});

/** Every bit of a byte in a long run; one of each in a short one. */
const flipsOfByte = (at: number) => (isLong ? [0, 1, 2, 3, 4, 5, 6, 7] : [at % 8]);

interface Flip extends Outcome {
  /** Offset in the file. */
  at: number;
  lost: string[];
  what: string;
}

/** Opens the log of a sample with each byte of one of its files flipped. */
async function* flips(of: Sample, name: string): AsyncGenerator<Flip> {
  const bytes = of.files.get(name) as Uint8Array;
  for (let at = 0; at < bytes.length; at++) {
    for (const bit of flipsOfByte(at)) {
      const flipped = bytes.slice();
      flipped[at] = (bytes[at] as number) ^ (1 << bit);
      const files = withFile(of.files, name, flipped);
      const outcome = await (at % 50 === 0 ? reopenTwice(files) : reopen(files));
      const what = `byte ${at}, bit ${bit} of ${name}`;
      yield { ...outcome, at, what, lost: expectNoLie(outcome, of, what) };
    }
  }
}

describe('a flipped bit', { timeout: isLong ? 900_000 : 120_000 }, () => {
  it('in a segment without an index loses little, and what it loses is told', async () => {
    const plain = { ...closed, files: withoutIndexes(closed.files, small.pageBytes) };
    for (const name of segmentNames(plain.files)) {
      let [told, count] = [0, 0];
      for await (const { lost, reasons, what } of flips(plain, name)) {
        // A damaged head hides what starts after it in its page, and a large record's next page.
        expect(lost.length, what).toBeLessThanOrEqual(4);
        count++;
        if (reasons.length > 0) told++;
      }
      // All but page headers, which matter only to get around other damage, and bodies not read.
      expect(told / count, name).toBeGreaterThan(0.7);
    }
  });

  it('in a segment with an index loses one record at most, and tells it', async () => {
    for (const name of segmentNames(closed.files)) {
      const bytes = closed.files.get(name) as Uint8Array;
      const indexAt = indexOffsetOf(bytes, small.pageBytes);
      if (indexAt === undefined) continue;
      let [lostCount, count] = [0, 0];
      for await (const { at, lost, reasons, what } of flips(closed, name)) {
        expect(lost.length, what).toBeLessThanOrEqual(at < indexAt ? 1 : 0);
        expect(reasons.length, what).toBe(lost.length);
        lostCount += lost.length;
        if (at < indexAt) count++;
      }
      // What is in blocks or not a profile is not read again.
      expect(lostCount / count, name).toBeGreaterThan(0.5);
    }
  });

  it('in the last segment of a killed process is told, but for the last record', async () => {
    const last = crashed.stored.at(-1);
    for await (const { lost, reasons, what } of flips(crashed, lastName)) {
      expect(lost.length, what).toBeLessThanOrEqual(4);
      if (lost.some((record) => record !== last)) expect(reasons, what).not.toEqual([]);
    }
  });

  it('in the identity is mended from the segments', async () => {
    const bytes = closed.files.get('LOG') as Uint8Array;
    for (let at = 0; at < bytes.length; at++) {
      const flipped = bytes.slice();
      flipped[at] = (bytes[at] as number) ^ (1 << (at % 8));
      const { records, reasons } = await reopen(withFile(closed.files, 'LOG', flipped));
      expect(records).toEqual(closed.stored);
      expect(reasons).toHaveLength(1);
    }
  });
});

describe('a damaged segment', () => {
  async function flippedBody(): Promise<LogFiles> {
    const [first = ''] = segmentNames(closed.files);
    const bytes = (closed.files.get(first) as Uint8Array).slice();
    // The sixth record has 265 bytes that tell its place.
    const at = bytes.findIndex((_, from) => bytes.slice(from, from + 40).every((one) => one === 5));
    bytes[at + 20] = 0xff;
    return withFile(closed.files, first, bytes);
  }

  it('tells of a bad body when it is read, once, with tenant and sequence', async () => {
    const disk = await diskOf(await flippedBody(), folder);
    const { wal, faults } = segmentLog(folder, disk, small);
    await wal.start();
    expect(faults).toEqual([]);
    const expected = closed.stored.filter((record) => !record.startsWith('6 '));
    expect((await storedRecords(wal)).map(textOf)).toEqual(expected);
    expect((await storedRecords(wal)).map(textOf)).toEqual(expected);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatchObject({ segment: 1, tenant: 'b', sequence: 6 });
  });

  it('is counted by kind, whenever it is found', async () => {
    const identity = closed.files.get('LOG') as Uint8Array;
    const files = withFile(await flippedBody(), 'LOG', identity.slice(1));
    const { wal } = segmentLog(folder, await diskOf(files, folder), small);
    const metrics = createMetrics({ processMetrics: false });
    const counted = async () => {
      const { values } = await metrics.storage.logFaults.get();
      return values.map(({ labels, value }) => [labels['reason'], value]);
    };
    await logService(wal, metrics).start();
    expect(await counted()).toEqual([['identity', 1]]);
    await storedRecords(wal);
    expect(await counted()).toEqual([
      ['identity', 1],
      ['wrong_checksum', 1],
    ]);
  });

  it('is kept under another name once nothing in it is held', async () => {
    const disk = await diskOf(await flippedBody(), folder);
    const { wal } = segmentLog(folder, disk, small);
    await wal.start();
    await storedRecords(wal);
    await wal.release('a', 20, block);
    await wal.release('b', 20, block);
    await wal.tick(0);
    const items = await disk.readdir(folder, { withFileTypes: true });
    const names = items.map(({ name }) => name).filter((name) => name.includes('.wal'));
    expect(names.filter((name) => name.endsWith('.corrupt'))).toEqual(['0000000001.wal.corrupt']);
    expect(names).toHaveLength(2);
    expect(wal.bytesUsed()).toBe(0);
  });
});
