// The files of a log, opened for reading beside a server that writes, makes and deletes them. Owns
// which of them count and where each ends; `LogFolder.list` would remove what it finds unfinished.
import { Failure } from '../errors.ts';
import type { FileSystem, FolderItem } from '../lib/file-system.ts';
import type { LogFolder } from '../wal/log-folder.ts';
import { PageLayout, type SegmentName } from '../wal/pages.ts';
import {
  decodeSegmentStart,
  fixedHeadBytes,
  recordKinds,
  type SegmentStart,
} from '../wal/record.ts';
import { SegmentReader } from '../wal/segment-file.ts';
import { readBody, readHead } from '../wal/segment-scan.ts';

export interface LogPlace {
  folder: string;
  fileSystem: FileSystem;
  /** Default: the log's. */
  pageBytes?: number;
}

export interface SegmentFile {
  file: string;
  name: SegmentName;
  fileBytes: number;
  start: SegmentStart | undefined;
  /** The highest position that a record of it states as durable. */
  durableEnd: number;
}

/** The names of its segments, ascending. Throws `missing` when there is no log. */
export async function listLog({ folder, fileSystem }: LogPlace) {
  let items: FolderItem[];
  try {
    items = await fileSystem.readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error;
    throw new Failure('missing', `folder ${folder} does not exist`, { cause: error });
  }
  const names = items.map(({ name }) => name).sort();
  const segments = names.filter((name) => /^\d{10}\.wal$/.test(name));
  const setAside = names.filter((name) => name.endsWith('.corrupt'));
  if (segments.length === 0 && !names.includes('LOG')) {
    throw new Failure('missing', `folder ${folder} holds no log`);
  }
  return { segments, setAside };
}

/** Undefined when the file is gone. */
export async function sizeOf(options: LogPlace, file: string): Promise<number | undefined> {
  try {
    return (await options.fileSystem.stat(`${options.folder}/${file}`)).size;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/**
 * Runs `work` over a reader of the segment; false when the server has deleted the file since it was
 * listed. One segment is open at a time: a log may have more of them than a process may open.
 */
export async function withReader(
  place: LogPlace,
  folder: LogFolder,
  { name, fileBytes }: SegmentFile,
  work: (reader: SegmentReader) => Promise<void>,
): Promise<boolean> {
  let reader: SegmentReader;
  try {
    const handle = await folder.open(name.segment, 'r');
    reader = new SegmentReader(handle, new PageLayout(place.pageBytes), fileBytes);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
  try {
    await work(reader);
    return true;
  } finally {
    await reader.close();
  }
}

/** Where a later segment says that this one ends; undefined when none does, as for the last one. */
export function endOf(segments: readonly SegmentFile[], segment: number): number | undefined {
  let end: number | undefined;
  for (const { name, start } of segments) {
    if (name.segment <= segment || start === undefined) continue;
    if (start.previous === segment) end = start.previousEnd;
    // Nothing was ever written to it: the later one follows one before it.
    else if (start.previous < segment) end = 0;
  }
  return end;
}

/** What a segment says first; undefined when that cannot be read. */
export async function readStart(
  reader: SegmentReader,
  name: SegmentName,
): Promise<SegmentStart | undefined> {
  const head = await readHead(reader, name, 0, 2 * fixedHeadBytes);
  if (head?.kind !== recordKinds.segment) return undefined;
  const body = await readBody(reader, head);
  return body && decodeSegmentStart(body);
}

function hasCode(error: unknown, ...codes: string[]): boolean {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' && codes.includes(code);
}
