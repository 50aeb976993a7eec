// One segment's file: whole writes, zeros ahead of need, and reads by position. Owns short reads
// and writes, and one window of read-ahead; knows pages, not records.
import { Failure, messageOf } from '../errors.ts';
import type { FileHandle } from '../lib/file-system.ts';
import { type PageLayout, pageHeaderBytes, readPageHeader, type SegmentName } from './pages.ts';

/** One write: beyond this, a longer one gains no speed and makes others wait. */
const writeBytesMax = 256 * 1024;
/** Zeros between two fsyncs of a file in the making, so that a commit never waits for many. */
const zeroBytesPerSync = 1024 * 1024;

/** What the system refused, as `unavailable`; a Failure is answered unchanged. */
export function logFailure(error: unknown, doing: string): Failure {
  if (error instanceof Failure) return error;
  const message = `log: ${doing}: ${messageOf(error)}`;
  return new Failure('unavailable', message, {
    cause: error,
    reason: 'log_failed',
    retryAfterSeconds: 5,
  });
}

/** Writes all of `bytes` at `offset`. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const length = Math.min(writeBytesMax, bytes.length - at);
    const { bytesWritten } = await file.write(bytes, at, length, offset + at);
    at += bytesWritten;
  }
}

/**
 * Fills a new file with zeros and fsyncs it. Asks `goOn` before it writes from an offset on; false
 * when that came to say no.
 */
export async function zeroFill(
  file: FileHandle,
  fileBytes: number,
  goOn: (offset: number) => Promise<boolean>,
): Promise<boolean> {
  const zeros = new Uint8Array(Math.min(writeBytesMax, fileBytes));
  let unsynced = 0;
  for (let at = 0; at < fileBytes; at += zeros.length) {
    if (!(await goOn(at))) return false;
    await writeAll(file, zeros.subarray(0, Math.min(zeros.length, fileBytes - at)), at);
    unsynced += zeros.length;
    if (unsynced < zeroBytesPerSync) continue;
    await file.datasync();
    unsynced = 0;
  }
  await file.sync();
  return true;
}

/** Reads a segment by position through a window that the next call may find its bytes in. */
export class SegmentReader {
  readonly #file: FileHandle;
  readonly #layout: PageLayout;
  /** Positions that the file has room for. */
  readonly capacity: number;
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;

  constructor(file: FileHandle, layout: PageLayout, fileBytes: number) {
    this.#file = file;
    this.#layout = layout;
    this.capacity = layout.capacityOf(fileBytes);
  }

  /**
   * The `length` bytes from `position` on if they are in the window: a view that is valid until the
   * next `at`. Scans look here first, because a promise for each record would take longer than the
   * record.
   */
  peek(position: number, length: number): Uint8Array | undefined {
    const start = position - this.#windowStart;
    if (start < 0 || start + length > this.#window.length) return undefined;
    return this.#window.subarray(start, start + length);
  }

  /** As `peek`, but reads `ahead` bytes when need be; undefined when the file ends before. */
  async at(position: number, length: number, ahead: number): Promise<Uint8Array | undefined> {
    if (position + length > this.capacity) return undefined;
    const found = this.peek(position, length);
    if (found !== undefined) return found;
    await this.#fill(position, Math.max(length, ahead));
    return this.peek(position, length);
  }

  /** Where the positions of the page of `position` end, or those of the file. */
  pageEnd(position: number): number {
    const page = this.#layout.pageOf(position);
    return Math.min(this.capacity, (page + 1) * this.#layout.payloadBytes);
  }

  /**
   * The first position from the page after that of `position` on at which, says a page header, a
   * record starts; undefined when none does.
   */
  async nextStart(position: number, name: SegmentName): Promise<number | undefined> {
    const { pageBytes, payloadBytes } = this.#layout;
    const header = new Uint8Array(pageHeaderBytes);
    for (let page = this.#layout.pageOf(position) + 1; ; page++) {
      const start = page * payloadBytes;
      if (start >= this.capacity) return undefined;
      const { bytesRead } = await this.#file.read(header, 0, header.length, page * pageBytes);
      if (bytesRead < header.length) return undefined;
      const first = readPageHeader(header, name, page);
      if (first !== undefined && first !== 0) return start + first - pageHeaderBytes;
    }
  }

  async #fill(position: number, length: number): Promise<void> {
    const end = Math.min(this.capacity, position + length);
    const offset = this.#layout.offsetOf(position);
    const bytes = this.#layout.endOffsetOf(end) - offset;
    if (this.#buffer.length < bytes) this.#buffer = new Uint8Array(bytes);
    let at = 0;
    while (at < bytes) {
      const { bytesRead } = await this.#file.read(this.#buffer, at, bytes - at, offset + at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    this.#windowStart = position;
    this.#window = this.#layout.strip(this.#buffer.subarray(0, at), position);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
