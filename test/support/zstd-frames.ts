// Zstandard frames built by hand, so that tests can put any header before any content.

export interface FrameOptions {
  /** Frame content size to announce; default: the truth. `null`: none. */
  contentBytes?: number | null;
  /** Window descriptor byte; without it the frame is a single segment. */
  window?: number;
  hasChecksumFlag?: boolean;
  dictionaryId?: number;
}

/** One frame of raw blocks. */
export function rawZstd(content: Uint8Array, options: FrameOptions = {}): Uint8Array {
  const blocks: number[] = [];
  const blockBytesMax = Math.min(content.byteLength || 1, 128 << 10);
  for (let at = 0; at === 0 || at < content.byteLength; at += blockBytesMax) {
    const piece = content.subarray(at, at + blockBytesMax);
    const isLast = at + blockBytesMax >= content.byteLength;
    blocks.push(...blockHeader(isLast, 0, piece.byteLength), ...piece);
  }
  return concat(frameHeader(content.byteLength, options), Uint8Array.from(blocks));
}

/** One frame of `count` blocks that each repeat a zero `blockBytes` times. */
export function repeatingZstd(count: number, blockBytes: number, options: FrameOptions) {
  const blocks: number[] = [];
  for (let index = 0; index < count; index += 1) {
    blocks.push(...blockHeader(index === count - 1, 1, blockBytes), 0);
  }
  return concat(frameHeader(count * blockBytes, options), Uint8Array.from(blocks));
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

function blockHeader(isLast: boolean, type: number, bytes: number): number[] {
  const header = Number(isLast) | (type << 1) | (bytes << 3);
  return [header & 255, (header >>> 8) & 255, header >>> 16];
}

function frameHeader(contentBytes: number, options: FrameOptions): Uint8Array {
  const announced = options.contentBytes === undefined ? contentBytes : options.contentBytes;
  const isSingleSegment = options.window === undefined;
  const header = [0x28, 0xb5, 0x2f, 0xfd];
  const sizeFlag = announced === null ? 0 : 2 << 6;
  const dictionaryFlag = options.dictionaryId === undefined ? 0 : 1;
  const checksumFlag = options.hasChecksumFlag ? 4 : 0;
  header.push(sizeFlag | (isSingleSegment ? 0x20 : 0) | checksumFlag | dictionaryFlag);
  if (options.window !== undefined) header.push(options.window);
  if (options.dictionaryId !== undefined) header.push(options.dictionaryId);
  if (announced !== null) for (let i = 0; i < 4; i += 1) header.push((announced >>> (8 * i)) & 255);
  return Uint8Array.from(header);
}
