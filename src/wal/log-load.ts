// A log as it is found at start: its identity, its segments in order, and what each is worth. Owns
// the reading of a whole folder; changes nothing but the identity file, and makes durable what the
// last process may have written without an fsync.
import { forEachBounded } from '../lib/bounded.ts';
import { crc32c } from './crc32c.ts';
import type { FoundSegment, LogFolder } from './log-folder.ts';
import { LogIndex } from './log-index.ts';
import type { PageLayout, SegmentName } from './pages.ts';
import { decodeSegmentStart, fixedHeadBytes, recordKinds, type SegmentStart } from './record.ts';
import { logFailure, SegmentReader, writeAll } from './segment-file.ts';
import { type LoadedSegment, type LogFault, loadLast, loadSealed } from './segment-load.ts';
import { readBody, readHead } from './segment-scan.ts';

/** Segments read at the same time: more only queue in the runtime's threads for files. */
const segmentsAtOnce = 4;

export interface LoadedLog {
  id: string;
  index: LogIndex;
  /** The highest sequence that may have been given. */
  lastSequence: number;
  /** The number of the next segment. */
  nextSegment: number;
  faults: LogFault[];
  /** The last process did not finish what it was writing. */
  isTorn: boolean;
}

interface OpenSegment extends FoundSegment {
  reader: SegmentReader;
  start: SegmentStart | undefined;
}

/** Reads the log in `folder`, or makes a new identity when there is none. */
export async function loadLog(
  folder: LogFolder,
  layout: PageLayout,
  newId: () => string,
): Promise<LoadedLog> {
  await folder.make();
  const { segments, next } = await folder.list();
  const written = await folder.readIdentity();
  const opened: OpenSegment[] = [];
  try {
    for (const found of segments) {
      const reader = new SegmentReader(
        await folder.open(found.segment, 'r'),
        layout,
        found.fileBytes,
      );
      opened.push({ ...found, reader, start: undefined });
    }
    return await loadSegments({ folder, layout, newId, opened, next, written });
  } finally {
    for (const { reader } of opened) await reader.close();
  }
}

interface Loading {
  folder: LogFolder;
  layout: PageLayout;
  newId: () => string;
  opened: OpenSegment[];
  next: number;
  /** The id in the identity file. */
  written: string | undefined;
}

async function loadSegments(loading: Loading): Promise<LoadedLog> {
  const { folder, layout, opened, written, next } = loading;
  const known = written ?? (await idInSegments(opened));
  const log: LoadedLog = {
    id: known ?? '',
    index: new LogIndex(),
    lastSequence: 0,
    nextSegment: next,
    faults: [],
    isTorn: false,
  };
  const loaded = known === undefined ? [] : await loadEach(opened, known);
  // Numbers may not be given twice under one identity: when nothing tells the last one, the
  // identity is a new one. What is in the files is then nobody's; they are kept aside.
  if (known === undefined || !loaded.some(({ hasRecords }) => hasRecords)) {
    log.id = loading.newId();
    for (const { segment, fileBytes } of opened) {
      await folder.remove(segment, true);
      const reason = 'no record of this log in it';
      const kind = 'foreign_segment';
      log.faults.push({ kind, segment, position: 0, bytes: fileBytes, reason });
    }
  } else {
    for (const [at, segment] of loaded.entries()) {
      await adopt(log, segment, opened[at] as OpenSegment, folder, layout);
    }
    for (const { index } of loaded) {
      for (const [tenant, upTo] of index.flushed) log.index.release(tenant, upTo);
    }
  }
  if (log.id !== written) await folder.writeIdentity(log.id);
  if (written === undefined && known !== undefined) {
    const reason = 'the identity file is missing or damaged: made again from a segment';
    log.faults.push({ kind: 'identity', segment: 0, position: 0, bytes: 0, reason });
  }
  return log;
}

/** Takes a loaded segment into the log. */
async function adopt(
  log: LoadedLog,
  loaded: LoadedSegment,
  { segment, fileBytes, reader }: OpenSegment,
  folder: LogFolder,
  layout: PageLayout,
): Promise<void> {
  const { index, doubtful, faults, isTorn } = loaded;
  if (doubtful !== undefined) await rewrite(folder, layout, segment, doubtful);
  index.fileBytes = fileBytes;
  log.index.push(index);
  log.faults.push(...faults);
  log.isTorn ||= isTorn && faults.length === 0;
  // What was torn off may have had as many records as there is room for heads.
  const lost = isTorn ? Math.ceil(reader.capacity / fixedHeadBytes) : 0;
  log.lastSequence = Math.max(log.lastSequence, index.lastSequence + lost);
}

/** Loads all segments, each up to where the later ones say that it ends. */
async function loadEach(opened: readonly OpenSegment[], id: string): Promise<LoadedSegment[]> {
  const logTag = logTagOf(id);
  await forEachBounded(opened, segmentsAtOnce, async (each) => {
    each.start = await readStart(each.reader, { logTag, segment: each.segment });
  });
  const loaded = new Map<number, LoadedSegment>();
  await forEachBounded(opened, segmentsAtOnce, async ({ segment, reader }) => {
    const end = statedEnd(opened, segment);
    const name = { logTag, segment };
    loaded.set(
      segment,
      await (end === undefined ? loadLast(reader, name) : loadSealed(reader, name, end)),
    );
  });
  return opened.map(({ segment }) => loaded.get(segment) as LoadedSegment);
}

/** Where the segments after this one say that it ends; undefined when none says. */
function statedEnd(opened: readonly OpenSegment[], segment: number): number | undefined {
  let end: number | undefined;
  for (const { segment: later, start } of opened) {
    if (later <= segment || start === undefined) continue;
    if (start.previous === segment) end = start.previousEnd;
    // It was made but never written to: the one before it was still the last then.
    else if (start.previous < segment) end = 0;
  }
  return end;
}

async function readStart(
  reader: SegmentReader,
  name: SegmentName,
): Promise<SegmentStart | undefined> {
  const head = await readHead(reader, name, 0, fixedHeadBytes * 2);
  if (head?.kind !== recordKinds.segment) return undefined;
  const body = await readBody(reader, head);
  return body && decodeSegmentStart(body);
}

/** The id that the first readable segment tells. */
async function idInSegments(opened: readonly OpenSegment[]): Promise<string | undefined> {
  for (const { reader, segment } of opened) {
    const tag = await logTagIn(reader);
    const start = tag === undefined ? undefined : await readStart(reader, { logTag: tag, segment });
    if (start !== undefined) return start.logId;
  }
  return undefined;
}

/** The tag that the first record of a segment claims. */
async function logTagIn(reader: SegmentReader): Promise<number | undefined> {
  const fixed = await reader.at(0, fixedHeadBytes, fixedHeadBytes);
  if (fixed === undefined) return undefined;
  return new DataView(fixed.buffer, fixed.byteOffset).getUint32(8, true);
}

/**
 * Writes bytes again that were read: after a failed fsync the system may show what the disk does
 * not hold, and only what is written anew is fsynced for certain.
 */
async function rewrite(
  folder: LogFolder,
  layout: PageLayout,
  segment: number,
  { from, to }: { from: number; to: number },
): Promise<void> {
  const offset = layout.startOffsetOf(from);
  const bytes = new Uint8Array(layout.endOffsetOf(to) - offset);
  const file = await folder.open(segment, 'r+');
  try {
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, at, bytes.length - at, offset + at);
      if (bytesRead === 0) throw logFailure(new Error('file became shorter'), 'rewrite');
      at += bytesRead;
    }
    await writeAll(file, bytes, offset);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** What names the log in every page and record. */
export function logTagOf(id: string): number {
  return crc32c(new TextEncoder().encode(id));
}
