// The end of the log that is written to. Owns the open segment, the spare file made ahead of need,
// and the step from one segment to the next; a write that failed is its caller's to judge.
import { assert, messageOf } from '../errors.ts';
import type { FileHandle } from '../lib/file-system.ts';
import type { Logger } from '../lib/log.ts';
import type { PendingRecord } from './commit-queue.ts';
import type { LogFolder } from './log-folder.ts';
import type { LogIndex } from './log-index.ts';
import { type PageLayout, PageWriter } from './pages.ts';
import {
  encodeHead,
  encodeSegmentStart,
  headBytesOf,
  noBytes,
  noKey,
  recordKinds,
} from './record.ts';
import { writeAll, zeroFill } from './segment-file.ts';
import { SegmentIndex } from './segment-index.ts';

export interface LogWriterOptions {
  folder: LogFolder;
  layout: PageLayout;
  index: LogIndex;
  logId: string;
  logTag: number;
  segmentBytes: number;
  nextSegment: number;
  nowMs: () => number;
  log: Logger;
}

/** A record that is on the disk, and where. */
export interface WrittenRecord {
  record: PendingRecord;
  position: number;
}

export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #pages: PageWriter;
  readonly #capacity: number;
  #nextSegment: number;
  #file: FileHandle | undefined;
  #segment: SegmentIndex | undefined;
  #spare: Promise<FileHandle | undefined> = Promise.resolve(undefined);
  #isClosing = false;

  constructor(options: LogWriterOptions) {
    this.#options = options;
    this.#pages = new PageWriter(options.layout);
    this.#capacity = options.layout.capacityOf(options.segmentBytes);
    this.#nextSegment = options.nextSegment;
    this.#segment = options.index.active;
  }

  /** Bytes of records that a new segment takes. */
  get segmentRoom(): number {
    return this.#capacity - this.#startBytes();
  }

  /** Bytes of records that the open segment still takes; 0 when none is open. */
  get room(): number {
    return this.#file === undefined ? 0 : this.#capacity - (this.#segment?.end ?? 0);
  }

  /**
   * Ends the open segment and opens a new one whose start says where the old one ends: what was
   * written behind that is never read. `lastSequence` is the last number given so far.
   */
  async roll(lastSequence: number): Promise<void> {
    const { folder, index, segmentBytes } = this.#options;
    const before = this.#segment;
    const segment = this.#nextSegment++;
    const file = (await this.#takeSpare()) ?? (await folder.makeSpare());
    try {
      const end = this.#encodeStart(segment, lastSequence);
      const { bytes, offset } = this.#pages.take();
      await writeAll(file, bytes, offset);
      await file.datasync();
      await folder.nameSpare(segment);
      const made = new SegmentIndex(segment);
      made.fileBytes = segmentBytes;
      index.push(made);
      await folder.sync();
      made.end = end;
      await this.#seal(before);
      this.#file = file;
      this.#segment = made;
    } catch (error) {
      await this.#discard(file);
      throw error;
    }
    this.prepareSpare();
  }

  /** Writes the batch, which must fit into `room`, and resolves when it is durable. */
  async write(batch: readonly PendingRecord[]): Promise<WrittenRecord[]> {
    const { logTag } = this.#options;
    const [file, segment] = [this.#file, this.#segment];
    assert(file !== undefined && segment !== undefined, 'log writes without a segment');
    const durableEnd = segment.end;
    const total = batch.reduce((sum, { bytes }) => sum + bytes, 0);
    assert(durableEnd + total <= this.#capacity, `batch of ${total} bytes, room ${this.room}`);
    const name = { logTag, segment: segment.segment };
    this.#pages.begin(name, durableEnd, total);
    const written = batch.map((record) => {
      const { position } = this.#pages;
      const head = encodeHead({ ...name, position, durableEnd }, record, record.body);
      this.#pages.beginRecord(record.bytes);
      this.#pages.add(head);
      this.#pages.add(record.body);
      return { record, position };
    });
    const { bytes, offset } = this.#pages.take();
    await writeAll(file, bytes, offset);
    await file.datasync();
    segment.end = this.#pages.position;
    return written;
  }

  /** Starts to make a file for the next segment, in the background. */
  prepareSpare(): void {
    this.#spare = this.#spare.then(async (spare) => spare ?? (await this.#makeSpare()));
  }

  /** Takes the spare file of an earlier run as it is, if there is one. */
  async adoptSpare(): Promise<void> {
    const spare = await this.#options.folder.findSpare(this.#options.segmentBytes);
    this.#spare = Promise.resolve(spare);
  }

  /** Closes the files; the segment keeps what was committed. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#seal(this.#segment);
    const spare = await this.#spare;
    await spare?.close();
  }

  #startBytes(): number {
    return headBytesOf(noBytes, noBytes) + 8 + this.#options.logId.length;
  }

  #encodeStart(segment: number, lastSequence: number): number {
    const { logId, logTag, nowMs } = this.#options;
    const previous = this.#segment?.segment ?? 0;
    const previousEnd = this.#segment?.end ?? 0;
    const body = encodeSegmentStart({ logId, previous, previousEnd });
    const place = { logTag, segment, position: 0, durableEnd: 0 };
    const fields = {
      kind: recordKinds.segment,
      sequence: lastSequence,
      tenant: noBytes,
      timeMs: nowMs(),
      contentKey: noKey,
      labels: noBytes,
    };
    const head = encodeHead(place, fields, body);
    this.#pages.begin(place, 0, head.length + body.length);
    this.#pages.beginRecord(head.length + body.length);
    this.#pages.add(head);
    this.#pages.add(body);
    return this.#pages.position;
  }

  /** Gives back the room behind the end of a segment that is no longer written to. */
  async #seal(segment: SegmentIndex | undefined): Promise<void> {
    const { folder, index, layout, log } = this.#options;
    if (segment === undefined) return;
    const file = this.#file;
    this.#file = undefined;
    try {
      const open = file ?? (await folder.open(segment.segment, 'r+'));
      // A person who looks into a damaged file gets all of it.
      const usedBytes = segment.isDamaged ? segment.fileBytes : layout.endOffsetOf(segment.end);
      const fileBytes = Math.min(segment.fileBytes, usedBytes);
      try {
        if (fileBytes < segment.fileBytes) await open.truncate(fileBytes);
      } finally {
        await open.close();
      }
      if (segment !== index.active) index.resize(segment, fileBytes);
    } catch (error) {
      // Only room is lost: the next segment says where this one ends.
      log.warn('log segment keeps its unused room', {
        segment: segment.segment,
        error: messageOf(error),
      });
    }
  }

  async #takeSpare(): Promise<FileHandle | undefined> {
    const spare = await this.#spare;
    this.#spare = Promise.resolve(undefined);
    return spare;
  }

  async #makeSpare(): Promise<FileHandle | undefined> {
    const { folder, segmentBytes, log } = this.#options;
    if (this.#isClosing) return undefined;
    let file: FileHandle | undefined;
    try {
      file = await folder.makeSpare();
      if (await zeroFill(file, segmentBytes, () => !this.#isClosing)) return file;
    } catch (error) {
      // Without it the next segment is written without zeros ahead: slower, as safe.
      log.warn('no spare log segment', { bytes: segmentBytes, error: messageOf(error) });
    }
    await this.#discard(file);
    return undefined;
  }

  /** Closes and removes a spare file that is not to be used. */
  async #discard(file: FileHandle | undefined): Promise<void> {
    try {
      await file?.close();
      await this.#options.folder.removeSpare();
    } catch (error) {
      this.#options.log.warn('spare log segment cannot be removed', { error: messageOf(error) });
    }
  }
}
