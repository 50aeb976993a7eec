// The end of the log that is written to. Owns the open segment, the spare file made ahead of need,
// and the step from one segment to the next; a write that failed is its caller's to judge.
import { assert, Failure, messageOf } from '../errors.ts';
import type { FileHandle } from '../lib/file-system.ts';
import type { Logger } from '../lib/log.ts';
import type { PendingRecord } from './commit-queue.ts';
import type { LogFolder } from './log-folder.ts';
import type { LogIndex } from './log-index.ts';
import { type PageLayout, PageWriter } from './pages.ts';
import { encodeHead, encodeSegmentStart, headBytesOf, noBytes, recordKinds } from './record.ts';
import { writeAll, zeroFill } from './segment-file.ts';
import { SegmentIndex } from './segment-index.ts';
import {
  encodeControl,
  isIndexable,
  type SealOptions,
  sealSegment,
  trimSegment,
} from './segment-seal.ts';

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
  /** A write to the open segment failed: nothing is written to it again. */
  #hasFailed = false;
  /** Somebody waits for the spare file. */
  #isSpareUrgent = false;
  #wakeZeros: () => void = () => undefined;

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
    const made = new SegmentIndex(segment);
    try {
      const end = this.#encodeStart(segment, lastSequence);
      const { bytes, offset } = this.#pages.take();
      await writeAll(file, bytes, offset);
      await file.datasync();
      await folder.nameSpare(segment);
      made.fileBytes = segmentBytes;
      made.noteSequence(lastSequence);
      index.push(made);
      await folder.sync();
      made.end = end;
    } catch (error) {
      if (made.fileBytes > 0) await trimSegment(this.#sealing, made, file);
      await this.#discard(file);
      throw error;
    }
    const fileBefore = this.#file;
    this.#file = undefined;
    if (before !== undefined)
      await sealSegment(this.#sealing, before, fileBefore, !this.#hasFailed);
    this.#hasFailed = false;
    this.#file = file;
    this.#segment = made;
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
    this.#hasFailed = true;
    await writeAll(file, bytes, offset);
    await file.datasync();
    this.#hasFailed = false;
    segment.end = this.#pages.position;
    this.#wakeZeros();
    return written;
  }

  /**
   * Gives back what earlier processes could not, or a power loss brought back, and indexes what
   * they did not. Before `roll`: all segments are sealed then, and the last one is indexed by it.
   */
  async tidySealed(): Promise<void> {
    const { index, layout } = this.#options;
    for (const segment of index.segments) {
      const { end, indexBytes, fileBytes } = segment;
      const isLonger = fileBytes > layout.endOffsetOf(end + indexBytes);
      const lacksIndex = segment !== index.active && isIndexable(segment);
      if (isLonger || lacksIndex) await sealSegment(this.#sealing, segment, undefined, lacksIndex);
    }
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
    this.#wakeZeros();
    if (this.#segment !== undefined)
      await sealSegment(this.#sealing, this.#segment, this.#file, false);
    this.#file = undefined;
    const spare = await this.#spare;
    await spare?.close();
  }

  get #sealing(): SealOptions {
    return { ...this.#options, startBytes: this.#startBytes() };
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
    const fields = { kind: recordKinds.segment, sequence: lastSequence, timeMs: nowMs() };
    encodeControl(this.#pages, place, fields, body);
    return this.#pages.position;
  }

  async #takeSpare(): Promise<FileHandle | undefined> {
    this.#isSpareUrgent = true;
    this.#wakeZeros();
    const spare = await this.#spare;
    this.#isSpareUrgent = false;
    this.#spare = Promise.resolve(undefined);
    return spare;
  }

  /**
   * Waits until zeros from `offset` on are due: ahead of the records twice as fast as they come,
   * and no faster, because commits wait for the same disk. False: no more are wanted.
   */
  async #zerosDue(offset: number): Promise<boolean> {
    while (!this.#isClosing && !this.#isSpareUrgent && offset > 2 * (this.#segment?.end ?? 0)) {
      await new Promise<void>((resolve) => {
        this.#wakeZeros = resolve;
      });
    }
    return !this.#isClosing;
  }

  async #makeSpare(): Promise<FileHandle | undefined> {
    const { folder, segmentBytes } = this.#options;
    if (this.#isClosing) return undefined;
    let file: FileHandle | undefined;
    try {
      const freeBytes = await folder.freeBytes();
      // The last room of a disk is for records, not for zeros.
      if (freeBytes < 2 * segmentBytes) {
        throw new Failure('unavailable', `disk has ${freeBytes} bytes, limit ${2 * segmentBytes}`);
      }
      file = await folder.makeSpare();
      if (await zeroFill(file, segmentBytes, (at) => this.#zerosDue(at))) return file;
    } catch (error) {
      // Without it the next segment is written without zeros ahead: slower, as safe.
      this.#warn('no spare log segment', error, this.#nextSegment);
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
      this.#warn('spare log segment cannot be removed', error, this.#nextSegment);
    }
  }

  #warn(message: string, error: unknown, segment: number): void {
    this.#options.log.warn(message, { segment, error: messageOf(error) });
  }
}
