// How keys become paths on a disk and back. Owns the names of files and folders; touches no disk.
//
// Each segment is percent-encoded, so that no two keys share a file even where case does not
// count. ULIDs stay readable: they name every block, and people look at those folders. A segment
// too long for one file name becomes several folders: every piece but the last
// ends in `~`, every piece but the first begins with it, and `~` is in no encoded segment.
// Names that begin with `.tmp-` are unfinished writes; no encoded segment begins with a dot.
import { percentDecode, percentEncode } from '../lib/percent-encode.ts';

/** Begins the name of whatever is not finished; `sweep` removes it. */
export const temporaryPrefix = '.tmp-';

// File systems allow 255 bytes a name; the rest is room for the two marks and for prefixes that
// backup tools add.
const pieceBytesMax = 200;

/** The path of `key` below the bucket's folder, with `/` between the names. */
export function pathOfKey(key: string): string {
  return key.split('/').map(pathOfSegment).join('/');
}

/** The part of a segment that a folder or file of this name is. */
export interface SegmentPiece {
  text: string;
  /** The segment goes on inside the folder. */
  isContinued: boolean;
}

/** Reads a name found on disk; undefined when it is not ours or not finished. */
export function pieceOfName(name: string, isFirst: boolean): SegmentPiece | undefined {
  if (name.startsWith(temporaryPrefix)) return undefined;
  if (name.startsWith('~') === isFirst) return undefined;
  const isContinued = name.endsWith('~') && name.length > 1;
  const text = name.slice(isFirst ? 0 : 1, isContinued ? -1 : undefined);
  return text === '' || text.includes('~') ? undefined : { text, isContinued };
}

/** The segment whose pieces, joined, are `text`; undefined when it is nobody's. */
export function segmentOfPieces(pieces: readonly string[]): string | undefined {
  const segment = decodeSegment(pieces.join(''));
  if (segment === undefined || segment === '') return undefined;
  // Only the way of cutting that `pathOfKey` has: otherwise two paths would be one key.
  const isOurs = pathOfSegment(segment) === joinPieces(pieces);
  return isOurs ? segment : undefined;
}

function pathOfSegment(segment: string): string {
  const encoded = encodeSegment(segment);
  const pieces: string[] = [];
  for (let at = 0; at < encoded.length; at += pieceBytesMax) {
    pieces.push(encoded.slice(at, at + pieceBytesMax));
  }
  return joinPieces(pieces);
}

/** A ULID as it is written, upper case: 26 Crockford characters, 128 bits. */
const ulidPattern = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;

/**
 * A ULID is its own file name. A name that differs from one in case only would share its file where
 * case does not count, so its first character is encoded though it would not need to be.
 */
function encodeSegment(segment: string): string {
  if (ulidPattern.test(segment)) return segment;
  const encoded = percentEncode(segment);
  if (!ulidPattern.test(encoded.toUpperCase())) return encoded;
  return `%${encoded.charCodeAt(0).toString(16).toUpperCase()}${encoded.slice(1)}`;
}

/** The segment that `encodeSegment` gives this text for; undefined when there is none. */
function decodeSegment(text: string): string | undefined {
  if (ulidPattern.test(text)) return text;
  const plain = /^%3([0-7])(.{25})$/.exec(text);
  const lower = plain === null ? undefined : `${plain[1]}${plain[2]}`;
  if (lower !== undefined && encodeSegment(lower) === text) return lower;
  const segment = percentDecode(text);
  return segment !== undefined && encodeSegment(segment) === text ? segment : undefined;
}

function joinPieces(pieces: readonly string[]): string {
  return pieces
    .map((piece, i) => (i === 0 ? '' : '~') + piece + (i === pieces.length - 1 ? '' : '~'))
    .join('/');
}
