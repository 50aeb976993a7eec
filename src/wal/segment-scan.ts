// One walk over the heads of a segment's records. Owns the way around damage: from a record that
// cannot be read it goes on at the next page in which a record starts. Judges nothing.
import { crc32c } from './crc32c.ts';
import type { SegmentName } from './pages.ts';
import { decodeHead, fixedHeadBytes, peekHeadBytes, type RecordHead } from './record.ts';
import type { SegmentReader } from './segment-file.ts';

/** Bodies of this size are skipped; smaller ones are read over, many at once. */
const skippedBytesMin = 16 * 1024;
/** Room for most heads: one read each. */
const skipAheadBytes = 1024;
const readAheadBytes = 256 * 1024;
/** Of a record's magic, the first. */
const magicByte = 0x70;

/** A record whose head is right. */
export interface ScannedRecord {
  head: RecordHead;
  /** Position behind the record. */
  end: number;
  /** When it was asked for: the body, a view until the next record; undefined when it is wrong. */
  body: Uint8Array | undefined;
}

export interface ScanOptions {
  reader: SegmentReader;
  name: SegmentName;
  /** Position before which all records end. */
  limit: number;
  wantsBody: (head: RecordHead) => boolean;
  /** Takes the records in order; a gap in their positions is damage. False ends the scan. */
  visit: (record: ScannedRecord) => boolean;
}

/** Visits the records below `limit`. */
export async function scanSegment(options: ScanOptions): Promise<void> {
  const { reader, name, limit, wantsBody, visit } = options;
  let ahead = readAheadBytes;
  for (let position = 0; position < limit; ) {
    const head =
      peekHead(reader, name, position) ?? (await readHead(reader, name, position, ahead));
    const end = position + (head === undefined ? 0 : head.headBytes + head.bodyBytes);
    if (head === undefined || end > limit) {
      const next = await reader.nextStart(position, name);
      if (next === undefined) return;
      position = next;
      continue;
    }
    const needsBody = wantsBody(head);
    const body = needsBody ? await bodyOf(reader, head) : undefined;
    ahead = needsBody || head.bodyBytes < skippedBytesMin ? readAheadBytes : skipAheadBytes;
    if (!visit({ head, end, body })) return;
    position = end;
  }
}

/** The head of the record at `position`; undefined when none of this segment can be read there. */
export async function readHead(
  reader: SegmentReader,
  name: SegmentName,
  position: number,
  ahead: number,
): Promise<RecordHead | undefined> {
  const fixed = await reader.at(position, fixedHeadBytes, ahead);
  const headBytes = fixed && peekHeadBytes(fixed, name, position);
  if (headBytes === undefined) return undefined;
  const bytes = await reader.at(position, headBytes, Math.max(headBytes, ahead));
  return bytes && decodeHead(bytes);
}

/**
 * Heads in the page of `position`, from there on, wherever in it they are. A body may hold what
 * looks like one: they are a sign of damage, and nothing to take records from.
 */
export async function findHeads(
  reader: SegmentReader,
  name: SegmentName,
  position: number,
): Promise<RecordHead[]> {
  const length = reader.pageEnd(position) - position;
  const page = (await reader.at(position, length, length))?.slice() ?? new Uint8Array(0);
  const found: RecordHead[] = [];
  for (let at = page.indexOf(magicByte); at >= 0; at = page.indexOf(magicByte, at + 1)) {
    const head = await readHead(reader, name, position + at, fixedHeadBytes);
    if (head !== undefined) found.push(head);
  }
  return found;
}

/** As `readHead`, without waiting: undefined also when it is not in the window. */
function peekHead(
  reader: SegmentReader,
  name: SegmentName,
  position: number,
): RecordHead | undefined {
  const fixed = reader.peek(position, fixedHeadBytes);
  const headBytes = fixed && peekHeadBytes(fixed, name, position);
  const bytes = headBytes === undefined ? undefined : reader.peek(position, headBytes);
  return bytes && decodeHead(bytes);
}

/** The body behind a head, checked; undefined when it is not what was written. */
export async function readBody(
  reader: SegmentReader,
  { position, headBytes, bodyBytes, bodyCrc }: RecordHead,
): Promise<Uint8Array | undefined> {
  const body = await reader.at(position + headBytes, bodyBytes, readAheadBytes);
  return body !== undefined && crc32c(body) === bodyCrc ? body : undefined;
}

/** Reading a body may overwrite what the head is a view of: here they are read together. */
async function bodyOf(reader: SegmentReader, head: RecordHead): Promise<Uint8Array | undefined> {
  const { position, headBytes, bodyBytes } = head;
  if (reader.peek(position, headBytes + bodyBytes) === undefined) {
    head.contentKey = head.contentKey.slice();
    head.labels = head.labels.slice();
  }
  return readBody(reader, head);
}
