// What a segment found on the disk is worth. Owns the difference between a torn tail, which was
// never acknowledged and is dropped, and damage to what was durable, which is reported.
//
// How far a segment is to be trusted is said by the start of the next one. The last segment has no
// next one: in it, what a record states as durable is; behind that, records count up to the first
// that is not whole.

import { loadIndexed } from './index-record.ts';
import type { SegmentName } from './pages.ts';
import { decodeKeys, fixedHeadBytes, type RecordHead, recordKinds } from './record.ts';
import type { SegmentReader } from './segment-file.ts';
import { SegmentIndex } from './segment-index.ts';
import { findHeads, type ScannedRecord, scanSegment } from './segment-scan.ts';

/** What kind of damage it is, in a word: for counters. */
export type FaultKind = 'unreadable_records' | 'wrong_checksum' | 'foreign_segment' | 'identity';

/** Something stored that is not what was written. */
export interface LogFault {
  kind: FaultKind;
  /** Number of the segment; 0: the log's identity. */
  segment: number;
  /** Position in the segment, and how many bytes of records are concerned. */
  position: number;
  bytes: number;
  /** The profile that is lost, when it is known which. */
  sequence?: number;
  tenant?: string;
  reason: string;
}

export interface LoadedSegment {
  index: SegmentIndex;
  hasRecords: boolean;
  faults: LogFault[];
  /** Positions of records that may not be durable. */
  doubtful: { from: number; to: number } | undefined;
  /** Records may have been dropped whose numbers are not known. */
  isTorn: boolean;
}

/** Loads a segment of which everything below `end` was durable: from its index if it has one. */
export async function loadSealed(
  reader: SegmentReader,
  name: SegmentName,
  end: number,
): Promise<LoadedSegment> {
  const index = await loadIndexed(reader, name, end);
  if (index === undefined) return scanSealed(reader, name, end);
  return { index, hasRecords: true, faults: [], doubtful: undefined, isTorn: false };
}

async function scanSealed(
  reader: SegmentReader,
  name: SegmentName,
  end: number,
): Promise<LoadedSegment> {
  const loading = new Loading(name);
  const wantsBody = (head: RecordHead) => head.kind === recordKinds.keys;
  let position = 0;
  const visit = (record: ScannedRecord) => {
    loading.gap(position, record.head.position);
    loading.take(record, wantsBody(record.head));
    position = record.end;
    return true;
  };
  await scanSegment({ reader, name, limit: end, wantsBody, visit });
  loading.gap(position, end);
  return loading.finish(end, undefined);
}

/** Loads a segment of which nobody says where it ends. Checks every body. */
export async function loadLast(reader: SegmentReader, name: SegmentName): Promise<LoadedSegment> {
  const durableEnd = await statedEnd(reader, name);
  const loading = new Loading(name);
  let position = 0;
  let doubtfulEnd = 0;
  let isClosed = false;
  const limit = reader.capacity;
  const visit = (record: ScannedRecord) => {
    const { head, body } = record;
    const isTornGap = head.position > position && position >= durableEnd;
    if (isTornGap || (body === undefined && head.position >= durableEnd)) {
      const gapEnd = Math.min(head.position, durableEnd);
      loading.gap(position, gapEnd);
      position = Math.max(position, gapEnd);
      loading.isTorn = true;
      return false;
    }
    loading.gap(position, head.position);
    // An index is written when all before it is durable, and stands behind the end.
    isClosed = head.kind === recordKinds.index;
    if (isClosed) return false;
    loading.take(record, true);
    // A log that was closed says so last: what it says is durable is all there is.
    isClosed = head.kind === recordKinds.end;
    if (isClosed) return false;
    position = record.end;
    if (position > durableEnd) doubtfulEnd = position;
    return true;
  };
  await scanSegment({ reader, name, limit, wantsBody: () => true, visit });
  if (!loading.hasRecords) loading.gap(0, limit);
  else if (!isClosed) loading.gap(position, durableEnd);
  if (!isClosed && (await hasBytes(reader, position))) loading.isTorn = true;
  const isDoubtful = doubtfulEnd > durableEnd;
  return loading.finish(
    Math.max(position, durableEnd),
    isDoubtful ? { from: durableEnd, to: doubtfulEnd } : undefined,
  );
}

/** The highest position that any record of the segment states as durable. */
async function statedEnd(reader: SegmentReader, name: SegmentName): Promise<number> {
  let end = 0;
  let position = 0;
  const limit = reader.capacity;
  const visit = (record: ScannedRecord) => {
    end = Math.max(end, record.head.durableEnd);
    position = record.end;
    return true;
  };
  await scanSegment({ reader, name, limit, wantsBody: () => false, visit });
  // Damage hides the records behind it in its page, and with them that it is not a torn tail.
  for (const head of await findHeads(reader, name, position)) {
    if (head.durableEnd <= head.position) end = Math.max(end, head.durableEnd);
  }
  return end;
}

/** True when something was written at `position`, finished or not. */
async function hasBytes(reader: SegmentReader, position: number): Promise<boolean> {
  const length = Math.min(fixedHeadBytes, reader.capacity - position);
  const bytes = await reader.at(position, length, length);
  return bytes?.some((byte) => byte !== 0) ?? false;
}

class Loading {
  isTorn = false;
  hasRecords = false;
  readonly #index: SegmentIndex;
  readonly #faults: LogFault[] = [];

  constructor({ segment }: SegmentName) {
    this.#index = new SegmentIndex(segment);
  }

  gap(from: number, to: number): void {
    if (from >= to) return;
    this.isTorn = true;
    const reason = 'records cannot be read';
    this.#fault({ kind: 'unreadable_records', position: from, bytes: to - from, reason });
  }

  take({ head, body }: ScannedRecord, isBodyChecked: boolean): void {
    const isBodyWrong = isBodyChecked && body === undefined;
    const { kind, tenant, sequence } = head;
    this.hasRecords = true;
    this.#index.noteSequence(sequence);
    if (kind === recordKinds.profile) this.#index.add(head);
    if (kind === recordKinds.flushed) this.#index.addFlushed(tenant, sequence);
    if (kind === recordKinds.keys && body) {
      this.#index.addKeys(tenant, decodeKeys(body), head.position);
    }
    if (!isBodyWrong) return;
    if (kind === recordKinds.profile) this.#index.setDamaged(sequence);
    this.#fault({
      kind: 'wrong_checksum',
      position: head.position,
      bytes: head.headBytes + head.bodyBytes,
      reason: 'body has a wrong checksum',
      ...(kind === recordKinds.profile && { tenant, sequence }),
    });
  }

  finish(end: number, doubtful: LoadedSegment['doubtful']): LoadedSegment {
    this.#index.end = end;
    return {
      index: this.#index,
      hasRecords: this.hasRecords,
      faults: this.#faults,
      doubtful,
      isTorn: this.isTorn,
    };
  }

  #fault(fault: Omit<LogFault, 'segment'>): void {
    this.#index.isDamaged = true;
    this.#faults.push({ segment: this.#index.segment, ...fault });
  }
}
