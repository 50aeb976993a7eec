// The bytes of a Durable Object's log: how records that are committed together become rows, and
// rows records again. Owns the encoding, which `FORMAT.md` draws; `durable-object-table.ts` stores
// the rows.
import type { PendingRecord } from './commit-queue.ts';
import { crc32c } from './crc32c.ts';
import { decodeHead, encodeHead, fixedHeadBytes, peekHeadBytes } from './record.ts';
import { decodeTreatedLabels } from './treated-labels.ts';
import type { RecordHeader, StoredRecord } from './wal.ts';

/**
 * Heads and data. A row may have 2 MB, all its values together:
 * https://developers.cloudflare.com/durable-objects/platform/limits/
 */
const rowBytesMax = 1_900_000;

/** Records of one batch, so that their heads leave most of its first row to data. */
export const batchRecordsMax = 16_384;

/** What a row says of each record, so that nobody reads it for that. */
export interface RowHead {
  sequence: number;
  receivedMs: number;
  contentKey: Uint8Array;
  bodyBytes: number;
  /** Of head and body in `data`. */
  bytes: number;
}

const rowHeadBytes = 40;

function encodeRowHeads(records: readonly PendingRecord[]): Uint8Array {
  const bytes = new Uint8Array(records.length * rowHeadBytes);
  const view = new DataView(bytes.buffer);
  for (const [index, record] of records.entries()) {
    const at = index * rowHeadBytes;
    view.setFloat64(at, record.sequence, true);
    view.setFloat64(at + 8, record.timeMs, true);
    view.setUint32(at + 16, record.body.length, true);
    view.setUint32(at + 20, record.bytes, true);
    bytes.set(record.contentKey, at + 24);
  }
  return bytes;
}

/** What `heads` of a batch's first row says. */
export function decodeRowHeads(bytes: Uint8Array): RowHead[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const heads: RowHead[] = [];
  for (let at = 0; at + rowHeadBytes <= bytes.length; at += rowHeadBytes) {
    heads.push({
      sequence: view.getFloat64(at, true),
      receivedMs: view.getFloat64(at + 8, true),
      bodyBytes: view.getUint32(at + 16, true),
      bytes: view.getUint32(at + 20, true),
      contentKey: bytes.slice(at + 24, at + rowHeadBytes),
    });
  }
  return heads;
}

/** One of the rows that records of one tenant, committed together, become. */
export interface NewRow {
  id: number;
  part: number;
  heads: Uint8Array;
  data: Uint8Array;
}

/** Cuts the records, of one tenant and at most `batchRecordsMax`, into rows from `id` on. */
export function rowsOf(logTag: number, id: number, records: readonly PendingRecord[]): NewRow[] {
  const length = records.reduce((sum, record) => sum + record.bytes, 0);
  const data = new Uint8Array(length);
  let at = 0;
  for (const record of records) {
    const place = { logTag, segment: id % 2 ** 32, position: at, durableEnd: 0 };
    const head = encodeHead(place, record, record.body);
    data.set(head, at);
    data.set(record.body, at + head.length);
    at += head.length + record.body.length;
  }
  const rows: NewRow[] = [];
  let heads = encodeRowHeads(records);
  for (let start = 0; start < length; heads = new Uint8Array(0)) {
    const end = start + rowBytesMax - heads.length;
    const part = rows.length;
    rows.push({ id: id + part, part, heads, data: data.subarray(start, end) });
    start = end;
  }
  return rows;
}

/**
 * The records whose sequence is at least `from`, of the rows from `id` on: `heads` of the first
 * one, `data` of all. `onDamage` hears of those that fail their checksum, which are left out.
 */
export function* recordsOf(
  name: { logTag: number; id: number },
  heads: readonly RowHead[],
  data: Uint8Array,
  from: number,
  onDamage: (sequence: number) => void,
): Generator<StoredRecord> {
  const segment = { logTag: name.logTag, segment: name.id % 2 ** 32 };
  let at = 0;
  for (const { sequence, bytes } of heads) {
    const position = at;
    at += bytes;
    if (sequence < from) continue;
    const record = decodeRecord(segment, data.subarray(position, at), position);
    if (record?.sequence === sequence) yield record;
    else onDamage(sequence);
  }
}

function decodeRecord(
  name: { logTag: number; segment: number },
  bytes: Uint8Array,
  position: number,
): StoredRecord | undefined {
  if (bytes.length < fixedHeadBytes) return undefined;
  const headBytes = peekHeadBytes(bytes.subarray(0, fixedHeadBytes), name, position);
  if (headBytes === undefined || headBytes > bytes.length) return undefined;
  const head = decodeHead(bytes.subarray(0, headBytes));
  const body = bytes.slice(headBytes);
  if (head === undefined || head.bodyBytes !== body.length) return undefined;
  if (crc32c(body) !== head.bodyCrc) return undefined;
  const { sequence, tenant, timeMs: receivedMs } = head;
  const [contentKey, treated] = [head.contentKey.slice(), decodeTreatedLabels(head)];
  return { sequence, tenant, receivedMs, contentKey, ...treated, body };
}

/** The header of a record as its row has it. */
export function headerOf(tenant: string, head: RowHead): RecordHeader {
  const { sequence, receivedMs, contentKey, bodyBytes } = head;
  return { sequence, tenant, receivedMs, contentKey, bodyBytes };
}
