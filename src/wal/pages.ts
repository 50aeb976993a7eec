// Pages: how a stream of records lies in a segment. Owns the page headers, which tell a reader that
// met damage where the next record starts; knows nothing of what a record is.
//
// A *position* counts bytes of records only, an *offset* counts bytes of the file.
import { crc32c } from './crc32c.ts';

/** 32 KiB: what damage to one record header can hide of its neighbours, at 0.07 % overhead. */
export const defaultPageBytes = 32 * 1024;
export const pageHeaderBytes = 24;
const pageMagic = 0x67706c70; // "plpg"

/** Which segment of which log a page belongs to. */
export interface SegmentName {
  /** CRC-32C of the log's id. */
  logTag: number;
  segment: number;
}

/** Positions and offsets of one page size. */
export class PageLayout {
  readonly pageBytes: number;
  /** Bytes of records in a page. */
  readonly payloadBytes: number;

  constructor(pageBytes = defaultPageBytes) {
    this.pageBytes = pageBytes;
    this.payloadBytes = pageBytes - pageHeaderBytes;
  }

  /** Where the byte at `position` is in the file. */
  offsetOf(position: number): number {
    const page = Math.floor(position / this.payloadBytes);
    return page * this.pageBytes + pageHeaderBytes + (position % this.payloadBytes);
  }

  /** Where writing from `position` starts: at the page's header when it begins a page. */
  startOffsetOf(position: number): number {
    const offset = this.offsetOf(position);
    return position % this.payloadBytes === 0 ? offset - pageHeaderBytes : offset;
  }

  /** Where a file that holds the positions below `end` may end. */
  endOffsetOf(end: number): number {
    return end === 0 ? 0 : this.offsetOf(end - 1) + 1;
  }

  /** How many bytes of records a file of this size holds. */
  capacityOf(fileBytes: number): number {
    const rest = (fileBytes % this.pageBytes) - pageHeaderBytes;
    return Math.floor(fileBytes / this.pageBytes) * this.payloadBytes + Math.max(0, rest);
  }

  /** The page that holds `position`, from 0. */
  pageOf(position: number): number {
    return Math.floor(position / this.payloadBytes);
  }

  /** Takes the page headers out of file bytes that start at `offsetOf(position)`, in place. */
  strip(bytes: Uint8Array, position: number): Uint8Array {
    let from = this.payloadBytes - (position % this.payloadBytes);
    let to = from;
    while (from < bytes.length) {
      const start = from + pageHeaderBytes;
      const end = Math.min(bytes.length, start + this.payloadBytes);
      if (start < end) bytes.copyWithin(to, start, end);
      to += Math.max(0, end - start);
      from = end;
    }
    return bytes.subarray(0, Math.min(to, bytes.length));
  }
}

function writePageHeader(
  view: DataView,
  at: number,
  name: SegmentName,
  page: number,
  first: number,
): void {
  view.setUint32(at, pageMagic, true);
  view.setUint32(at + 8, name.logTag, true);
  view.setUint32(at + 12, name.segment, true);
  view.setUint32(at + 16, page, true);
  view.setUint32(at + 20, first, true);
  view.setUint32(at + 4, crc32c(bytesOf(view, at + 8, pageHeaderBytes - 8)), true);
}

/**
 * The offset in its page at which a page's first record starts; 0 when none starts in it, undefined
 * when `header` is not that of this page.
 */
export function readPageHeader(
  header: Uint8Array,
  name: SegmentName,
  page: number,
): number | undefined {
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (view.getUint32(0, true) !== pageMagic) return undefined;
  if (view.getUint32(4, true) !== crc32c(bytesOf(view, 8, pageHeaderBytes - 8))) return undefined;
  const isHere =
    view.getUint32(8, true) === name.logTag &&
    view.getUint32(12, true) === name.segment &&
    view.getUint32(16, true) === page;
  return isHere ? view.getUint32(20, true) : undefined;
}

function bytesOf(view: DataView, at: number, length: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + at, length);
}

/** Lays records into pages: the bytes of one write. Its buffer is used again for the next one. */
export class PageWriter {
  readonly #layout: PageLayout;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #name: SegmentName = { logTag: 0, segment: 0 };
  #start = 0;
  #position = 0;
  #length = 0;
  #recordStart = 0;
  #recordEnd = 0;

  constructor(layout: PageLayout) {
    this.#layout = layout;
  }

  /** Starts a write at `position` that holds `bytes` bytes of records. */
  begin(name: SegmentName, position: number, bytes: number): void {
    const { payloadBytes } = this.#layout;
    const room = bytes + pageHeaderBytes * (2 + Math.ceil(bytes / payloadBytes));
    if (this.#bytes.length < room) {
      this.#bytes = new Uint8Array(room);
      this.#view = new DataView(this.#bytes.buffer);
    }
    this.#name = name;
    this.#start = position;
    this.#position = position;
    this.#length = 0;
  }

  /** The position at which the next byte goes. */
  get position(): number {
    return this.#position;
  }

  /** Says that the next `bytes` bytes added are one record. */
  beginRecord(bytes: number): void {
    this.#recordStart = this.#position;
    this.#recordEnd = this.#position + bytes;
  }

  /** Adds bytes of the record that was begun last. */
  add(bytes: Uint8Array): void {
    const { payloadBytes } = this.#layout;
    for (let at = 0; at < bytes.length; ) {
      const inPage = this.#position % payloadBytes;
      if (inPage === 0) this.#addHeader();
      const length = Math.min(bytes.length - at, payloadBytes - inPage);
      this.#bytes.set(bytes.subarray(at, at + length), this.#length);
      this.#length += length;
      this.#position += length;
      at += length;
    }
  }

  /** The bytes of the write and its offset in the file; a view until the next `begin`. */
  take(): { offset: number; bytes: Uint8Array } {
    return {
      offset: this.#layout.startOffsetOf(this.#start),
      bytes: this.#bytes.subarray(0, this.#length),
    };
  }

  #addHeader(): void {
    const { payloadBytes } = this.#layout;
    const rest = this.#position === this.#recordStart ? 0 : this.#recordEnd - this.#position;
    // A record that ends with the page leaves the next one to the next page's header.
    const first = rest < payloadBytes ? pageHeaderBytes + rest : 0;
    const page = this.#layout.pageOf(this.#position);
    writePageHeader(this.#view, this.#length, this.#name, page, first);
    this.#length += pageHeaderBytes;
  }
}
