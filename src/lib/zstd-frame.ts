// The outside of Zstandard data: frame and block headers, without inflating anything. Owns the
// checks that must come before a decoder allocates: sizes, windows, dictionaries, completeness.
// https://www.rfc-editor.org/rfc/rfc8878.html#section-3
import { Failure } from '../errors.ts';
import { inflatedTooLarge } from './inflate.ts';

export interface ZstdBounds {
  /** Bound on the inflated bytes of all frames together. */
  bytesMax: number;
  /** Bound on the memory one frame asks its decoder to keep. */
  windowBytesMax: number;
}

export interface ZstdFrame {
  /** Inflated bytes, when the header tells. */
  contentBytes: number | undefined;
  windowBytes: number;
  /** The frame cut at block borders: offsets into the input, the first is the frame's start. */
  cuts: number[];
}

const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;
// Frames are few in practice: one, or one per part of a parallel encoder.
const framesMax = 1024;
// A piece between two cuts inflates to about this much at most, so that a decoder's output can be
// counted often enough, and holds about this many bytes, so that it fits a decoder's heap.
const pieceInflatedBytes = 1 << 20;
const pieceBytes = 1 << 16;
const blockBytesMax = 1 << 17;

/**
 * Splits Zstandard data into its frames; skippable frames are left out. Throws `invalid` for what
 * is not Zstandard, is cut short, needs a dictionary, or announces more than the bounds allow.
 */
export function splitZstdFrames(bytes: Uint8Array, bounds: ZstdBounds): ZstdFrame[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames: ZstdFrame[] = [];
  let at = 0;
  let announced = 0;
  let frameCount = 0;
  if (bytes.byteLength === 0) throw cutShort(0);
  while (at < bytes.byteLength) {
    frameCount += 1;
    if (frameCount > framesMax) throw invalid(`more than ${framesMax} frames, the limit`);
    const magic = readUint32(view, at);
    if ((magic & 0xfffffff0) >>> 0 === skippableMagic) {
      at = checkedEnd(view, at + 8 + readUint32(view, at + 4));
      continue;
    }
    if (magic !== frameMagic) throw invalid(`no frame at byte ${at}`);
    const walk = walkFrame(view, at, bounds);
    announced += Math.max(walk.frame.contentBytes ?? 0, walk.inflatedBytesMin);
    if (announced > bounds.bytesMax) throw inflatedTooLarge('zstd', bounds.bytesMax);
    frames.push(walk.frame);
    at = walk.end;
  }
  return frames;
}

interface Header {
  windowBytes: number;
  contentBytes: number | undefined;
  hasChecksum: boolean;
  end: number;
}

function readHeader(view: DataView, start: number): Header {
  let at = start + 4;
  const descriptor = readByte(view, at++);
  if ((descriptor & 0x08) !== 0) throw invalid('a reserved bit is set in a frame header');
  const isSingleSegment = (descriptor & 0x20) !== 0;
  let windowBytes = 0;
  if (!isSingleSegment) {
    const window = readByte(view, at++);
    const base = 2 ** (10 + (window >>> 3));
    windowBytes = base + (base / 8) * (window & 7);
  }
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  for (let index = 0; index < dictionaryIdBytes; index += 1) {
    if (readByte(view, at++) !== 0) throw invalid('a dictionary is needed, none is known');
  }
  const sizeFlag = descriptor >>> 6;
  const sizeBytes = sizeFlag === 0 ? Number(isSingleSegment) : 1 << sizeFlag;
  const contentBytes = readContentBytes(view, at, sizeBytes);
  if (isSingleSegment) windowBytes = contentBytes ?? 0;
  return { windowBytes, contentBytes, hasChecksum: (descriptor & 4) !== 0, end: at + sizeBytes };
}

/** Sizes past 2^53 lose digits, and are far over any bound all the same. */
function readContentBytes(view: DataView, at: number, sizeBytes: number): number | undefined {
  checkedEnd(view, at + sizeBytes);
  if (sizeBytes === 1) return view.getUint8(at);
  if (sizeBytes === 2) return view.getUint16(at, true) + 256;
  if (sizeBytes === 4) return view.getUint32(at, true);
  if (sizeBytes === 8) return Number(view.getBigUint64(at, true));
  return undefined;
}

interface Walk {
  frame: ZstdFrame;
  /** What blocks whose inflated size is plain add up to. */
  inflatedBytesMin: number;
  end: number;
}

function walkFrame(view: DataView, start: number, bounds: ZstdBounds): Walk {
  const header = readHeader(view, start);
  const { windowBytes, contentBytes } = header;
  if (contentBytes !== undefined && contentBytes > bounds.bytesMax) {
    throw inflatedTooLarge('zstd', bounds.bytesMax);
  }
  if (windowBytes > bounds.windowBytesMax) {
    throw invalid(`window is ${windowBytes} bytes, limit ${bounds.windowBytesMax}`);
  }
  const cuts = [start];
  let cut = start;
  let pieceInflated = 0;
  let inflatedBytesMin = 0;
  let at = header.end;
  for (let isLast = false; !isLast; ) {
    const block = readBlock(view, at, Math.min(windowBytes, blockBytesMax));
    isLast = block.isLast;
    at = block.end;
    inflatedBytesMin += block.inflatedBytesMin;
    pieceInflated += block.inflatedBytesMax;
    if (pieceInflated < pieceInflatedBytes && at - cut < pieceBytes) continue;
    if (!isLast) cuts.push(at);
    cut = at;
    pieceInflated = 0;
  }
  const end = checkedEnd(view, at + (header.hasChecksum ? 4 : 0));
  cuts.push(end);
  return { frame: { contentBytes, windowBytes, cuts }, inflatedBytesMin, end };
}

interface Block {
  isLast: boolean;
  inflatedBytesMin: number;
  inflatedBytesMax: number;
  end: number;
}

function readBlock(view: DataView, at: number, inflatedMax: number): Block {
  checkedEnd(view, at + 3);
  const header = view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
  const isLast = (header & 1) !== 0;
  const type = (header >>> 1) & 3;
  const size = header >>> 3;
  if (type === 3) throw invalid(`a block of the reserved type at byte ${at}`);
  if (size > inflatedMax) throw invalid(`block is ${size} bytes, limit ${inflatedMax}`);
  // Type 1 is one byte, repeated; type 2 is compressed and inflates to no more than a block may.
  const end = checkedEnd(view, at + 3 + (type === 1 ? 1 : size));
  const isCompressed = type === 2;
  return {
    isLast,
    inflatedBytesMin: isCompressed ? 0 : size,
    inflatedBytesMax: isCompressed ? inflatedMax : size,
    end,
  };
}

function readByte(view: DataView, at: number): number {
  checkedEnd(view, at + 1);
  return view.getUint8(at);
}

function readUint32(view: DataView, at: number): number {
  checkedEnd(view, at + 4);
  return view.getUint32(at, true);
}

function checkedEnd(view: DataView, end: number): number {
  if (end > view.byteLength) throw cutShort(view.byteLength);
  return end;
}

function cutShort(byteLength: number): Failure {
  return invalid(`the data ends inside a frame, after ${byteLength} bytes`);
}

function invalid(message: string): Failure {
  return new Failure('invalid', `zstd: ${message}`);
}
