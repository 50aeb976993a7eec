// The end of a segment that is no longer written to: its index, and its unused room given back.
// Owns both; neither is needed, so that what fails here is told and costs room or time alone.
import { messageOf } from '../errors.ts';
import type { FileHandle } from '../lib/file-system.ts';
import type { Logger } from '../lib/log.ts';
import { encodeIndex } from './index-record.ts';
import type { LogFolder } from './log-folder.ts';
import type { LogIndex } from './log-index.ts';
import { type PageLayout, PageWriter } from './pages.ts';
import {
  encodeHead,
  noBytes,
  noKey,
  type RecordFields,
  type RecordPlace,
  recordKinds,
} from './record.ts';
import { writeAll } from './segment-file.ts';
import type { SegmentIndex } from './segment-index.ts';

export interface SealOptions {
  folder: LogFolder;
  layout: PageLayout;
  index: LogIndex;
  logTag: number;
  /** What the first record of a segment takes. */
  startBytes: number;
  nowMs: () => number;
  log: Logger;
}

/** A damaged segment is scanned at every start, which tells the damage again. */
export function isIndexable({ isDamaged, indexBytes, end }: SegmentIndex): boolean {
  return !isDamaged && indexBytes === 0 && end > 0;
}

/**
 * Closes `file`, opened when it is not given. An index may be written only when the next segment is
 * durable, and not where a write failed.
 */
export async function sealSegment(
  options: SealOptions,
  segment: SegmentIndex,
  file: FileHandle | undefined,
  isIndexed: boolean,
): Promise<void> {
  try {
    const open = file ?? (await options.folder.open(segment.segment, 'r+'));
    if (isIndexed && isIndexable(segment)) await writeIndex(options, segment, open);
    await trimSegment(options, segment, open);
    await open.close();
  } catch (error) {
    warn(options, 'log segment cannot be closed', error, segment);
  }
}

/** Not fsynced: an index that is torn or missing is not needed, and made at the next start. */
async function writeIndex(
  options: SealOptions,
  segment: SegmentIndex,
  file: FileHandle,
): Promise<void> {
  const { index, layout, logTag, nowMs } = options;
  const { end, lastSequence: sequence } = segment;
  const place = { logTag, segment: segment.segment, position: end, durableEnd: end };
  const pages = new PageWriter(layout);
  const fields = { kind: recordKinds.index, sequence, timeMs: nowMs() };
  encodeControl(pages, place, fields, encodeIndex(segment));
  // What fails half way through is cut off again.
  index.resize(segment, Math.max(segment.fileBytes, layout.endOffsetOf(pages.position)));
  try {
    const { bytes, offset } = pages.take();
    await writeAll(file, bytes, offset);
    segment.indexBytes = pages.position - end;
  } catch (error) {
    warn(options, 'log segment has no index', error, segment);
  }
}

/** Gives back the room behind the end of a segment and its index. */
export async function trimSegment(
  options: SealOptions,
  segment: SegmentIndex,
  file: FileHandle,
): Promise<void> {
  const { index, layout, startBytes } = options;
  // A person who looks into a damaged file gets all of it. What was never written to keeps its
  // start: it may be all that says where the segment before it ends.
  const end = Math.max(segment.end + segment.indexBytes, startBytes);
  const usedBytes = segment.isDamaged ? segment.fileBytes : layout.endOffsetOf(end);
  if (usedBytes >= segment.fileBytes) return;
  try {
    await file.truncate(usedBytes);
    index.resize(segment, usedBytes);
  } catch (error) {
    // Only room is lost: the next segment says where this one ends.
    warn(options, 'log segment keeps its unused room', error, segment);
  }
}

/** Lays a record that is the log's own into pages, as a write of itself. */
export function encodeControl(
  pages: PageWriter,
  place: RecordPlace,
  fields: Pick<RecordFields, 'kind' | 'sequence' | 'timeMs'>,
  body: Uint8Array,
): void {
  const own = { ...fields, tenant: noBytes, contentKey: noKey, labels: noBytes };
  const head = encodeHead(place, own, body);
  pages.begin(place, place.position, head.length + body.length);
  pages.beginRecord(head.length + body.length);
  pages.add(head);
  pages.add(body);
}

function warn(
  { log }: SealOptions,
  message: string,
  error: unknown,
  { segment }: SegmentIndex,
): void {
  log.warn(message, { segment, error: messageOf(error) });
}
